import PromQLSyntax
import SeriesModel

/// Makes the plan of an expression for one evaluation.
///
/// Durations, offsets and `@` become moments here, so that every range of time
/// which the data is needed for is known before anything is read.
struct Planner {
  /// When the query is evaluated.
  let times: QueryTimes
  /// The query, for the positions of errors.
  let text: String
  /// How far back selectors look, in milliseconds.
  let lookbackDelta: Int64
  /// The step of subqueries that name none, in milliseconds.
  let defaultSubqueryStep: Int64
  /// What is done to spare work.
  let rewrites: PlanRewrites
  /// How many steps the query or a subquery may have: columns hold each.
  let maximumSteps: Int

  /// Whether selectors are to say of histograms if their counters were reset.
  private enum ResetTelling {
    case isAsked
    case isNotAsked
    /// Buckets are needed further up, or a subquery reads the samples.
    case isExcluded
  }

  private var resetTelling = ResetTelling.isNotAsked
  private var selections: [PlannedSelection] = []
  private var indexOfSelection: [SeriesSelection: Int] = [:]

  /// Creates a planner for one evaluation.
  init(
    times: QueryTimes, text: String, lookbackDelta: Int64, defaultSubqueryStep: Int64,
    rewrites: PlanRewrites, maximumSteps: Int
  ) {
    self.times = times
    self.text = text
    self.lookbackDelta = lookbackDelta
    self.defaultSubqueryStep = defaultSubqueryStep
    self.rewrites = rewrites
    self.maximumSteps = maximumSteps
  }

  /// Makes the plan of `expression`.
  mutating func plan(_ expression: Expression) throws(QueryError) -> LogicalPlan {
    selections = []
    indexOfSelection = [:]
    let grid = times.grid
    try checkStepCount(of: grid)
    let root = try node(for: expression, on: grid)
    return LogicalPlan(root: root, grid: grid, selections: selections)
  }

  /// Plans `expression` on `grid`, and what is the same at every step on a
  /// grid of one step.
  private mutating func node(
    for expression: Expression, on grid: StepGrid
  ) throws(QueryError) -> PlanNode {
    let expression = expression.withoutParentheses
    let isSpared =
      rewrites.contains(.evaluateInvariantsOnce) && expression.isWorthEvaluatingOnce
      && expression.isStepInvariant
    if grid.count > 1, isSpared || expression.takesFirstParameter {
      let single = StepGrid(at: grid.start)
      return .stepInvariant(try varyingNode(for: expression, on: single), on: single)
    }
    return try varyingNode(for: expression, on: grid)
  }

  private mutating func varyingNode(
    for expression: Expression, on grid: StepGrid
  ) throws(QueryError) -> PlanNode {
    switch expression {
    case .number(let literal):
      return .number(literal.value)
    case .string(let literal):
      return .string(literal.value)
    case .parenthesized(let node):
      return try self.node(for: node.inner, on: grid)
    case .unary(let operation):
      let operand = try node(for: operation.operand, on: grid)
      return operation.isNegation ? .negation(operand) : operand
    case .vectorSelector(let selector):
      return .selector(try selectorPlan(for: selector, on: grid))
    case .rangeSelector, .subquery:
      return .range(try rangePlan(for: expression, on: grid))
    case .call(let call):
      return try callNode(for: call, on: grid)
    case .aggregation(let aggregation):
      return try aggregationNode(for: aggregation, on: grid)
    case .binary(let operation):
      return try binaryNode(for: operation, on: grid)
    }
  }

  private func checkStepCount(of grid: StepGrid) throws(QueryError) {
    if grid.count > maximumSteps { throw .tooManySamples(limit: maximumSteps) }
  }

  // MARK: Selectors

  private mutating func selectorPlan(
    for selector: VectorSelector, on grid: StepGrid
  ) throws(QueryError) -> SelectorPlan {
    let reference = try referenceTime(of: selector.modifiers)
    let isSmoothed = selector.rangeModifier == .smoothed
    let index = select(
      selector.matchers, before: lookbackDelta, after: isSmoothed ? lookbackDelta : 0,
      reference: reference, on: grid)
    return SelectorPlan(
      selector: selector, selectionIndex: index, referenceTime: reference,
      reading: isSmoothed ? .smoothed : .value, tellsResets: resetTelling == .isAsked)
  }

