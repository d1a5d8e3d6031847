import ChunkEncoding
import Foundation
import LMDB
import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// A whole directory is checked, and what is damaged is named.
@Suite struct IntegrityCheckTests {
  private let directory = TemporaryDirectory("integrity")
  private var path: String { directory.path("data") }

  /// Makes a store with something in every table: two windows in two parts,
  /// long labels, metadata, a deletion, and samples that are only in the
  /// journal.
  private func makeStore(isClosed: Bool = true) throws -> Store {
    let store = try Store.open(directory: path)
    var generator = SeededGenerator(seed: 11)
    let labels = (0..<60).map { generator.labels($0) } + [longLabels]
    try store.fillTables(of: labels, familyCount: 1, valueCount: 1000, &generator)
    try store.append(labels[0], [(200 * 60_000, 1)])
    if isClosed { try store.close() }
    return store
  }

  private var longLabels: Labels {
    ["__name__": "long", "text": String(repeating: "x", count: 3000)]
  }

  private func report() throws -> IntegrityReport { try IntegrityCheck.run(directory: path) }

  @Test func wholeStoreIsSound() throws {
    _ = try makeStore()
    let report = try report()
    #expect(report.findings == [])
    #expect(report.findingCount == 0)
    #expect(report.seriesCount == 61)
    #expect(report.windowCount == 2)
    #expect(report.sampleCount == 61 * 300 + 1)
    #expect(report.chunkCount >= 61 * 4)
    #expect(report.byteCount > 20_000)
  }

  @Test func liveStoreIsCheckedBesideItsWriter() throws {
    let store = try makeStore(isClosed: false)
    // This process has the file open: another one would look at the original.
    let copy = directory.path("copy")
    try copyDirectory(path, to: copy)
    let report = try IntegrityCheck.run(directory: copy)
    #expect(report.findings == [])
    #expect(report.sampleCount == 61 * 300 + 1)
    try store.close()
  }

  @Test func emptyStoreIsSound() throws {
    try Store.open(directory: path).close()
    #expect(try report().findings == [])
  }

  @Test func noStoreIsAnError() {
    #expect(throws: StorageError.self) { try report() }
  }

  // MARK: Damage

  private var tables: RawTables { RawTables(path: path) }

  private func change(
    _ body: (inout WriteTransaction, Schema) throws(StorageError) -> Void
  ) throws {
    let schema = try Schema(directory: path)
    try schema.environment.write { transaction throws(StorageError) in
      try body(&transaction, schema)
    }
  }

  private static let tableNames = [
    "meta", "series", "fingerprints", "postings", "chunks", "windows", "metadata", "tombstones",
  ]

  /// One byte of one value, in each table, at several places.
  @Test(arguments: tableNames)
  func changedByteNamesItsTable(table: String) throws {
    _ = try makeStore()
    var generator = SeededGenerator(seed: 3)
    let entries = try tables.entries(of: table)
    #expect(entries.isEmpty == false)
    for (key, value) in entries.shuffled(using: &generator).prefix(4) {
      var changed = value
      changed[Int(generator.next() % UInt64(value.count))] ^= 0x20
      try tables.store(changed, under: key, in: table)
      let report = try report()
      #expect(report.findings.contains { $0.place == table }, "\(report.findings)")
      try tables.store(value, under: key, in: table)
    }
    #expect(try report().findings == [])
  }

