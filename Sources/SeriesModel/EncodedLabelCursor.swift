/// Walks the encoded form of a label set, label by label.
struct EncodedLabelCursor {
  /// The name's bytes of the current label.
  private(set) var name = 0..<0
  /// The value's bytes of the current label.
  private(set) var value = 0..<0
  /// Everything that encodes the current label.
  private(set) var whole = 0..<0

  /// Stands before the label that is encoded from `position` on.
  init(at position: Int = 0) {
    whole = position..<position
  }

  /// Moves to the next label, or returns false at the end.
  ///
  /// - Precondition: `bytes` are well formed.
  mutating func advance(in bytes: Span<UInt8>) -> Bool {
    guard whole.upperBound < bytes.count else { return false }
    let start = whole.upperBound
    name = EncodedLabelCursor.lengthPrefixed(in: bytes, at: start)
    value = EncodedLabelCursor.lengthPrefixed(in: bytes, at: name.upperBound)
    whole = start..<value.upperBound
    return true
  }

  private static func lengthPrefixed(in bytes: Span<UInt8>, at start: Int) -> Range<Int> {
    var position = start
    var length = Int(bytes[position] & 0x7F)
    var shift = 7
    while bytes[position] >= 0x80 {
      position += 1
      length |= Int(bytes[position] & 0x7F) << shift
      shift += 7
    }
    return position + 1..<position + 1 + length
  }
}

extension Labels {
  /// True when `bytes` are the encoded form of a label set.
  static func isWellFormed(_ bytes: [UInt8]) -> Bool {
    let span = bytes.span
    var position = 0
    var previousName: Range<Int>?
    while position < bytes.count {
      guard let name = checkedLengthPrefixed(in: span, at: position),
        let value = checkedLengthPrefixed(in: span, at: name.upperBound),
        name.isEmpty == false, value.isEmpty == false
      else { return false }
      if let previousName {
        let order = span.extracting(previousName).compareBytes(with: span.extracting(name))
        guard order < 0 else { return false }
      }
      previousName = name
      position = value.upperBound
    }
    return true
  }

  private static func checkedLengthPrefixed(
    in bytes: Span<UInt8>, at start: Int
  ) -> Range<Int>? {
    var length = 0
    var position = start
    // Four bytes reach 256 MiB, beyond every limit on names and values.
    for shift in stride(from: 0, through: 21, by: 7) {
      guard position < bytes.count else { return nil }
      let byte = bytes[position]
      position += 1
      length |= Int(byte & 0x7F) << shift
      if byte < 0x80 {
        let isShortest = shift == 0 || byte != 0
        guard isShortest, length <= bytes.count - position else { return nil }
        return position..<position + length
      }
    }
    return nil
  }

  /// Appends one encoded label; the caller keeps the name order.
  static func appendEncoded(
    name: Span<UInt8>, value: Span<UInt8>, to bytes: inout [UInt8]
  ) {
    for part in [0, 1] {
      let text = part == 0 ? name : value
      var length = text.count
      precondition(length < 1 << 28, "a label name or value is at most 256 MiB long")
      while length >= 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: length) | 0x80)
        length >>= 7
      }
      bytes.append(UInt8(length))
      unsafe text.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }
  }
}
