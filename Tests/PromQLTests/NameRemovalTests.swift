import PromQL
import SeriesModel
import TestSupport
import Testing

/// When metric names that functions and operators drop are gone.
@Suite struct NameRemovalTests {
  static let sameLabelSet = "error: vector cannot contain metrics with the same labelset"
  static let series = """
    a{k="1"} 1 1 _ _ _ _ _ _ 1
    b{k="1"} 2 2 2 2 2 2 2 2 2
    """
  static let cases = [
    QueryCase(
      "`or` keeps a nameless series apart from the same with a name", series: series,
      query: "a or -b", at: .range(from: 0, through: 8, step: 2),
      gives: """
        a{k="1"} 1 1 1 _ 1
        {k="1"} _ _ _ -2 _
        """),
    QueryCase(
      "`or` joins nameless series", series: series, query: "-a or -b",
      at: .range(from: 0, through: 8, step: 4), gives: #"{k="1"} -1 -1 -1"#),
    QueryCase(
      "series that become equal below an aggregation", series: series,
      query: #"count(abs({__name__=~"a|b"}))"#, gives: sameLabelSet),
    QueryCase(
      "series that become equal below a window", series: series,
      query: #"sum(max_over_time({__name__=~"a|b"}[1m]))"#, gives: sameLabelSet),
    QueryCase(
      "names that stay", series: series, query: #"count(last_over_time({__name__=~"a|b"}[1m]))"#,
      gives: "{} 2"),
    QueryCase(
      "a dropped name is no group", series: series, query: "sum by (__name__) (-a)", gives: "{} -1"),
    QueryCase(
      "a dropped name does not match", series: series, query: "a and on (__name__) -a", gives: ""),
    QueryCase(
      "a kept name does", series: series, query: "a and on (__name__) (a > 0)",
      gives: #"a{k="1"} 1"#),
  ]

  @Test(arguments: cases)
  func dropsNamesAtOnce(_ queryCase: QueryCase) throws {
    var options = EngineOptions()
    options.usesExperimentalFeatures = false
    try queryCase.check(with: Engine(options: options))
  }

  @Test func namesMayStayToTheEnd() throws {
    let runner = QueryRunner(
      engine: Engine(), store: try InMemoryStore(seriesEveryMinute: Self.series))
    #expect(
      runner.lines(
        of: #"label_replace(-a, "__name__", "minus_$1", "__name__", "(.+)")"#, at: .instant(0))
        == [#"minus_a{k="1"} -1"#])
    #expect(runner.lines(of: #"count(abs({__name__=~"a|b"}))"#, at: .instant(0)) == ["{} 2"])
  }
}
