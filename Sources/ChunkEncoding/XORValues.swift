/// Values XORed with the ones before them, for values that are neither
/// constant nor decimal.
///
/// Layout: that of the values in ``XORChunkAppender``, without timestamps: the
/// first value in 64 bits; for each further one, from the high bit of a byte on:
///
///     0                                         equal bits
///     10  the bits of the frame                 significant bits in the last frame
///     11  5 bits: leading zeros, at most 31     a new frame
///         6 bits: length less 1
///         the bits of the frame
enum XORValues {
  static func append(_ values: ArraySlice<Double>, to bytes: inout [UInt8]) {
    guard let first = values.first else { return }
    let start = bytes.count
    // A value takes 77 bits at most, and storing it touches 24 bytes.
    bytes.append(contentsOf: repeatElement(0, count: values.count * 10 + 24))
    var output = bytes.mutableSpan
    var bitCount = 0
    var frame = XORFrame()
    var last = first.bitPattern
    for (index, value) in values.enumerated() {
      let offset = start + bitCount >> 3
      var bits = SampleBits(
        partialByte: bitCount & 7 == 0 ? 0 : output[offset], bitCount: bitCount & 7)
      if index == 0 {
        bits.append(last, bitCount: 64)
      } else {
        frame.append(value.bitPattern ^ last, to: &bits)
        last = value.bitPattern
      }
      bits.store(to: &output, atByteOffset: offset)
      bitCount += bits.count - bitCount & 7
    }
    bytes.removeSubrange((start + (bitCount + 7) >> 3)...)
  }

  /// Stores the first `limit` of `count` values as the elements of `output` from
  /// `start` on.
  static func decode(
    _ bytes: Span<UInt8>, count: Int, first limit: Int, into output: inout MutableSpan<Double>,
    from start: Int
  ) throws(ChunkError) {
    guard bytes.count >= 8 else { throw .truncated }
    var decoder = XORValuesDecoder(index: start, end: start + limit)
    decoder.run(over: bytes, into: &output)
    var endBit = bytes.count * 8
    if decoder.index < start + limit {
      // The end is copied in front of zeros, so that loads stay within bytes;
      // bits read beyond the end are noticed below.
      var tail = InlineArray<48, UInt8>(repeating: 0)
      let firstByte = decoder.bit >> 3
      guard firstByte < bytes.count else { throw .truncated }
      for offset in firstByte..<bytes.count { tail[offset - firstByte] = bytes[offset] }
      decoder.bit &= 7
      endBit = (bytes.count - firstByte) * 8
      decoder.run(over: tail.span, into: &output)
    }
    guard decoder.index == start + limit, decoder.bit <= endBit else { throw .truncated }
    guard limit < count || endBit - decoder.bit < 8 else { throw .trailingBytes }
    guard decoder.isDamaged == false else { throw .contradictory }
  }
}

/// The state of a walk over XORed values.
private struct XORValuesDecoder {
  /// A value reads at most 77 bits, in loads of 8 bytes and one more.
  private static let slackByteCount = 24

  private(set) var index: Int
  private let start: Int
  private let end: Int
  var bit = 0
  private var valueBits: UInt64 = 0
  // Before the first frame is opened, a frame is the whole value.
  private var frameLength = 64
  private var frameTrailing = 0
  private(set) var isDamaged = false

  init(index: Int, end: Int) {
    self.index = index
    start = index
    self.end = end
  }

  /// Decodes until every value is there or fewer than `slackByteCount` bytes
  /// follow.
  mutating func run(over span: Span<UInt8>, into output: inout MutableSpan<Double>) {
    precondition(start >= 0 && end <= output.count)
    // Safety: bytes have no padding.
    let bytes = unsafe span.bytes
    let lastStart = bytes.byteCount - XORValuesDecoder.slackByteCount
    var (index, bit, valueBits) = (index, bit, valueBits)
    var (frameLength, frameTrailing) = (frameLength, frameTrailing)
    // Safety of the loads: the guard leaves 24 bytes behind the value's first
    // byte, and a value loads nothing beyond its first 19.
    // &+ and &-: the guard keeps positions small.
    while index < end, bit >> 3 <= lastStart {
      if index == start {
        valueBits = unsafe BitInput.loadWhole(bytes, atBit: bit)
        bit &+= 64
      } else {
        let word = unsafe BitInput.load(bytes, atBit: bit)
        if Int64(bitPattern: word) >= 0 {
          bit &+= 1
        } else {
          if word >> 62 == 0b11 {
            frameLength = Int((word << 7) >> 58) &+ 1
            frameTrailing = 64 &- Int((word << 2) >> 59) &- frameLength
            isDamaged = isDamaged || frameTrailing < 0
            bit &+= 13
          } else {
            bit &+= 2
          }
          let frame = unsafe BitInput.loadWhole(bytes, atBit: bit)
          let bits = frame &>> UInt64(truncatingIfNeeded: 64 &- frameLength)
          valueBits ^= bits &<< UInt64(truncatingIfNeeded: frameTrailing)
          bit &+= frameLength
        }
      }
      // Safety: `index` is below `end`, which is within the output.
      unsafe output[unchecked: index] = Double(bitPattern: valueBits)
      index &+= 1
    }
    (self.index, self.bit, self.valueBits) = (index, bit, valueBits)
    (self.frameLength, self.frameTrailing) = (frameLength, frameTrailing)
  }
}
