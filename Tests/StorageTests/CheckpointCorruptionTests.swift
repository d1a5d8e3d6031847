import ChunkEncoding
import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// A checkpoint whose checksums are right may still hold open chunks that can't
/// be appended to, or closed.
@Suite struct CheckpointCorruptionTests {
  private let directory = TemporaryDirectory("chunks")
  private let damaged: Labels = ["__name__": "damaged"]
  private let sound: Labels = ["__name__": "sound"]

  /// What is wrong with a chunk.
  private enum Damage: CaseIterable {
    case bytes, sampleCount, bitCount, lastTimestamp, lastDelta, lastValue, frame

    func change(_ chunk: OpenChunkRecord) throws -> OpenChunkRecord {
      var chunk = chunk
      var state = chunk.appender.state
      switch self {
      case .bytes:
        for index in 10..<20 { chunk.bytes[index] = 0xFF }
      case .sampleCount: state.sampleCount += 1
      case .bitCount:
        // As many bytes as before.
        if state.bitCount % 8 == 0 { state.bitCount -= 1 } else { state.bitCount += 1 }
      case .lastTimestamp: state.lastTimestamp += 1
      case .lastDelta: state.lastDelta = -state.lastDelta
      case .lastValue: state.lastValueBits ^= 1 << 40
      case .frame:
        state.frameLeadingZeroCount = 20
        state.frameBitCount = 5
      }
      chunk.appender = try XORChunkAppender(state, lastByte: chunk.bytes.last ?? 0)
      return chunk
    }
  }

  private func makeStore() throws -> SamplesByLabels {
    let store = try Store.open(directory: directory.path("data"))
    var generator = SeededGenerator(seed: 3)
    for labels in [damaged, sound] {
      try store.append(
        labels,
        (0..<45).map { (Int64($0) * 15_000, Double(generator.next() % 1000) / 7) })
    }
    defer { #expect(throws: Never.self) { try store.close() } }
    return try store.samples()
  }

  /// Writes the checkpoint anew with the first chunk changed.
  private func rewriteCheckpoint(
    _ change: (OpenChunkRecord) throws -> OpenChunkRecord
  ) throws {
    let journal = JournalDirectory(dataDirectory: directory.path("data"))
    let segment = try #require(try journal.openSegments().first)
    var reader = try SegmentReader(
      path: segment.file.path, bytes: try segment.file.readAll(), isLast: false,
      expectedSequence: nil)
    #expect(reader.header.kind == .checkpoint)
    var chunks: [OpenChunkRecord] = []
    var sequence: UInt64 = 0
    while let (header, payload) = reader.next() {
      sequence = header.sequence
      guard header.kind == .openChunks else { continue }
      chunks += try OpenChunksRecord.chunks(decoding: reader.bytes.span.extracting(payload))
    }
    chunks[0] = try change(chunks[0])
    var record = OpenChunksRecord()
    for chunk in chunks { record.append(chunk) }
    try journal.deleteSegment(segment.number)
    var writer = try SegmentWriter.create(in: journal, kind: .checkpoint, number: segment.number)
    var buffer = RecordBuffer(segment: writer.header, firstSequence: sequence)
    buffer.appendRecord(.openChunks) { $0 += record.payload }
    buffer.appendRecord(.checkpointEnd) { _ in }
    try writer.write(buffer.bytes.span)
    try writer.trim()
  }

  @Test(arguments: Damage.allCases)
  private func openChunkThatDoesNotDecodeIsNamedAndLeftOut(_ damage: Damage) throws {
    let path = directory.path("data")
    var expected = try makeStore()
    try rewriteCheckpoint(damage.change)
    #expect(try StoreReader.open(directory: path).samples()[sound] == expected[sound])
    var store = try Store.open(directory: path)
    let warnings = store.warnings.filter { $0.contains("series with number 1 does not decode") }
    #expect(warnings.count == 1)
    expected[damaged] = nil
    #expect(try store.samples() == expected)
    for index in 0..<3 as Range<Int64> {
      try store.append(damaged, [(1_000_000 + index, Double(index))])
      try store.append(sound, [(1_000_000 + index, Double(index))])
    }
    try store.sealEverything()
    expected[damaged] = samples([(1_000_000, 0), (1_000_001, 1), (1_000_002, 2)])
    expected[sound]? += samples([(1_000_000, 0), (1_000_001, 1), (1_000_002, 2)])
    #expect(try store.samples() == expected)
    try store.close()
    store = try Store.open(directory: path)
    #expect(try store.samples() == expected)
    try store.close()
  }

  @Test func soundChunksAreTaken() throws {
    let expected = try makeStore()
    try rewriteCheckpoint { $0 }
    let store = try Store.open(directory: directory.path("data"))
    #expect(store.warnings.isEmpty)
    #expect(try store.samples() == expected)
    try store.close()
  }
}
