import PromQL
import SeriesModel
import TestSupport
import Testing

@Suite struct ExplanationTests {
  private func explanation(of query: String, asRange: Bool = false) throws -> [String] {
    let store = try InMemoryStore(seriesEveryMinute: "a{n=\"1\"} 1+1x9\na{n=\"2\"} 1+1x9\nb 7+0x9")
    var options = QueryOptions()
    options.explains = true
    let engine = Engine()
    let result =
      asRange
      ? try engine.rangeQuery(
        query, from: .minutes(2), through: .minutes(4), stepMilliseconds: 60_000, over: store,
        options: options)
      : try engine.instantQuery(query, at: .minutes(5), over: store, options: options)
    return lines(result.explanation, depth: 0)
  }

  private func lines(_ operators: [ExplainedOperator], depth: Int) -> [String] {
    operators.flatMap { operation in
      [
        String(repeating: "  ", count: depth)
          + "\(operation.text): \(operation.seriesCount), \(operation.valueCount)"
      ] + lines(operation.operands, depth: depth + 1)
    }
  }

  @Test func operatorsFormATree() throws {
    let found = try explanation(of: "sum(a) / on () group_left b")
    #expect(
      found == [
        "match / on () group_left (): 1, 1",
        "  sum: 1, 1",
        "    select a at 1970-01-01T00:05:00Z: 2, 2",
        "  select b at 1970-01-01T00:05:00Z: 1, 1",
      ], "\(found)")
  }

  @Test func rangesAndOffsets() throws {
    #expect(
      try explanation(of: "rate(a{n=\"1\"}[2m] offset 1m) > 0", asRange: true) == [
        "each > scalar: 1, 3",
        "  rate: 1, 3",
        "    windows of 2m of a{n=\"1\"} from 1970-01-01T00:01:00Z through "
          + "1970-01-01T00:03:00Z step 1m: 1, 4",
      ])
  }

  @Test func subqueriesAndWhatIsEvaluatedOnce() throws {
    let found = try explanation(
      of: "max_over_time(a{n=\"1\"}[2m:1m]) + on () b @ 0", asRange: true)
    #expect(
      found == [
        "match + on (): 1, 3",
        "  max_over_time: 1, 3",
        "    windows of 2m of a subquery from 1970-01-01T00:01:00Z through "
          + "1970-01-01T00:04:00Z step 1m: 1, 4",
        "      select a{n=\"1\"} from 1970-01-01T00:01:00Z through 1970-01-01T00:04:00Z step 1m:"
          + " 1, 4",
        "  once for all steps, at 1970-01-01T00:02:00Z: 1, 3",
        "    select b at 1970-01-01T00:00:00Z: 1, 1",
      ], "\(found)")
  }

  @Test func timesIncludeThoseOfOperands() throws {
    let store = try InMemoryStore(seriesEveryMinute: "a 1+1x9")
    var options = QueryOptions()
    options.explains = true
    let result = try Engine().instantQuery("sum(a)", at: .minutes(5), over: store, options: options)
    let root = try #require(result.explanation.first)
    let operand = try #require(root.operands.first)
    #expect(operand.nanoseconds > 0)
    #expect(root.nanoseconds >= operand.nanoseconds)
    #expect(try Engine().instantQuery("a", at: .minutes(5), over: store).explanation.isEmpty)
  }
}
