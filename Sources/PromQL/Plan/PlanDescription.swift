import PromQLSyntax
import SeriesModel

extension PlanNode {
  /// What the operator does, without its operands, in a line.
  ///
  /// - Parameter grid: When it is evaluated.
  func description(on grid: StepGrid) -> String {
    switch self {
    case .number(let value): "number \(value)"
    case .string(let text): "text \(text.quotedForPromQL)"
    case .selector(let plan): "select \(plan.description) \(plan.referenceTime.span(of: grid))"
    case .range(let plan): plan.description(on: grid)
    case .call(let plan): plan.function.signature.name
    case .windowCall(let plan): plan.function.signature.name
    case .aggregation(let plan): plan.description
    case .scalarBinary(let operation, _, _): "scalar \(operation.rawValue) scalar"
    case .mixedBinary(let plan):
      plan.isScalarLeft
        ? "scalar \(plan.operation.rawValue) each" : "each \(plan.operation.rawValue) scalar"
    case .vectorBinary(let plan):
      "match \(plan.operation.rawValue)\(plan.matching.description)"
    case .setOperation(let plan): "\(plan.operation.rawValue)\(plan.matching.description)"
    case .negation: "negate"
    case .stepInvariant(_, let single): "once for all steps, at \(text(ofTime: single.start))"
    }
  }
}

extension RangePlan {
  /// Where the windows lie.
  func description(on grid: StepGrid) -> String {
    let range = DurationSyntax.text(milliseconds: rangeMilliseconds)
    let windows = "windows of \(range)\(modifier.map { " " + $0.rawValue } ?? "")"
    switch source {
    case .selector(let plan):
      return "\(windows) of \(plan.description) \(referenceTime.span(of: grid))"
    case .subquery(_, let inner):
      return "\(windows) of a subquery \(ReferenceTime.sliding(offset: 0).span(of: inner))"
    }
  }
}

extension SelectorPlan {
  fileprivate var description: String {
    var selector = selector
    selector.modifiers = TimeModifiers()
    selector.rangeModifier = nil
    return "\(Expression.vectorSelector(selector))"
  }
}

extension AggregationPlan {
  fileprivate var description: String {
    let text = Aggregation(
      aggregator: aggregator, parameter: nil, operand: .number(.zero), grouping: grouping,
      sourceRange: sourceRange
    ).operatorDescription
    return String(text.reversed().drop { $0 == " " }.reversed())
  }
}

extension NumberLiteral {
  fileprivate static let zero = NumberLiteral(value: 0, sourceRange: SourceRange(0, 0))
}

extension VectorMatching {
  /// ` on (labels) group_left (labels)`, or nothing.
  fileprivate var description: String {
    let text = BinaryOperation(
      operation: .add, left: .number(.zero), right: .number(.zero), returnsBool: false,
      matching: self, sourceRange: SourceRange(0, 0)
    ).operatorDescription
    return String(text.dropFirst())
  }
}

extension ReferenceTime {
  /// The moments from which is looked back, as text.
  fileprivate func span(of grid: StepGrid) -> String {
    let first = time(forStepAt: grid.start)
    let last = time(forStepAt: max(grid.end, grid.start))
    if grid.count <= 1 || first == last { return "at \(text(ofTime: first))" }
    return "from \(text(ofTime: first)) through \(text(ofTime: last)) step "
      + DurationSyntax.text(milliseconds: grid.step)
  }
}

private func text(ofTime milliseconds: Int64) -> String {
  Timestamp(milliseconds: milliseconds).rfc3339
}
