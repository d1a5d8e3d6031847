import SeriesModel

/// How a store behaves.
package struct StoreOptions: Sendable {
  /// Samples older than this, counted back from the newest stored sample, are
  /// refused and, a whole window at a time, deleted; 15 days. `Int64.max` keeps
  /// everything.
  package var retentionMilliseconds: Int64 = 15 * 24 * 3600 * 1000
  /// What becomes of samples that contradict stored ones.
  package var duplicatePolicy = DuplicatePolicy.reject
  /// The bytes of tables and journal above which the oldest windows are deleted,
  /// but for the newest one; 0 sets no limit.
  package var retentionByteCount = 0
  /// When what was acknowledged is on the disk.
  package var durability = Durability.sync
  /// The free space of the disk below which appends are refused; what is left
  /// is for a checkpoint and for deletions, which go on. 256 MiB.
  ///
  /// A checkpoint needs some 100 bytes for each open chunk and as much as the
  /// journal holds, so this is enough for a million series and more. A store in
  /// memory writes no journal, and keeps 16 MiB at most.
  package var minimumFreeByteCount = 256 << 20
  /// Tells how many bytes are free on the disk of a directory, or nil when that
  /// is not known; asked at each ``Store/maintain(now:)`` and when the journal
  /// grows by a step. By default, which is nil, the system is asked.
  package var freeByteCount: (@Sendable (_ directory: String) -> Int?)?
  /// Is told what the store does, by the thread that does it; it must not call
  /// the store.
  package var onEvent: @Sendable (StoreEvent) -> Void = { _ in }
  /// The samples that may wait to be written, in bytes of memory; beyond it
  /// appends are refused as overloaded.
  package var maximumQueuedBytes = 64 << 20
  /// The size of the journal at which open data is checkpointed, unless the
  /// open chunks take more.
  package var checkpointThresholdBytes = 16 << 20
  /// Everything open is sealed after this long without an append; 10 minutes.
  package var idleMilliseconds: Int64 = 10 * 60 * 1000
  /// The pause after each MiB of a journal segment that is deleted while
  /// appends go on.
  package var deletionPauseMicroseconds: UInt32 = 20_000
  /// The exemplars that are kept of all series together; the oldest go first.
  /// None are when it is 0.
  package var maximumExemplarCount = 100_000
  /// The read transactions of a snapshot: cursors beyond this number wait for
  /// each other.
  package var readersPerSnapshot = 2
  /// The read transactions that all processes together may have.
  package var maximumReaderCount = 256

  /// The free space from which a store that refuses appends takes them again:
  /// a quarter above the minimum, so that it does not change at each turn.
  var sufficientFreeByteCount: Int {
    let margin = max(minimumFreeByteCount / 4, SegmentWriter.allocationStepBytes)
    let (sum, overflow) = minimumFreeByteCount.addingReportingOverflow(margin)
    return overflow ? .max : sum
  }

  func freeByteCount(onDiskOf directory: String) -> Int? {
    if let freeByteCount { return freeByteCount(directory) }
    return FileSystem.freeByteCount(onDiskOf: directory)
  }

  /// The first moment that is kept when the newest sample is at `newest`.
  func oldestKept(newest: Int64) -> Int64 {
    guard retentionMilliseconds < .max else { return .min }
    let (oldest, overflow) = newest.subtractingReportingOverflow(retentionMilliseconds)
    return overflow ? .min : oldest
  }

  /// Creates the default options.
  package init() {}
}

/// When what a store acknowledged is on the disk.
///
/// In every mode a checkpoint is synced, and what was acknowledged is in the
/// hands of the operating system: a process that is killed loses nothing.
package enum Durability: Hashable, Sendable {
  /// Before it is acknowledged.
  case sync
  /// So many milliseconds later at most: the owner calls ``Store/synchronize()``
  /// at this interval. A power cut can take what was acknowledged since the last
  /// call.
  case interval(milliseconds: Int64)
  /// When the system writes it, at the next checkpoint at the latest. A power
  /// cut can take what was acknowledged since the last checkpoint.
  case os
}

/// What a store has done and holds, for its operator.
package struct StoreStatistics: Hashable, Sendable {
  /// The series in memory.
  package var headSeriesCount = 0
  /// The chunks that are being appended to.
  package var openChunkCount = 0
  /// The bytes of memory that hold them.
  package var openChunkBytes = 0
  /// The chunks in memory that are closed and wait to be sealed.
  package var closedChunkCount = 0
  /// The samples accepted since the store was opened, exact duplicates
  /// included.
  package var appendedSampleCount = 0
  /// The samples that were accepted and dropped since the store was opened,
  /// because another value is kept at their timestamp.
  package var droppedDuplicateCount = 0
  /// The samples that took the place of stored ones since the store was opened.
  package var replacedSampleCount = 0
  /// The samples refused since the store was opened.
  package var rejectedSampleCounts: [RejectionReason: Int] = [:]
  /// The accepted samples that were not newer than the newest of their series.
  package var outOfOrderSampleCount = 0
  /// The time of the newest sample, or nil.
  package var newestTimestamp: Timestamp?
  /// A time that no sample is older than, or nil.
  package var oldestTimestamp: Timestamp?
  /// The exemplars in memory, and the series that have any.
  package var exemplarCount = 0
  package var exemplarSeriesCount = 0
  /// The time of the exemplar that came last, or nil.
  package var lastExemplarTimestamp: Timestamp?
  /// The exemplars accepted since the store was opened, duplicates included.
  package var appendedExemplarCount = 0
  /// The exemplars refused since the store was opened.
  package var refusedExemplarCounts: [ExemplarRefusal: Int] = [:]
  /// The bytes of the journal that a restart would read.
  package var journalBytes = 0
  /// The segments of the journal.
  package var segmentCount = 0
  /// The highest number of a segment.
  package var currentSegment: UInt64 = 0
  /// The bytes of the tables up to the last page ever used, free pages
  /// included.
  package var tableBytes = 0
  /// The address space reserved for the tables.
  package var mapSizeBytes = 0
  /// The appends that wait for their commit to begin.
  package var waitingAppendCount = 0
  /// The commits to the journal since the store was opened.
  package var commitCount = 0
  /// The seconds that the last of them took, the sync included.
  package var lastCommitSeconds = 0.0
  /// The checkpoints since the store was opened.
  package var checkpointCount = 0
  /// The seconds that the last of them took.
  package var lastCheckpointSeconds = 0.0
  /// The chunks sealed since the store was opened.
  package var sealedChunkCount = 0
  /// The windows in the tables.
  package var windowCount = 0
  /// The merges that ended since the store was opened, each into one window.
  package var mergedWindowCount = 0
  /// The seconds that merging took since the store was opened.
  package var mergeSeconds = 0.0
  /// The windows deleted by retention since the store was opened.
  package var deletedWindowCount = 0
  /// The chunks, and blocks of chunks, that queries found damaged and left out
  /// since the store was opened, each counted once.
  package var quarantinedChunkCount = 0
  /// The windows that were deleted because of the size, among those.
  package var sizeDeletedWindowCount = 0
  /// The bytes of tables and journal when they were last counted, which is done
  /// where their size is limited.
  package var usedByteCount = 0
  /// The bytes that were free on the disk when they were last looked at; nil
  /// when they are not known.
  package var freeByteCount: Int?
  /// What made the store refuse appends until it is opened again, or nil.
  package var failure: String?
  /// Why the store refuses appends at the moment, or nil: the disk is full.
  package var suspension: String?
}
