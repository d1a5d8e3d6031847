import Glibc

extension Span<UInt8> {
  /// True when both spans hold the same bytes.
  package func hasSameBytes(as other: Span<UInt8>) -> Bool {
    count == other.count && compareBytes(with: other) == 0
  }

  /// Negative, zero or positive as these bytes sort before, equal to or after
  /// `other`, byte by byte; a beginning sorts before the whole.
  package func compareBytes(with other: Span<UInt8>) -> Int {
    let shared = Swift.min(count, other.count)
    guard shared > 0 else { return count - other.count }
    let order = unsafe withUnsafeBufferPointer { own in
      unsafe other.withUnsafeBufferPointer { other in
        // Safety: both buffers hold `shared` bytes at least, and that is not 0.
        unsafe memcmp(own.baseAddress!, other.baseAddress!, shared)
      }
    }
    return order == 0 ? count - other.count : Int(order)
  }
}

extension Span<UInt8> {
  /// The number of bytes at the beginning that are the same in both spans.
  package func commonPrefixCount(with other: Span<UInt8>) -> Int {
    let shared = Swift.min(count, other.count)
    var index = 0
    while index <= shared - 8 {
      let difference = word(at: index) ^ other.word(at: index)
      if difference != 0 { return index + difference.trailingZeroBitCount / 8 }
      index += 8
    }
    while index < shared, self[index] == other[index] { index += 1 }
    return index
  }

  /// The eight bytes from `index` on, the first being the lowest.
  private func word(at index: Int) -> UInt64 {
    precondition(index >= 0 && index <= count - 8)
    // Safety: the bytes lie within the span, and any bits are a number.
    return unsafe withUnsafeBytes {
      UInt64(littleEndian: unsafe $0.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }
  }
}

extension String {
  /// Decodes UTF-8; each ill-formed sequence becomes U+FFFD.
  package init(decodingUTF8 bytes: Span<UInt8>) {
    self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// Negative, zero or positive as the UTF-8 bytes sort before, equal to or
  /// after those of `other`.
  ///
  /// The operators of `String` take canonically equal texts for the same;
  /// labels are compared by their bytes.
  package func compareUTF8(with other: String) -> Int {
    utf8.span.compareBytes(with: other.utf8.span)
  }
}
