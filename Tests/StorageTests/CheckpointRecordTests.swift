import ChunkEncoding
import SeriesModel
import TestSupport
import Testing

@testable import Storage

@Suite struct CheckpointRecordTests {
  private let directory = TemporaryDirectory("checkpoint")
  private static let base: Int64 = 1_700_000_000_000 / 7_200_000 * 7_200_000

  private func makeChunk(_ generator: inout SeededGenerator, id: UInt64) -> OpenChunkRecord {
    var builder = XORChunkBuilder()
    var timestamp = Self.base + Int64.random(in: 0...1000, using: &generator)
    for _ in 0..<Int.random(in: 1...100, using: &generator) {
      let value = Double.random(in: -1...1, using: &generator)
      if builder.appender.isFull { break }
      builder.append(timestampMilliseconds: timestamp, value: value)
      timestamp += Int64.random(in: 1...60_000, using: &generator)
    }
    var appender = builder.appender
    var payload = builder.payload
    if appender.isFull {
      builder = XORChunkBuilder()
      builder.append(timestampMilliseconds: timestamp, value: 1)
      appender = builder.appender
      payload = builder.payload
    }
    return OpenChunkRecord(
      seriesID: SeriesID(id), windowLength: 7_200_000, appender: appender, bytes: payload)
  }

  private func makeChunks(seed: UInt64) -> [OpenChunkRecord] {
    var generator = SeededGenerator(seed: seed)
    var id: UInt64 = 0
    return (0..<20).map { _ in
      id += UInt64.random(in: 1...300, using: &generator)
      return makeChunk(&generator, id: id)
    }
  }

  private func payload(of chunks: [OpenChunkRecord]) -> [UInt8] {
    var record = OpenChunksRecord()
    for chunk in chunks { record.append(chunk) }
    return record.payload
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func openChunksComeBack(seed: UInt64) throws {
    let chunks = makeChunks(seed: seed)
    let payload = payload(of: chunks)
    #expect(try OpenChunksRecord.chunks(decoding: payload.span) == chunks)
    let chunkByteCount = chunks.reduce(0) { $0 + $1.bytes.count }
    #expect(payload.count - chunkByteCount <= chunks.count * 32)
  }

  @Test func edgesOfTimeComeBack() throws {
    var chunks: [OpenChunkRecord] = []
    for (id, timestamp) in [Int64.max, .min, -1, 0].enumerated() {
      var builder = XORChunkBuilder()
      builder.append(timestampMilliseconds: timestamp, value: -.nan)
      chunks.append(
        OpenChunkRecord(
          seriesID: SeriesID(UInt64(id + 1)), windowLength: 86_400_000,
          appender: builder.appender, bytes: builder.payload))
    }
    #expect(try OpenChunksRecord.chunks(decoding: payload(of: chunks).span) == chunks)
  }

  @Test func cutRecordIsRefusedOrEndsBetweenChunks() throws {
    let chunks = makeChunks(seed: 3)
    let whole = payload(of: chunks)
    let ends = (0...chunks.count).map { payload(of: Array(chunks.prefix($0))).count }
    for count in 0..<whole.count {
      let cut = Array(whole.prefix(count))
      if let found = try? OpenChunksRecord.chunks(decoding: cut.span) {
        #expect(ends.contains(count) && found == Array(chunks.prefix(found.count)))
      } else {
        #expect(ends.contains(count) == false)
      }
    }
  }

  // MARK: Earlier versions

  /// The record of one open chunk as earlier versions wrote it.
  private func fixedForm(of chunk: OpenChunkRecord) -> [UInt8] {
    let state = chunk.appender.state
    var bytes: [UInt8] = []
    bytes.appendLittleEndian(chunk.seriesID.rawValue)
    bytes.appendLittleEndian(chunk.windowLength)
    bytes.appendLittleEndian(state.sampleCount)
    bytes.appendLittleEndian(state.bitCount)
    bytes.appendLittleEndian(state.firstTimestamp)
    bytes.appendLittleEndian(state.lastTimestamp)
    bytes.appendLittleEndian(state.lastDelta)
    bytes.appendLittleEndian(state.lastValueBits)
    return bytes + [state.frameLeadingZeroCount, state.frameBitCount] + chunk.bytes
  }

  @Test(arguments: 0..<5 as Range<UInt64>)
  func recordsOfEarlierVersionsAreRead(seed: UInt64) throws {
    for chunk in makeChunks(seed: seed) {
      #expect(try OpenChunkRecord(decoding: fixedForm(of: chunk).span) == chunk)
      var last = chunk
      last.bytes = []
      last.windowLength = 0
      let decoded = try OpenChunkRecord(decoding: fixedForm(of: last).span)
      #expect(decoded.seriesID == last.seriesID && decoded.bytes.isEmpty)
      #expect(decoded.appender.state == last.appender.state)
      last.bytes = chunk.bytes
      #expect(throws: RecordError.malformed) {
        try OpenChunkRecord(decoding: fixedForm(of: last).span)
      }
    }
  }

