import LMDB
import SeriesModel
import Synchronization
import TestSupport
import Testing

@testable import Storage

/// A store with damaged tables goes on serving: what is damaged is left out and
/// named, and nothing else is.
@Suite struct StoreQuarantineTests {
  private let directory = TemporaryDirectory("quarantine")
  private var path: String { directory.path("data") }

  private func makeStore() throws {
    let store = try Store.open(directory: path)
    var generator = SeededGenerator(seed: 21)
    let labels = (0..<80).map { generator.labels($0) }
    try store.fillTables(of: labels, familyCount: 20, valueCount: 100_000, &generator)
    try store.close()
    try forgetLastSamples()
  }

  /// Without them the head knows no series, and the tables must name them all.
  private func forgetLastSamples() throws {
    let store = try Store.open(directory: path)
    for hours in 0..<4 {
      try store.maintain(now: Timestamp(milliseconds: Int64(hours) * 3_600_000))
    }
    let opened = try store.opened()
    try opened.maintenance.withLock { state throws(StorageError) in
      try opened.checkpoint(.everything, state: &state)
    }
    #expect(store.statistics.headSeriesCount == 0)
    try store.close()
  }

  private var tables: RawTables { RawTables(path: path) }

  private struct Found: Equatable {
    var samples: SamplesByLabels
    var warnings: [String]
    var quarantinedCount: Int
  }

  /// Reads everything twice, as a server that was started on the damage would.
  private func found(_ matchers: [Matcher] = []) throws -> Found {
    let store = try Store.open(directory: path)
    var found = Found(samples: [:], warnings: [], quarantinedCount: 0)
    for _ in 0..<2 {
      let snapshot = try store.snapshot(
        of: [SeriesSelection(matchers: matchers, start: .earliest, end: .latest)])
      found.samples = try snapshot.samples(ofSelection: 0)
      found.warnings = snapshot.warnings
    }
    found.quarantinedCount = store.statistics.quarantinedChunkCount
    #expect(store.statistics.failure == nil)
    try store.close()
    return found
  }

  @Test(arguments: [
    "series", "fingerprints", "postings", "chunks", "windows", "metadata", "tombstones",
  ])
  func damageCostsWhatIsDamagedAndAWarning(table: String) throws {
    try makeStore()
    let matchers = [Matcher("job", .notEqual, "job2")]
    let whole = try found()
    let part = try found(matchers)
    #expect(whole.warnings.isEmpty && part.warnings.isEmpty && part.samples.isEmpty == false)
    var generator = SeededGenerator(seed: 5)
    for (key, value) in try tables.entries(of: table).shuffled(using: &generator).prefix(6) {
      var changed = value
      changed[Int(generator.next() % UInt64(value.count))] ^= 0x10
      try tables.store(changed, under: key, in: table)
      for (before, matchers) in [(whole, []), (part, matchers)] {
        let after = try found(matchers)
        if after.samples != before.samples {
          #expect(after.warnings.contains { $0.contains("table \(table) is damaged") })
        }
        // Only deleted samples can come back.
        if table != "tombstones" {
          for (labels, samples) in after.samples {
            #expect(Set(samples).isSubset(of: before.samples[labels] ?? []))
          }
        }
        #expect((after.quarantinedCount > 0) == (table == "chunks" && after != before))
      }
      try tables.store(value, under: key, in: table)
    }
    #expect(try found() == whole)
  }

  /// The postings say which series to read; without them the labels do.
  @Test func everySeriesIsFoundWithoutPostings() throws {
    try makeStore()
    let whole = try found([Matcher("job", .equal, "job0")])
    #expect(whole.samples.isEmpty == false)
    for (key, value) in try tables.entries(of: "postings") {
      try tables.store(Array(value.dropLast()), under: key, in: "postings")
    }
    let after = try found([Matcher("job", .equal, "job0")])
    #expect(after.samples == whole.samples)
    #expect(after.warnings.count == 1)
  }

