/// The bits of one sample, at most 192, collected before they are stored.
///
/// The bits are kept from the most significant bit of `words.0` on, so the
/// bytes of the words in big-endian order are the bytes of the chunk.
struct SampleBits {
  private(set) var words: (UInt64, UInt64, UInt64) = (0, 0, 0)
  private(set) var count = 0

  /// Starts with the first `bitCount` bits of a byte whose other bits are zero.
  init(partialByte: UInt8, bitCount: Int) {
    count = bitCount
    words.0 = UInt64(partialByte) << 56
  }

  /// Appends the low `bitCount` bits of `bits`.
  ///
  /// - Precondition: `bitCount` is in `1...64`; the sum stays within 192.
  @inline(__always)
  mutating func append(_ bits: UInt64, bitCount: Int) {
    // &<< and &>>: the shifts are below 64 by the precondition.
    let aligned = bits &<< UInt64(64 - bitCount)
    let offset = count & 63
    let here = aligned &>> UInt64(offset)
    let next = offset == 0 ? 0 : aligned &<< UInt64(64 - offset)
    switch count >> 6 {
    case 0:
      words.0 |= here
      words.1 = next
    case 1:
      words.1 |= here
      words.2 = next
    default:
      words.2 |= here
    }
    count += bitCount
  }

  /// The byte that is filled in part, zero bits behind; 0 when there is none.
  var partialByte: UInt8 {
    guard count & 7 != 0 else { return 0 }
    let word = count < 64 ? words.0 : count < 128 ? words.1 : words.2
    return UInt8(truncatingIfNeeded: word &>> UInt64(56 - (count & 56)))
  }

  /// Stores the words that hold bits; writes up to 24 bytes.
  ///
  /// - Precondition: 24 bytes follow `offset`.
  func store(to span: inout MutableSpan<UInt8>, atByteOffset offset: Int) {
    // Safety: any bytes are valid elements of a span of bytes.
    var bytes = unsafe span.mutableBytes
    bytes.storeBytes(of: words.0.bigEndian, toByteOffset: offset, as: UInt64.self)
    guard count > 64 else { return }
    bytes.storeBytes(of: words.1.bigEndian, toByteOffset: offset + 8, as: UInt64.self)
    guard count > 128 else { return }
    bytes.storeBytes(of: words.2.bigEndian, toByteOffset: offset + 16, as: UInt64.self)
  }
}
