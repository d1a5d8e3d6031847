import Numbers

/// The value of a number's text, as Go reads it.
package enum NumberSyntax {
  /// Why a text has no value.
  package enum Failure: Error {
    case malformed
    case outOfRange
  }

  /// Reads decimal numbers with point, exponent and `_` between digits,
  /// hexadecimal integers, `Inf` and `NaN` in any case; a leading `0` makes an
  /// integer octal if its digits allow that.
  package static func value(of text: String) throws(Failure) -> Double {
    if let integer = octalOrHexadecimalInteger(text) { return Double(integer) }
    if let value = parseFloat(text, as: .go) { return value }
    throw isDecimal(text) ? .outOfRange : .malformed
  }

  private static func octalOrHexadecimalInteger(_ text: String) -> Int64? {
    let characters = Array(text.utf8)
    guard characters.count > 1, characters[0] == UInt8(ascii: "0") else { return nil }
    let isHexadecimal = characters[1] | 0x20 == UInt8(ascii: "x")
    let digits = characters[(isHexadecimal ? 2 : 1)...]
    guard hasSeparatorsBetweenDigits(digits) else { return nil }
    let plain = String(decoding: digits.filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
    return Int64(plain, radix: isHexadecimal ? 16 : 8)
  }

  /// True if each `_` is followed by a digit; one may lead.
  private static func hasSeparatorsBetweenDigits(_ digits: ArraySlice<UInt8>) -> Bool {
    var previous: UInt8?
    for digit in digits {
      if digit == UInt8(ascii: "_"), previous == UInt8(ascii: "_") { return false }
      previous = digit
    }
    return previous != nil && previous != UInt8(ascii: "_")
  }

  /// True for `digits[.digits][e[+-]digits]`, whatever its size.
  private static func isDecimal(_ text: String) -> Bool {
    var lexer = text.utf8.filter { $0 != UInt8(ascii: "_") }[...]
    func skipDigits() -> Bool {
      let count = lexer.count
      lexer = lexer.drop { $0.isDigit }
      return lexer.count < count
    }
    let hasWhole = skipDigits()
    var hasFraction = false
    if lexer.first == UInt8(ascii: ".") {
      lexer = lexer.dropFirst()
      hasFraction = skipDigits()
    }
    guard hasWhole || hasFraction, let letter = lexer.first, letter | 0x20 == UInt8(ascii: "e")
    else { return lexer.isEmpty && (hasWhole || hasFraction) }
    lexer = lexer.dropFirst()
    if lexer.first == UInt8(ascii: "+") || lexer.first == UInt8(ascii: "-") {
      lexer = lexer.dropFirst()
    }
    return skipDigits() && lexer.isEmpty
  }
}
