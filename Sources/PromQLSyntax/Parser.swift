import SeriesModel

/// Turns a query text into a checked tree.
///
/// A loop over operands. What was begun before an operand (parentheses, calls,
/// aggregations, signs, binary operators) waits in a stack of its own rather
/// than on the thread's, so that no text can exhaust the latter. Operators find
/// their operands by precedence.
///
/// Each `parse` function reads one construct, beginning at the next token, and
/// leaves the token behind it unread. The first fault of syntax ends parsing; a
/// fault of types is reported if none follows.
package struct Parser {
  var lexer: Lexer
  let functions: FunctionTable
  let options: ParserOptions
  /// The token that was looked at and is not read yet.
  private var lookahead: Token?
  /// The offset behind the last token read.
  private(set) var lastEnd = 0
  /// What waits for an operand, the innermost last.
  var openConstructs: [OpenConstruct] = []
  /// How many aggregations are among them; messages name the construct.
  var openAggregations = 0
  /// How many calls for parts of durations are under way.
  var durationDepth = 0
  var typeChecker: TypeChecker

  private init(_ text: String, functions: FunctionTable, options: ParserOptions) {
    lexer = Lexer(text)
    self.functions = functions
    self.options = options
    typeChecker = TypeChecker(source: text, checkPattern: options.checkPattern)
  }

  /// Parses an expression and checks its types.
  ///
  /// - Complexity: O(*n*) in the bytes of `text`, which are limited like the
  ///   levels of the tree by `options`.
  package static func parse(
    _ text: String, functions: FunctionTable, options: ParserOptions = ParserOptions()
  ) throws(ParseError) -> Expression {
    var parser = Parser(text, functions: functions, options: options)
    try parser.checkLength()
    if try parser.peek() == .endOfInput {
      throw parser.fault(.noExpression, SourceRange(0, 0))
    }
    let expression = try parser.parseExpression().node
    guard try parser.peek() == .endOfInput else { throw try parser.unexpected() }
    if let fault = parser.typeChecker.firstFault { throw fault }
    return expression
  }

  /// Parses an instant vector selector without modifiers, as `match[]` takes
  /// it, into its matchers.
  ///
  /// The matchers may all match the empty string.
  package static func parseMetricSelector(
    _ text: String, options: ParserOptions = ParserOptions()
  ) throws(ParseError) -> [Matcher] {
    var parser = Parser(text, functions: FunctionTable([]), options: options)
    try parser.checkLength()
    let kind = try parser.peek()
    guard kind == .leftBrace || kind.isMetricName else { throw try parser.unexpected() }
    let selector = try parser.parseVectorSelector()
    guard try parser.peek() == .endOfInput else { throw try parser.unexpected() }
    return selector.matchers
  }

  private func checkLength() throws(ParseError) {
    guard lexer.bytes.count <= options.maximumByteCount else {
      throw ParseError(
        .tooLong(byteCount: lexer.bytes.count, maximum: options.maximumByteCount),
        SourceRange(0, lexer.bytes.count), in: lexer.source)
    }
  }
}

// MARK: - Tokens

extension Parser {
  /// The kind of the next token.
  mutating func peek() throws(ParseError) -> TokenKind {
    try peekToken().kind
  }

  /// The next token.
  mutating func peekToken() throws(ParseError) -> Token {
    if let lookahead { return lookahead }
    let token = try lexer.next()
    lookahead = token
    return token
  }

  /// Reads the next token.
  @discardableResult
  mutating func take() throws(ParseError) -> Token {
    let token = try peekToken()
    lookahead = nil
    lastEnd = token.range.end
    return token
  }

  /// Reads the next token if it is of a kind.
  mutating func take(_ kind: TokenKind) throws(ParseError) -> Token? {
    try peek() == kind ? take() : nil
  }

  /// Reads the next token, which must be of a kind.
  @discardableResult
  mutating func expect(
    _ kind: TokenKind, in context: ParseError.Context? = nil, expected: String = ""
  ) throws(ParseError) -> Token {
    guard let token = try take(kind) else {
      throw try unexpected(in: context, expected: expected)
    }
    return token
  }

  /// An error about the next token.
  mutating func unexpected(
    in context: ParseError.Context? = nil, expected: String = ""
  ) throws(ParseError) -> ParseError {
    let token = try peekToken()
    let context = context ?? (openAggregations > 0 ? .aggregation : nil)
    return fault(
      .unexpected(
        token: token.kind.description(of: lexer.text(of: token)), context: context,
        expected: expected),
      token.range)
  }

  func fault(_ fault: ParseError.SyntaxFault, _ range: SourceRange) -> ParseError {
    ParseError(.syntax(fault), range, in: lexer.source)
  }

  func fault(_ fault: ParseError.ModifierFault, _ range: SourceRange) -> ParseError {
    ParseError(.modifier(fault), range, in: lexer.source)
  }
}

// MARK: - Depth

extension Parser {
  /// Notes that a construct waits for its operand, which is read next.
  mutating func open(_ construct: OpenConstruct) throws(ParseError) {
    guard openConstructs.count < options.maximumDepth else {
      throw tooDeep(options.maximumDepth, SourceRange(lastEnd, lastEnd))
    }
    openConstructs.append(construct)
  }

  /// The height of a node whose highest child has `height`.
  func level(above height: Int, at range: SourceRange) throws(ParseError) -> Int {
    guard height < options.maximumDepth else { throw tooDeep(options.maximumDepth, range) }
    return height + 1
  }

  func tooDeep(_ maximum: Int, _ range: SourceRange) -> ParseError {
    ParseError(.tooDeep(maximum: maximum), range, in: lexer.source)
  }
}
