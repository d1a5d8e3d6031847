import Numbers
import PromQLSyntax
import SeriesModel

extension Evaluator {
  /// `topk`, `bottomk`, `limitk` and `limit_ratio`: some of the series of each
  /// group, chosen anew at each step.
  func choose(_ plan: AggregationPlan, on grid: StepGrid) throws -> any VectorSource {
    let parameters = try parameter(of: plan, on: grid)
    let isRatio = plan.aggregator == .limitRatio
    guard try isRatio ? checkRatios(parameters, plan) : checkCounts(parameters) else {
      // What is wrong below is to be told all the same.
      try vector(plan.operand, on: grid).forEach(in: context) { _ in }
      return MaterializedVector([])
    }
    let operand = try candidates(of: plan, on: grid)
    var groups = GroupIndex(GroupKey(plan.grouping))
    let groupOfSeries = operand.columns.map { groups.index(of: $0.labels) }
    let choice = StepChoice(
      aggregator: plan.aggregator, columns: operand.columns, groupOfSeries: groupOfSeries,
      groupCount: groups.labels.count,
      hashShares: isRatio ? operand.columns.map { hashShare(of: $0.labels) } : [])

    if grid.count == 1 {
      // The order of the choice is the order of an instant query's result.
      let chosen = choice.chosen(at: 0, parameter: parameters[0])
      return MaterializedVector(chosen.map { operand.columns[$0] })
    }
    var columns = operand.columns.map { column in
      SeriesColumn(
        labels: column.labels, dropsName: column.dropsName, values: .absent(count: grid.count))
    }
    for step in 0..<grid.count {
      try context.checkpoint()
      for index in choice.chosen(at: step, parameter: parameters[step]) {
        if let histogram = operand.columns[index].histogram(at: step) {
          columns[index].set(histogram, at: step)
        } else {
          columns[index].values[step] = operand.columns[index].values[step]
        }
      }
    }
    return MaterializedVector(columns.filter(\.hasValues))
  }

  /// The series to choose from: for `topk` and `bottomk`, which order numbers,
  /// those without histograms.
  private func candidates(
    of plan: AggregationPlan, on grid: StepGrid
  ) throws -> MaterializedVector {
    let operand = try vector(plan.operand, on: grid)
    guard plan.aggregator == .topK || plan.aggregator == .bottomK else {
      return try operand.materialized(in: context)
    }
    return try MappedVector(operand: operand) { [context] column in
      if column.hasHistograms {
        context.informIgnoredHistogram(by: plan.aggregator, at: plan.sourceRange)
        column.histograms = []
      }
      return column.hasValues
    }.materialized(in: context)
  }

  /// - Returns: False when nothing is chosen at any step.
  private func checkCounts(_ counts: [Double]) throws -> Bool {
    if counts.contains(where: \.isNaN) { throw QueryError.execution("Parameter value is NaN") }
    guard let largest = counts.max(), let least = counts.min(), largest >= 1 else { return false }
    if least <= -0x1p63 {
      throw QueryError.execution("Scalar value \(floatText(least, as: .compact)) underflows int64")
    }
    if largest >= 0x1p63 {
      throw QueryError.execution("Scalar value \(floatText(largest, as: .compact)) overflows int64")
    }
    return true
  }

  /// - Returns: False when nothing is chosen at any step.
  private func checkRatios(_ ratios: [Double], _ plan: AggregationPlan) throws -> Bool {
    if ratios.contains(where: \.isNaN) { throw QueryError.execution("Ratio value is NaN") }
    guard let largest = ratios.max(), let least = ratios.min(), largest != 0 || least != 0 else {
      return false
    }
    for (ratio, bound) in [(largest, 1.0), (least, -1.0)] where ratio.magnitude > 1 {
      guard (ratio < 0) == (bound < 0) else { continue }
      context.warn(
        "ratio value should be between -1 and 1, got \(floatText(ratio, as: .compact)),"
          + " capping to \(floatText(bound, as: .compact))",
        at: plan.parameterRange)
    }
    return true
  }

