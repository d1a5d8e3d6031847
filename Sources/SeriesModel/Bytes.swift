extension Span<UInt8> {
  /// True when both spans hold the same bytes.
  package func hasSameBytes(as other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    return compareBytes(with: other) == 0
  }

  /// Negative, zero or positive as these bytes sort before, equal to or after
  /// `other`, byte by byte; a beginning sorts before the whole.
  package func compareBytes(with other: Span<UInt8>) -> Int {
    let shared = Swift.min(count, other.count)
    for index in 0..<shared where self[index] != other[index] {
      return Int(self[index]) - Int(other[index])
    }
    return count - other.count
  }
}

extension String {
  /// Decodes UTF-8; each ill-formed sequence becomes U+FFFD.
  package init(decodingUTF8 bytes: Span<UInt8>) {
    self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
  }
}
