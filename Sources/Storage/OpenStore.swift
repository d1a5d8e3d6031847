import FaultInjection
import LMDB
import SeriesModel
import Synchronization

/// A store that is open for writing: what is behind a ``Store`` until that is
/// closed.
///
/// Locks, outermost first: maintenance, the commit turn, the index gate, the
/// head.
final class OpenStore: Sendable {
  let contents: StoreContents
  let queue: CommitQueue
  /// Used in the commit turn; nil once the store is closed.
  let journal: Mutex<Journal?>
  /// Held while series are looked up in the tables to bring them into memory,
  /// and while series are removed from the tables.
  let indexGate = Mutex<Void>(())
  /// Held while the tables are written.
  let maintenance: Mutex<MaintenanceState>
  let counters = Mutex(StoreStatistics())
  let observer = Mutex(StoreObserver())
  /// Called in the commit turn when the journal has become so long that a
  /// checkpoint may be due.
  let longJournalHandler = Mutex<@Sendable () -> Void>({})
  /// Nil for a store in memory.
  private let lock: DirectoryLock?

  /// Opens the store in `directory`, which is created when it is missing.
  ///
  /// - Throws: ``StorageError``: `inUse` when another process writes there,
  ///   `unsupportedFormat` when a newer version wrote it, `missingTables` or
  ///   `missingJournal` when only the other part is there, or what failed.
  static func open(
    directory: String, options: StoreOptions
  ) throws(StorageError) -> OpenStore {
    do throws(FileError) {
      try FileSystem.createDirectory(directory)
    } catch {
      throw StorageError(error)
    }
    let lock = try DirectoryLock.take(directory: directory)
    try StoreParts.check(directory)
    do throws(FileError) {
      try FileSystem.createDirectory(directory + "/journal")
    } catch {
      throw StorageError(error)
    }
    do throws(FileError) {
      try StoreCopy.removePartialCopies(in: directory + "/snapshots")
    } catch {
      throw StorageError(error)
    }
    var environmentOptions = EnvironmentOptions()
    environmentOptions.maximumReaderCount = options.maximumReaderCount
    let schema = try Schema(directory: directory, options: environmentOptions)
    return try open(
      StoreContents(directory: directory, schema: schema, options: options), lock: lock)
  }

  /// Opens an empty store whose tables end with it.
  ///
  /// - Throws: ``StorageError`` when no memory can be had.
  static func openInMemory(options: StoreOptions) throws(StorageError) -> OpenStore {
    var environmentOptions = EnvironmentOptions()
    environmentOptions.maximumReaderCount = options.maximumReaderCount
    let schema = try MemoryDirectory.openTables(options: environmentOptions)
    var options = options
    options.minimumFreeByteCount = min(
      options.minimumFreeByteCount, MemoryDirectory.sufficientMinimumByteCount)
    return try open(
      StoreContents(directory: "memory", schema: schema, options: options, isInMemory: true),
      lock: nil)
  }

  private static func open(
    _ contents: StoreContents, lock: consuming DirectoryLock?
  ) throws(StorageError) -> OpenStore {
    let (recovered, head) = try OpenStore.recover(contents)
    contents.head.withLock { $0 = head }
    contents.warnings.withLock { $0 += recovered.damages.map(\.description) }
    if recovered.hasLostSeal { try OpenStore.forgetLostSeals(contents, recovered) }
    let journal = try OpenStore.makeJournal(contents.journalDirectory, after: recovered)
    let store = try OpenStore(
      contents: contents, journal: journal, recovered: recovered, lock: lock)
    store.suspendIfDiskIsFull()
    return store
  }

  private init(
    contents: StoreContents, journal: sending Journal, recovered: RecoveredJournal,
    lock: consuming DirectoryLock?
  ) throws(StorageError) {
    self.contents = contents
    self.journal = Mutex(journal)
    self.lock = lock
    queue = CommitQueue(maximumByteCount: contents.options.maximumQueuedBytes)
    maintenance = Mutex(
      MaintenanceState(
        damagedSegments: recovered.damagedSegments,
        checkpointSequence: recovered.sealedThrough,
        interruptedSeals: recovered.interruptedSeals))
    try readWindows()
    contents.head.withLock { $0.sealedNewest = $0.newestTimestamp ?? .min }
  }

  /// Sequence numbers of records that are gone are used again: a seal of those
  /// must not be repeated with others.
  private static func forgetLostSeals(
    _ contents: StoreContents, _ recovered: RecoveredJournal
  ) throws(StorageError) {
    let schema = contents.schema
    try schema.environment.write { transaction throws(StorageError) in
      guard recovered.interruptedSeals.isEmpty == false else {
        return try schema.removeMetaValue(.sealPlans, in: &transaction)
      }
      try schema.setMetaValue(
        .sealPlans, to: SealPlans(recovered.interruptedSeals), in: &transaction)
    }
  }

