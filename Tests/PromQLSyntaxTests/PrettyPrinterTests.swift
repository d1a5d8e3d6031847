import PromQLSyntax
import TestSupport
import Testing

@Suite struct PrettyPrinterTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let id: String
    let query: String
    let text: String

    var testDescription: String { id }
  }

  private static let long =
    #"requests_total{environment="production",instance="server-0000000001",job="a-long-job-name"}"#

  @Test(arguments: [
    Case(
      id: "what fits stays on one line", query: "sum(a)by(b)/ignoring(c)d",
      text: "sum by (b) (a) / ignoring (c) d"),
    Case(
      id: "aggregation", query: "sum by (job, instance) (rate(\(long)[5m]))",
      text: """
        sum by (job, instance) (
          rate(
            \(long)[5m]
          )
        )
        """),
    Case(
      id: "aggregation with a parameter", query: "topk(5, \(long) offset 5m)",
      text: """
        topk(
          5,
          \(long) offset 5m
        )
        """),
    Case(
      id: "operands stand deeper than their operator",
      query: "\(long) / on (job) group_left (x) sum(b)",
      text: """
          \(long)
        / on (job) group_left (x)
          sum(b)
        """),
    Case(
      id: "parentheses, calls and signs", query: "-(round(\(long), 123456789) > bool 5)",
      text: """
        -(
            round(
              \(long),
              123456789
            )
          > bool
            5
        )
        """),
    Case(
      id: "infinity to a power", query: "inf ^ \(long) offset 1h",
      text: """
          Inf
        ^
          \(long) offset 1h
        """),
    Case(
      id: "subquery", query: "sum_over_time((\(long) + 1234567)[5m:1m] @ end())",
      text: """
        sum_over_time(
          (
              \(long)
            +
              1234567
          )[5m:1m] @ end()
        )
        """),
  ])
  func layout(_ row: Case) throws {
    let expression = try Parser.parse(row.query, functions: testFunctions)
    #expect(expression.prettyDescription == row.text)
    let again = try Parser.parse(expression.prettyDescription, functions: testFunctions)
    #expect(again.withoutSourceRanges == expression.withoutSourceRanges)
  }
}
