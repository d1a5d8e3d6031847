/// The state of an open XOR chunk, to which samples are appended.
///
/// A plain value without references: many of them live in one array, while
/// the bytes they write live wherever the caller keeps them. Saved together
/// with those bytes, an open chunk is continued after a restart.
///
/// Layout of the payload, bits from the most significant on. The first
/// timestamp and the number of samples stand in the ``ChunkDescription``; the
/// first value is stored as its 64 bits. Each further sample has the delta of
/// its time delta (the first against 0, all modulo 2^64):
///
///     0                              delta of delta is 0
///     10    7 bits, two's complement
///     110   14 bits
///     1110  20 bits
///     1111  64 bits
///
/// and then its value, XORed with the value before:
///
///     0                              the values have equal bits
///     10    bits                     significant bits within the last frame
///     11    5 bits leading zeros, 6 bits length less 1, then the frame's bits
///
/// The last byte is filled up with zero bits.
///
/// Source: Gorilla, VLDB 2015, section 4.1. Differs in the timestamp sizes,
/// which suit milliseconds, in keeping all 64 bits of each number, and in
/// opening a new frame where that is shorter than the old frame.
///
/// - Invariant: The timestamps of one chunk rise strictly.
package struct XORChunkAppender: Hashable, Sendable, BitwiseCopyable {
  /// How many bytes an append may write behind the bytes in use.
  package static var scratchByteCount: Int { 24 }

  /// The number of samples so far.
  package private(set) var sampleCount: UInt32 = 0
  private var bitCount: UInt32 = 0
  /// The first sample's timestamp in milliseconds; 0 while there is none.
  package private(set) var firstTimestamp: Int64 = 0
  /// The last sample's timestamp in milliseconds; 0 while there is none.
  package private(set) var lastTimestamp: Int64 = 0
  private var lastDelta: Int64 = 0
  /// The bits of the last value.
  package private(set) var lastValueBits: UInt64 = 0
  private var frame = XORFrame()
  /// The byte that is filled in part; 0 when there is none. It is kept here so
  /// that an append writes to the chunk's memory, which is cold in the caches,
  /// and does not wait for a read.
  private var partialByte: UInt8 = 0

  /// Creates the state of an empty chunk.
  package init() {}

  /// The number of payload bytes in use.
  package var byteCount: Int { Int(bitCount + 7) >> 3 }

  /// What a directory stores about the chunk as it is now.
  package var description: ChunkDescription {
    ChunkDescription(
      classByte: ChunkClass.xor.rawValue, sampleCount: Int(sampleCount),
      minTimestamp: firstTimestamp, maxTimestamp: lastTimestamp)
  }

  /// Appends one sample.
  ///
  /// - Parameters:
  ///   - timestamp: Milliseconds, after ``lastTimestamp``.
  ///   - value: Any bit pattern.
  ///   - bytes: Holds, from `base` on, the full bytes of the chunk, then at
  ///     least ``scratchByteCount`` bytes of any content.
  ///   - base: Where the chunk begins.
  /// - Returns: What ``isFull`` is afterwards.
  /// - Precondition: The timestamp rises, the memory is large enough, and the
  ///   chunk holds fewer than ``ChunkDescription/largestSampleCount`` samples.
  @discardableResult
  package mutating func append(
    timestampMilliseconds timestamp: Int64, value: Double, to bytes: inout MutableSpan<UInt8>,
    at base: Int = 0
  ) -> Bool {
    let valueBits = value.bitPattern
    let offset = base + Int(bitCount >> 3)
    let usedBits = Int(bitCount & 7)
    var bits = SampleBits(partialByte: partialByte, bitCount: usedBits)
    if sampleCount == 0 {
      firstTimestamp = timestamp
      bits.append(valueBits, bitCount: 64)
    } else {
      precondition(timestamp > lastTimestamp, "the timestamps of a chunk rise strictly")
      precondition(Int(sampleCount) < ChunkDescription.largestSampleCount, "the chunk is full")
      // &-: deltas are defined modulo 2^64, so the edges of Int64 work.
      let delta = timestamp &- lastTimestamp
      appendDeltaOfDelta(delta &- lastDelta, to: &bits)
      frame.append(valueBits ^ lastValueBits, to: &bits)
      lastDelta = delta
    }
    bits.store(to: &bytes, atByteOffset: offset)
    partialByte = bits.partialByte
    bitCount += UInt32(bits.count - usedBits)
    sampleCount += 1
    lastTimestamp = timestamp
    lastValueBits = valueBits
    return isFull
  }

  private func appendDeltaOfDelta(_ difference: Int64, to bits: inout SampleBits) {
    // Truncation keeps the low bits, which are all that is appended.
    let low = UInt64(bitPattern: difference)
    switch difference {
    case 0: bits.append(0, bitCount: 1)
    case -64...63: bits.append(0b10 << 7 | low & 0x7F, bitCount: 9)
    case -8192...8191: bits.append(0b110 << 14 | low & 0x3FFF, bitCount: 17)
    case -524_288...524_287: bits.append(0b1110 << 20 | low & 0xF_FFFF, bitCount: 24)
    default:
      bits.append(0b1111, bitCount: 4)
      bits.append(low, bitCount: 64)
    }
  }
}

