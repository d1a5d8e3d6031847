/// Decodes XOR chunks in bulk; the layout is that of ``XORChunkAppender``.
///
/// One loop reads whole samples wherever at least `slackByteCount` bytes
/// follow, so that it needs a single guard for each. The end of a payload is
/// copied in front of zeros first and read by the same loop: bits read
/// beyond the payload then harm nothing and are noticed afterwards.
struct XORChunkDecoder {
  /// A sample reads at most 145 bits, in loads of 8 bytes and one more byte.
  private static let slackByteCount = 32

  private var index: Int
  private var bit = 64
  private var timestamp: Int64
  private var delta: Int64 = 0
  private var valueBits: UInt64
  // Before the first frame is opened, a frame is the whole value.
  private var frameLength = 64
  private var frameTrailing = 0
  /// True when the timestamps don't rise, or a frame is not within 64 bits.
  private var isDamaged = false

  /// Decodes the samples of a payload into the elements of `timestamps` and
  /// `values` from `start` on.
  ///
  /// - Precondition: Both arrays have the same count, above `start`.
  static func decode(
    _ payload: Span<UInt8>, firstTimestamp: Int64, from start: Int,
    timestamps timestampArray: inout [Int64], values valueArray: inout [Double]
  ) throws(ChunkError) {
    _ = try end(
      of: payload, firstTimestamp: firstTimestamp, from: start, timestamps: &timestampArray,
      values: &valueArray)
  }

  /// Checks that an open chunk has the samples and the end that its state tells
  /// of, so that it can be appended to.
  static func check(
    _ payload: Span<UInt8>, against state: XORChunkAppender.State
  ) throws(ChunkError) {
    let count = Int(state.sampleCount)
    guard payload.count == Int(state.bitCount + 7) / 8, (count - 1) / 4 <= payload.count else {
      throw .truncated
    }
    var timestamps = [Int64](repeating: 0, count: count)
    var values = [Double](repeating: 0, count: count)
    let (decoder, bitCount) = try end(
      of: payload, firstTimestamp: state.firstTimestamp, from: 0, timestamps: &timestamps,
      values: &values)
    // Without a frame the decoder has the whole value for one.
    let frameLength = state.frameBitCount == 0 ? 64 : Int(state.frameBitCount)
    let frameLeading = state.frameBitCount == 0 ? 0 : Int(state.frameLeadingZeroCount)
    guard bitCount == Int(state.bitCount), decoder.timestamp == state.lastTimestamp,
      decoder.delta == state.lastDelta, decoder.valueBits == state.lastValueBits,
      decoder.frameLength == frameLength,
      decoder.frameTrailing == 64 - frameLeading - frameLength
    else { throw .contradictory }
  }

  /// Decodes a payload as ``decode(_:firstTimestamp:from:timestamps:values:)``
  /// does, and returns the state behind the last sample and the bits in use.
  private static func end(
    of payload: Span<UInt8>, firstTimestamp: Int64, from start: Int,
    timestamps timestampArray: inout [Int64], values valueArray: inout [Double]
  ) throws(ChunkError) -> (decoder: XORChunkDecoder, bitCount: Int) {
    guard payload.count >= 8 else { throw .truncated }
    var first: UInt64 = 0
    for index in 0..<8 { first = first << 8 | UInt64(payload[index]) }
    var timestamps = timestampArray.mutableSpan
    var values = valueArray.mutableSpan
    precondition(timestamps.count == values.count && start < values.count)
    timestamps[start] = firstTimestamp
    values[start] = Double(bitPattern: first)
    var decoder = XORChunkDecoder(
      index: start + 1, timestamp: firstTimestamp, valueBits: first)
    decoder.run(over: payload, timestamps: &timestamps, values: &values)
    var endBit = payload.count * 8
    if decoder.index < timestamps.count {
      let tailStart = decoder.bit >> 3
      let rest = payload.count - tailStart
      guard rest > 0 else { throw .truncated }
      var tail = InlineArray<72, UInt8>(repeating: 0)
      for offset in 0..<rest {
        tail[offset] = payload[tailStart + offset]
      }
      decoder.bit &= 7
      endBit = rest * 8
      decoder.run(over: tail.span, timestamps: &timestamps, values: &values)
    }
    guard decoder.index == timestamps.count, decoder.bit <= endBit else { throw .truncated }
    guard endBit - decoder.bit < 8 else { throw .trailingBytes }
    guard decoder.isDamaged == false else { throw .contradictory }
    return (decoder, payload.count * 8 - (endBit - decoder.bit))
  }

  private init(index: Int, timestamp: Int64, valueBits: UInt64) {
    self.index = index
    self.timestamp = timestamp
    self.valueBits = valueBits
  }

  /// Decodes until every sample is there or fewer than `slackByteCount` bytes
  /// follow.
  ///
  /// The state is kept in local variables, which live in registers; that makes
  /// the function long. &+ and &-: deltas are defined modulo 2^64, and the
  /// guard keeps positions small.
  private mutating func run(
    over span: Span<UInt8>, timestamps: inout MutableSpan<Int64>, values: inout MutableSpan<Double>
  ) {
    let count = timestamps.count
    // Safety: bytes have no padding.
    let bytes = unsafe span.bytes
    let lastStart = bytes.byteCount - XORChunkDecoder.slackByteCount
    var (index, bit, timestamp, delta) = (index, bit, timestamp, delta)
    var (valueBits, frameLength, frameTrailing) = (valueBits, frameLength, frameTrailing)
    var isDamaged = isDamaged
    // Safety of the loads: the guard leaves 32 bytes behind the sample's first
    // byte, and a sample loads nothing beyond its first 28.
    while index < count, bit >> 3 <= lastStart {
      var word = unsafe BitInput.load(bytes, atBit: bit)
      if Int64(bitPattern: word) >= 0 {
        word &<<= 1
        bit &+= 1
      } else if word >> 60 == 0b1111 {
        let difference = unsafe BitInput.loadWhole(bytes, atBit: bit &+ 4)
        delta &+= Int64(bitPattern: difference)
        bit &+= 68
        word = unsafe BitInput.load(bytes, atBit: bit)
      } else {
        // Bits are shifted out to the left; the arithmetic shift back to the
        // right extends the sign.
        let (prefix, size): (UInt64, UInt64) =
          word >> 62 == 0b10 ? (2, 7) : word >> 61 == 0b110 ? (3, 14) : (4, 20)
        delta &+= Int64(bitPattern: word &<< prefix) &>> Int64(64 &- size)
        word &<<= prefix &+ size
        bit &+= Int(prefix &+ size)
      }
      let next = timestamp &+ delta
      isDamaged = isDamaged || next <= timestamp
      timestamp = next

      // At least 33 bits are left of the word; the control bits need 13.
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
      // Safety: `index` is below the counts of both spans, which are equal.
      unsafe timestamps[unchecked: index] = timestamp
      unsafe values[unchecked: index] = Double(bitPattern: valueBits)
      index &+= 1
    }
    (self.index, self.bit, self.timestamp, self.delta) = (index, bit, timestamp, delta)
    (self.valueBits, self.frameLength, self.frameTrailing) = (
      valueBits, frameLength, frameTrailing
    )
    self.isDamaged = isDamaged
  }
}
