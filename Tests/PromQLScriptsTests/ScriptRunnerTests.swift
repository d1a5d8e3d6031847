import PromQLScripts
import Testing

@Suite struct ScriptRunnerTests {
  private func outcomes(
    of text: String, filter: EvaluationFilter? = nil
  ) throws -> [ScriptOutcome] {
    let script = try ScriptParser.parse(text)
    var outcomes: [ScriptOutcome] = []
    let runner = ScriptRunner.onDatabases(filter: try filter ?? EvaluationFilter())
    try runner.run(script, named: "a.test") { outcomes.append($0) }
    return outcomes
  }

  private static let data = """
    load 1m
      a{n="1"} 1 2 3
      a{n="2"} 4
      c_total 1 2 3
      h {{count:3 sum:4 buckets:[1 2]}}


    """

  /// What differs is found, each kind of difference with its own words.
  @Test(arguments: [
    ("eval instant at 0 a\n  a{n=\"1\"} 1", "a{n=\"2\"} was not expected"),
    (
      "eval instant at 0 a\n  a{n=\"1\"} 1\n  a{n=\"2\"} 4\n  a{n=\"3\"} 1",
      "a{n=\"3\"} is missing"
    ),
    (
      "eval instant at 1m a{n=\"1\"}\n  a{n=\"1\"} 2.001",
      "a{n=\"1\"} at 1m: expected 2.001, found 2"
    ),
    (
      "eval range from 0 to 2m step 1m a{n=\"1\"}\n  a{n=\"1\"} 1 _ 3",
      "a{n=\"1\"} at 1m: expected nothing, found 2"
    ),
    (
      "eval range from 0 to 2m step 1m a{n=\"1\"}\n  a{n=\"1\"} 1 2",
      "a{n=\"1\"} at 2m: expected nothing, found 3"
    ),
    (
      "eval range from 0 to 1m step 1m a{n=\"1\"}\n  a{n=\"1\"} 1 2 3",
      "expected to have 3 values, and there are 2 steps"
    ),
    (
      "eval instant at 0 sort(a)\n  expect ordered\n  a{n=\"2\"} 4\n  a{n=\"1\"} 1",
      "expected at position 1"
    ),
    ("eval instant at 0 1\n  2", "expected 2, found 1"),
    ("eval instant at 0 a\n  5", "expected the scalar 5, found series"),
    ("eval instant at 0 \"x\"\n  expect string \"y\"", "expected \"y\", found \"x\""),
    (
      "eval instant at 1m a[1m]\n  expect range vector from 0 to 1m step 1m\n  a{n=\"1\"} 1 2",
      "a{n=\"1\"} at 0: expected 1, found nothing"
    ),
    (
      "eval instant at 0 h\n  h {{count:3 sum:4 buckets:[2 1]}}",
      "h at 0: expected {{count:3 sum:4 buckets:[2 1]}}, found {{count:3 sum:4 buckets:[1 2]}}"
    ),
    (
      "eval instant at 0 h\n  h {{count:3 sum:4 buckets:[1 2] counter_reset_hint:gauge}}",
      "counter_reset_hint:gauge"
    ),
    ("eval instant at 0 h\n  h 4", "expected 4, found {{count:3"),
    ("eval instant at 0 a\n  expect fail", "expected the query to fail"),
    ("eval instant at 0 a +\n  a 1", "the query failed: 1:4: parse error"),
    ("eval instant at 0 a +\n  expect fail msg:no", "and it failed with: 1:4: parse error"),
    ("eval instant at 2m rate(a[5m])\n  expect no_info", "unexpected info: PromQL info"),
    (
      "eval instant at 2m rate(c_total[5m])\n  expect info\n  {} 0.008333333333",
      "expected a info with anything, found none"
    ),
    ("eval_warn instant at 0 1\n  1", "expected one warning at least, found none"),
    (
      "eval instant at 0 quantile(2, a)\n  expect warn msg:no\n  {} +Inf",
      "expected a warning with \"no\", found \"PromQL warning: quantile"
    ),
  ])
  func differencesAreFound(_ evaluation: String, _ words: String) throws {
    let outcome = try #require(outcomes(of: Self.data + evaluation).first)
    let mismatch = try #require(outcome.mismatch)
    #expect(outcome.line == 7)
    #expect("\(mismatch)".contains(words), "\(mismatch)")
  }

  @Test func differencesListAllSeries() throws {
    let text =
      Self.data + "eval range from 0 to 1m step 1m a\n  a{n=\"1\"} 1 2\n  a{n=\"2\"} 4 5\n  b 1"
    let mismatch = try #require(outcomes(of: text).first?.mismatch)
    #expect(
      mismatch.lines == [
        .same("a{n=\"1\"} 1 2"), .missing("a{n=\"2\"} 4 5"), .unexpected("a{n=\"2\"} 4 4"),
        .missing("b 1"),
      ])
  }

  /// An instant query is tried as a range query and with its selectors pinned,
  /// too; here its value depends on when it is asked, in a way that the rewriting
  /// can't know.
  @Test func otherWaysToEvaluateMustAgree() throws {
    let text = Self.data + "eval instant at 1m a{n=\"1\"} offset -1m + 0\n  {n=\"1\"} 3"
    #expect(try outcomes(of: text).first?.mismatch == nil)
  }

  @Test func refusedSamplesAreReported() throws {
    let text = "load 1m\n  a 1\n\nload 1m\n  a 2\n\neval instant at 0 a\n  a 1"
    let outcomes = try outcomes(of: text)
    #expect(outcomes.map(\.line) == [4, 7])
    #expect(outcomes[0].mismatch?.message.contains("was refused") == true)
    #expect(outcomes[1].mismatch == nil)
  }

  @Test func filterChoosesByLineAndText() throws {
    let text = Self.data + "eval instant at 0 1\n  1\n\neval instant at 0 sum(a)\n  {} 5\n"
    #expect(try outcomes(of: text, filter: EvaluationFilter(lines: [8])).map(\.line) == [7])
    #expect(
      try outcomes(of: text, filter: EvaluationFilter(pattern: "sum")).map(\.line) == [10])
    #expect(
      try outcomes(of: text, filter: EvaluationFilter(pattern: "^a.test:7 ")).map(\.line) == [7])
    #expect(try outcomes(of: text, filter: EvaluationFilter(pattern: "nothing")).isEmpty)
    #expect(throws: ScriptError.self) { try EvaluationFilter(pattern: "(") }
  }
}
