/// A number, such as `1e3`, `0x1F`, `Inf` or the duration `1h30m`.
public struct NumberLiteral: Hashable, Sendable {
  /// The value; a duration counts in seconds.
  public var value: Double
  /// True when the text was a duration, so that it is printed as one.
  public var isDuration: Bool
  /// Where the literal stands.
  public var sourceRange: SourceRange

  /// Creates a number literal.
  public init(value: Double, isDuration: Bool = false, sourceRange: SourceRange) {
    self.value = value
    self.isDuration = isDuration
    self.sourceRange = sourceRange
  }
}

/// A string literal.
public struct StringLiteral: Hashable, Sendable {
  /// The text with its escapes resolved; U+FFFD stands for bytes that are no
  /// UTF-8.
  public var value: String
  /// The text's bytes, if they are not all UTF-8: escapes such as `\xc5` can
  /// write any.
  public var malformedBytes: [UInt8]?
  /// Where the literal stands, quotes included.
  public var sourceRange: SourceRange

  /// Creates a string literal.
  public init(value: String, malformedBytes: [UInt8]? = nil, sourceRange: SourceRange) {
    self.value = value
    self.malformedBytes = malformedBytes
    self.sourceRange = sourceRange
  }
}

/// An expression in parentheses.
public struct Parenthesized: Hashable, Sendable {
  /// What the parentheses hold.
  public var inner: Expression
  /// Where it stands, parentheses included.
  public var sourceRange: SourceRange

  /// Creates a parenthesized expression.
  public init(inner: Expression, sourceRange: SourceRange) {
    self.inner = inner
    self.sourceRange = sourceRange
  }
}
