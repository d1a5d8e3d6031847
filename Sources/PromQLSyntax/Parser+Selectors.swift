import SeriesModel

extension Parser {
  /// Parses a selector that begins with a name or with braces.
  mutating func parseVectorSelector() throws(ParseError) -> VectorSelector {
    if try peek() == .leftBrace { return try parseVectorSelector(named: nil) }
    return try parseVectorSelector(named: take())
  }

  /// Parses the rest of a selector whose name has been read.
  mutating func parseVectorSelector(named name: Token?) throws(ParseError) -> VectorSelector {
    let first: Token
    if let name { first = name } else { first = try peekToken() }
    let start = first.range.start
    let nameText = name.map { lexer.text(of: $0) } ?? ""
    var matchers = nameText.isEmpty ? [] : [Matcher(LabelName.metricName, .equal, nameText)]
    if try peek() == .leftBrace { matchers += try parseMatchers() }
    return VectorSelector(
      name: nameText, matchers: matchers, sourceRange: SourceRange(start, lastEnd))
  }

  private mutating func parseMatchers() throws(ParseError) -> [Matcher] {
    try take()
    var matchers: [Matcher] = []
    while try take(.rightBrace) == nil {
      matchers.append(try parseMatcher())
      guard try take(.comma) == nil else { continue }
      try expect(.rightBrace, in: .labelMatching, expected: "\",\" or \"}\"")
      break
    }
    return matchers
  }

  /// Parses `label="value"`, or a metric name in quotes.
  private mutating func parseMatcher() throws(ParseError) -> Matcher {
    let kind = try peek()
    guard kind == .identifier || kind == .string else {
      throw try unexpected(in: .labelMatching, expected: "identifier or \"}\"")
    }
    let label = try take()
    guard let operation = try peek().matchOperation else {
      guard kind == .string else {
        throw try unexpected(in: .labelMatching, expected: "label matching operator")
      }
      return Matcher(LabelName.metricName, .equal, stringLiteral(label).value)
    }
    try take()
    let value = try expect(.string, in: .labelMatching, expected: "string")
    let name = kind == .string ? stringLiteral(label).value : lexer.text(of: label)
    let matcher = Matcher(name, operation, stringLiteral(value).value)
    if operation == .matchesRegex || operation == .notMatchesRegex,
      case .invalid(let reason) = options.checkPattern(matcher.value)
    {
      throw fault(.regularExpression(reason: reason), label.range.union(value.range))
    }
    return matcher
  }

  // MARK: Modifiers

  /// Parses the brackets, `offset`, `@`, `anchored` and `smoothed` that follow
  /// an operand.
  mutating func parseModifiers(of operand: inout Operand) throws(ParseError) {
    while true {
      switch try peek() {
      case .leftBracket: operand = try parseBrackets(after: operand)
      case .keyword(.offset): try parseOffset(&operand.node)
      case .at: try parseAt(&operand.node)
      case .keyword(.anchored): try applyRangeModifier(.anchored, to: &operand.node)
      case .keyword(.smoothed): try applyRangeModifier(.smoothed, to: &operand.node)
      default: return
      }
    }
  }

  private mutating func parseBrackets(after operand: Operand) throws(ParseError) -> Operand {
    let bracket = try take()
    let range = try parsePositiveDuration(in: .rangeOrSubquerySelector)
    if try take(.colon) != nil { return try parseSubquery(of: operand, range: range) }
    let closing = try expect(.rightBracket, in: .rangeOrSubquery, expected: "\":\" or \"]\"")
    let brackets = bracket.range.union(closing.range)
    guard case .vectorSelector(let selector) = operand.node else {
      throw fault(.rangeOfNonSelector, brackets)
    }
    guard selector.modifiers.offset == nil else { throw fault(.beforeRange(.offset), brackets) }
    guard selector.modifiers.at == nil else { throw fault(.beforeRange(.at), brackets) }
    let node = RangeSelector(
      selector: selector, range: range,
      sourceRange: SourceRange(selector.sourceRange.start, lastEnd))
    return Operand(leaf: .rangeSelector(node))
  }

