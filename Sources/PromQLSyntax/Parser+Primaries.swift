extension Parser {
  /// Parses an expression of any kind.
  mutating func parseExpression() throws(ParseError) -> Operand {
    var operand = try parseUpToOperand()
    while true {
      try parseModifiers(of: &operand)
      let next = try peek()
      if case .binaryOperator(let operation) = next {
        try completeOperations(with: &operand, before: operation.precedence)
        try openOperation(operation, after: operand)
        operand = try parseUpToOperand()
        continue
      }
      try completeOperations(with: &operand, before: nil)
      guard let construct = openConstructs.popLast() else { return operand }
      operand = try parseRest(of: construct, after: operand)
    }
  }

  /// Parses what opens and is not closed yet, and the first whole operand
  /// behind it.
  private mutating func parseUpToOperand() throws(ParseError) -> Operand {
    while true {
      let token = try peekToken()
      switch token.kind {
      case .number, .duration:
        return Operand(leaf: .number(try parseNumber()))
      case .string:
        try take()
        return Operand(leaf: .string(stringLiteral(token)))
      case .leftParenthesis:
        try open(.parenthesis(take()))
      case .leftBrace:
        return selectorOperand(try parseVectorSelector())
      default:
        if token.kind.isSign {
          try open(.sign(take()))
        } else if token.kind.isMetricName {
          if let operand = try parseNamed() { return operand }
        } else {
          throw try unexpected()
        }
      }
    }
  }

  /// Parses what begins with a name.
  ///
  /// - Returns: A selector, or a call without arguments; nil if a call or an
  ///   aggregation was opened.
  private mutating func parseNamed() throws(ParseError) -> Operand? {
    let name = try take()
    let next = try peek()
    switch name.kind {
    case .aggregator(let aggregator)
    where next == .leftParenthesis || next == .keyword(.by) || next == .keyword(.without):
      return try openAggregation(aggregator, from: name)
    case .identifier where next == .leftParenthesis:
      return try openCall(lexer.text(of: name), from: name)
    case .keyword(let keyword) where keyword.isFunctionName && next == .leftParenthesis:
      return try openCall(keyword.rawValue, from: name)
    default:
      return selectorOperand(try parseVectorSelector(named: name))
    }
  }

  private mutating func selectorOperand(_ selector: VectorSelector) -> Operand {
    var selectsLabels = false
    if case .call("info", _, let arguments) = openConstructs.last {
      // The second argument of `info` selects labels and may match anything.
      selectsLabels = arguments.expressions.count == 1
    }
    if !selectsLabels { typeChecker.check(selector) }
    return Operand(leaf: .vectorSelector(selector))
  }

  /// Parses what follows the last operand of `construct`: its end, or a comma
  /// and the beginning of the next operand.
  private mutating func parseRest(
    of construct: OpenConstruct, after operand: Operand
  ) throws(ParseError) -> Operand {
    switch construct {
    case .parenthesis(let opening):
      let range = opening.range.union(try expect(.rightParenthesis).range)
      let node = Parenthesized(inner: operand.node, sourceRange: range)
      return Operand(
        .parenthesized(node), height: try level(above: operand.height, at: range),
        type: operand.type)
    case .call(let function, let name, var arguments):
      arguments.append(operand)
      guard try parseArgumentEnd() else {
        try open(.call(function, name, arguments))
        return try parseUpToOperand()
      }
      return try call(function, name, arguments)
    case .aggregation(let aggregator, let name, let grouping, var arguments):
      arguments.append(operand)
      guard try parseArgumentEnd() else {
        try open(.aggregation(aggregator, name, grouping, arguments))
        return try parseUpToOperand()
      }
      return try finishAggregation(aggregator, name, grouping, arguments)
    case .sign, .operation:
      return operand
    }
  }

  // MARK: Calls and aggregations

  /// Parses what follows an argument.
  ///
  /// - Returns: True for `)`, false for a comma.
  private mutating func parseArgumentEnd() throws(ParseError) -> Bool {
    guard let comma = try take(.comma) else {
      try expect(.rightParenthesis)
      return true
    }
    guard try peek().startsExpression else { throw fault(.trailingComma, comma.range) }
    return false
  }

  private mutating func openCall(
    _ function: String, from name: Token
  ) throws(ParseError) -> Operand? {
    try expect(.leftParenthesis)
    if try take(.rightParenthesis) != nil { return try call(function, name, ArgumentList()) }
    try open(.call(function, name, ArgumentList()))
    return nil
  }

  private mutating func call(
    _ function: String, _ name: Token, _ arguments: ArgumentList
  ) throws(ParseError) -> Operand {
    guard let signature = functions[function] else {
      throw fault(.unknownFunction(function), name.range)
    }
    guard !signature.isExperimental || options.features.contains(.experimentalFunctions) else {
      throw fault(.disabledFunction(function), name.range)
    }
    let range = SourceRange(name.range.start, lastEnd)
    let call = FunctionCall(
      function: signature, arguments: arguments.expressions, sourceRange: range)
    typeChecker.check(call, argumentTypes: arguments.types)
    return Operand(
      .call(call), height: try level(above: arguments.height, at: range),
      type: signature.returnType)
  }

  private mutating func openAggregation(
    _ aggregator: AggregationOperator, from name: Token
  ) throws(ParseError) -> Operand? {
    openAggregations += 1
    let grouping = try parseGrouping()
    try expect(.leftParenthesis)
    if try take(.rightParenthesis) != nil {
      return try finishAggregation(aggregator, name, grouping, ArgumentList())
    }
    try open(.aggregation(aggregator, name, grouping, ArgumentList()))
    return nil
  }

  /// Parses the grouping behind an aggregation that had none before.
  private mutating func finishAggregation(
    _ aggregator: AggregationOperator, _ name: Token, _ earlierGrouping: Grouping?,
    _ arguments: ArgumentList
  ) throws(ParseError) -> Operand {
    var grouping = earlierGrouping
    if grouping == nil { grouping = try parseGrouping() }
    openAggregations -= 1

    let range = SourceRange(name.range.start, lastEnd)
    guard let operand = arguments.expressions.last else {
      throw fault(.noAggregationArguments, range)
    }
    guard !aggregator.isExperimental || options.features.contains(.experimentalFunctions) else {
      throw fault(.disabledAggregator(aggregator), range)
    }
    let count = arguments.expressions.count
    let expected = aggregator.parameterType == nil ? 1 : 2
    guard count == expected else {
      throw fault(.aggregationArgumentCount(expected: expected, got: count), range)
    }
    let aggregation = Aggregation(
      aggregator: aggregator, parameter: count == 2 ? arguments.expressions[0] : nil,
      operand: operand, grouping: grouping ?? .by([]), sourceRange: range)
    typeChecker.check(aggregation, argumentTypes: arguments.types)
    return Operand(
      .aggregation(aggregation), height: try level(above: arguments.height, at: range),
      type: .instantVector)
  }

  private mutating func parseGrouping() throws(ParseError) -> Grouping? {
    switch try peek() {
    case .keyword(.by):
      try take()
      return .by(try parseLabelNames())
    case .keyword(.without):
      try take()
      return .without(try parseLabelNames())
    default:
      return nil
    }
  }

  // MARK: Literals

  /// Parses a number or a duration, which the next token must be.
  mutating func parseNumber() throws(ParseError) -> NumberLiteral {
    let token = try take()
    let text = lexer.text(of: token)
    guard token.kind == .duration else {
      return NumberLiteral(value: try number(text, at: token.range), sourceRange: token.range)
    }
    do throws(DurationError) {
      let milliseconds = try DurationSyntax.parse(text)
      return NumberLiteral(
        value: Double(milliseconds) / 1000, isDuration: true, sourceRange: token.range)
    } catch {
      throw fault(.duration(error), token.range)
    }
  }

  /// Parses a number or a duration with an optional sign; nil if the next
  /// token, or the one behind the sign, is none.
  mutating func parseSignedNumber() throws(ParseError) -> Double? {
    let sign = try peek().isSign ? try take() : nil
    let kind = try peek()
    guard kind == .number || kind == .duration else { return nil }
    let value = try parseNumber().value
    return sign?.kind == .binaryOperator(.subtract) ? -value : value
  }

  private func number(_ text: String, at range: SourceRange) throws(ParseError) -> Double {
    do throws(NumberSyntax.Failure) {
      return try NumberSyntax.value(of: text)
    } catch {
      throw fault(error == .outOfRange ? .numberOutOfRange(text) : .malformedNumber(text), range)
    }
  }

  /// The literal that a string token is.
  func stringLiteral(_ token: Token) -> StringLiteral {
    let bytes = EscapeSyntax.bytes(of: lexer.bytes[token.range.start..<token.range.end])
    if let value = String(validating: bytes, as: UTF8.self) {
      return StringLiteral(value: value, sourceRange: token.range)
    }
    return StringLiteral(
      value: String(decoding: bytes, as: UTF8.self), malformedBytes: bytes,
      sourceRange: token.range)
  }
}

extension AggregationOperator {
  /// The type of the parameter before the operand; nil if there is none.
  var parameterType: ValueType? {
    switch self {
    case .topK, .bottomK, .quantile, .limitK, .limitRatio: .scalar
    case .countValues: .string
    case .sum, .avg, .min, .max, .group, .count, .stddev, .stdvar: nil
    }
  }

  /// True for an aggregator that Prometheus hides behind a feature flag.
  var isExperimental: Bool { self == .limitK || self == .limitRatio }
}