  /// Every byte of some blocks of chunks, whatever part of the block it is.
  @Test func everyByteOfABlockOfChunksIsChecked() throws {
    _ = try makeStore()
    let (key, value) = try #require(
      try tables.entries(of: "chunks").min { $0.value.count < $1.value.count })
    for index in stride(from: 0, to: value.count, by: max(1, value.count / 60)) {
      var changed = value
      changed[index] ^= 1
      try tables.store(changed, under: key, in: "chunks")
      #expect(try report().findings.contains { $0.place == "chunks" }, "byte \(index)")
    }
  }

  @Test(arguments: tableNames.filter { $0 != "meta" && $0 != "metadata" })
  func missingEntryIsNoticed(table: String) throws {
    _ = try makeStore()
    for (key, value) in try tables.entries(of: table) {
      try change { transaction, schema throws(StorageError) in
        try transaction.erase(key, from: schema.environment.table(table))
      }
      // Without the other half of a deletion, or of its own row in windows,
      // what is left says so; a row of tombstones alone is not missed.
      let isLastOfItsKind = table == "tombstones" && key[0] == 0
      if isLastOfItsKind == false {
        #expect(try report().findingCount > 0, "\(table) \(key)")
      }
      try tables.store(value, under: key, in: table)
    }
    #expect(try report().findings == [])
  }

  @Test func valueUnderAWrongKeyIsNoticed() throws {
    _ = try makeStore()
    let entries = try tables.entries(of: "series").filter { $0.key[0] == 1 }
    try tables.store(entries[0].value, under: entries[1].key, in: "series")
    #expect(try report().findings.contains { $0.place == "series" })
  }

  /// Values whose checksums are right, but which contradict each other.
  @Test func wrongCountsAreNamedWithTheirWindow() throws {
    _ = try makeStore()
    try change { transaction, schema throws(StorageError) in
      let table = WindowTable(schema)
      let window = try table.rows(in: transaction.view)[0].window
      var addition = WindowAddition()
      addition.add(
        ChunkDescription(
          classByte: 1, sampleCount: 7, minTimestamp: window.startMilliseconds + 5,
          maxTimestamp: window.startMilliseconds + 5), of: SeriesID(1))
      _ = try table.record(addition, window: window, part: 0, in: &transaction)
    }
    let findings = try report().findings
    #expect(findings.contains { $0.place == "windows" && $0.description.contains("chunks:") })
    #expect(findings.contains { $0.place == "windows" && $0.description.contains("samples:") })
  }

  @Test func damagedJournalNamesTheSegment() throws {
    let store = try makeStore(isClosed: false)
    let copy = directory.path("copy")
    try copyDirectory(path, to: copy)
    try store.close()
    let journal = URL(filePath: copy + "/journal")
    for name in try FileManager.default.contentsOfDirectory(atPath: journal.path) {
      let file = journal.appending(path: name)
      let bytes = try Data(contentsOf: file)
      guard let end = bytes.lastIndex(where: { $0 != 0 }), end > 100 else { continue }
      var changed = bytes
      changed[45] ^= 8
      // With a whole record behind it, it is no torn tail.
      try changed.write(to: file)
      let findings = try IntegrityCheck.run(directory: copy).findings
      let isCheckpoint = bytes[12] == 2
      if isCheckpoint { #expect(findings.contains { $0.place.hasSuffix(name) }, "\(name)") }
      try bytes.write(to: file)
    }
    #expect(try IntegrityCheck.run(directory: copy).findings == [])
  }

  @Test func missingJournalIsNamed() throws {
    _ = try makeStore()
    try removeDirectory(path + "/journal")
    let findings = try report().findings
    #expect(findings.contains { $0.place == path + "/journal" }, "\(findings)")
    // What is in the tables is checked all the same.
    #expect(try report().seriesCount == 61)
  }

  @Test func segmentThatIsNotTheLastHasNoTornTail() throws {
    let store = try makeStore(isClosed: false)
    for round in 0..<3 { try store.append(["__name__": "m"], [(Int64(round), 1)]) }
    try copyDirectory(path, to: directory.path("copy"))
    try store.close()
    // Started again, it goes on in another segment.
    let copy = directory.path("copy")
    let second = try Store.open(directory: copy)
    try second.append(["__name__": "m"], [(10, 1)])
    let crashed = directory.path("crashed")
    try copyDirectory(copy, to: crashed)
    try second.close()
    #expect(try IntegrityCheck.run(directory: crashed).findings == [])
    let names = try FileManager.default.contentsOfDirectory(atPath: crashed + "/journal").sorted()
    let file = URL(filePath: crashed + "/journal/" + names[names.count - 2])
    let bytes = try Data(contentsOf: file)
    let end = try #require(bytes.lastIndex { $0 != 0 }) + 1
    for length in [0, 10, 40, 45, end / 2, end - 1] {
      try bytes.prefix(length).write(to: file)
      #expect(try IntegrityCheck.run(directory: crashed).findingCount > 0, "\(length)")
    }
  }

  /// A clean stop leaves a checkpoint alone, which has an end.
  @Test func cutJournalOfAClosedStoreIsDamage() throws {
    _ = try makeStore()
    let names = try FileManager.default.contentsOfDirectory(atPath: path + "/journal")
    #expect(names.count == 1)
    let file = URL(filePath: path + "/journal/" + names[0])
    let bytes = try Data(contentsOf: file)
    for length in stride(from: 0, to: bytes.count, by: 7) {
      try bytes.prefix(length).write(to: file)
      #expect(try report().findings.contains { $0.place == file.path }, "\(length)")
    }
  }
}