  /// Plans a range selector or a subquery, with or without parentheses.
  private mutating func rangePlan(
    for expression: Expression, on grid: StepGrid
  ) throws(QueryError) -> RangePlan {
    switch expression.withoutParentheses {
    case .rangeSelector(let node):
      let range = try node.range.milliseconds(in: times, mayBeNegative: false, text: text)
      let reference = try referenceTime(of: node.selector.modifiers)
      let modifier = node.selector.rangeModifier
      let index = select(
        node.selector.matchers,
        before: saturatingAdd(range, modifier == nil ? 0 : lookbackDelta),
        after: modifier == .smoothed ? lookbackDelta : 0, reference: reference, on: grid)
      let selector = SelectorPlan(
        selector: node.selector, selectionIndex: index, referenceTime: reference,
        reading: .value, tellsResets: resetTelling == .isAsked)
      return RangePlan(
        source: .selector(selector), rangeMilliseconds: range, referenceTime: reference,
        modifier: modifier, sourceRange: node.sourceRange)
    case .subquery(let node):
      let range = try node.range.milliseconds(in: times, mayBeNegative: false, text: text)
      let step =
        try node.step?.milliseconds(in: times, mayBeNegative: false, text: text)
        ?? defaultSubqueryStep
      let reference = try referenceTime(of: node.modifiers)
      let inner = StepGrid.aligned(
        after: saturatingSubtract(reference.time(forStepAt: grid.start), range),
        through: reference.time(forStepAt: grid.end), step: max(step, 1))
      try checkStepCount(of: inner)
      let outerTelling = resetTelling
      resetTelling = .isExcluded
      defer { resetTelling = outerTelling }
      return RangePlan(
        source: .subquery(try self.node(for: node.inner, on: inner), on: inner),
        rangeMilliseconds: range, referenceTime: reference, modifier: nil,
        sourceRange: node.sourceRange)
    default:
      preconditionFailure("the parser lets no other expression be a range vector")
    }
  }

  private func referenceTime(of modifiers: TimeModifiers) throws(QueryError) -> ReferenceTime {
    let offset =
      try modifiers.offset?.milliseconds(in: times, mayBeNegative: true, text: text) ?? 0
    switch modifiers.at {
    case .timestamp(let moment): return .fixed(saturatingSubtract(moment.milliseconds, offset))
    case .start: return .fixed(saturatingSubtract(times.start, offset))
    case .end: return .fixed(saturatingSubtract(times.end, offset))
    case nil: return .sliding(offset: offset)
    }
  }

  /// Notes that data is needed, and returns its index.
  ///
  /// - Parameters:
  ///   - before: How far before each reference time, exclusive.
  ///   - after: How far behind each reference time, inclusive.
  private mutating func select(
    _ matchers: [Matcher], before: Int64, after: Int64, reference: ReferenceTime, on grid: StepGrid
  ) -> Int {
    // The first sample needs the one before it to tell whether it is a reset.
    let before = resetTelling == .isAsked ? saturatingAdd(before, lookbackDelta) : before
    let first = reference.time(forStepAt: grid.start)
    let last = max(first, reference.time(forStepAt: grid.end))
    let selection = SeriesSelection(
      matchers: matchers,
      start: Timestamp(milliseconds: saturatingAdd(saturatingSubtract(first, before), 1)),
      end: Timestamp(milliseconds: saturatingAdd(last, after)))
    if rewrites.contains(.shareSelections), let index = indexOfSelection[selection] {
      selections[index].useCount += 1
      return index
    }
    indexOfSelection[selection] = selections.count
    selections.append(PlannedSelection(selection: selection, useCount: 1))
    return selections.count - 1
  }

  // MARK: Calls

  private mutating func callNode(
    for call: FunctionCall, on grid: StepGrid
  ) throws(QueryError) -> PlanNode {
    guard let function = FunctionRegistry.standard[call.function.name] else {
      throw .execution("function \(call.function.name.quotedForPromQL) is not known")
    }
    let outerTelling = resetTelling
    defer { resetTelling = outerTelling }
    switch function.histogramUse {
    case .statistics where resetTelling == .isNotAsked: resetTelling = .isAsked
    case .buckets: resetTelling = .isExcluded
    case .statistics, .other: break
    }
    let arguments = call.arguments.map(\.withoutParentheses)
    if let rangeIndex = arguments.firstIndex(where: { $0.valueType == .rangeVector }) {
      return try windowCall(function, call: call, arguments: arguments, rangeIndex, on: grid)
    }
    var plan = CallPlan(function: function, arguments: [], sourceRange: call.sourceRange)
    for (index, argument) in arguments.enumerated() {
      if function.joinsInfoSeries, index > 0 { continue }
      if function.selectorReading != .value, case .vectorSelector(let selector) = argument {
        var selectorPlan = try selectorPlan(for: selector, on: grid)
        selectorPlan.reading = function.selectorReading
        plan.arguments.append(PlanArgument(node: .selector(selectorPlan), expression: argument))
      } else {
        plan.arguments.append(
          PlanArgument(node: try node(for: argument, on: grid), expression: argument))
      }
    }
    if function.joinsInfoSeries {
      plan.infoSelector = try infoSelector(for: arguments, on: grid)
    }
    return .call(plan)
  }