  /// Parses the rest of a subquery whose colon has been read.
  private mutating func parseSubquery(
    of operand: Operand, range: DurationExpression
  ) throws(ParseError) -> Operand {
    var step: DurationExpression?
    if try peek() != .rightBracket {
      step = try parsePositiveDuration(in: .subquerySelector)
    }
    try expect(.rightBracket, in: .subquerySelector, expected: "\"]\"")
    let sourceRange = SourceRange(operand.node.sourceRange.start, lastEnd)
    typeChecker.checkSubqueryOperand(operand.type, sourceRange)
    let node = Subquery(
      inner: operand.node, range: range, step: step, sourceRange: sourceRange)
    return Operand(
      .subquery(node), height: try level(above: operand.height, at: sourceRange),
      type: .rangeVector)
  }

  private mutating func parseOffset(_ expression: inout Expression) throws(ParseError) {
    try take()
    let offset = try parseOffsetDuration()
    try modify(&expression, by: .offset) { modifiers in
      guard modifiers.offset == nil else { return false }
      modifiers.offset = offset
      return true
    }
  }

  private mutating func parseAt(_ expression: inout Expression) throws(ParseError) {
    try take()
    let at: AtModifier
    switch try peek() {
    case .keyword(.start), .keyword(.end):
      at = try take().kind == .keyword(.start) ? .start : .end
      try expect(.leftParenthesis, in: .at, expected: "timestamp")
      try expect(.rightParenthesis, in: .at, expected: "timestamp")
    default:
      guard let seconds = try parseSignedNumber() else {
        throw try unexpected(in: .at, expected: "timestamp")
      }
      at = .timestamp(try timestamp(seconds, after: expression))
    }
    try modify(&expression, by: .at) { modifiers in
      guard modifiers.at == nil else { return false }
      modifiers.at = at
      return true
    }
  }

  private func timestamp(
    _ seconds: Double, after expression: Expression
  ) throws(ParseError) -> Timestamp {
    let milliseconds = (seconds * 1000).rounded(.toNearestOrAwayFromZero)
    guard milliseconds.magnitude < 0x1p63 else {
      throw fault(.timestampOutOfBounds(seconds), expression.sourceRange)
    }
    return Timestamp(milliseconds: Int64(milliseconds))
  }

  /// Changes the modifiers of a selector or subquery.
  ///
  /// - Parameter change: Returns false if the modifier was there before.
  private func modify(
    _ expression: inout Expression, by modifier: ParseError.TimeModifier,
    change: (inout TimeModifiers) -> Bool
  ) throws(ParseError) {
    let isNew: Bool
    let before = expression.sourceRange
    let range = SourceRange(before.start, lastEnd)
    switch expression {
    case .vectorSelector(var node):
      isNew = change(&node.modifiers)
      node.sourceRange = range
      expression = .vectorSelector(node)
    case .rangeSelector(var node):
      isNew = change(&node.selector.modifiers)
      node.sourceRange = range
      expression = .rangeSelector(node)
    case .subquery(var node):
      isNew = change(&node.modifiers)
      node.sourceRange = range
      expression = .subquery(node)
    default:
      throw fault(.misplaced(modifier), before)
    }
    guard isNew else { throw fault(.repeated(modifier), before) }
  }

  private mutating func applyRangeModifier(
    _ modifier: RangeModifier, to expression: inout Expression
  ) throws(ParseError) {
    try take()
    let before = expression.sourceRange
    guard options.features.contains(.extendedRangeSelectors) else {
      throw fault(.disabled(modifier), before)
    }
    let range = SourceRange(before.start, lastEnd)
    switch expression {
    case .vectorSelector(var node):
      try setRangeModifier(modifier, of: &node, before)
      node.sourceRange = range
      expression = .vectorSelector(node)
    case .rangeSelector(var node):
      try setRangeModifier(modifier, of: &node.selector, before)
      node.sourceRange = range
      expression = .rangeSelector(node)
    case .subquery:
      throw fault(.onSubquery(modifier), before)
    default:
      throw fault(.onNonSelector(modifier), before)
    }
  }

  private func setRangeModifier(
    _ modifier: RangeModifier, of selector: inout VectorSelector, _ range: SourceRange
  ) throws(ParseError) {
    guard selector.rangeModifier == nil || selector.rangeModifier == modifier else {
      throw fault(.conflict, range)
    }
    selector.rangeModifier = modifier
  }
}
