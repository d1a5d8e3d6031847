extension Lexer {
  /// Reads the rest of a string in quotes, checking its escapes.
  mutating func skipString(quote: UInt8) throws(ParseError) -> TokenKind {
    let start = place - 1
    while let byte = peeked {
      place += 1
      switch byte {
      case quote: return .string
      case UInt8(ascii: "\n"): throw fault(.unterminatedString(isRaw: false), from: start)
      case UInt8(ascii: "\\"): try skipEscape(quote: quote, stringStart: start)
      case 0xEF: try refuseReplacementCharacter(stringStart: start)
      default: break
      }
    }
    throw fault(.unterminatedString(isRaw: false), from: start)
  }

  /// Reads the rest of a string in backticks, which may span lines.
  mutating func skipRawString() throws(ParseError) -> TokenKind {
    let start = place - 1
    while let byte = peeked {
      place += 1
      if byte == UInt8(ascii: "`") { return .string }
      if byte == 0xEF { try refuseReplacementCharacter(stringStart: start) }
    }
    throw fault(.unterminatedString(isRaw: true), from: start)
  }

  /// U+FFFD stands for bytes that were no UTF-8 before they came here.
  private func refuseReplacementCharacter(stringStart: Int) throws(ParseError) {
    if peeked == 0xBF, peeked(at: 1) == 0xBD {
      throw fault(.replacementCharacter, from: stringStart)
    }
  }

  /// Reads an escape whose backslash has been read.
  private mutating func skipEscape(quote: UInt8, stringStart: Int) throws(ParseError) {
    guard let byte = peeked else { throw fault(.unterminatedEscape, from: stringStart) }
    if byte == quote || EscapeSyntax.characters[byte] != nil {
      place += 1
      return
    }
    guard let form = EscapeSyntax.Form(byte) else {
      let character = character(at: place) ?? "\u{FFFD}"
      throw fault(.unknownEscape(character), from: stringStart)
    }
    place += form.prefixLength
    var value: UInt32 = 0
    for _ in 0..<form.digitCount {
      guard let byte = peeked else { throw fault(.unterminatedEscape, from: stringStart) }
      guard let digit = form.digit(byte) else {
        throw fault(.escapeDigit(character(at: place) ?? "\u{FFFD}"), from: stringStart)
      }
      value = value &* form.base &+ digit
      place += 1
    }
    guard value <= form.maximum, !(0xD800..<0xE000).contains(value) else {
      throw fault(.escapedCodePoint, from: stringStart)
    }
  }
}

/// The escapes of strings, which are Go's.
enum EscapeSyntax {
  /// What a single letter behind the backslash stands for.
  static let characters: [UInt8: UInt8] = [
    UInt8(ascii: "a"): 0x07, UInt8(ascii: "b"): 0x08, UInt8(ascii: "f"): 0x0C,
    UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09,
    UInt8(ascii: "v"): 0x0B, UInt8(ascii: "\\"): UInt8(ascii: "\\"),
  ]

  /// An escape that writes a number: a byte (`\101`, `\x41`) or a code point
  /// (`\u0041`, `\U00000041`).
  enum Form {
    case octal, hexadecimal, short, long

    init?(_ byte: UInt8) {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "7"): self = .octal
      case UInt8(ascii: "x"): self = .hexadecimal
      case UInt8(ascii: "u"): self = .short
      case UInt8(ascii: "U"): self = .long
      default: return nil
      }
    }

    /// How many characters stand before the digits.
    var prefixLength: Int { self == .octal ? 0 : 1 }

    var digitCount: Int {
      switch self {
      case .octal: 3
      case .hexadecimal: 2
      case .short: 4
      case .long: 8
      }
    }

    var base: UInt32 { self == .octal ? 8 : 16 }

    /// True if the number is a byte rather than a code point.
    var isByte: Bool { self == .octal || self == .hexadecimal }

    var maximum: UInt32 { isByte ? 0xFF : 0x10_FFFF }

    func digit(_ byte: UInt8) -> UInt32? {
      let decimal = byte &- UInt8(ascii: "0")
      let letter = (byte | 0x20) &- UInt8(ascii: "a")
      let value = decimal <= 9 ? decimal : letter < 6 ? letter + 10 : 16
      return value < base ? UInt32(value) : nil
    }
  }

  /// The bytes that a string literal, quotes included, stands for.
  ///
  /// - Parameter literal: What the lexer took for a string.
  static func bytes(of literal: ArraySlice<UInt8>) -> [UInt8] {
    var rest = literal.dropFirst().dropLast()
    if literal.first == UInt8(ascii: "`") { return Array(rest) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(rest.count)
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let letter = rest.first else {
        bytes.append(byte)
        continue
      }
      guard let form = Form(letter) else {
        bytes.append(characters[letter] ?? letter)
        rest = rest.dropFirst()
        continue
      }
      rest = rest.dropFirst(form.prefixLength)
      let value = rest.prefix(form.digitCount).reduce(0) { value, digit in
        value &* form.base &+ (form.digit(digit) ?? 0)
      }
      rest = rest.dropFirst(form.digitCount)
      if form.isByte {
        bytes.append(UInt8(truncatingIfNeeded: value))
      } else if let character = Unicode.Scalar(value) {
        bytes.append(contentsOf: String(character).utf8)
      }
    }
    return bytes
  }
}
