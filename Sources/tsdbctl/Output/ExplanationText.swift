import PromQLSyntax
import SeriesModel

/// The operators of a query and what each cost, as the API has them.
struct ExplainedQuery: Decodable {
  /// One operator.
  struct Operator: Decodable {
    /// What it does.
    let text: String
    /// How many series it gave.
    let series: Int
    /// How many values it gave.
    let values: Int
    /// How long it took, its operands included.
    let seconds: Double
    let operands: [Operator]

    private enum CodingKeys: String, CodingKey {
      case text = "operator"
      case series, values, seconds, operands
    }
  }

  let explanation: [Operator]?
}

extension ResultTable {
  /// A table of operators, each indented below the one that reads it.
  init(_ query: ExplainedQuery) {
    self.init(header: ["operator", "series", "values", "time"])
    for root in query.explanation ?? [] { add(root, depth: 0) }
    numericColumns = [1, 2, 3]
  }

  private mutating func add(_ operation: ExplainedQuery.Operator, depth: Int) {
    rows.append([
      String(repeating: "  ", count: depth) + operation.text, "\(operation.series)",
      "\(operation.values)", ResultTable.durationText(operation.seconds),
    ])
    for operand in operation.operands { add(operand, depth: depth + 1) }
  }

  /// The time in milliseconds, to a thousandth.
  private static func durationText(_ seconds: Double) -> String {
    let microseconds = Int((seconds * 1e6).rounded())
    let fraction = String(1000 + microseconds % 1000).dropFirst()
    return "\(microseconds / 1000).\(fraction) ms"
  }
}