  /// Where the hash of the labels lies among all hashes, from 0 to 1.
  private func hashShare(of labels: Labels) -> Double {
    Double(labels.prometheusHash) / Double(UInt64.max)
  }

  func warnAboutQuantiles(_ ranks: [Double], at range: SourceRange) {
    let unusable =
      [ranks.first(where: \.isNaN), ranks.filter { $0 > 1 }.max(), ranks.filter { $0 < 0 }.min()]
    for rank in unusable.compactMap({ $0 }) {
      context.warn(
        "quantile value should be between 0 and 1, got \(floatText(rank, as: .compact))",
        at: range)
    }
  }
}

/// Chooses series at one step.
private struct StepChoice {
  let aggregator: AggregationOperator
  let columns: [SeriesColumn]
  let groupOfSeries: [Int]
  let groupCount: Int
  let hashShares: [Double]

  /// The indices of the chosen series, group by group.
  func chosen(at step: Int, parameter: Double) -> [Int] {
    var ofGroup = [[Int]](repeating: [], count: groupCount)
    if aggregator == .limitRatio {
      let ratio = min(max(parameter, -1), 1)
      for index in columns.indices where columns[index].isPresent(at: step) {
        let share = hashShares[index]
        if ratio >= 0 ? share < ratio : share >= 1 + ratio {
          ofGroup[groupOfSeries[index]].append(index)
        }
      }
      return ofGroup.flatMap { $0 }
    }
    let limit = Int(min(parameter, Double(columns.count)))
    guard limit >= 1 else { return [] }
    for index in columns.indices where columns[index].isPresent(at: step) {
      let group = groupOfSeries[index]
      if aggregator == .limitK {
        if ofGroup[group].count < limit { ofGroup[group].append(index) }
      } else {
        keepBest(index, in: &ofGroup[group], limit: limit, step: step)
      }
    }
    guard aggregator != .limitK else { return ofGroup.flatMap { $0 } }
    return ofGroup.flatMap { heap in
      // The best come first; a heap's order holds among equals.
      heap.enumerated().sorted { left, right in
        if isWorse(right.element, left.element, step) {
          return isWorse(left.element, right.element, step) == false
            || left.offset < right.offset
        }
        return isWorse(left.element, right.element, step) == false && left.offset < right.offset
      }.map(\.element)
    }
  }

  /// True when the series at `left` gives way to that at `right`; NaN gives
  /// way to everything.
  private func isWorse(_ left: Int, _ right: Int, _ step: Int) -> Bool {
    let leftValue = columns[left].values[step]
    let rightValue = columns[right].values[step]
    if leftValue.isNaN { return true }
    return aggregator == .topK ? leftValue < rightValue : leftValue > rightValue
  }

  /// Keeps the best in a binary heap with the worst on top, which decides as
  /// Prometheus does which of equal series are chosen.
  private func keepBest(_ index: Int, in heap: inout [Int], limit: Int, step: Int) {
    if heap.count < limit {
      heap.append(index)
      var child = heap.count - 1
      while child > 0 {
        let parent = (child - 1) / 2
        guard isWorse(heap[child], heap[parent], step) else { break }
        heap.swapAt(child, parent)
        child = parent
      }
      return
    }
    let worst = columns[heap[0]].values[step]
    let value = columns[index].values[step]
    let isBetter = aggregator == .topK ? worst < value : worst > value
    guard isBetter || (worst.isNaN && value.isNaN == false) else { return }
    heap[0] = index
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { return }
      if child + 1 < heap.count, isWorse(heap[child + 1], heap[child], step) { child += 1 }
      guard isWorse(heap[child], heap[parent], step) else { return }
      heap.swapAt(parent, child)
      parent = child
    }
  }
}
