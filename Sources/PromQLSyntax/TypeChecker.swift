import SeriesModel

/// Checks that expressions can mean something.
///
/// Each node is checked once it is made, with the types of its operands at
/// hand. The first fault is kept: it counts only if the text is well formed to
/// its end.
struct TypeChecker {
  /// The text, for the places of operators.
  let source: String
  /// Tells which regular expressions match the empty string.
  let checkPattern: @Sendable (String) -> ParserOptions.PatternVerdict
  /// The fault found first; nil if there was none.
  private(set) var firstFault: ParseError?

  init(
    source: String, checkPattern: @escaping @Sendable (String) -> ParserOptions.PatternVerdict
  ) {
    self.source = source
    self.checkPattern = checkPattern
  }

  private mutating func require(
    _ condition: Bool, _ fault: @autoclosure () -> ParseError.TypeFault,
    _ range: @autoclosure () -> SourceRange
  ) {
    guard !condition, firstFault == nil else { return }
    firstFault = ParseError(.type(fault()), range(), in: source)
  }

  // MARK: Operands

  mutating func checkUnaryOperand(_ type: ValueType, _ range: SourceRange) {
    require(type == .scalar || type == .instantVector, .unaryOperand(got: type), range)
  }

  mutating func checkSubqueryOperand(_ type: ValueType, _ range: SourceRange) {
    require(type == .instantVector, .subqueryOperand(got: type), range)
  }

  // MARK: Selectors

  mutating func check(_ selector: VectorSelector) {
    guard !selector.name.isEmpty else {
      let isNarrow = selector.matchers.contains(where: requiresText)
      return require(isNarrow, .emptySelector, selector.sourceRange)
    }
    // The first matcher is the one of the name before the braces.
    let second = selector.matchers.dropFirst().first { $0.name == LabelName.metricName }
    require(
      second == nil, .metricNameSetTwice(selector.name, second?.value ?? ""),
      selector.sourceRange)
  }

  /// True if the matcher does not match the empty string, so that it can't
  /// select everything by mistake.
  private func requiresText(_ matcher: Matcher) -> Bool {
    switch matcher.operation {
    case .equal: !matcher.value.isEmpty
    case .notEqual: matcher.value.isEmpty
    case .matchesRegex: checkPattern(matcher.value) == .requiresText
    case .notMatchesRegex: checkPattern(matcher.value) == .matchesEmpty
    }
  }

  // MARK: Calls and aggregations

  /// - Parameter argumentTypes: Of the parameter, if there is one, and the
  ///   operand.
  mutating func check(_ aggregation: Aggregation, argumentTypes: [ValueType]) {
    if let type = argumentTypes.last {
      require(
        type == .instantVector,
        .mismatch(expected: .instantVector, in: .aggregation, got: type),
        aggregation.operand.sourceRange)
    }
    if let parameter = aggregation.parameter, let type = argumentTypes.first,
      let expected = aggregation.aggregator.parameterType
    {
      require(
        type == expected, .mismatch(expected: expected, in: .aggregationParameter, got: type),
        parameter.sourceRange)
    }
  }

  mutating func check(_ call: FunctionCall, argumentTypes: [ValueType]) {
    let function = call.function
    checkArgumentCount(of: call)
    if function.name == "info", argumentTypes.count > 1 {
      checkLabelSelectors(of: call, type: argumentTypes[1])
    }
    for (index, type) in argumentTypes.enumerated() {
      let listed = function.argumentTypes.dropFirst(index).first ?? function.argumentTypes.last
      guard let expected = listed else { return }
      require(
        type == expected, .mismatch(expected: expected, in: .call(function.name), got: type),
        call.arguments[index].sourceRange)
    }
  }

