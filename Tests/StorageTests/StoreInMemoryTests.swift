import Glibc
import LMDB
import SeriesModel
import TestSupport
import Testing

@testable import Storage

#if TSDB_FAULTS
  import FaultInjection
#endif

@Suite struct StoreInMemoryTests {
  private let up: Labels = ["__name__": "up", "job": "a"]

  @Test func samplesAreReadBackFromHeadAndTables() throws {
    let store = try Store.inMemory()
    try store.append(up, (0..<1000).map { (Int64($0) * 15_000, Double($0)) })
    try store.append(up, [(7, 0.5)])
    let expected = try store.samples()
    #expect(expected[up]?.count == 1001)
    try store.sealEverything()
    #expect(try store.samples() == expected)
    #expect(store.statistics.openChunkCount == 0)
    #expect(store.statistics.sealedChunkCount > 0)
    try store.append(up, [(20_000_000, 1)])
    #expect(try store.samples()[up]?.count == 1002)
    #expect(try store.labelValues(of: "job", in: []) == ["a"])
    #expect(store.warnings.isEmpty)
    try store.close()
    #expect(throws: StorageError.notWritable) { try store.append(up, [(1, 1)]) }
  }

  @Test func storesInMemoryDoNotShareAnything() throws {
    let stores = try (0..<3).map { _ in try Store.inMemory() }
    for (index, store) in stores.enumerated() {
      try store.append(up, [(Int64(index), Double(index))])
      try store.sealEverything()
    }
    for (index, store) in stores.enumerated() {
      #expect(try store.samples() == [up: samples([(Int64(index), Double(index))])])
      try store.close()
    }
  }

  @Test func nothingHasAName() throws {
    let schema = try MemoryDirectory.openTables(options: EnvironmentOptions())
    let hasName = unsafe access(schema.environment.path, F_OK) == 0
    #expect(hasName == false)
    // What has no name is written and read as before.
    for round in 0..<50 {
      try schema.environment.write { transaction throws(StorageError) in
        try transaction.store(
          [UInt8](repeating: UInt8(round), count: 200_000), under: [UInt8(round + 1)],
          in: schema.environment.table("exemplars"))
      }
    }
    let byteCount = try schema.environment.read { view throws(StorageError) in
      try view.stored([50], in: schema.environment.table("exemplars"))?.count
    }
    #expect(byteCount == 200_000)
  }

  @Test func theJournalIsCountedAndCheckpointsEmptyIt() throws {
    var options = StoreOptions()
    options.checkpointThresholdBytes = 1000
    let store = try Store.inMemory(options: options)
    try store.append(up, (0..<1000).map { (Int64($0) * 15_000, Double($0)) })
    #expect(store.statistics.journalBytes > 1000)
    try store.maintain(now: Timestamp(milliseconds: 0))
    #expect(store.statistics.checkpointCount == 1)
    #expect(store.statistics.journalBytes == 0)
    #expect(try store.samples()[up]?.count == 1000)
    try store.close()
  }

  @Test func retentionDeletesWindows() throws {
    var options = StoreOptions()
    options.retentionMilliseconds = 10_000_000
    let store = try Store.inMemory(options: options)
    try store.append(up, [(0, 1)])
    try store.sealEverything()
    try store.append(up, [(100_000_000, 2)])
    try store.maintain(now: Timestamp(milliseconds: 0))
    #expect(try store.samples() == [up: samples([(100_000_000, 2)])])
    #expect(store.statistics.deletedWindowCount == 1)
    try store.close()
  }

  /// The tables have no name by which their disk could be asked.
  @Test func appendsAreTakenAgainOnceThereIsSpace() throws {
    var options = StoreOptions()
    options.minimumFreeByteCount = 1
    let store = try Store.inMemory(options: options)
    let free = try #require(store.statistics.freeByteCount)
    #expect(free > 1)
    try store.append(up, [(1, 1)])
    try store.opened().queue.suspend(
      because: .diskFull(path: "memory", freeByteCount: 0, requiredByteCount: 1))
    #expect(throws: StorageError.self) { try store.append(up, [(2, 2)]) }
    try store.maintain(now: Timestamp(milliseconds: 0))
    try store.append(up, [(2, 2)])
    #expect(try store.samples()[up]?.count == 2)
    try store.close()
  }

  /// Less is kept free than on a disk, since there is no journal.
  @Test(arguments: [(15, true), (17, false)])
  func scarceSpaceRefusesAppends(mebibyteCount: Int, isRefused: Bool) throws {
    var options = StoreOptions()
    options.freeByteCount = { _ in mebibyteCount << 20 }
    let store = try Store.inMemory(options: options)
    #expect((store.statistics.suspension != nil) == isRefused)
    try store.close()
  }

  #if TSDB_FAULTS
    /// Where a place can't be used, the next one is; where none can, the error is
    /// that of the last.
    @Test func placesAreTriedInTurn() throws {
      let once = FaultPlan(.init(.file, number: 1, code: EACCES))
      try FaultPlan.$current.withValue(once) { try Store.inMemory().close() }
      #expect(once.faultCount == 1)
      let always = FaultPlan(.init(.file, number: 1, code: EACCES, isLasting: true))
      FaultPlan.$current.withValue(always) {
        let error = #expect(throws: StorageError.self) { try Store.inMemory() }
        #expect(
          error == .file(FileError(operation: .createDirectory, path: "/tmp", number: EACCES)))
      }
    }
  #endif
}