  private static func recover(
    _ contents: StoreContents
  ) throws(StorageError) -> (RecoveredJournal, Head) {
    let segments: [OpenSegment]
    do throws(FileError) {
      segments = try contents.journalDirectory.openSegments()
    } catch {
      throw StorageError(error)
    }
    let transaction: ReadTransaction
    do throws(LMDBError) {
      transaction = try contents.schema.environment.makeReadTransaction()
    } catch {
      throw StorageError(error)
    }
    return try Recovery.run(contents, segments: segments, transaction: transaction)
  }

  /// Cuts the torn tail, deletes what is not needed, and starts a segment.
  private static func makeJournal(
    _ directory: JournalDirectory, after recovered: RecoveredJournal
  ) throws(StorageError) -> sending Journal {
    do throws(FileError) {
      try directory.removeDeletedSegments()
      let numbers = try directory.segmentNumbers()
      if let (number, byteCount) = recovered.tornTail {
        let file = try OpenFile(path: directory.path(ofSegment: number), mode: .readingAndWriting)
        try file.truncate(toByteCount: byteCount)
        try file.synchronizeData()
      }
      for number in numbers
      where recovered.segmentNumbers.contains(number) == false
        && recovered.damagedSegments.contains(number) == false
      {
        try directory.deleteSegment(number)
      }
      for number in recovered.damagedSegments
      where recovered.segmentNumbers.contains(number) == false {
        try directory.setAsideSegment(number)
      }
      // What was read may be in memory alone, if its writer did not wait for the
      // disk: nothing that comes later must outlive it.
      for number in recovered.segmentNumbers {
        try OpenFile(path: directory.path(ofSegment: number), mode: .reading).synchronizeData()
      }
      let writer = try SegmentWriter.create(
        in: directory, kind: .log, number: (numbers.last ?? 0) + 1)
      return Journal(
        writer: writer, lastSequence: recovered.lastSequence,
        olderSegments: recovered.segmentNumbers, olderByteCount: recovered.logByteCount)
    } catch {
      throw StorageError(error)
    }
  }

  /// See ``Store/synchronize()``.
  func synchronize() throws(StorageError) {
    if let failure = queue.failure { throw .failedEarlier(failure) }
    do throws(FileError) {
      // The journal is not locked while the disk writes: commits go on.
      let sync = try journal.withLock { journal throws(FileError) in try journal?.makeSync() }
      guard let sync else { return }
      try sync.file.synchronizeData()
      journal.withLock { $0?.didSynchronize(through: sync.lastSequence) }
    } catch {
      let error = StorageError(error)
      queue.fail(because: error)
      throw error
    }
  }

  /// Waits for maintenance, seals what is full, and saves the rest.
  func close() throws(StorageError) {
    guard queue.close() else { return }
    FaultPoint.reached("close.begun")
    defer { closeJournal() }
    if queue.failure == nil { try synchronize() }
    try maintenance.withLock { state throws(StorageError) in
      try checkpoint(.closing, state: &state)
    }
  }

  private func closeJournal() {
    journal.withLock { journal in
      journal?.discardIfEmpty(in: contents.journalDirectory)
      journal = nil
    }
  }

  // MARK: State

  /// What the store has done and holds.
  var statistics: StoreStatistics {
    var statistics = counters.withLock { $0 }
    contents.head.withLock { head in
      statistics.headSeriesCount = head.slots.count
      statistics.openChunkCount = head.openChunkCount
      statistics.openChunkBytes = head.arena.usedByteCount
      statistics.closedChunkCount = head.closed.chunks.count + head.frozen.chunks.count
      statistics.outOfOrderSampleCount = head.outOfOrderCount
      statistics.newestTimestamp = head.newestTimestamp.map(Timestamp.init(milliseconds:))
      statistics.oldestTimestamp = head.oldestTimestamp.map(Timestamp.init(milliseconds:))
      statistics.exemplarCount = head.exemplars.count
      statistics.exemplarSeriesCount = head.exemplars.seriesCount
      statistics.lastExemplarTimestamp = head.exemplars.lastTimestamp
        .map(Timestamp.init(milliseconds:))
    }
    journal.withLock { journal in
      statistics.journalBytes = journal?.byteCount ?? 0
      statistics.segmentCount = journal?.segmentNumbers.count ?? 0
      statistics.currentSegment = journal?.lastSegmentNumber ?? 0
    }
    do throws(LMDBError) {
      let tables = try contents.schema.environment.statistics()
      statistics.tableBytes = tables.usedBytes
      statistics.mapSizeBytes = tables.mapSizeBytes
    } catch {
      // Statistics are no reason to fail; what can't be read shows as 0.
    }
    statistics.quarantinedChunkCount = contents.quarantine.count
    statistics.waitingAppendCount = queue.waitingCount
    statistics.failure = queue.failure
    statistics.suspension = queue.suspension?.description
    return statistics
  }
}

extension StoreContents {
  var newestTimestamp: Timestamp? {
    head.withLock { $0.newestTimestamp }.map(Timestamp.init(milliseconds:))
  }

  var oldestTimestamp: Timestamp? {
    head.withLock { $0.oldestTimestamp }.map(Timestamp.init(milliseconds:))
  }
}
