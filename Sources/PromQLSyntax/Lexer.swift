/// Cuts a query text into tokens, on demand.
///
/// What a character means depends on what is open: within braces there are no
/// keywords, within brackets only durations.
struct Lexer {
  /// The text.
  let source: String
  /// The text's UTF-8 bytes.
  let bytes: [UInt8]
  /// The offset of the next byte to read.
  var place = 0
  private var openParentheses = 0
  private var isInBraces = false
  private var brackets: Brackets?

  /// What was seen since a `[` that is still open.
  private struct Brackets {
    var hasNumber = false
    var hasColon = false
  }

  init(_ source: String) {
    self.source = source
    bytes = Array(source.utf8)
  }

  /// Cuts the next token; at the end of the text again and again
  /// ``TokenKind/endOfInput``.
  mutating func next() throws(ParseError) -> Token {
    skipBlanksAndComments()
    let start = place
    let kind: TokenKind
    if isInBraces {
      kind = try nextInBraces()
    } else if brackets?.hasNumber == false {
      kind = try nextInDuration()
    } else {
      kind = try nextInExpression()
    }
    return Token(kind: kind, range: SourceRange(start, place))
  }

  /// The text of a token.
  func text(of token: Token) -> String { text(token.range) }

  /// The text of a range whose borders are borders of characters.
  func text(_ range: SourceRange) -> String {
    String(decoding: bytes[range.start..<range.end], as: UTF8.self)
  }

  /// An error about the text between `start` and what was read last.
  func fault(_ fault: ParseError.LexicalFault, from start: Int) -> ParseError {
    ParseError(.lexical(fault), SourceRange(start, max(start, place)), in: source)
  }
}

// MARK: - Reading bytes

extension Lexer {
  /// The next byte; nil at the end.
  var peeked: UInt8? { place < bytes.count ? bytes[place] : nil }

  /// The byte `distance` behind the next; nil behind the end.
  func peeked(at distance: Int) -> UInt8? {
    place + distance < bytes.count ? bytes[place + distance] : nil
  }

  /// Skips the next byte if it is `byte`.
  mutating func skip(_ byte: Unicode.Scalar) -> Bool {
    guard peeked == UInt8(ascii: byte) else { return false }
    place += 1
    return true
  }

  /// Skips the bytes for which `predicate` is true.
  mutating func skip(while predicate: (UInt8) -> Bool) {
    while let byte = peeked, predicate(byte) { place += 1 }
  }

  /// The character that begins at `offset`; nil at the end.
  func character(at offset: Int) -> Unicode.Scalar? {
    guard offset < bytes.count else { return nil }
    let end = min(offset + 4, bytes.count)
    return String(decoding: bytes[offset..<end], as: UTF8.self).unicodeScalars.first
  }

  private mutating func skipBlanksAndComments() {
    while let byte = peeked {
      if byte.isBlank {
        place += 1
      } else if byte == UInt8(ascii: "#"), brackets?.hasNumber != false {
        skip { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
      } else {
        return
      }
    }
  }
}

// MARK: - Contexts

extension Lexer {
  private mutating func nextInBraces() throws(ParseError) -> TokenKind {
    let start = place
    guard let byte = peeked else { throw fault(.unclosedBraces, from: start) }
    if byte.beginsName {
      skip { $0.continuesName }
      return .identifier
    }
    place += 1
    switch byte {
    case UInt8(ascii: ","): return .comma
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return try skipString(quote: byte)
    case UInt8(ascii: "`"): return try skipRawString()
    case UInt8(ascii: "="): return skip("~") ? .matchesRegex : .equalSign
    case UInt8(ascii: "!"):
      if skip("~") { return .notMatchesRegex }
      if skip("=") { return .binaryOperator(.notEqual) }
      throw fault(.character(character(at: place), .afterExclamationMarkInBraces), from: start)
    case UInt8(ascii: "{"): throw fault(.strayDelimiter("{"), from: start)
    case UInt8(ascii: "}"):
      isInBraces = false
      return .rightBrace
    default: throw fault(.character(character(at: start), .braces), from: start)
    }
  }

  /// Between `[` and the first number, where only durations may begin.
  private mutating func nextInDuration() throws(ParseError) -> TokenKind {
    let start = place
    guard let byte = peeked else { throw fault(.unclosedDuration, from: start) }
    if byte.isDigit || byte == UInt8(ascii: ".") && peeked(at: 1)?.isDigit == true {
      brackets?.hasNumber = true
      return try skipNumberOrDuration()
    }
    if byte == UInt8(ascii: ":") {
      place += 1
      throw fault(.colonBeforeDuration, from: place)
    }
    if let operation = arithmeticOperator(byte) {
      place += 1
      return .binaryOperator(operation)
    }
    switch byte {
    case UInt8(ascii: "]"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: ","):
      return try skipDelimiter(byte)
    default:
      if let keyword = skipDurationWord() { return keyword }
      throw fault(.character(character(at: start), .duration), from: start)
    }
  }

  private mutating func nextInExpression() throws(ParseError) -> TokenKind {
    let start = place
    guard let byte = peeked else {
      if openParentheses > 0 { throw fault(.unclosedParenthesis, from: start) }
      if brackets != nil { throw fault(.unclosedBracket, from: start) }
      return .endOfInput
    }
    if byte.isDigit || byte == UInt8(ascii: ".") && peeked(at: 1)?.isDigit == true {
      return try skipNumberOrDuration()
    }
    if byte.beginsName || byte == UInt8(ascii: ":") {
      return try brackets == nil ? skipWord() : nextWordInBrackets(byte)
    }
    if let operation = arithmeticOperator(byte) {
      place += 1
      return .binaryOperator(operation)
    }
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      place += 1
      return try skipString(quote: byte)
    case UInt8(ascii: "`"):
      place += 1
      return try skipRawString()
    case UInt8(ascii: "="), UInt8(ascii: "!"), UInt8(ascii: "<"), UInt8(ascii: ">"):
      return try skipComparison(byte)
    default:
      return try skipDelimiter(byte)
    }
  }

