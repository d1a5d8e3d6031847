/// Why a variable-length integer could not be read.
package enum VarintError: Error, Equatable, Sendable {
  /// The bytes end before the integer does.
  case truncated
  /// The integer has more than 64 bits.
  case overflow
}

/// Integers in 1 to 10 bytes, seven bits in each, low bits first: LEB128, as
/// in protobuf.
package enum Varint {
  /// The most bytes an integer takes.
  package static let maximumLength = 10

  /// Appends `value`.
  package static func append(_ value: UInt64, to output: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
      output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    output.append(UInt8(truncatingIfNeeded: rest))
  }

  /// Appends `value` so that small magnitudes of either sign are short:
  /// 0, -1, 1, -2 ... become 0, 1, 2, 3 ...
  package static func appendZigZag(_ value: Int64, to output: inout [UInt8]) {
    append(folded(value), to: &output)
  }

  /// The number of bytes that ``appendZigZag(_:to:)`` appends.
  package static func zigZagByteCount(of value: Int64) -> Int {
    max(1, (64 - folded(value).leadingZeroBitCount + 6) / 7)
  }

  private static func folded(_ value: Int64) -> UInt64 {
    UInt64(bitPattern: value << 1 ^ value >> 63)
  }

  /// Reads the integer at `offset` and moves `offset` past it.
  ///
  /// Needless zero bytes at its high end are accepted, as protobuf does.
  ///
  /// - Throws: ``VarintError``; `offset` stays where it was. An offset outside
  ///   of `bytes` is `truncated`.
  package static func read(
    _ bytes: RawSpan, at offset: inout Int
  ) throws(VarintError) -> UInt64 {
    guard offset >= 0 else { throw .truncated }
    var value: UInt64 = 0
    var place = offset
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard place < bytes.byteCount else { throw .truncated }
      let byte = bytes.byte(at: place)
      place += 1
      // The tenth byte has room for the topmost bit alone.
      if shift == 63, byte > 1 { throw .overflow }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 {
        offset = place
        return value
      }
    }
    throw .overflow
  }

  /// Reads the integer ``appendZigZag(_:to:)`` wrote at `offset` and moves
  /// `offset` past it.
  ///
  /// - Throws: As ``read(_:at:)``.
  package static func readZigZag(
    _ bytes: RawSpan, at offset: inout Int
  ) throws(VarintError) -> Int64 {
    let folded = try read(bytes, at: &offset)
    return Int64(bitPattern: folded >> 1) ^ -Int64(bitPattern: folded & 1)
  }
}
