import Glibc
import LMDB
import SeriesModel
import TestSupport
import Testing

@testable import Storage

@Suite struct IndexCorruptionTests {
  /// Reads everything there is in the index.
  private func readAll(_ fixture: TableFixture, probe: Labels) throws(StorageError) {
    let index = fixture.index
    try fixture.read { view throws(StorageError) in
      try index.forEachSeries(in: view) { _, _ in }
      _ = try index.id(of: probe, hash: index.hash(of: probe), in: view)
      let postings = index.postings(in: view)
      _ = try postings.allPostings()
      for name in try postings.labelNames() {
        _ = try postings.labelValues(of: name, among: nil)
      }
    }
  }

  @Test(arguments: ["series", "fingerprints", "postings"])
  func everyChangedByteIsNoticed(table: String) throws {
    var generator = SeededGenerator(seed: 4)
    let fixture = try TableFixture()
    let series = generator.series(count: 40)
    try fixture.insert(series)
    try readAll(fixture, probe: series[0].labels)
    for (key, value) in try fixture.entries(of: table).prefix(3) {
      for index in stride(from: 0, to: value.count, by: value.count > 400 ? 11 : 2) {
        var changed = value
        changed[index] ^= UInt8(1 << (generator.next() % 8))
        try fixture.overwrite(key, in: table, with: changed)
        let error = #expect(throws: StorageError.self) {
          try readAll(fixture, probe: series[0].labels)
        }
        guard case .corrupted(table, key, _) = error else {
          Issue.record("byte \(index): \(String(describing: error))")
          continue
        }
      }
      try fixture.overwrite(key, in: table, with: Array(value.dropLast()))
      #expect(throws: StorageError.self) { try readAll(fixture, probe: series[0].labels) }
      try fixture.overwrite(key, in: table, with: value)
    }
    try readAll(fixture, probe: series[0].labels)
  }

  @Test func hostileBodiesAreRefusedOrRead() throws {
    var generator = SeededGenerator(seed: 5)
    let ids = (1...300).map { SeriesID($0 * $0) }
    let series = SeriesBlockFormat().makeBlock(
      of: generator.series(count: 20).map {
        SeriesTable.Entry(id: $0.id, encodedLabels: $0.labels.encodedBytes)
      }[...], byteLimit: 4000, entryLimit: 32
    ).body
    let shared = SharedPostingsFormat(prefix: [], seed: 1)
    let values = shared.makeBlock(
      of: (10..<40).map { SharedPostingsFormat.Entry(value: Array("v\($0)".utf8), ids: ids) }[...],
      byteLimit: 4000, entryLimit: 99
    ).body
    let list = SeriesIDBlockFormat(prefix: []).makeBlock(
      of: ids[...], byteLimit: 4000, entryLimit: 999
    ).body
    let fingerprints = FingerprintBlockFormat().makeBlock(
      of: ids.map { FingerprintTable.Entry(fingerprint: $0.rawValue, id: $0) }[...],
      byteLimit: 1900, entryLimit: 128
    ).body
    var refusedCount = 0
    for _ in 0..<300 {
      let suffix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1]
      refusedCount += isRefused(SeriesBlockFormat(), series, suffix, &generator) ? 1 : 0
      refusedCount += isRefused(shared, values, [], &generator) ? 1 : 0
      refusedCount += isRefused(SeriesIDBlockFormat(prefix: []), list, suffix, &generator) ? 1 : 0
      refusedCount +=
        isRefused(FingerprintBlockFormat(), fingerprints, suffix + [0, 0, 0, 0, 0], &generator)
        ? 1 : 0
    }
    #expect(refusedCount > 100)
  }

  private func isRefused<Format: BlockFormat>(
    _ format: Format, _ body: [UInt8], _ suffix: [UInt8], _ generator: inout SeededGenerator
  ) -> Bool {
    var changed = body
    for _ in 0...generator.next() % 3 {
      let index = Int(generator.next() % UInt64(changed.count))
      changed[index] = UInt8(truncatingIfNeeded: generator.next())
    }
    if generator.next() % 4 == 0 {
      changed.removeLast(Int(generator.next() % UInt64(changed.count)))
    }
    do {
      _ = try format.decode(changed.span, keySuffix: suffix.span)
      return false
    } catch {
      return true
    }
  }

  @Test func newerFormatIsRefusedWithASentence() throws {
    let directory = TemporaryDirectory("tables")
    do {
      let schema = try Schema(directory: directory.path, options: TableFixture.options)
      try schema.environment.write { transaction throws(StorageError) in
        try schema.setMetaValue(.format, to: 4, in: &transaction)
      }
    }
    let error = #expect(throws: StorageError.self) { _ = try Schema(directory: directory.path) }
    #expect(error == .unsupportedFormat(found: 4, supported: 3))
    #expect(
      error?.description == "the store has format 4, but this program knows formats up to 3")
  }

  @Test func damagedMetaValueIsNamed() throws {
    let fixture = try TableFixture()
    let key = Array("format".utf8)
    try fixture.overwrite(key, in: "meta", with: [1, 2, 3])
    let error = #expect(throws: StorageError.self) {
      _ = try fixture.read { view throws(StorageError) in
        try fixture.schema.metaValue(.format, in: view)
      }
    }
    #expect(error == .corrupted(table: "meta", key: key, reason: "format: cut short"))
  }

  @Test func metaValuesSurviveReopening() throws {
    let directory = TemporaryDirectory("tables")
    do {
      let schema = try Schema(directory: directory.path)
      try schema.environment.write { transaction throws(StorageError) in
        try schema.setMetaValue(.newestTimestamp, to: -5, in: &transaction)
        try schema.setMetaValue(.nextSeriesID, to: 99, in: &transaction)
      }
      #expect(throws: StorageError.inUse(directory: directory.path, processID: getpid())) {
        _ = try Schema(directory: directory.path)
      }
    }
    let schema = try Schema(directory: directory.path)
    try schema.environment.read { view throws(StorageError) in
      #expect(try schema.metaValue(.newestTimestamp, in: view) == -5)
      #expect(try schema.metaValue(.nextSeriesID, in: view) == 99)
      #expect(try schema.metaValue(.sealedThrough, in: view) == nil)
    }
  }
}
