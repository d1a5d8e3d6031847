import LMDB
import SeriesModel
import Synchronization

extension OpenStore {
  func seriesID(for labels: Labels) throws(StorageError) -> SeriesID {
    let known = contents.head.withLock { head in
      head.slots.slot(of: labels).map { head.slots.ids[$0] }
    }
    if let known { return known }
    return try makeSeries(labels)
  }

  /// Finds a series in the tables or makes it, and keeps it in memory.
  private func makeSeries(_ labels: Labels) throws(StorageError) -> SeriesID {
    if let failure = queue.failure { throw .failedEarlier(failure) }
    if let suspension = queue.suspension { throw suspension }
    return try indexGate.withLock { _ throws(StorageError) in
      let stored = try contents.schema.environment.read { view throws(StorageError) in
        try contents.index.id(of: labels, hash: contents.index.hash(of: labels), in: view)
      }
      return contents.head.withLock { head in
        if let slot = head.slots.slot(of: labels) { return head.slots.ids[slot] }
        let id = stored ?? SeriesID(head.nextSeriesID)
        head.insertSeries(
          id, labels: labels, flags: stored == nil ? [] : [.isRecorded, .isInTables])
        return id
      }
    }
  }

  func append(
    _ batches: [SampleBatch], options: AppendOptions
  ) throws(StorageError) -> [AppendResult] {
    try queue.submit(Submission(batches, options: options)) { group throws(StorageError) in
      try commit(group)
    }
  }

  /// Checks, writes, syncs and applies; called by one thread at a time.
  private func commit(_ group: [Submission]) throws(StorageError) -> CommitOutcome {
    let start = monotonicSeconds()
    let staged: [[StagedBatch]]
    do throws(StorageError) {
      staged = try stage(group)
    } catch {
      // A failed look into the tables has changed nothing.
      return .failure(error)
    }
    let records = staged.joined().map(\.record).filter { $0.isEmpty == false }
    var hasGrown = false
    if records.isEmpty == false {
      do throws(StorageError) {
        hasGrown = try write(records)
      } catch {
        contents.head.withLock { $0.discardStaged(records) }
        throw error
      }
    }
    contents.head.withLock { $0.applyStaged() }
    if hasGrown { suspendIfDiskIsFull() }
    count(staged, isSynced: records.isEmpty == false, seconds: monotonicSeconds() - start)
    return .success(staged.map { $0.map(\.result) })
  }

  /// Checks the samples of a group and stages what is accepted.
  ///
  /// A sample that is not newer than what memory knows of its series may be in
  /// the tables, which are not read under the head's lock: the places are looked
  /// up in between, and everything is staged again. Chunks that a seal moved to
  /// the tables meanwhile are missing from memory then, so that their places are
  /// looked up in another turn; nothing leaves the tables but what merges put
  /// there again. What is in neither place in one turn comes into none before the
  /// next: appends wait.
  private func stage(_ group: [Submission]) throws(StorageError) -> [[StagedBatch]] {
    let options = contents.options
    var sealed = SealedSamples()
    var knowsForgottenSeries = false
    while true {
      let latest = sealed.takeLatest()
      let (staged, unknown, forgotten) = contents.head.withLock {
        [sealed, knowsForgottenSeries] head in
        for (id, timestamp) in latest { head.noteLatestSealed(timestamp, of: id) }
        let staged = group.map { submission in
          let rules = StagingRules(
            options: submission.options, duplicatePolicy: options.duplicatePolicy,
            oldestKept: options.oldestKept(newest:), sealed: sealed,
            knowsForgottenSeries: knowsForgottenSeries)
          return submission.batches.map { head.stage($0, rules: rules) }
        }
        let unknown = head.unknownSamples(staged.joined().lazy.flatMap(\.unknownPlaces))
        let forgotten = PostingsList(unsorted: staged.joined().flatMap(\.forgottenIDs))
        if unknown.isEmpty == false || forgotten.isEmpty == false {
          head.discardStaged(staged.joined().map(\.record))
        }
        return (staged, unknown, forgotten)
      }
      if unknown.isEmpty, forgotten.isEmpty { return staged }
      try loadForgottenSeries(forgotten)
      knowsForgottenSeries = true
      if unknown.isEmpty == false { try sealed.lookUp(unknown, in: contents) }
    }
  }

  /// Brings series into memory that a caller still has the id of.
  private func loadForgottenSeries(_ forgotten: PostingsList) throws(StorageError) {
    guard forgotten.isEmpty == false else { return }
    try indexGate.withLock { _ throws(StorageError) in
      let labels = try contents.schema.environment.read { view throws(StorageError) in
        // A series whose labels can't be read is as unknown as one that is gone.
        try contents.index.labels(of: forgotten, in: view) { _, error throws(StorageError) in
          guard case .corrupted = error else { throw error }
        }
      }
      contents.head.withLock { head in
        for (id, labels) in zip(forgotten.ids, labels) where head.slots.slot(of: id) == nil {
          guard let labels else { continue }
          head.insertSeries(id, labels: labels, flags: [.isRecorded, .isInTables])
        }
      }
    }
  }

  /// Writes records, and says whether the journal took more of the disk.
  private func write(_ records: [BatchRecord]) throws(StorageError) -> Bool {
    let start = monotonicSeconds()
    let threshold = max(1, contents.options.checkpointThresholdBytes)
    let (hasGrown, isLong) = try journal.withLock { journal throws(StorageError) in
      guard let journal else { throw .notWritable }
      let byteCount = journal.byteCount
      let hasGrown = try journal.commit(
        records, isSynchronized: contents.options.durability == .sync)
      return (hasGrown, journal.byteCount / threshold > byteCount / threshold)
    }
    if isLong { longJournalHandler.withLock { $0 }() }
    observer.withLock { $0.didSynchronize }(monotonicSeconds() - start)
    return hasGrown
  }

  private func count(_ staged: [[StagedBatch]], isSynced: Bool, seconds: Double) {
    counters.withLock { counters in
      for batch in staged.joined() {
        counters.appendedSampleCount += batch.result.acceptedCount
        counters.droppedDuplicateCount += batch.droppedCount
        counters.replacedSampleCount += batch.record.replacementCount
        for rejection in batch.result.rejections {
          counters.rejectedSampleCounts[rejection.reason, default: 0] += 1
        }
        counters.appendedExemplarCount += batch.result.acceptedExemplarCount
        counters.refusedExemplarCounts.merge(
          batch.result.refusedExemplarCounts, uniquingKeysWith: +)
      }
      guard isSynced else { return }
      counters.commitCount += 1
      counters.lastCommitSeconds = seconds
    }
  }
}
