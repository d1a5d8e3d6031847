import ChunkEncoding
import Numbers
import SeriesModel

/// The open chunk of a series in a checkpoint.
struct OpenChunkRecord: Equatable {
  var seriesID: SeriesID
  var windowLength: Int64
  var appender: XORChunkAppender
  /// Empty when the chunk was closed already, and the state only tells the last
  /// sample, as records of kind 2 may have it.
  var bytes: [UInt8]

  init(
    seriesID: SeriesID, windowLength: Int64, appender: XORChunkAppender, bytes: [UInt8]
  ) {
    self.seriesID = seriesID
    self.windowLength = windowLength
    self.appender = appender
    self.bytes = bytes
  }

  /// Decodes a record of kind 2, of one chunk, whose samples are not looked at:
  /// see ``isSound``.
  ///
  /// Layout of the payload: series id (8 bytes, little-endian), window length
  /// in milliseconds (8), ``XORChunkAppender`` in its fixed form, the chunk's
  /// bytes or none; without bytes the window length says nothing.
  init(decoding input: Span<UInt8>) throws(RecordError) {
    let stateEnd = 16 + XORChunkAppender.fixedByteCount
    guard input.count >= stateEnd else { throw .malformed }
    seriesID = SeriesID(input.littleEndian(at: 0, byteCount: 8))
    windowLength = Int64(bitPattern: input.littleEndian(at: 8, byteCount: 8))
    bytes = input.extracting(stateEnd...).copied()
    do throws(ChunkError) {
      appender = try XORChunkAppender(
        fixed: input.extracting(16..<stateEnd), lastByte: bytes.last ?? 0)
    } catch {
      throw .malformed
    }
    guard appender.sampleCount > 0, bytes.isEmpty || isOpen else { throw .malformed }
  }

  /// Whether the bytes decode to what the state says. If not, nothing can be
  /// appended to the chunk, and it can't be closed.
  ///
  /// - Complexity: Decodes the chunk.
  var isSound: Bool {
    if bytes.isEmpty { return true }
    do throws(ChunkError) {
      try appender.check(bytes.span)
      return true
    } catch {
      return false
    }
  }

  /// True when the state can be that of an open chunk with these bytes.
  fileprivate var isOpen: Bool {
    let lengths = 1000...Window.largestLengthMilliseconds
    guard lengths.contains(windowLength), windowLength % 1000 == 0 else { return false }
    let window = Window(
      containing: appender.firstTimestamp, lengthMilliseconds: windowLength)
    return appender.sampleCount > 0 && bytes.count == appender.byteCount
      && appender.isFull == false && appender.lastTimestamp <= window.lastMilliseconds
  }
}

/// Open chunks of several series in one record of a checkpoint.
///
/// Layout of the payload, for each chunk, numbers as LEB128: series id less that
/// of the chunk before (modulo 2^64), window length in seconds, sample count,
/// bit count, first timestamp less that of the chunk before (zigzag), last
/// timestamp less the first, last delta (zigzag), last value bits (8 bytes,
/// little-endian), leading zeros and length of the frame, the chunk's bytes.
struct OpenChunksRecord {
  /// A record with this many bytes is worth its header and checksum, and little
  /// is lost with it.
  static let fullByteCount = 16 << 10

  private(set) var payload: [UInt8] = []
  private var previousID: UInt64 = 0
  private var previousFirst: Int64 = 0

  init() {}

  var isEmpty: Bool { payload.isEmpty }
  var isFull: Bool { payload.count >= OpenChunksRecord.fullByteCount }

  mutating func append(_ chunk: OpenChunkRecord) {
    let state = chunk.appender.state
    // &-: differences modulo 2^64 are undone by the decoder's &+.
    Varint.append(chunk.seriesID.rawValue &- previousID, to: &payload)
    Varint.append(UInt64(chunk.windowLength / 1000), to: &payload)
    Varint.append(UInt64(state.sampleCount), to: &payload)
    Varint.append(UInt64(state.bitCount), to: &payload)
    Varint.appendZigZag(state.firstTimestamp &- previousFirst, to: &payload)
    Varint.append(
      UInt64(bitPattern: state.lastTimestamp &- state.firstTimestamp), to: &payload)
    Varint.appendZigZag(state.lastDelta, to: &payload)
    payload.appendLittleEndian(state.lastValueBits)
    payload.append(state.frameLeadingZeroCount)
    payload.append(state.frameBitCount)
    payload.append(contentsOf: chunk.bytes)
    previousID = chunk.seriesID.rawValue
    previousFirst = state.firstTimestamp
  }

  /// The chunks of a record, whose samples are not looked at: see
  /// ``OpenChunkRecord/isSound``.
  static func chunks(decoding bytes: Span<UInt8>) throws(RecordError) -> [OpenChunkRecord] {
    var input = RecordInput(bytes, at: 0)
    var chunks: [OpenChunkRecord] = []
    var id: UInt64 = 0
    var first: Int64 = 0
    while input.isAtEnd == false {
      id &+= try input.number()
      let windowSeconds = try input.number()
      guard windowSeconds <= UInt64(Window.largestLengthMilliseconds / 1000) else {
        throw .malformed
      }
      let (appender, chunkBytes) = try input.openChunk(firstTimestampAfter: first)
      let chunk = OpenChunkRecord(
        seriesID: SeriesID(id), windowLength: Int64(windowSeconds) * 1000, appender: appender,
        bytes: chunkBytes)
      guard chunk.isOpen else { throw .malformed }
      chunks.append(chunk)
      first = appender.firstTimestamp
    }
    return chunks
  }
}

