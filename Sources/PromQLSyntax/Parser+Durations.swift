// Durations within brackets and behind `offset`: numbers, durations and
// arithmetic over them.
extension Parser {
  /// What messages say is expected where a duration should begin.
  private static let expectedDuration = "number, duration, step(), or range()"

  /// The longest duration in seconds, as Go's nanoseconds have it.
  private static let longestDuration = 0x1p63 / 1e9

  /// How many levels a duration may have. Unlike expressions, durations are
  /// parsed by recursion; more than a few levels serve nobody.
  static let maximumDurationDepth = 20

  /// Parses a duration within brackets; a plain number must be above 0.
  mutating func parsePositiveDuration(
    in context: ParseError.Context
  ) throws(ParseError) -> DurationExpression {
    let duration = try parseDuration(.sum, in: context).node
    if let seconds = duration.plainSeconds, seconds <= 0 {
      throw fault(.durationNotPositive, duration.sourceRange)
    }
    return duration
  }

  /// Parses the duration behind `offset`.
  ///
  /// It ends behind the first number, call or signed parentheses:
  /// `x offset 2 * 3` is `(x offset 2) * 3`. Parentheses without a sign may go
  /// on with an operator, as in Prometheus.
  mutating func parseOffsetDuration() throws(ParseError) -> DurationExpression {
    if try peek() == .leftParenthesis { return try parseDuration(.sum, in: .offset).node }
    guard try peek().isSign else { return try parseDurationOperand(in: .offset).node }
    let sign = try take()
    return try signed(sign, parseDurationOperand(in: .offset)).node
  }

  /// Parses durations joined by operators that bind at least as tightly as
  /// `minimum`.
  private mutating func parseDuration(
    _ minimum: Precedence, in context: ParseError.Context
  ) throws(ParseError) -> DurationSubtree {
    durationDepth += 1
    defer { durationDepth -= 1 }
    guard durationDepth <= Self.maximumDurationDepth else {
      throw tooDeep(Self.maximumDurationDepth, SourceRange(lastEnd, lastEnd))
    }
    var left = try parseSignedDuration(in: context)
    while case .binaryOperator(let symbol) = try peek(), symbol.precedence >= minimum,
      let operation = DurationExpression.ArithmeticOperator(rawValue: symbol.rawValue)
    {
      let sign = try take()
      let tighter = Precedence(rawValue: symbol.precedence.rawValue + 1) ?? .power
      let right = try parseDuration(tighter, in: context)
      if right.node.plainSeconds == 0 {
        if operation == .divide { throw fault(.divisionByZero, sign.range) }
        if operation == .modulo { throw fault(.moduloByZero, sign.range) }
      }
      let range = left.node.sourceRange.union(right.node.sourceRange)
      left = try subtree(
        DurationExpression(.binary(operation, left.node, right.node), sourceRange: range),
        over: left.height, right.height, at: range)
    }
    return left
  }

  private func subtree(
    _ node: DurationExpression, over heights: Int..., at range: SourceRange
  ) throws(ParseError) -> DurationSubtree {
    let height = 1 + (heights.max() ?? 0)
    guard height <= Self.maximumDurationDepth else {
      throw tooDeep(Self.maximumDurationDepth, range)
    }
    return DurationSubtree(node: node, height: height)
  }

  private mutating func parseSignedDuration(
    in context: ParseError.Context
  ) throws(ParseError) -> DurationSubtree {
    guard try peek().isSign else { return try parseDurationOperand(in: context) }
    let sign = try take()
    return try signed(sign, parseDuration(.power, in: context))
  }

  /// A number takes its sign in, a `+` means nothing, else a node is made.
  private func signed(
    _ sign: Token, _ operand: DurationSubtree
  ) throws(ParseError) -> DurationSubtree {
    var operand = operand
    let isNegative = sign.kind == .binaryOperator(.subtract)
    operand.node.sourceRange = sign.range.union(operand.node.sourceRange)
    if case .seconds(let seconds, let isDuration) = operand.node.node {
      operand.node.node = .seconds(isNegative ? -seconds : seconds, isDuration: isDuration)
      return operand
    }
    guard isNegative else { return operand }
    let range = operand.node.sourceRange
    return try subtree(
      DurationExpression(.unary(isNegative: true, operand.node), sourceRange: range),
      over: operand.height, at: range)
  }

  private mutating func parseDurationOperand(
    in context: ParseError.Context
  ) throws(ParseError) -> DurationSubtree {
    let token = try peekToken()
    switch token.kind {
    case .number, .duration:
      return try parseDurationLiteral()
    case .keyword(.step), .keyword(.range):
      try take()
      try expect(.leftParenthesis, in: context, expected: Self.expectedDuration)
      try expect(.rightParenthesis, in: context, expected: Self.expectedDuration)
      let node: DurationExpression.Node = token.kind == .keyword(.step) ? .step : .range
      return DurationSubtree(
        node: DurationExpression(node, sourceRange: SourceRange(token.range.start, lastEnd)),
        height: 1)
    case .keyword(.minimumOf), .keyword(.maximumOf):
      return try parseDurationChoice(in: context)
    case .leftParenthesis:
      try take()
      let inner = try parseDuration(.sum, in: context)
      try expect(.rightParenthesis, in: context, expected: Self.expectedDuration)
      let range = SourceRange(token.range.start, lastEnd)
      return try subtree(
        DurationExpression(.parenthesized(inner.node), sourceRange: range),
        over: inner.height, at: range)
    default:
      let alternative = context == .subquerySelector ? ", or \"]\"" : ""
      let expected =
        alternative.isEmpty
        ? Self.expectedDuration : "number, duration, step(), range()" + alternative
      throw try unexpected(in: context, expected: expected)
    }
  }

  private mutating func parseDurationLiteral() throws(ParseError) -> DurationSubtree {
    let literal = try parseNumber()
    guard literal.value.magnitude <= Self.longestDuration else {
      throw fault(.duration(.outOfRange), literal.sourceRange)
    }
    return DurationSubtree(
      node: DurationExpression(
        .seconds(literal.value, isDuration: literal.isDuration),
        sourceRange: literal.sourceRange),
      height: 1)
  }

  /// Parses `min_of(a, b)` or `max_of(a, b)`.
  private mutating func parseDurationChoice(
    in context: ParseError.Context
  ) throws(ParseError) -> DurationSubtree {
    let name = try take()
    try expect(.leftParenthesis, in: context, expected: Self.expectedDuration)
    let first = try parseDuration(.sum, in: context)
    try expect(.comma, in: context, expected: Self.expectedDuration)
    let second = try parseDuration(.sum, in: context)
    try expect(.rightParenthesis, in: context, expected: Self.expectedDuration)
    let range = SourceRange(name.range.start, lastEnd)
    let node: DurationExpression.Node =
      name.kind == .keyword(.minimumOf)
      ? .minimum(first.node, second.node) : .maximum(first.node, second.node)
    return try subtree(
      DurationExpression(node, sourceRange: range), over: first.height, second.height,
      at: range)
  }
}

/// A parsed duration and how many levels it has.
struct DurationSubtree {
  var node: DurationExpression
  var height: Int
}

extension DurationExpression {
  /// The seconds of a number, in parentheses or not; nil for anything else.
  var plainSeconds: Double? {
    switch node {
    case .seconds(let seconds, _): seconds
    case .parenthesized(let inner): inner.plainSeconds
    default: nil
    }
  }
}
