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
      for (step, value) in column.values.enumerated() where value.isAbsent == false {
        if value.bitPattern != lastBits {
          let text = floatText(value, as: .decimal)
          index = groups.index(of: column.labels.setting(name, to: text))
          lastBits = value.bitPattern
          if index == counts.count {
            try reservation.extend(by: grid.count)
            counts.append(Array(repeating: 0, count: grid.count))
          }
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
