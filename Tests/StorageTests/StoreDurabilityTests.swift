import Foundation
import SeriesModel
import Synchronization
import TestSupport
import Testing

@testable import Storage

@Suite struct StoreDurabilityTests {
  private static let labels: Labels = ["__name__": "m"]
  private let directory = TemporaryDirectory("durability")

  private func open(_ durability: Durability) throws -> Store {
    var options = StoreOptions()
    options.durability = durability
    return try Store.open(directory: directory.path("data"), options: options)
  }

  /// Makes a copy as a power cut may leave it: the record number `index` of the
  /// log never came to the disk, and those behind it did.
  private func copyWithoutRecord(_ index: Int) throws -> String {
    let copy = directory.path("copy\(index)")
    try copyDirectory(directory.path("data"), to: copy)
    let journal = JournalDirectory(dataDirectory: copy)
    let path = journal.path(ofSegment: try #require(try journal.segmentNumbers().last))
    let file = try OpenFile(path: path, mode: .readingAndWriting)
    let bytes = try file.readAll()
    var reader = try SegmentReader(path: path, bytes: bytes, isLast: true, expectedSequence: nil)
    var start = SegmentHeader.byteCount
    var end = start
    for _ in 0...index {
      start = end
      end = reader.next()?.payload.upperBound ?? end
    }
    try #require(end > start)
    try file.write([UInt8](repeating: 0, count: end - start).span, atByteOffset: start)
    return copy
  }

  struct PowerCut: Sendable, CustomTestStringConvertible {
    let durability: Durability
    /// The number of records after which there is a sync.
    var synchronizedCount: Int?
    /// The record that is lost, of three.
    let lost: Int
    /// Whether what is found is damage rather than an end that was expected.
    let isDamage: Bool

    var testDescription: String { "\(durability), \(lost) of \(synchronizedCount ?? 0)" }
  }

  /// What no sync has covered may be lost in any order; it is cut off at the
  /// first hole, without an alarm. What a sync has covered was on the disk: a
  /// hole in it is damage.
  @Test(arguments: [
    PowerCut(durability: .sync, lost: 1, isDamage: true),
    PowerCut(durability: .interval(milliseconds: 1000), lost: 1, isDamage: false),
    PowerCut(durability: .interval(milliseconds: 1000), lost: 0, isDamage: false),
    PowerCut(
      durability: .interval(milliseconds: 1000), synchronizedCount: 2, lost: 1, isDamage: true),
    PowerCut(
      durability: .interval(milliseconds: 1000), synchronizedCount: 1, lost: 1, isDamage: false),
    PowerCut(durability: .os, lost: 1, isDamage: false),
  ])
  func powerCutTakesOnlyWhatWasNotSynced(_ row: PowerCut) throws {
    let store = try open(row.durability)
    for index in 0..<3 {
      if index == row.synchronizedCount { try store.synchronize() }
      try store.append(Self.labels, [(Int64(index), Double(index))])
    }
    let copy = try Store.open(directory: try copyWithoutRecord(row.lost))
    #expect(copy.warnings.isEmpty == (row.isDamage == false))
    let kept = row.isDamage ? [0, 1, 2].filter { $0 != row.lost } : Array(0..<row.lost)
    #expect(
      try copy.samples()[Self.labels]?.map(\.value) ?? [] == kept.map(Double.init))
    try copy.close()
    try store.close()
  }

  @Test(arguments: [Durability.sync, .interval(milliseconds: 3_600_000), .os])
  func storedSamplesAreThereAfterClosing(_ durability: Durability) throws {
    var store = try open(durability)
    for index in 0..<1000 { try store.append(Self.labels, [(Int64(index), Double(index))]) }
    try store.close()
    store = try open(durability)
    #expect(store.warnings.isEmpty)
    #expect(try store.samples()[Self.labels]?.count == 1000)
    try store.close()
  }

  /// What was written is the system's to keep, synced or not.
  @Test(arguments: ["sync", "interval", "os"])
  func killedProcessLosesNothingInAnyMode(_ mode: String) async throws {
    let path = directory.path("data")
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [path = path as String, mode = mode as String] in
      var options = StoreOptions()
      options.durability =
        switch mode {
        case "interval": .interval(milliseconds: 3_600_000)
        case "os": .os
        default: .sync
        }
      options.checkpointThresholdBytes = 5000
      let store = try Store.open(directory: path, options: options)
      for index in 0..<500 {
        try store.append(StoreDurabilityTests.labels, [(Int64(index), Double(index))])
        if index % 100 == 50 { try store.maintain(now: Timestamp(milliseconds: 0)) }
      }
      kill(getpid(), SIGKILL)
    }
    let store = try Store.open(directory: path)
    #expect(store.warnings.isEmpty)
    #expect(try store.samples()[Self.labels]?.map(\.value) == (0..<500).map(Double.init))
    try store.close()
  }

  /// In a child that may open no more files, so that the sync can't be made:
  /// nothing is acknowledged any more that might not be kept.
  @Test func failedSyncRefusesAppendsAndKeepsReads() async throws {
    let path = directory.path("data")
    await #expect(processExitsWith: .success) { [path = path as String] in
      var options = StoreOptions()
      options.durability = .interval(milliseconds: 1000)
      let store = try Store.open(directory: path, options: options)
      try store.append(StoreDurabilityTests.labels, [(1, 1)])
      var limit = rlimit(rlim_cur: 0, rlim_max: 0)
      precondition(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
      do {
        try store.synchronize()
        preconditionFailure("a sync without a file succeeded")
      } catch StorageError.file {
        // As it should be.
      }
      precondition(store.statistics.failure != nil)
      let found = try store.samples()[StoreDurabilityTests.labels]
      precondition(found?.count == 1)
      do {
        try store.append(StoreDurabilityTests.labels, [(2, 2)])
        preconditionFailure("a store that failed took a sample")
      } catch StorageError.failedEarlier {
        exit(0)
      }
    }
  }

  @Test func nothingIsSyncedTwice() throws {
    let store = try open(.interval(milliseconds: 1000))
    try store.append(Self.labels, [(1, 1)])
    #expect(try hasUnsynchronizedRecords(store))
    try store.synchronize()
    #expect(try hasUnsynchronizedRecords(store) == false)
    try store.close()
  }

  private func hasUnsynchronizedRecords(_ store: Store) throws -> Bool {
    try store.opened().journal.withLock { journal throws(FileError) in
      guard let sync = try journal?.makeSync() else { return false }
      return sync.lastSequence > 0
    }
  }
}
