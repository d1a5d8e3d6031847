// Numbers and durations look alike until they end: digits are read as a number
// for as long as possible, then a unit may follow.
extension Lexer {
  /// Reads a number or a duration. Whether its digits mean something is found
  /// out when its value is needed.
  mutating func skipNumberOrDuration() throws(ParseError) -> TokenKind {
    let start = place
    if skipNumber() { return .number }
    if skipUnits() { return .duration }
    throw fault(.number(text(SourceRange(start, place))), from: start)
  }

  /// Reads a number as far as it goes.
  ///
  /// - Returns: False if what was read is no number, or a letter follows.
  private mutating func skipNumber() -> Bool {
    var isHexadecimal = false
    if skip("0"), skip("x") || skip("X") {
      isHexadecimal = true
      _ = skip("_")
    }
    func isDigit(_ byte: UInt8) -> Bool {
      byte.isDigit || isHexadecimal && (byte | 0x20) &- UInt8(ascii: "a") < 6
    }
    _ = skip(".")
    var hasPoint = false
    var hasExponent = false
    while let byte = peeked {
      if isDigit(byte) {
        skip(while: isDigit)
        continue
      }
      switch byte {
      case UInt8(ascii: "."):
        place += 1
        guard !hasPoint, !isHexadecimal, !skipOne(of: "_.") else { return false }
        hasPoint = true
      case UInt8(ascii: "e"), UInt8(ascii: "E"):
        place += 1
        guard !hasExponent else { return false }
        hasExponent = true
        _ = skipOne(of: "+-")
        guard !skipOne(of: "._eE"), peeked != nil else { return false }
      case UInt8(ascii: "_"):
        place += 1
        guard !skipOne(of: "._eE"), peeked != nil else { return false }
      default:
        return !byte.continuesName
      }
    }
    return true
  }

  /// Reads units and the numbers between them, as in `h30m`.
  ///
  /// - Returns: False if what was read are no units, or a letter follows.
  private mutating func skipUnits() -> Bool {
    guard skipOne(of: "smhdwy") else { return false }
    // Only `ms` has two letters; others, such as `hs`, are refused later.
    _ = skip("s")
    while peeked?.isDigit == true {
      skip(while: \.isDigit)
      guard skipOne(of: "smhdw") else { return false }
      _ = skip("s")
    }
    guard let byte = peeked, byte.continuesName else { return true }
    place += 1
    return false
  }

  /// Skips the next byte if it is among `choices`.
  private mutating func skipOne(of choices: String) -> Bool {
    guard let byte = peeked, choices.utf8.contains(byte) else { return false }
    place += 1
    return true
  }
}