// MARK: - Fullness

extension XORChunkAppender {
  /// The number of samples at which a chunk is full whatever its size.
  package static let fullSampleCount = 240
  /// The bytes at which a chunk is full whatever it holds: two such chunks
  /// fit a page of the tables.
  package static let fullByteCount = 1900
  /// The bytes with which a chunk is full at half the number of samples.
  private static let halfFullByteCount = 400

  /// True when no further sample should be appended: a chunk of 120 samples
  /// is large enough to be worth its overhead when its samples are large, and
  /// one of 240 is as long as is quick to decode.
  ///
  /// Chunks end at the same few numbers of samples, so that the series of one
  /// scrape keep having chunks of the same timestamps.
  package var isFull: Bool {
    sampleCount >= XORChunkAppender.fullSampleCount
      || sampleCount == XORChunkAppender.fullSampleCount / 2
        && byteCount >= XORChunkAppender.halfFullByteCount
      || byteCount >= XORChunkAppender.fullByteCount
  }
}

// MARK: - Saving

extension XORChunkAppender {
  /// The state in plain numbers, to be saved beside the chunk's bytes.
  package struct State: Hashable, Sendable, BitwiseCopyable {
    /// The number of samples.
    package var sampleCount: UInt32
    /// The number of bits that they take.
    package var bitCount: UInt32
    /// The first sample's timestamp in milliseconds.
    package var firstTimestamp: Int64
    /// The last sample's timestamp in milliseconds.
    package var lastTimestamp: Int64
    /// The last two timestamps' difference, modulo 2^64.
    package var lastDelta: Int64
    /// The bits of the last value.
    package var lastValueBits: UInt64
    /// The leading zeros of the frame.
    package var frameLeadingZeroCount: UInt8
    /// The length of the frame; 0 while there is none.
    package var frameBitCount: UInt8

    /// The number of bytes that the samples take.
    package var byteCount: Int { Int((UInt64(bitCount) + 7) >> 3) }

    /// Creates a state; ``XORChunkAppender/init(_:lastByte:)`` checks it.
    package init(
      sampleCount: UInt32, bitCount: UInt32, firstTimestamp: Int64, lastTimestamp: Int64,
      lastDelta: Int64, lastValueBits: UInt64, frameLeadingZeroCount: UInt8, frameBitCount: UInt8
    ) {
      self.sampleCount = sampleCount
      self.bitCount = bitCount
      self.firstTimestamp = firstTimestamp
      self.lastTimestamp = lastTimestamp
      self.lastDelta = lastDelta
      self.lastValueBits = lastValueBits
      self.frameLeadingZeroCount = frameLeadingZeroCount
      self.frameBitCount = frameBitCount
    }
  }

