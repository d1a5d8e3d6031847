/// Values that are all the same, bit for bit.
///
/// Layout: the bytes of the value from the most significant on, without the
/// zero bytes at its low end. Small integers take two bytes, zero none.
enum ConstantValues {
  static func append(_ value: Double, to bytes: inout [UInt8]) {
    var rest = value.bitPattern
    while rest != 0 {
      bytes.append(UInt8(truncatingIfNeeded: rest >> 56))
      rest <<= 8
    }
  }

  /// Stores the value as `count` elements of `output` from `start` on.
  static func decode(
    _ bytes: Span<UInt8>, count: Int, into output: inout MutableSpan<Double>, from start: Int
  ) throws(ChunkError) {
    guard bytes.count <= 8 else { throw .trailingBytes }
    var bits: UInt64 = 0
    for index in 0..<bytes.count { bits |= UInt64(bytes[index]) << UInt64(56 - 8 * index) }
    let value = Double(bitPattern: bits)
    precondition(start >= 0 && start + count <= output.count)
    // Safety: the precondition above.
    for index in start..<start + count { unsafe output[unchecked: index] = value }
  }
}
