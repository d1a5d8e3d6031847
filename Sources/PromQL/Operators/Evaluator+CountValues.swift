import Numbers
import PromQLSyntax
import SeriesModel

extension Evaluator {
  /// `count_values`: how many series of a group have each value, the value
  /// being a label of the result.
  func countValues(_ plan: AggregationPlan, on grid: StepGrid) throws -> any VectorSource {
    guard case .string(let name)? = plan.parameter else {
      preconditionFailure("the parser demands a string as parameter of count_values")
    }
    // UTF-8 that is not valid was replaced when the literal was read.
    guard name.isEmpty == false, name.unicodeScalars.contains("\u{FFFD}") == false else {
      throw QueryError.execution(
        "invalid label name \(context.sourceText(at: plan.parameterRange))")
    }
    var grouping = plan.grouping
    if case .by(let names) = grouping { grouping = .by(names + [name]) }
    var groups = GroupIndex(GroupKey(grouping))
    var counts: [[Int]] = []
    var reservation = context.budget.reservation()
    try vector(plan.operand, on: grid).forEach(in: context) { column in
      var lastBits: UInt64?
      var index = 0
      func findIndex(ofValue text: String) throws {
        index = groups.index(of: column.labels.setting(name, to: text))
        if index == counts.count {
          try reservation.extend(by: grid.count)
          counts.append(Array(repeating: 0, count: grid.count))
        }
      }
      try column.forEachPresentStep { step in
        if let histogram = column.histogram(at: step) {
          try findIndex(ofValue: histogram.promQLText)
        } else if column.values[step].bitPattern != lastBits {
          try findIndex(ofValue: floatText(column.values[step], as: .decimal))
          lastBits = column.values[step].bitPattern
        }
        counts[index][step] += 1
      }
    }
    let columns = counts.enumerated().map { index, counts in
      SeriesColumn(
        labels: groups.labels[index], dropsName: false,
        values: counts.map { $0 == 0 ? .absent : Double($0) })
    }
    return MaterializedVector(columns, reservation: reservation)
  }
}
