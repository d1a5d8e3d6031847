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
    for round in 0..<2 {
      var batch = SampleBatch()
      for family in 0..<20 {
        batch.metadata["metric_\(family)"] = MetricMetadata(type: .gauge, help: "\(family)")
      }
      for one in labels {
        let id = try store.seriesID(for: one)
        for minute in 0..<150 {
          batch.add(
            id, timestampMilliseconds: Int64(minute) * 60_000 + Int64(round),
            value: Double(generator.next() % 100_000) / 8)
        }
      }
      _ = try store.append(batch)
      try store.sealEverything()
    }
    _ = try store.delete(
      matching: [[Matcher("job", .equal, "job1")]], from: Timestamp(milliseconds: 3_600_000),
      through: .latest)
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

  private func entries(of name: String) throws -> [(key: [UInt8], value: [UInt8])] {
    let schema = try Schema(directory: path)
    return try schema.environment.read { view throws(StorageError) in
      var entries: [(key: [UInt8], value: [UInt8])] = []
      var cursor = try view.walk(schema.environment.table(name))
      var isOnEntry = try cursor.move(toOrAfter: [0])
      while isOnEntry {
        entries.append((Array(copying: cursor.key), Array(copying: cursor.value)))
        isOnEntry = try cursor.advance()
      }
      return entries
    }
  }

  private func store(_ value: [UInt8], under key: [UInt8], in name: String) throws {
    let schema = try Schema(directory: path)
    try schema.environment.write { transaction throws(StorageError) in
      try transaction.store(value, under: key, in: schema.environment.table(name))
    }
  }

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
    for (key, value) in try entries(of: table).shuffled(using: &generator).prefix(6) {
      var changed = value
      changed[Int(generator.next() % UInt64(value.count))] ^= 0x10
      try store(changed, under: key, in: table)
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
      try store(value, under: key, in: table)
    }
    #expect(try found() == whole)
  }

  /// The postings say which series to read; without them the labels do.
  @Test func everySeriesIsFoundWithoutPostings() throws {
    try makeStore()
    let whole = try found([Matcher("job", .equal, "job0")])
    #expect(whole.samples.isEmpty == false)
    for (key, value) in try entries(of: "postings") {
      try store(Array(value.dropLast()), under: key, in: "postings")
    }
    let after = try found([Matcher("job", .equal, "job0")])
    #expect(after.samples == whole.samples)
    #expect(after.warnings.count == 1)
  }

  @Test func damagedChunkIsCountedOnceAndNamedWithItsTime() throws {
    try makeStore()
    let (key, value) = try #require(entries(of: "chunks").first)
    // The last byte is of the last payload.
    try store(value.dropLast() + [value[value.count - 1] ^ 1], under: key, in: "chunks")
    let after = try found()
    #expect(after.quarantinedCount == 1)
    #expect(after.warnings.count == 1)
    let warning = after.warnings.first ?? ""
    #expect(warning.contains("__name__=") || warning.contains("metric_"))
    #expect(warning.contains(" ms are missing: table chunks is damaged"))
  }
}
