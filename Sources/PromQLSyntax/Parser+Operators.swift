/// How tightly binary operators bind, from loose to tight.
enum Precedence: Int, Comparable {
  case or, and, comparison, sum, product, power

  static func < (left: Precedence, right: Precedence) -> Bool { left.rawValue < right.rawValue }
}

extension BinaryOperator {
  /// How tightly the operator binds.
  var precedence: Precedence {
    switch self {
    case .or: .or
    case .and, .unless: .and
    case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .trimUpper,
      .trimLower:
      .comparison
    case .add, .subtract: .sum
    case .multiply, .divide, .modulo, .atan2: .product
    case .power: .power
    }
  }
}

extension Parser {
  /// Gives `operand` to the signs and operators that wait for it, as far as
  /// they bind at least as tightly as an operator of `precedence`, or all of
  /// them if that is nil.
  mutating func completeOperations(
    with operand: inout Operand, before precedence: Precedence?
  ) throws(ParseError) {
    while let construct = openConstructs.last, construct.isComplete(before: precedence) {
      openConstructs.removeLast()
      switch construct {
      case .sign(let sign): try apply(sign, to: &operand)
      case .operation(let operation, let modifiers, let left):
        operand = try joined(left, operation, modifiers, operand)
      case .parenthesis, .call, .aggregation: break
      }
    }
  }

  /// Reads a binary operator and what belongs to it; `left` is its left
  /// operand.
  mutating func openOperation(
    _ operation: BinaryOperator, after left: Operand
  ) throws(ParseError) {
    try take()
    try open(.operation(operation, parseBinaryModifiers(), left))
  }

  private mutating func apply(_ sign: Token, to operand: inout Operand) throws(ParseError) {
    let isNegation = sign.kind == .binaryOperator(.subtract)
    let range = sign.range.union(operand.node.sourceRange)
    if case .number(var literal) = operand.node {
      if isNegation { literal.value.negate() }
      literal.sourceRange = range
      operand.node = .number(literal)
      return
    }
    typeChecker.checkUnaryOperand(operand.type, range)
    let node = UnaryOperation(isNegation: isNegation, operand: operand.node, sourceRange: range)
    operand = Operand(
      .unary(node), height: try level(above: operand.height, at: range), type: operand.type)
  }

  private mutating func joined(
    _ left: Operand, _ operation: BinaryOperator, _ modifiers: BinaryModifiers, _ right: Operand
  ) throws(ParseError) -> Operand {
    let range = left.node.sourceRange.union(right.node.sourceRange)
    let matching = modifiers.matching
    let hasFill = matching.leftFill != nil || matching.rightFill != nil
    guard !hasFill || options.features.contains(.fillModifiers) else {
      throw fault(.disabledFill, range)
    }
    var node = BinaryOperation(
      operation: operation, left: left.node, right: right.node,
      returnsBool: modifiers.returnsBool, matching: matching, sourceRange: range)
    typeChecker.complete(&node, leftType: left.type, rightType: right.type)
    let isScalar = left.type == .scalar && right.type == .scalar
    return Operand(
      .binary(node), height: try level(above: max(left.height, right.height), at: range),
      type: isScalar ? .scalar : .instantVector)
  }
}

// MARK: - Modifiers of binary operators

/// What stands between a binary operator and its right operand.
struct BinaryModifiers {
  var returnsBool = false
  var matching = VectorMatching(cardinality: .oneToOne)
}

extension Parser {
  private mutating func parseBinaryModifiers() throws(ParseError) -> BinaryModifiers {
    var modifiers = BinaryModifiers()
    modifiers.returnsBool = try take(.keyword(.bool)) != nil
    let kind = try peek()
    if kind == .keyword(.on) || kind == .keyword(.ignoring) {
      try take()
      modifiers.matching.isOn = kind == .keyword(.on)
      modifiers.matching.labels = try parseLabelNames()
      try parseGroupModifier(&modifiers.matching)
    }
    try parseFills(&modifiers.matching)
    return modifiers
  }

  private mutating func parseGroupModifier(
    _ matching: inout VectorMatching
  ) throws(ParseError) {
    switch try peek() {
    case .keyword(.groupLeft): matching.cardinality = .manyToOne
    case .keyword(.groupRight): matching.cardinality = .oneToMany
    default: return
    }
    try take()
    if try peek() == .leftParenthesis { matching.includedLabels = try parseLabelNames() }
  }

  /// Parses `fill`, or `fill_left` and `fill_right` in either order.
  private mutating func parseFills(_ matching: inout VectorMatching) throws(ParseError) {
    if try take(.keyword(.fill)) != nil {
      let value = try parseFillValue()
      matching.leftFill = value
      matching.rightFill = value
      return
    }
    while true {
      switch try peek() {
      case .keyword(.fillLeft) where matching.leftFill == nil:
        try take()
        matching.leftFill = try parseFillValue()
      case .keyword(.fillRight) where matching.rightFill == nil:
        try take()
        matching.rightFill = try parseFillValue()
      default:
        return
      }
    }
  }

  private mutating func parseFillValue() throws(ParseError) -> Double {
    try expect(.leftParenthesis)
    guard let value = try parseSignedNumber() else { throw try unexpected() }
    try expect(.rightParenthesis)
    return value
  }

  /// Parses label names in parentheses, as `by` and `on` have them.
  mutating func parseLabelNames() throws(ParseError) -> [String] {
    try expect(.leftParenthesis, in: .grouping, expected: "\"(\"")
    var names: [String] = []
    while try take(.rightParenthesis) == nil {
      names.append(try parseLabelName())
      guard try take(.comma) == nil else { continue }
      try expect(.rightParenthesis, in: .grouping, expected: "\",\" or \")\"")
      break
    }
    return names
  }

  private mutating func parseLabelName() throws(ParseError) -> String {
    let kind = try peek()
    guard kind == .string || kind.isLabelName else {
      throw try unexpected(in: .grouping, expected: "label")
    }
    let token = try take()
    guard kind == .string else { return lexer.text(of: token) }
    let literal = stringLiteral(token)
    guard !literal.value.isEmpty, literal.malformedBytes == nil else {
      throw fault(.groupingLabel(literal.value), token.range)
    }
    return literal.value
  }
}
