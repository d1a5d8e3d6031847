import ChunkEncoding
import SeriesModel

/// The open chunk of a series in a checkpoint.
///
/// Layout of the payload: series id (8 bytes, little-endian), window length
/// in milliseconds (8), serialised ``XORChunkAppender``, the chunk's bytes.
/// Without bytes, the chunk was closed already, and the state only tells the
/// last sample; the window length may be 0 then.
struct OpenChunkRecord: Equatable {
  var seriesID: SeriesID
  var windowLength: Int64
  var appender: XORChunkAppender
  var bytes: [UInt8]

  func encode(into output: inout [UInt8]) {
    output.appendLittleEndian(seriesID.rawValue)
    output.appendLittleEndian(windowLength)
    appender.serialize(into: &output)
    output.append(contentsOf: bytes)
  }

  init(
    seriesID: SeriesID, windowLength: Int64, appender: XORChunkAppender, bytes: [UInt8]
  ) {
    self.seriesID = seriesID
    self.windowLength = windowLength
    self.appender = appender
    self.bytes = bytes
  }

  /// Decodes the record; the chunk's samples are not looked at, since the
  /// record's checksum was right, and a reader would notice.
  init(decoding input: Span<UInt8>) throws(RecordError) {
    let stateEnd = 16 + XORChunkAppender.serializedByteCount
    guard input.count >= stateEnd else { throw .malformed }
    seriesID = SeriesID(input.littleEndian(at: 0, byteCount: 8))
    windowLength = Int64(bitPattern: input.littleEndian(at: 8, byteCount: 8))
    do throws(ChunkError) {
      appender = try XORChunkAppender(serialized: input.extracting(16..<stateEnd))
    } catch {
      throw .malformed
    }
    bytes = input.extracting(stateEnd...).copied()
    guard appender.sampleCount > 0, bytes.isEmpty || isOpen else { throw .malformed }
  }

  /// True when the state can be that of an open chunk with these bytes.
  private var isOpen: Bool {
    let lengths = 1000...Window.largestLengthMilliseconds
    guard lengths.contains(windowLength), windowLength % 1000 == 0 else { return false }
    let window = Window(
      containing: appender.firstTimestamp, lengthMilliseconds: windowLength)
    return bytes.count == appender.byteCount && appender.isFull == false
      && appender.lastTimestamp <= window.lastMilliseconds
  }
}

/// The out-of-order samples of a series that are in no chunk yet.
///
/// Layout of the payload: series id, then timestamp and value of each sample
/// (8 bytes each, little-endian), ascending in time.
struct BufferedSamplesRecord: Equatable {
  var seriesID: SeriesID
  var timestamps: [Int64]
  var values: [Double]

  func encode(into output: inout [UInt8]) {
    output.appendLittleEndian(seriesID.rawValue)
    for (timestamp, value) in zip(timestamps, values) {
      output.appendLittleEndian(timestamp)
      output.appendLittleEndian(value.bitPattern)
    }
  }

  init(seriesID: SeriesID, timestamps: [Int64], values: [Double]) {
    self.seriesID = seriesID
    self.timestamps = timestamps
    self.values = values
  }

  init(decoding input: Span<UInt8>) throws(RecordError) {
    guard input.count >= 24, input.count % 16 == 8 else { throw .malformed }
    seriesID = SeriesID(input.littleEndian(at: 0, byteCount: 8))
    timestamps = []
    values = []
    for offset in stride(from: 8, to: input.count, by: 16) {
      let timestamp = Int64(bitPattern: input.littleEndian(at: offset, byteCount: 8))
      if let last = timestamps.last, last >= timestamp { throw .malformed }
      timestamps.append(timestamp)
      values.append(Double(bitPattern: input.littleEndian(at: offset + 8, byteCount: 8)))
    }
  }
}
