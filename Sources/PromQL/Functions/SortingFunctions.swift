import PromQLSyntax
import SeriesModel

private func sorting(
  _ name: String, _ summary: String, byLabels: Bool = false,
  _ isBefore: @escaping @Sendable (SeriesColumn, SeriesColumn, _ labels: [String]) -> Bool
) -> FunctionDefinition {
  FunctionDefinition(
    name, byLabels ? [.instantVector, .string] : [.instantVector],
    arity: byLabels ? .variadic : .fixed, isExperimental: byLabels, keepsName: true,
    summary: summary,
    body: .vector { call in
      var vector = try call.vector(0)
      if byLabels == false {
        // Histograms have no order.
        vector = MappedVector(operand: vector) { $0.dropHistograms() }
      }
      guard call.grid.count == 1 else {
        if call.grid.count > 1 {
          call.context.warn(
            "sort is ineffective for range queries since results are always ordered by labels",
            at: call.plan.sourceRange)
        }
        return vector
      }
      let labels = call.plan.arguments.indices.dropFirst().map { call.string($0) }
      let held = try vector.materialized(in: call.context)
      return MaterializedVector(held.columns.sorted { isBefore($0, $1, labels) })
    })
}

/// Functions that order the result of an instant query.
let sortingFunctions: [FunctionDefinition] = [
  sorting("sort", "Sorts by value, the smallest first, NaN last.") { left, right, _ in
    isBefore(left.values[0], right.values[0]) { $0 < $1 }
  },
  sorting("sort_desc", "Sorts by value, the largest first, NaN last.") { left, right, _ in
    isBefore(left.values[0], right.values[0]) { $0 > $1 }
  },
  sorting("sort_by_label", "Sorts by labels, numbers within them by value.", byLabels: true) {
    compare($0.labels, $1.labels, by: $2) < 0
  },
  sorting(
    "sort_by_label_desc", "Sorts by labels, the last first, numbers within them by value.",
    byLabels: true
  ) {
    compare($0.labels, $1.labels, by: $2) > 0
  },
]

private func isBefore(_ left: Double, _ right: Double, _ order: (Double, Double) -> Bool) -> Bool {
  if left.isNaN || right.isNaN { return left.isNaN == false && right.isNaN }
  return order(left, right)
}

/// Less than zero when `left` comes first by the values of `names`, or else by
/// all labels.
private func compare(_ left: Labels, _ right: Labels, by names: [String]) -> Int {
  for name in names {
    let leftValue = left[name] ?? ""
    let rightValue = right[name] ?? ""
    let byteOrder = leftValue.compareUTF8(with: rightValue)
    if byteOrder == 0 { continue }
    let order = compareNaturally(leftValue, rightValue)
    return order == 0 ? byteOrder : order
  }
  return left == right ? 0 : left < right ? -1 : 1
}