  private mutating func checkArgumentCount(of call: FunctionCall) {
    let function = call.function
    let listed = function.argumentTypes.count
    let minimum: Int
    let maximum: Int
    switch function.arity {
    case .fixed: (minimum, maximum) = (listed, listed)
    case .optional(let count): (minimum, maximum) = (listed - count, listed)
    case .variadic: (minimum, maximum) = (listed - 1, .max)
    case .bounded(let most): (minimum, maximum) = (listed - 1, most)
    }
    let got = call.arguments.count
    let bound: ParseError.CountBound
    if function.arity == .fixed {
      bound = .exactly(listed)
    } else {
      bound = got < minimum ? .atLeast(minimum) : .atMost(maximum)
    }
    require(
      minimum <= got && got <= maximum,
      .argumentCount(function: function.name, expected: bound, got: got), call.sourceRange)
  }

  /// Checks the second argument of `info`, which is only braces.
  private mutating func checkLabelSelectors(of call: FunctionCall, type: ValueType) {
    let argument = call.arguments[1]
    require(
      type == .instantVector,
      .mismatch(expected: .instantVector, in: .call(call.function.name), got: type),
      call.sourceRange)
    guard case .vectorSelector(let selector) = argument else {
      return require(false, .labelSelectorsOnly(hasName: false), argument.sourceRange)
    }
    require(selector.name.isEmpty, .labelSelectorsOnly(hasName: true), argument.sourceRange)
  }

  // MARK: Binary operations

  /// Checks a binary operation, and completes how its vectors match.
  ///
  /// The operation comes with its `matching` as written; afterwards it has
  /// none unless both operands are vectors, and set operators match many to
  /// many.
  mutating func complete(
    _ node: inout BinaryOperation, leftType: ValueType, rightType: ValueType
  ) {
    let operation = node.operation
    let source = source
    require(
      !node.returnsBool || operation.isComparison, .boolOnNonComparison,
      Self.operatorRange(of: node, in: source))
    let areScalars = leftType == .scalar && rightType == .scalar
    require(
      !areScalars || !operation.isComparison || node.returnsBool, .scalarComparisonWithoutBool,
      Self.operatorRange(of: node, in: source))
    if let matching = node.matching, matching.isOn,
      let label = matching.labels.first(where: matching.includedLabels.contains)
    {
      require(false, .labelInOnAndGroup(label), Self.operatorRange(of: node, in: source))
    }
    checkOperand(leftType, node.left)
    checkOperand(rightType, node.right)
    if leftType == .instantVector, rightType == .instantVector {
      completeMatching(of: &node)
    } else {
      let hasScalar = leftType == .scalar || rightType == .scalar
      removeMatching(of: &node, hasScalar: hasScalar)
    }
  }

  private mutating func checkOperand(_ type: ValueType, _ operand: Expression) {
    require(type == .scalar || type == .instantVector, .operandTypes, operand.sourceRange)
  }

  private mutating func completeMatching(of node: inout BinaryOperation) {
    guard node.operation.isSetOperator, let matching = node.matching else { return }
    require(
      matching.cardinality == .oneToOne, .groupingOfSetOperator(node.operation),
      node.sourceRange)
    require(
      matching.leftFill == nil && matching.rightFill == nil, .fillOfSetOperator,
      node.sourceRange)
    node.matching?.cardinality = .manyToMany
  }

  private mutating func removeMatching(of node: inout BinaryOperation, hasScalar: Bool) {
    if let matching = node.matching {
      require(matching.labels.isEmpty, .matchingOfNonVectors, node.sourceRange)
      require(
        matching.leftFill == nil && matching.rightFill == nil, .fillOfNonVectors,
        node.sourceRange)
    }
    require(
      !hasScalar || !node.operation.isSetOperator, .setOperatorOnScalar(node.operation),
      node.sourceRange)
    node.matching = nil
  }

  /// Where the operator and its modifiers stand: between the operands.
  private static func operatorRange(
    of node: BinaryOperation, in source: String
  ) -> SourceRange {
    let end = node.right.sourceRange.start
    var start = node.left.sourceRange.end
    for byte in source.utf8.dropFirst(start).prefix(end - start) {
      guard byte.isBlank else { break }
      start += 1
    }
    return SourceRange(start, end)
  }
}
