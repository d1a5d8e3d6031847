/// Loads of bits from the high bit of a byte on.
enum BitInput {
  /// The bits from `bit` on, at least 57 of them, followed by zeros.
  @inline(__always)
  @unsafe static func load(_ bytes: RawSpan, atBit bit: Int) -> UInt64 {
    unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: bit >> 3, as: UInt64.self)
      .bigEndian &<< UInt64(truncatingIfNeeded: bit & 7)
  }

  /// The 64 bits from `bit` on.
  @inline(__always)
  @unsafe static func loadWhole(_ bytes: RawSpan, atBit bit: Int) -> UInt64 {
    let last = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: bit >> 3 &+ 8, as: UInt8.self)
    return unsafe load(bytes, atBit: bit) | UInt64(last)
      &>> UInt64(truncatingIfNeeded: 8 &- bit & 7)
  }
}
