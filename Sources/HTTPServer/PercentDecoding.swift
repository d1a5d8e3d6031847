/// Decodes `%XX` sequences of a path segment or a query string.
package enum PercentDecoding {
  /// Decodes to bytes.
  ///
  /// - Parameters:
  ///   - text: The encoded text.
  ///   - plusIsSpace: Whether `+` stands for a space, as in query strings and
  ///     forms; in a path it stands for itself.
  /// - Returns: `nil` when a `%` is not followed by two hexadecimal digits.
  /// - Complexity: O(*n*) in the bytes of `text`.
  package static func bytes(_ text: some StringProtocol, plusIsSpace: Bool) -> [UInt8]? {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(text.utf8.count)
    var rest = text.utf8.makeIterator()
    while let byte = rest.next() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = rest.next().flatMap(hexadecimalDigit),
          let low = rest.next().flatMap(hexadecimalDigit)
        else { return nil }
        decoded.append(high << 4 | low)
      case UInt8(ascii: "+") where plusIsSpace:
        decoded.append(UInt8(ascii: " "))
      default:
        decoded.append(byte)
      }
    }
    return decoded
  }

  /// Decodes to text.
  ///
  /// Bytes that are not UTF-8 become U+FFFD; callers to whom that matters take
  /// ``bytes(_:plusIsSpace:)``.
  ///
  /// - Returns: `nil` when a `%` is not followed by two hexadecimal digits.
  package static func text(_ text: some StringProtocol, plusIsSpace: Bool) -> String? {
    let isPlain = text.utf8.allSatisfy { $0 != UInt8(ascii: "%") && $0 != UInt8(ascii: "+") }
    if isPlain { return String(text) }
    return bytes(text, plusIsSpace: plusIsSpace).map { String(decoding: $0, as: UTF8.self) }
  }

  private static func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
