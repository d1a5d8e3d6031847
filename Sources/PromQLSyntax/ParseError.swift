/// Why a query text is no valid expression, and where.
public struct ParseError: Error, Hashable, Sendable {
  /// What is wrong.
  public var kind: Kind
  /// The part of the text that is wrong.
  public var sourceRange: SourceRange
  /// The line and column where that part begins.
  public var position: SourcePosition

  /// Creates an error about a part of `text`.
  init(_ kind: Kind, _ sourceRange: SourceRange, in text: String) {
    self.kind = kind
    self.sourceRange = sourceRange
    position = sourceRange.startPosition(in: text)
  }
}

extension ParseError {
  /// What can be wrong, without the words for it.
  public enum Kind: Hashable, Sendable {
    case lexical(LexicalFault)
    case syntax(SyntaxFault)
    case modifier(ModifierFault)
    case type(TypeFault)
    /// The text has more bytes than allowed.
    case tooLong(byteCount: Int, maximum: Int)
    /// The expression has more levels than allowed.
    case tooDeep(maximum: Int)
  }

  /// A text that can't be cut into tokens.
  public enum LexicalFault: Hashable, Sendable {
    case unclosedParenthesis
    case unclosedBracket
    case unclosedBraces
    case unclosedDuration
    /// One of `)`, `[`, `]`, `{` and `:` where it closes, opens or parts
    /// nothing.
    case strayDelimiter(Unicode.Scalar)
    case colonBeforeDuration
    /// A character that begins no token at the place; nil at the end.
    case character(Unicode.Scalar?, Place)
    case number(String)
    case unterminatedString(isRaw: Bool)
    case unterminatedEscape
    case unknownEscape(Unicode.Scalar)
    case escapeDigit(Unicode.Scalar)
    case escapedCodePoint
    case replacementCharacter
  }

  /// Where a character can be out of place.
  public enum Place: Hashable, Sendable {
    case expression
    case braces
    case duration
    case afterDuration
    case afterEqualSign
    case afterExclamationMark
    case afterExclamationMarkInBraces
  }

  /// Tokens in an order that makes no expression, or meaningless parts.
  public enum SyntaxFault: Hashable, Sendable {
    case unexpected(token: String, context: Context?, expected: String)
    case noExpression
    case trailingComma
    case unknownFunction(String)
    case disabledFunction(String)
    case disabledAggregator(AggregationOperator)
    case disabledFill
    case noAggregationArguments
    case aggregationArgumentCount(expected: Int, got: Int)
    case groupingLabel(String)
    case malformedNumber(String)
    case numberOutOfRange(String)
    case duration(DurationError)
    case durationNotPositive
    case divisionByZero
    case moduloByZero
    case regularExpression(reason: String)
  }

  /// Brackets, `offset`, `@`, `anchored` or `smoothed` where they can't be.
  public enum ModifierFault: Hashable, Sendable {
    /// `offset` or `@` after what is no selector and no subquery.
    case misplaced(TimeModifier)
    case repeated(TimeModifier)
    case beforeRange(TimeModifier)
    case timestampOutOfBounds(Double)
    case rangeOfNonSelector
    case disabled(RangeModifier)
    case conflict
    case onSubquery(RangeModifier)
    case onNonSelector(RangeModifier)
  }

  /// The construct that an unexpected token stands in.
  public enum Context: String, Hashable, Sendable {
    case aggregation
    case grouping = "grouping opts"
    case labelMatching = "label matching"
    case offset
    case at = "@"
    case rangeOrSubquerySelector = "subquery or range selector"
    case rangeOrSubquery = "subquery or range"
    case subquerySelector = "subquery selector"
  }

  /// A modifier that moves a selector in time.
  public enum TimeModifier: Hashable, Sendable {
    case offset
    case at
  }

  /// An expression that is well formed and can't mean anything.
  public enum TypeFault: Hashable, Sendable {
    case mismatch(expected: ValueType, in: Site, got: ValueType)
    case argumentCount(function: String, expected: CountBound, got: Int)
    case labelSelectorsOnly(hasName: Bool)
    case boolOnNonComparison
    case scalarComparisonWithoutBool
    case labelInOnAndGroup(String)
    case operandTypes
    case matchingOfNonVectors
    case fillOfNonVectors
    case groupingOfSetOperator(BinaryOperator)
    case fillOfSetOperator
    case setOperatorOnScalar(BinaryOperator)
    case unaryOperand(got: ValueType)
    case subqueryOperand(got: ValueType)
    case metricNameSetTwice(String, String)
    case emptySelector
  }

  /// Where a type is expected.
  public enum Site: Hashable, Sendable {
    case call(String)
    case aggregation
    case aggregationParameter
  }

  /// How many arguments are expected.
  public enum CountBound: Hashable, Sendable {
    case exactly(Int)
    case atLeast(Int)
    case atMost(Int)
  }
}