  /// Writes the checkpoint of a closed store anew, as an earlier version would
  /// have written it: a record for each open chunk, and one without a chunk for
  /// the series `closedID`.
  private func rewriteCheckpoint(of path: String, closedID: SeriesID) throws {
    let journal = JournalDirectory(dataDirectory: path)
    let segment = try #require(try journal.openSegments().first)
    var reader = try SegmentReader(
      path: segment.file.path, bytes: try segment.file.readAll(), isLast: false,
      expectedSequence: nil)
    #expect(reader.header.kind == .checkpoint)
    var closed = XORChunkBuilder()
    closed.append(timestampMilliseconds: Self.base + 10_000, value: 2)
    var chunks: [OpenChunkRecord] = [
      OpenChunkRecord(
        seriesID: closedID, windowLength: 7_200_000, appender: closed.appender, bytes: [])
    ]
    var sequence: UInt64 = 0
    while let (header, payload) = reader.next() {
      sequence = header.sequence
      guard header.kind == .openChunks else { continue }
      chunks += try OpenChunksRecord.chunks(decoding: reader.bytes.span.extracting(payload))
    }
    try journal.deleteSegment(segment.number)
    var writer = try SegmentWriter.create(in: journal, kind: .checkpoint, number: segment.number)
    var buffer = RecordBuffer(segment: writer.header, firstSequence: sequence)
    for chunk in chunks {
      let bytes = fixedForm(of: chunk)
      buffer.appendRecord(.openChunk) { $0 += bytes }
    }
    buffer.appendRecord(.checkpointEnd) { _ in }
    try writer.write(buffer.bytes.span)
    try writer.trim()
  }

  @Test func checkpointOfAnEarlierVersionIsRead() throws {
    let path = directory.path("data")
    let closed: Labels = ["__name__": "closed"]
    let open: Labels = ["__name__": "open"]
    var store = try Store.open(directory: path)
    try store.append(closed, [(Self.base, 1), (Self.base + 10_000, 2)])
    try store.sealEverything()
    try store.append(open, [(Self.base + 20_000, 3)])
    let closedID = try store.seriesID(for: closed)
    try store.close()
    try rewriteCheckpoint(of: path, closedID: closedID)
    store = try Store.open(directory: path)
    #expect(store.warnings.isEmpty)
    #expect(try store.samples()[open]?.count == 1)
    let result = try store.append(
      closed, [(Self.base, 9), (Self.base + 10_000, 9), (Self.base + 10_000, 2)])
    #expect(result.rejections.map(\.batchIndex) == [0, 1])
    #expect(try store.append(open, [(Self.base + 20_000, 3)]).acceptedCount == 1)
    #expect(try store.append(open, [(Self.base + 20_000, 4)]).acceptedCount == 0)
    #expect(try store.samples().values.reduce(0) { $0 + $1.count } == 3)
    try store.close()
  }
}