  /// The state as it is now.
  package var state: State {
    State(
      sampleCount: sampleCount, bitCount: bitCount, firstTimestamp: firstTimestamp,
      lastTimestamp: lastTimestamp, lastDelta: lastDelta, lastValueBits: lastValueBits,
      frameLeadingZeroCount: frame.leadingZeroCount, frameBitCount: frame.bitCount)
  }

  /// Continues from a saved state.
  ///
  /// - Parameter lastByte: The last byte of the chunk; any for a chunk that gets
  ///   no further sample.
  /// - Throws: ``ChunkError/malformedState`` when no append could have led to it.
  package init(_ state: State, lastByte: UInt8) throws(ChunkError) {
    sampleCount = state.sampleCount
    bitCount = state.bitCount
    firstTimestamp = state.firstTimestamp
    lastTimestamp = state.lastTimestamp
    lastDelta = state.lastDelta
    lastValueBits = state.lastValueBits
    frame = XORFrame(
      leadingZeroCount: state.frameLeadingZeroCount, bitCount: state.frameBitCount)
    let usedBits = UInt8(bitCount & 7)
    partialByte = usedBits == 0 ? 0 : lastByte & ~(0xFF >> usedBits)
    guard isPossible else { throw .malformedState }
  }

  private var isPossible: Bool {
    guard sampleCount > 0 else { return self == XORChunkAppender() }
    let further = UInt64(sampleCount) - 1
    return sampleCount <= ChunkDescription.largestSampleCount
      && UInt64(bitCount) >= 64 + 2 * further && UInt64(bitCount) <= 64 + 145 * further
      && (sampleCount == 1 ? firstTimestamp == lastTimestamp : firstTimestamp < lastTimestamp)
      && frame.isPossible
  }

  /// Checks that the chunk's bytes hold the samples that the state tells of, and
  /// can be appended to.
  ///
  /// - Throws: ``ChunkError`` when they don't.
  /// - Complexity: Decodes the chunk.
  /// - Precondition: The chunk has a sample.
  package func check(_ bytes: Span<UInt8>) throws(ChunkError) {
    try XORChunkDecoder.check(bytes, against: state)
  }

  /// The size of the state in its fixed form, of stores of format 1.
  package static let fixedByteCount = 42

  /// Continues from a state in its fixed form, of stores of format 1.
  ///
  /// Layout: little-endian; sample count (4), bit count (4), first timestamp,
  /// last timestamp, last delta, last value bits (8 each), frame's leading
  /// zeros, frame's length (1 each).
  ///
  /// - Parameter lastByte: As for ``init(_:lastByte:)``.
  /// - Throws: ``ChunkError/malformedState`` when `bytes` have another size
  ///   than ``fixedByteCount`` or no append could have led to the state.
  package init(fixed bytes: Span<UInt8>, lastByte: UInt8) throws(ChunkError) {
    guard bytes.count == XORChunkAppender.fixedByteCount else { throw .malformedState }
    func number(at offset: Int, byteCount: Int) -> UInt64 {
      var number: UInt64 = 0
      for index in (0..<byteCount).reversed() {
        number = number << 8 | UInt64(bytes[offset + index])
      }
      return number
    }
    try self.init(
      State(
        sampleCount: UInt32(number(at: 0, byteCount: 4)),
        bitCount: UInt32(number(at: 4, byteCount: 4)),
        firstTimestamp: Int64(bitPattern: number(at: 8, byteCount: 8)),
        lastTimestamp: Int64(bitPattern: number(at: 16, byteCount: 8)),
        lastDelta: Int64(bitPattern: number(at: 24, byteCount: 8)),
        lastValueBits: number(at: 32, byteCount: 8),
        frameLeadingZeroCount: UInt8(number(at: 40, byteCount: 1)),
        frameBitCount: UInt8(number(at: 41, byteCount: 1))), lastByte: lastByte)
  }
}
