import PromQLSyntax
import SeriesModel

/// Makes operators of plan nodes.
///
/// Scalars are computed at once; instant vectors become sources that compute
/// their series when they are read.
struct Evaluator {
  let context: EvaluationContext
  /// Whether other threads may compute series ahead.
  var spreads = true

  /// The values of a scalar node, `values[step]`.
  func scalar(_ node: PlanNode, on grid: StepGrid) throws -> [Double] {
    try context.checkpoint()
    switch node {
    case .number(let value):
      return Array(repeating: value, count: grid.count)
    case .negation(let operand):
      return try scalar(operand, on: grid).map { -$0 }
    case .scalarBinary(let operation, let left, let right):
      // Held while the right side, which may hold as much again, is computed.
      var reservation = context.budget.reservation()
      try reservation.extend(by: grid.count)
      let left = try scalar(left, on: grid)
      let right = try scalar(right, on: grid)
      return zip(left, right).map { operation.scalarResult($0, $1) }
    case .stepInvariant(let inner, let single):
      return Array(repeating: try scalar(inner, on: single)[0], count: grid.count)
    case .call(let call):
      return try scalarCall(call, on: grid)
    default:
      preconditionFailure("the parser lets no other expression be a scalar")
    }
  }

  /// The series of an instant vector node.
  func vector(_ node: PlanNode, on grid: StepGrid) throws -> any VectorSource {
    guard let profile = context.profile else {
      if spreads, let spread = SpreadVector(node, on: grid, in: context) { return spread }
      return try source(of: node, on: grid)
    }
    return try profile.making(node.description(on: grid)) { operation in
      ProfiledVector(source: try source(of: node, on: grid), node: operation)
    }
  }

  private func source(of node: PlanNode, on grid: StepGrid) throws -> any VectorSource {
    let source = try sourceWithAllNames(of: node, on: grid)
    guard context.removesNamesAtOnce, node.mayDropNames else { return source }
    return try withoutDroppedNames(source, of: node, on: grid)
  }

  private func sourceWithAllNames(
    of node: PlanNode, on grid: StepGrid
  ) throws -> any VectorSource {
    try context.checkpoint()
    switch node {
    case .selector(let plan):
      return selection(plan, on: grid)
    case .negation(let operand):
      return MappedVector(operand: try vector(operand, on: grid)) { column in
        column.dropsName = true
        column.updateValues { -$0 }
        for step in column.histograms.indices {
          column.histograms[step] = column.histograms[step]?.multiplied(by: -1)
        }
        return true
      }
    case .stepInvariant(let inner, let single):
      let operand = try vector(inner, on: single)
      return MappedVector(operand: operand) { column in
        column.values = Array(repeating: column.values[0], count: grid.count)
        if column.histograms.isEmpty == false {
          column.histograms = Array(repeating: column.histograms[0], count: grid.count)
        }
        return grid.count > 0
      }
    case .call(let call):
      return try vectorCall(call, on: grid)
    case .windowCall(let call):
      return try windowCall(call, on: grid)
    case .aggregation(let plan):
      return try aggregate(plan, on: grid)
    case .mixedBinary(let plan):
      return try mixedBinary(plan, on: grid)
    case .vectorBinary(let plan):
      return try VectorMatch(
        plan: plan, left: vector(plan.left, on: grid), right: vector(plan.right, on: grid),
        grid: grid, context: context
      ).evaluate()
    case .setOperation(let plan):
      return try setOperation(plan, on: grid)
    case .number, .string, .range, .scalarBinary:
      preconditionFailure("the parser lets no other expression be an instant vector")
    }
  }

  /// The stored series of a range vector node, or those of its subquery.
  ///
  /// - Parameter grid: The steps at which windows end.
  func range(_ plan: RangePlan, on grid: StepGrid) throws -> any RangeSeries {
    guard let profile = context.profile else { return try source(of: plan) }
    return try profile.making(plan.description(on: grid)) { operation in
      ProfiledRangeSeries(source: try source(of: plan), node: operation)
    }
  }

  private func source(of plan: RangePlan) throws -> any RangeSeries {
    switch plan.source {
    case .selector(let selector):
      return StoredRangeSeries(
        data: context.selections[selector.selectionIndex], tellsResets: selector.tellsResets)
    case .subquery(let node, let inner):
      return SubqueryRangeSeries(vector: try subqueryVector(node, on: inner), grid: inner)
    }
  }

  /// Subqueries take scalars for a series without labels.
  private func subqueryVector(_ node: PlanNode, on grid: StepGrid) throws -> any VectorSource {
    node.isScalar
      ? vector(ofScalar: try scalar(node, on: grid)) : try vector(node, on: grid)
  }

  /// A vector of one series without labels.
  func vector(ofScalar values: [Double]) -> MaterializedVector {
    let column = SeriesColumn(labels: Labels(), dropsName: false, values: values)
    return MaterializedVector(values.isEmpty ? [] : [column])
  }

  /// Where the windows of `plan` lie on `grid`.
  func geometry(of plan: RangePlan, on grid: StepGrid) -> WindowGeometry {
    WindowGeometry(
      grid: grid, referenceTime: plan.referenceTime, rangeMilliseconds: plan.rangeMilliseconds,
      modifier: plan.modifier, lookbackDelta: context.lookbackDelta)
  }

  private func selection(_ plan: SelectorPlan, on grid: StepGrid) -> InstantSelection {
    InstantSelection(
      data: context.selections[plan.selectionIndex], grid: grid,
      referenceTime: plan.referenceTime, lookbackDelta: context.lookbackDelta,
      reading: plan.reading, tellsResets: plan.tellsResets,
      selectorRange: plan.selector.sourceRange, context: context)
  }
}

extension PlanNode {
  /// True for a scalar.
  var isScalar: Bool {
    switch self {
    case .number, .scalarBinary: true
    case .negation(let operand): operand.isScalar
    case .stepInvariant(let inner, _): inner.isScalar
    case .call(let call): call.function.signature.returnType == .scalar
    default: false
    }
  }
}

extension SeriesColumn {
  /// Replaces every number.
  @inline(__always)
  mutating func updateValues(_ body: (Double) throws -> Double) rethrows {
    for step in values.indices where values[step].isAbsent == false {
      values[step] = try body(values[step])
    }
  }
}