  private mutating func windowCall(
    _ function: FunctionDefinition, call: FunctionCall, arguments: [Expression], _ rangeIndex: Int,
    on grid: StepGrid
  ) throws(QueryError) -> PlanNode {
    let range = try rangePlan(for: arguments[rangeIndex], on: grid)
    if let modifier = range.modifier, function.rangeModifiers.contains(modifier) == false {
      let allowed = FunctionRegistry.standard.names(allowing: modifier).joined(separator: ", ")
      throw .execution(
        "\(modifier.rawValue) modifier can only be used with: \(allowed)"
          + " - not with \(function.signature.name)")
    }
    var scalars: [PlanNode] = []
    for (index, argument) in arguments.enumerated() where index != rangeIndex {
      scalars.append(try node(for: argument, on: grid))
    }
    return .windowCall(
      WindowCallPlan(
        function: function, range: range, scalars: scalars, argumentExpressions: arguments,
        sourceRange: call.sourceRange))
  }

  private mutating func infoSelector(
    for arguments: [Expression], on grid: StepGrid
  ) throws(QueryError) -> InfoSelectorPlan {
    var names: [Matcher] = []
    var data: [Matcher] = []
    if arguments.count > 1, case .vectorSelector(let selector) = arguments[1] {
      names = selector.matchers.filter { $0.name == LabelName.metricName }
      data = selector.matchers.filter { $0.name != LabelName.metricName }
    }
    if names.isEmpty {
      names = [Matcher(LabelName.metricName, .equal, "target_info")]
    } else if names.allSatisfy({ $0.operation == .notEqual || $0.operation == .notMatchesRegex }) {
      names.append(Matcher(LabelName.metricName, .matchesRegex, ".+_info"))
    }
    let reference = try infoReferenceTime(for: arguments[0])
    let index = select(
      names + data, before: lookbackDelta, after: 0, reference: reference, on: grid)
    return InfoSelectorPlan(
      nameMatchers: names, dataMatchers: data, selectionIndex: index, referenceTime: reference)
  }

  /// The time at which info series are read: that of the first selector or
  /// subquery of the enriched expression.
  private func infoReferenceTime(for expression: Expression) throws(QueryError) -> ReferenceTime {
    for node in expression.preorder {
      switch node {
      case .vectorSelector(let selector):
        return try referenceTime(of: selector.modifiers)
      case .rangeSelector(let selector):
        return try referenceTime(of: selector.selector.modifiers)
      case .subquery(let subquery) where subquery.modifiers != TimeModifiers():
        return try referenceTime(of: subquery.modifiers)
      default:
        continue
      }
    }
    return .sliding(offset: 0)
  }

  // MARK: Operators

  private mutating func aggregationNode(
    for aggregation: Aggregation, on grid: StepGrid
  ) throws(QueryError) -> PlanNode {
    var parameter: PlanNode?
    if let expression = aggregation.parameter {
      parameter = try node(for: expression, on: grid)
    }
    let operand = aggregation.operand.withoutParentheses
    return .aggregation(
      AggregationPlan(
        aggregator: aggregation.aggregator, parameter: parameter,
        parameterRange: (aggregation.parameter ?? operand).withoutParentheses.sourceRange,
        operand: try node(for: operand, on: grid), operandRange: operand.sourceRange,
        grouping: aggregation.grouping, sourceRange: aggregation.sourceRange))
  }

  private mutating func binaryNode(
    for operation: BinaryOperation, on grid: StepGrid
  ) throws(QueryError) -> PlanNode {
    let outerTelling = resetTelling
    resetTelling = .isNotAsked
    defer { resetTelling = outerTelling }
    let left = try node(for: operation.left, on: grid)
    let right = try node(for: operation.right, on: grid)
    let isLeftScalar = operation.left.valueType == .scalar
    let isRightScalar = operation.right.valueType == .scalar
    if isLeftScalar, isRightScalar {
      return .scalarBinary(operation.operation, left: left, right: right)
    }
    if isLeftScalar || isRightScalar {
      return .mixedBinary(
        MixedBinaryPlan(
          operation: operation.operation, vector: isLeftScalar ? right : left,
          scalar: isLeftScalar ? left : right, isScalarLeft: isLeftScalar,
          returnsBool: operation.returnsBool, sourceRange: operation.sourceRange))
    }
    if operation.operation.isSetOperator {
      return .setOperation(
        SetOperationPlan(
          operation: operation.operation, left: left, right: right,
          matching: operation.matching ?? VectorMatching(cardinality: .manyToMany)))
    }
    return .vectorBinary(
      VectorBinaryPlan(
        operation: operation.operation, left: left, right: right,
        matching: operation.matching ?? VectorMatching(cardinality: .oneToOne),
        returnsBool: operation.returnsBool, sourceRange: operation.sourceRange))
  }
}