  @Test func damagedChunkIsCountedOnceAndNamedWithItsTime() throws {
    try makeStore()
    let (key, value) = try #require(tables.entries(of: "chunks").first)
    // The last byte is of the last payload.
    try tables.store(value.dropLast() + [value[value.count - 1] ^ 1], under: key, in: "chunks")
    let after = try found()
    #expect(after.quarantinedCount == 1)
    #expect(after.warnings.count == 1)
    let warning = after.warnings.first ?? ""
    #expect(warning.contains("__name__=") || warning.contains("metric_"))
    #expect(warning.contains(" ms are missing: table chunks is damaged"))
  }

  /// A key that can't be one of a chunk stands among those of a window.
  @Test func keyOfAWrongSizeCostsNothingButAWarning() throws {
    try makeStore()
    let whole = try found()
    let (key, value) = try #require(tables.entries(of: "chunks").first)
    try tables.store(value, under: key.prefix(16) + [255, 0, 0, 0], in: "chunks")
    let after = try found()
    #expect(after.samples == whole.samples)
    #expect(after.warnings.contains { $0.contains("the key has a wrong size") })
  }

  /// The ids of the series in each chunk of a block, and where the chunk's bytes
  /// are in the block's value.
  private func chunks(
    of entry: (key: [UInt8], value: [UInt8])
  ) throws -> [(id: SeriesID, timestamps: Range<Int>, payload: Range<Int>)] {
    let window = try Window(keyBytes: entry.key.span.extracting(0..<16))
    var decoder = try ChunkBlockDecoder(entry.value.span, under: entry.key.span, in: window)
    let offset = entry.value.count - decoder.contentBytes.count
    func moved(_ range: Range<Int>) -> Range<Int> {
      range.lowerBound + offset..<range.upperBound + offset
    }
    var chunks: [(id: SeriesID, timestamps: Range<Int>, payload: Range<Int>)] = []
    while let chunk = try decoder.next() {
      chunks.append(
        (chunk.id, moved(chunk.timestamps?.bytes ?? 0..<0), moved(chunk.payload.bytes)))
    }
    return chunks
  }

  private func labelsByID() throws -> [SeriesID: Labels] {
    let schema = try Schema(directory: path)
    return try schema.environment.read { view throws(StorageError) in
      var labels: [SeriesID: Labels] = [:]
      try SeriesIndex(schema).forEachSeries(
        in: view, onDamage: { error throws(StorageError) in throw error },
        { id, found throws(StorageError) in labels[id] = found })
      return labels
    }
  }

  /// Whatever a bit belongs to, series without it are whole.
  @Test(arguments: ["directory", "timestamps", "payload"])
  func damagedBitsCostWhatIsMadeOfThem(what: String) throws {
    try makeStore()
    let whole = try found()
    let labels = try labelsByID()
    var generator = SeededGenerator(seed: 11)
    for (key, value) in try tables.entries(of: "chunks").shuffled(using: &generator).prefix(6) {
      let chunks = try chunks(of: (key, value))
      let chosen = try #require(chunks.randomElement(using: &generator))
      let place: Int
      var owners: Set<SeriesID> = []
      switch what {
      case "directory":
        place = 1 + Int(generator.next() % UInt64(chunks[0].timestamps.lowerBound - 1))
        owners = Set(chunks.map(\.id))
      case "timestamps":
        place = try #require(chosen.timestamps.randomElement(using: &generator))
        owners = Set(chunks.filter { $0.timestamps == chosen.timestamps }.map(\.id))
      default:
        place = try #require(chosen.payload.randomElement(using: &generator))
        owners = [chosen.id]
      }
      var changed = value
      changed[place] ^= 1 << UInt8(generator.next() % 8)
      try tables.store(changed, under: key, in: "chunks")
      let after = try found()
      let affected = Set(owners.compactMap { labels[$0] })
      for (labels, samples) in whole.samples {
        if affected.contains(labels) {
          #expect(Set(after.samples[labels] ?? []).isSubset(of: samples))
        } else {
          #expect(after.samples[labels] == samples)
        }
      }
      #expect(after.samples != whole.samples)
      #expect(after.warnings.isEmpty == false && after.quarantinedCount > 0)
      try tables.store(value, under: key, in: "chunks")
    }
    #expect(try found() == whole)
  }
}