  /// Behind the first number within brackets: a colon or a word of durations.
  private mutating func nextWordInBrackets(_ byte: UInt8) throws(ParseError) -> TokenKind {
    let start = place
    guard byte == UInt8(ascii: ":") else {
      if let keyword = skipDurationWord() { return keyword }
      throw fault(.character(character(at: start), .afterDuration), from: start)
    }
    place += 1
    if brackets?.hasColon == true { throw fault(.strayDelimiter(":"), from: start) }
    brackets?.hasColon = true
    return .colon
  }

  /// Reads one of `( ) [ ] { , @`, keeping count of what is open.
  private mutating func skipDelimiter(_ byte: UInt8) throws(ParseError) -> TokenKind {
    let start = place
    place += 1
    switch byte {
    case UInt8(ascii: ","): return .comma
    case UInt8(ascii: "@"): return .at
    case UInt8(ascii: "("):
      openParentheses += 1
      return .leftParenthesis
    case UInt8(ascii: ")"):
      // Prometheus finds this out behind the parenthesis.
      guard openParentheses > 0 else { throw fault(.strayDelimiter(")"), from: place) }
      openParentheses -= 1
      return .rightParenthesis
    case UInt8(ascii: "{"):
      isInBraces = true
      return .leftBrace
    case UInt8(ascii: "["):
      guard brackets == nil else { throw fault(.strayDelimiter("["), from: start) }
      brackets = Brackets()
      return .leftBracket
    case UInt8(ascii: "]"):
      guard brackets != nil else { throw fault(.strayDelimiter("]"), from: start) }
      brackets = nil
      return .rightBracket
    default:
      throw fault(.character(character(at: start), .expression), from: start)
    }
  }

  private mutating func skipComparison(_ byte: UInt8) throws(ParseError) -> TokenKind {
    let start = place
    place += 1
    switch byte {
    case UInt8(ascii: "="):
      if skip("=") { return .binaryOperator(.equal) }
      guard peeked != UInt8(ascii: "~") else {
        throw fault(.character("~", .afterEqualSign), from: start)
      }
      return .equalSign
    case UInt8(ascii: "!"):
      if skip("=") { return .binaryOperator(.notEqual) }
      throw fault(.character(character(at: place), .afterExclamationMark), from: start)
    case UInt8(ascii: "<"):
      if skip("=") { return .binaryOperator(.lessOrEqual) }
      return .binaryOperator(skip("/") ? .trimUpper : .less)
    default:
      if skip("=") { return .binaryOperator(.greaterOrEqual) }
      return .binaryOperator(skip("/") ? .trimLower : .greater)
    }
  }

  private func arithmeticOperator(_ byte: UInt8) -> BinaryOperator? {
    switch byte {
    case UInt8(ascii: "+"): .add
    case UInt8(ascii: "-"): .subtract
    case UInt8(ascii: "*"): .multiply
    case UInt8(ascii: "/"): .divide
    case UInt8(ascii: "%"): .modulo
    case UInt8(ascii: "^"): .power
    default: nil
    }
  }
}

// MARK: - Words

extension Lexer {
  private mutating func skipWord() -> TokenKind {
    let start = place
    skip { $0.continuesName || $0 == UInt8(ascii: ":") }
    let kind = TokenKind(word: text(SourceRange(start, place)))
    switch kind {
    case .keyword(.fill), .keyword(.fillLeft), .keyword(.fillRight):
      // These came late: they stay names of metrics unless called.
      return isFollowedByParenthesis ? kind : .identifier
    default:
      return kind
    }
  }

  private var isFollowedByParenthesis: Bool {
    var distance = 0
    while let byte = peeked(at: distance), byte.isBlank { distance += 1 }
    return peeked(at: distance) == UInt8(ascii: "(")
  }

  /// Reads a word that durations may hold; nil, reading nothing, if the next
  /// word is another.
  private mutating func skipDurationWord() -> TokenKind? {
    var distance = 0
    while let byte = peeked(at: distance), byte.beginsName { distance += 1 }
    switch text(SourceRange(place, place + distance)).lowercased() {
    case "step":
      place += distance
      return .keyword(.step)
    case "range":
      place += distance
      return .keyword(.range)
    case "min_of":
      place += distance
      return .keyword(.minimumOf)
    case "max_of":
      place += distance
      return .keyword(.maximumOf)
    default: return nil
    }
  }
}

extension UInt8 {
  /// True for the blanks of PromQL.
  var isBlank: Bool {
    self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") || self == UInt8(ascii: "\n")
      || self == UInt8(ascii: "\r")
  }

  /// True for `0` to `9`.
  var isDigit: Bool { self &- UInt8(ascii: "0") <= 9 }

  /// True for ASCII letters and `_`.
  var beginsName: Bool {
    (self | 0x20) &- UInt8(ascii: "a") < 26 || self == UInt8(ascii: "_")
  }

  /// True for ASCII letters, digits and `_`.
  var continuesName: Bool { beginsName || isDigit }
}
