import PromQL
import PromQLSyntax
import Testing

@Suite struct FunctionTests {
  @Test(arguments: [
    QueryCase(
      "math of each value", series: "a{k=\"1\"} -2.5",
      query: "abs(a) + ceil(a) * 10 + floor(a) * 100 + sgn(a) * 1000", gives: #"{k="1"} -1317.5"#),
    QueryCase("round goes up from ties", series: "a -2.5", query: "round(a)", gives: "{} -2"),
    QueryCase("round to tenths", series: "a 0.25", query: "round(a, 0.1)", gives: "{} 0.3"),
    QueryCase(
      "clamp", series: "a 1 5 9", query: "clamp(a, 2, 8)",
      at: .range(from: 0, through: 2, step: 1), gives: "{} 2 5 8"),
    QueryCase("clamp the wrong way round", series: "a 1", query: "clamp(a, 2, 1)", gives: ""),
    QueryCase("clamp with NaN", series: "a 1", query: "clamp(a, 0, NaN)", gives: "{} NaN"),
    QueryCase(
      "logarithms", query: "scalar(log2(vector(8))) + scalar(log10(vector(1000)))", gives: "6.0"),
    QueryCase("degrees", query: "scalar(deg(vector(pi())))", gives: "180.0"),
    QueryCase(
      "time varies, the rest is the query's", query: "time() + start() + end() + range() + step()",
      at: .range(from: 1, through: 3, step: 1), gives: "{} 480 540 600"),
    QueryCase(
      "range and step of an instant query", query: "range() + step()", at: .instant(5),
      gives: "0.0"),
    QueryCase("max_of spreads NaN", query: "max_of(1, NaN)", gives: "nan"),
    QueryCase("min_of", query: "min_of(1, -2)", gives: "-2.0"),
    QueryCase(
      "scalar of one series", series: "a 7 8", query: "scalar(a)",
      at: .range(from: 0, through: 1, step: 1), gives: "{} 7 8"),
    QueryCase("scalar of nothing", query: "scalar(a)", gives: "nan"),
    QueryCase(
      "timestamp of a selector", series: "a 1", query: "timestamp(a)", at: .instant(0.5),
      gives: "{} 0"),
    QueryCase(
      "timestamp of a result", series: "a 1", query: "timestamp(a + 0)", at: .instant(0.5),
      gives: "{} 30"),
    QueryCase(
      "absent", series: "a 1 _ _ _ _ _ 2", query: #"absent(a{k="",j="x"})"#,
      gives: #"{j="x"} 1"#),
    QueryCase(
      "absent step by step", series: "a 1 stale 3", query: "absent(a)",
      at: .range(from: 0, through: 2, step: 1), gives: "{} _ 1 _"),
    QueryCase("strings", query: #""x\ty""#, gives: #""x\ty""#),
    QueryCase(
      "functions of native histograms find none", series: "a 1",
      query: "histogram_count(a) or histogram_avg(a)", gives: ""),
    QueryCase(
      "start timestamps of samples", series: "a 1@-30 2 {{count=1}}@-90",
      query: "start_timestamp(a)", at: .range(from: 0, through: 2, step: 1), gives: "{} -30 0 30"),
    QueryCase(
      "nothing computed has a start timestamp", series: "a 1@-30", query: "start_timestamp(a + 0)",
      gives: ""),
  ])
  func computes(_ testCase: QueryCase) throws {
    try testCase.check()
  }

  @Test(arguments: [
    ("minute(vector(1136239445))", 4.0), ("hour(vector(1136239445))", 22),
    ("day_of_month(vector(1136239445))", 2), ("month(vector(1136239445))", 1),
    ("year(vector(1136239445))", 2006), ("day_of_week(vector(1136239445))", 1),
    ("day_of_year(vector(1483191420))", 366), ("days_in_month(vector(1485907200))", 28),
    ("days_in_month(vector(1456790399))", 29), ("year(vector(-1))", 1969),
    ("hour(vector(-1))", 23), ("day_of_week(vector(-86400))", 3),
  ])
  func takesMomentsApart(_ query: String, _ expected: Double) throws {
    try QueryCase(query, query: "scalar(\(query))", gives: "\(expected)").check()
  }

  @Test(arguments: [
    QueryCase(
      "label_replace", series: #"a{src="value-10"} 1"#,
      query: #"label_replace(a, "dst", "x-$1", "src", "value-(.*)")"#,
      gives: #"a{dst="x-10", src="value-10"} 1"#),
    QueryCase(
      "label_replace matches from end to end", series: #"a{src="value-10"} 1"#,
      query: #"label_replace(a, "dst", "x", "src", "value")"#, gives: #"a{src="value-10"} 1"#),
    QueryCase(
      "an empty value removes the label", series: #"a{src="x"} 1"#,
      query: #"label_replace(a, "src", "", "src", ".*")"#, gives: "a 1"),
    QueryCase(
      "label_replace brings a name back that would be dropped", series: "a_total 0+60x5",
      query: #"label_replace(rate(a_total[5m]), "__name__", "rate_$1", "__name__", "(.+)")"#,
      at: .instant(5), gives: "rate_a_total 1"),
    QueryCase(
      "dates beyond the calendar are those of Go", series: "a -5",
      query: "year(vector(NaN)) + month(vector(Inf)) / 100 + hour(a * Inf) / 10000",
      gives: "{} 292277026596.1215"),
    QueryCase(
      "series that become equal at the same time",
      series: """
        a{k="1"} 1
        a{k="2"} 2
        """, query: #"label_replace(a, "k", "", "", "")"#,
      gives: "error: vector cannot contain metrics with the same labelset"),
    QueryCase(
      "series that become equal at different times",
      series: """
        a{k="1"} 1 stale
        a{k="2"} _ 2
        """, query: #"label_replace(a, "k", "", "", "")"#,
      at: .range(from: 0, through: 1, step: 1), gives: "a 1 2"),
    QueryCase(
      "label_replace with a wrong expression", series: "a 1",
      query: #"label_replace(a, "k", "", "", "(")"#,
      gives: "error: invalid regular expression in label_replace(): ("),
    QueryCase(
      "label_join", series: #"a{x="1",z="3"} 1"#,
      query: #"label_join(a, "dst", "-", "x", "y", "z")"#,
      gives: #"a{dst="1--3", x="1", z="3"} 1"#),
    QueryCase(
      "sort_by_label counts numbers by value",
      series: """
        a{k="x10"} 1
        a{k="x9"} 1
        a 1
        """, query: #"sort_by_label(a, "k")"#,
      gives: """
        a 1
        a{k="x9"} 1
        a{k="x10"} 1
        """, isOrdered: true),
    QueryCase(
      "sort has NaN last",
      series: """
        a{k="1"} NaN
        a{k="2"} 2
        a{k="3"} 1
        """, query: "sort_desc(a)",
      gives: """
        a{k="2"} 2
        a{k="3"} 1
        a{k="1"} NaN
        """, isOrdered: true),
    QueryCase(
      "sort in a range query", series: "a 1 2", query: "sum(sort(a))",
      at: .range(from: 0, through: 1, step: 1),
      gives: """
        {} 1 2
        PromQL warning: sort is ineffective for range queries since results are always ordered \
        by labels (1:5)
        """),
  ])
  func changesLabelsAndOrder(_ testCase: QueryCase) throws {
    try testCase.check()
  }

  @Test(arguments: [
    QueryCase(
      "name is dropped at the very end", series: "a_total{k=\"1\"} 0+60x5",
      query: "sum by (__name__) (rate(a_total[5m]))", at: .instant(5), gives: "{} 1"),
    QueryCase(
      "type and unit go with the name", series: #"a{__type__="gauge",__unit__="s",k="1"} -1"#,
      query: "abs(a)", gives: #"{k="1"} 1"#),
    QueryCase(
      "a subquery does not bring a name back", series: "a -1",
      query: "last_over_time(abs(a)[1m:1m])", gives: "{} 1"),
    QueryCase(
      "equal without their names",
      series: """
        a 1
        b 2
        """, query: #"abs({__name__=~"a|b"})"#,
      gives: "error: vector cannot contain metrics with the same labelset"),
    QueryCase(
      "equal without their names, but at different times",
      series: """
        a 1 stale
        b _ 2
        """, query: #"abs({__name__=~"a|b"})"#, at: .range(from: 0, through: 1, step: 1),
      gives: "{} 1 2"),
  ])
  func dropsNames(_ testCase: QueryCase) throws {
    try testCase.check()
  }

  @Test func everyFunctionIsDescribed() {
    for definition in FunctionRegistry.standard.definitions {
      #expect(definition.summary.hasSuffix("."), "\(definition.signature.name)")
    }
    #expect(FunctionRegistry.standard.definitions.count == 90)
  }
}
