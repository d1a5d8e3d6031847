import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// What is left of a store that lost a part of its files.
@Suite struct StoreLossTests {
  private let directory = TemporaryDirectory("loss")
  private let labels: Labels = ["__name__": "m"]

  /// To begin anew would delete the journal, which may be all that is left.
  @Test(arguments: [true, false])
  func journalWithoutTablesIsRefused(isEmptied: Bool) throws {
    let path = directory.path("data")
    let store = try Store.open(directory: path)
    try store.append(labels, [(1000, 1)])
    let copy = directory.path("copy")
    try copyDirectory(path, to: copy)
    try FileSystem.delete(copy + "/data.mdb")
    if isEmptied { _ = try OpenFile(path: copy + "/data.mdb", mode: .creating) }
    #expect(throws: StorageError.missingTables(directory: copy)) {
      _ = try Store.open(directory: copy)
    }
    #expect(try JournalDirectory(dataDirectory: copy).segmentNumbers().isEmpty == false)
    try store.close()
  }

  /// To make another journal would hide that the newest samples are gone.
  @Test func tablesWithoutJournalAreRefused() throws {
    let path = directory.path("data")
    let store = try Store.open(directory: path)
    try store.append(labels, [(1000, 1)])
    try store.sealEverything()
    let copy = directory.path("copy")
    try copyDirectory(path, to: copy)
    try store.close()
    let journal = copy + "/journal"
    try FileSystem.deleteDirectory(journal)
    #expect(throws: StorageError.missingJournal(directory: copy)) {
      _ = try Store.open(directory: copy)
    }
    #expect(throws: StorageError.missingJournal(directory: copy)) {
      _ = try StoreReader.open(directory: copy)
    }
    #expect(FileSystem.exists(journal) == false)
    // Which is what the hint says to do.
    try FileSystem.createDirectory(journal)
    let reopened = try Store.open(directory: copy)
    #expect(try reopened.samples()[labels]?.count == 1)
    try reopened.append(labels, [(2000, 2)])
    try reopened.close()
    #expect(try IntegrityCheck.run(directory: copy).findings == [])
  }

  @Test(arguments: [true, false])
  func checkSaysThatTheTablesAreGone(isEmptied: Bool) throws {
    let path = directory.path("data")
    let store = try Store.open(directory: path)
    try store.append(labels, [(1000, 1)])
    let copy = directory.path("copy")
    try copyDirectory(path, to: copy)
    try store.close()
    let tables = copy + "/data.mdb"
    try FileSystem.delete(tables)
    if isEmptied { _ = try OpenFile(path: tables, mode: .creating) }
    var findings = try IntegrityCheck.run(directory: copy).findings
    #expect(findings.map(\.place) == [tables])
    #expect(findings.first?.description.hasPrefix("the tables are gone") == true)
    let journal = JournalDirectory(dataDirectory: copy)
    for number in try journal.segmentNumbers() { try journal.deleteSegment(number) }
    guard isEmptied else {
      #expect(throws: StorageError.file(.notFound(tables))) {
        _ = try IntegrityCheck.run(directory: copy)
      }
      return
    }
    findings = try IntegrityCheck.run(directory: copy).findings
    #expect(findings.map(\.place) == [tables])
  }

  /// Where appends don't wait for the sync, records of many appends are synced
  /// together: a hole among them is no torn tail once a later sync covered it.
  @Test func damageBehindALaterSyncIsNamed() throws {
    var options = StoreOptions()
    options.durability = .os
    let path = directory.path("data")
    let store = try Store.open(directory: path, options: options)
    for index in 0..<10 as Range<Int64> { try store.append(labels, [(index * 1000, 1)]) }
    try store.synchronize()
    for index in 10..<20 as Range<Int64> { try store.append(labels, [(index * 1000, 1)]) }
    let copy = directory.path("copy")
    try copyDirectory(path, to: copy)
    let number = try #require(
      try JournalDirectory(dataDirectory: copy).segmentNumbers().last)
    let segment = JournalDirectory(dataDirectory: copy).path(ofSegment: number)
    let file = try OpenFile(path: segment, mode: .readingAndWriting)
    var bytes = try file.readAll()
    // The second record: the first one names the series.
    let first = RecordHeader.byteCount + Int(bytes.span.littleEndian(at: 44, byteCount: 4))
    bytes[SegmentHeader.byteCount + first + RecordHeader.byteCount + 2] ^= 1
    try file.write(bytes.span, atByteOffset: 0)
    let reopened = try Store.open(directory: copy, options: options)
    #expect(reopened.warnings.isEmpty == false)
    #expect(try reopened.samples()[labels]?.count == 19)
    try reopened.close()
    try store.close()
  }
}