extension RecordInput {
  fileprivate mutating func openChunk(
    firstTimestampAfter previous: Int64
  ) throws(RecordError) -> (appender: XORChunkAppender, bytes: [UInt8]) {
    let sampleCount = try number()
    let bitCount = try number()
    let first = previous &+ (try signedNumber())
    let last = first &+ Int64(bitPattern: try number())
    let delta = try signedNumber()
    let valueBits = try fixedNumber()
    let frame = try bytes(count: 2)
    guard let sampleCount = UInt32(exactly: sampleCount), let bitCount = UInt32(exactly: bitCount)
    else { throw .malformed }
    let state = XORChunkAppender.State(
      sampleCount: sampleCount, bitCount: bitCount, firstTimestamp: first, lastTimestamp: last,
      lastDelta: delta, lastValueBits: valueBits, frameLeadingZeroCount: frame[0],
      frameBitCount: frame[1])
    let chunkBytes = try bytes(count: state.byteCount)
    do throws(ChunkError) {
      return (try XORChunkAppender(state, lastByte: chunkBytes.last ?? 0), chunkBytes)
    } catch {
      throw .malformed
    }
  }
}

/// The buffered samples of a series, which are in no chunk yet.
///
/// Layout of the payload of plain samples: series id, then timestamp and value
/// of each sample (8 bytes each, little-endian), ascending in time. Of others:
/// series id (8 bytes, little-endian), class byte, then as LEB128 the sample
/// count, the first timestamp (zigzag), the last timestamp less the first, the
/// byte count of the timestamp vector; that vector, and the payload of the chunk
/// of all samples.
struct BufferedSamplesRecord {
  var seriesID: SeriesID
  /// Not empty.
  var columns: SampleColumns

  var kind: RecordKind { columns.isPlain ? .bufferedSamples : .richBufferedSamples }

  func encode(into output: inout [UInt8]) {
    output.appendLittleEndian(seriesID.rawValue)
    guard columns.isPlain else {
      var compressor = ChunkCompressor()
      encode(compressor.encode(columns, at: 0..<columns.count), into: &output)
      return
    }
    for (timestamp, value) in zip(columns.timestamps, columns.values) {
      output.appendLittleEndian(timestamp)
      output.appendLittleEndian(value.bitPattern)
    }
  }

  private func encode(_ chunk: EncodedChunk, into output: inout [UInt8]) {
    let description = chunk.description
    output.append(description.classByte)
    Varint.append(UInt64(description.sampleCount), to: &output)
    Varint.appendZigZag(description.minTimestamp, to: &output)
    // &-: differences modulo 2^64 are undone by the decoder's &+.
    Varint.append(
      UInt64(bitPattern: description.maxTimestamp &- description.minTimestamp), to: &output)
    output.appendLengthPrefixed(chunk.timestamps)
    output += chunk.payload
  }

  init(seriesID: SeriesID, columns: SampleColumns) {
    self.seriesID = seriesID
    self.columns = columns
  }

  init(decoding input: Span<UInt8>, kind: RecordKind) throws(RecordError) {
    columns = SampleColumns()
    guard input.count >= 24 || kind == .richBufferedSamples && input.count > 8 else {
      throw .malformed
    }
    seriesID = SeriesID(input.littleEndian(at: 0, byteCount: 8))
    if kind == .richBufferedSamples {
      try decodeChunk(input)
    } else {
      try decodePlainSamples(input)
    }
  }

  private mutating func decodePlainSamples(_ input: Span<UInt8>) throws(RecordError) {
    guard input.count % 16 == 8 else { throw .malformed }
    for offset in stride(from: 8, to: input.count, by: 16) {
      let timestamp = Int64(bitPattern: input.littleEndian(at: offset, byteCount: 8))
      if let last = columns.timestamps.last, last >= timestamp { throw .malformed }
      columns.append(
        timestampMilliseconds: timestamp,
        value: Double(bitPattern: input.littleEndian(at: offset + 8, byteCount: 8)))
    }
  }

  private mutating func decodeChunk(_ input: Span<UInt8>) throws(RecordError) {
    var reader = RecordInput(input, at: 8)
    let classByte = try reader.bytes(count: 1)[0]
    let sampleCount = try reader.number()
    guard sampleCount <= UInt64(ChunkDescription.largestSampleCount) else { throw .malformed }
    let first = try reader.signedNumber()
    let last = first &+ Int64(bitPattern: try reader.number())
    let vector = try reader.byteString()
    let chunk = EncodedChunk(
      description: ChunkDescription(
        classByte: classByte, sampleCount: Int(sampleCount), minTimestamp: first,
        maxTimestamp: last),
      timestamps: vector, payload: try reader.rest())
    do throws(ChunkError) {
      try chunk.decode(into: &columns)
    } catch {
      throw .malformed
    }
  }
}
