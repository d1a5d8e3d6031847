/// The header fields of an answer, as they arrived.
///
/// Nothing is made of a field until it is asked for: of most answers, one or
/// two are.
package struct HeaderFields: Sendable {
  /// The lines, each with its end.
  private var bytes: [UInt8] = []

  /// The bytes of all lines.
  var byteCount: Int { bytes.count }

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
  }

  mutating func add(_ line: Span<UInt8>) {
    // Safety: the bytes are copied before the closure returns.
    unsafe line.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
  }

  /// The value of the first field of that name, compared without regard to
  /// ASCII case, without the blanks around it.
  package subscript(_ name: String) -> String? {
    var start = 0
    while start < bytes.count {
      let lineEnd = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      let nameEnd = start + name.utf8.count
      if nameEnd < lineEnd, bytes[nameEnd] == UInt8(ascii: ":"),
        bytes[start..<nameEnd].elementsEqual(name.utf8, by: isSameLetter)
      {
        return trimmedText(nameEnd + 1..<lineEnd)
      }
      start = lineEnd + 1
    }
    return nil
  }

  private func trimmedText(_ range: Range<Int>) -> String {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start < end, bytes[start].isHeaderBlank { start += 1 }
    while end > start, bytes[end - 1].isHeaderBlank { end -= 1 }
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }
}

private func isSameLetter(_ left: UInt8, _ right: UInt8) -> Bool {
  left.asciiLowered == right.asciiLowered
}

extension UInt8 {
  fileprivate var isHeaderBlank: Bool {
    self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") || self == UInt8(ascii: "\r")
  }

  fileprivate var asciiLowered: UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
  }
}
