import ChunkEncoding
import FaultInjection
import LMDB
import SeriesModel
import Synchronization

extension OpenStore {
  private static let sweepIntervalMilliseconds: Int64 = 3600 * 1000
  private static let readerCheckIntervalMilliseconds: Int64 = 60 * 1000
  private static let retryIntervalMilliseconds: Int64 = 10 * 1000

  /// See ``Store/maintain(now:)``.
  func maintain(now: Timestamp) throws(StorageError) {
    try maintenance.withLock { state throws(StorageError) in
      if let failure = queue.failure { throw .failedEarlier(failure) }
      state.advanceClock(to: now.milliseconds)
      try checkpointIfDue(&state)
      // Where a checkpoint lacks space, this may make some.
      do throws(StorageError) {
        try applyRetention(&state)
        // What little space there is, is for what can't wait; a merge that is
        // under way must end before retention can delete its windows.
        try mergeForAWhile(&state, beginsMerges: queue.suspension == nil)
        if sweepIfDue(&state), state.hasUnusedSeries {
          try removeUnusedSeries(&state)
        }
      } catch {
        let error = stopAppends(because: error)
        guard case .diskFull = error else { throw error }
      }
      watchDisk(state)
      try checkReadersIfDue(&state)
    }
  }

  /// See ``Store/cleanTombstones()``.
  func cleanTombstones() {
    maintenance.withLock { $0.isCleaningTombstones = true }
  }

  /// See ``Store/sealEverything()``.
  func sealEverything() throws(StorageError) {
    try maintenance.withLock { state throws(StorageError) in
      if let failure = queue.failure { throw .failedEarlier(failure) }
      try checkpoint(.everything, state: &state)
    }
  }

  /// Makes the checkpoint that is due; one that lacks space is put off.
  private func checkpointIfDue(_ state: inout MaintenanceState) throws(StorageError) {
    if state.pendingCheckpoint != nil, let last = state.lastLackOfSpace,
      state.clock - last < OpenStore.retryIntervalMilliseconds
    {
      return
    }
    let lastWindowSeal = state.windowSealNewest
    let due = dueCheckpoint(&state)
    guard let scope = due ?? state.pendingCheckpoint?.scope else { return }
    do throws(StorageError) {
      try checkpoint(scope, state: &state)
    } catch {
      guard case .diskFull = error else { throw error }
      state.lastLackOfSpace = state.clock
      // A window that has ended is due again.
      state.windowSealNewest = lastWindowSeal
    }
  }

  private func dueCheckpoint(_ state: inout MaintenanceState) -> CheckpointScope? {
    let (sequence, byteCount) = journal.withLock { ($0?.lastSequence ?? 0, $0?.byteCount ?? 0) }
    let (newest, openByteCount) = contents.head.withLock {
      ($0.newestTimestamp, $0.openByteCount)
    }
    if state.lastAppend?.sequence != sequence { state.lastAppend = (sequence, state.clock) }
    if let lastAppend = state.lastAppend,
      state.clock - lastAppend.seen >= contents.options.idleMilliseconds
    {
      return .everything
    }
    if hasWindowEnded(newest: newest, state: &state) { return .endedWindows }
    let threshold = max(contents.options.checkpointThresholdBytes, openByteCount)
    return byteCount >= threshold ? .journal : nil
  }

  /// True once for each short window that the newest sample has left behind.
  private func hasWindowEnded(newest: Int64?, state: inout MaintenanceState) -> Bool {
    guard let newest else { return false }
    let (late, overflow) = newest.subtractingReportingOverflow(OpenStore.windowGraceMilliseconds)
    guard overflow == false else { return false }
    let window = Window(containing: late, lengthMilliseconds: Window.shortLengthMilliseconds)
    defer { state.windowSealNewest = window.startMilliseconds }
    guard let last = state.windowSealNewest else { return false }
    return window.startMilliseconds > last
  }

  // MARK: Retention

  /// Deletes the windows that hold nothing young enough or are too much for the
  /// size allowed, and the series that are in no other window.
  private func applyRetention(_ state: inout MaintenanceState) throws(StorageError) {
    guard let newest = contents.head.withLock({ $0.newestTimestamp }) else { return }
    let oldestKept = contents.options.oldestKept(newest: newest)
    contents.head.withLock { $0.exemplars.drop(before: oldestKept) }
    let windows = WindowTable(contents.schema)
    // A hidden window is one whose deletion a crash interrupted. One whose row
    // can't be read goes once all of its time is too old.
    let rows = try contents.schema.environment.read { view throws(StorageError) in
      var unreadable: [WindowRow] = []
      let readable = try windows.rows(includesHidden: true, in: view) {
        error, window throws(StorageError) in
        guard case .corrupted = error else { throw error }
        if let window { unreadable.append(WindowRow(unreadable: window)) }
      }
      return readable + unreadable
    }
    // The windows of a merge that is under way depend on each other.
    let merged = try mergeUnderWay(&state)?.plan.target
    let deletable = rows.filter { merged?.contains($0.window) != true }
    let old = deletable.filter { $0.isHidden || $0.maxTimestamp < oldestKept }
    let kept = rows.filter { $0.isHidden == false && $0.maxTimestamp >= oldestKept }
    // Nothing younger goes before the oldest, which a merge may hold for a while.
    let surplus = try windowBeyondSize(kept).flatMap { row in
      merged?.contains(row.window) == true ? nil : row
    }
    let due = old + (surplus.map { [$0] } ?? [])
    guard due.isEmpty == false else { return }
    for row in due {
      try delete(row.window, from: windows)
      // One that was hidden was told of before a crash.
      if row.isHidden == false {
        contents.options.onEvent(
          .dropped(row, because: row.window == surplus?.window ? .size : .time))
      }
    }
    try removeUnusedSeries(&state)
    counters.withLock { counters in
      counters.deletedWindowCount += due.count
      if surplus != nil { counters.sizeDeletedWindowCount += 1 }
    }
    contents.head.withLock { $0.forgetOldestTimestamp() }
    try readWindows()
  }

  /// Deletes what is left of windows whose deletion was interrupted: nothing can
  /// be sealed to them.
  func finishDeletions() throws(StorageError) {
    let windows = WindowTable(contents.schema)
    let rows = try contents.schema.environment.read { view throws(StorageError) in
      try windows.rows(includesHidden: true, in: view) { error, _ throws(StorageError) in
        guard case .corrupted = error else { throw error }
      }
    }
    for row in rows where row.isHidden { try delete(row.window, from: windows) }
  }

  private func delete(_ window: Window, from windows: WindowTable) throws(StorageError) {
    let schema = contents.schema
    let chunks = ChunkTable(schema)
    try schema.environment.write { transaction throws(StorageError) in
      try windows.hide(window, in: &transaction)
    }
    FaultPoint.reached("retention.hidden")
    var isGone = false
    while isGone == false {
      isGone = try schema.environment.write { transaction throws(StorageError) in
        try chunks.deleteSome(of: window, in: &transaction)
      }
      FaultPoint.reached("retention.chunks")
    }
    try schema.environment.write { transaction throws(StorageError) in
      try windows.forget(window, in: &transaction)
      try TombstoneTable(schema).drop(window, in: &transaction)
    }
    FaultPoint.reached("retention.forgotten")
  }

  /// Removes from the index what neither a window nor the head holds, and takes
  /// note of whether the head holds some of it.
  ///
  /// Which series a damaged window has is unknown: then all of them stay.
  func removeUnusedSeries(_ state: inout MaintenanceState) throws(StorageError) {
    do throws(StorageError) {
      state.hasUnusedSeries = try removeUnusedSeries() == false
    } catch {
      guard case .corrupted = error else { throw error }
      state.hasUnusedSeries = false
    }
  }

  /// Returns whether no series is left that only the head holds.
  private func removeUnusedSeries() throws(StorageError) -> Bool {
    let schema = contents.schema
    let windows = WindowTable(schema)
    let unused = try schema.environment.read { view throws(StorageError) in
      var unused = try contents.index.postings(in: view).allSeries()
      for row in try windows.rows(in: view) {
        unused = unused.subtracting(try windows.seriesRuns(of: row.window, in: view))
      }
      return PostingsList(unused)
    }
    var removedCount = 0
    for start in stride(from: 0, to: unused.count, by: 1000) {
      let ids = unused.ids[start..<min(start + 1000, unused.count)]
      // Behind the gate no series comes from the tables into the head.
      try indexGate.withLock { _ throws(StorageError) in
        let removable = contents.head.withLock { head in
          ids.filter { head.slots.slot(of: $0) == nil }
        }
        guard removable.isEmpty == false else { return }
        try schema.environment.write { transaction throws(StorageError) in
          try contents.index.remove(PostingsList(sorted: removable), in: &transaction)
        }
        FaultPoint.reached("retention.series")
        removedCount += removable.count
      }
    }
    return removedCount == unused.count
  }

  // MARK: Memory

  /// Forgets series that have nothing in memory and that nobody used since
  /// the last sweep; the tables know them. Returns whether it was time to.
  private func sweepIfDue(_ state: inout MaintenanceState) -> Bool {
    guard let last = state.lastSweep else {
      state.lastSweep = state.clock
      return false
    }
    guard state.clock - last >= OpenStore.sweepIntervalMilliseconds else { return false }
    state.lastSweep = state.clock
    contents.head.withLock { $0.forgetUnusedSeries() }
    return true
  }

  private func checkReadersIfDue(_ state: inout MaintenanceState) throws(StorageError) {
    if let last = state.lastReaderCheck,
      state.clock - last < OpenStore.readerCheckIntervalMilliseconds
    {
      return
    }
    state.lastReaderCheck = state.clock
    do throws(LMDBError) {
      try contents.schema.environment.clearStaleReaders()
    } catch {
      throw StorageError(error)
    }
  }
}

extension Head {
  /// Makes the oldest timestamp that of what is in memory; the tables have to be
  /// looked at next.
  ///
  /// - Complexity: O(*n*) in the series and chunks in memory.
  mutating func forgetOldestTimestamp() {
    let chunks = closed.chunks.lazy.map(\.description) + frozen.chunks.lazy.map(\.description)
    var oldest = chunks.map(\.minTimestamp).min()
    func include(_ timestamp: Int64) { oldest = min(oldest ?? timestamp, timestamp) }
    for slot in open.indices where open[slot].slab.isNone == false {
      include(open[slot].appender.firstTimestamp)
    }
    for buffer in buffers.values {
      if let first = buffer.columns.timestamps.first { include(first) }
    }
    oldestTimestamp = oldest
  }

  /// Forgets the series that were not used since the last call and that need
  /// nothing in memory.
  mutating func forgetUnusedSeries() {
    var unused: [Int] = []
    for slot in open.indices where slots.flags[slot].contains(.isUsed) {
      let flags = slots.flags[slot]
      slots.flags[slot].remove(.isRecent)
      // What was recorded must be in the tables; what never was is not missed.
      let isElsewhere = flags.contains(.isInTables) || flags.contains(.isRecorded) == false
      if flags.contains(.isRecent) == false, isElsewhere, open[slot].slab.isNone,
        open[slot].lastStaged == 0, buffers[slot] == nil,
        closed.hasChunks(ofSlot: slot) == false, frozen.hasChunks(ofSlot: slot) == false
      {
        unused.append(slot)
      }
    }
    slots.remove(unused)
    for slot in unused {
      open[slot] = OpenSeries()
      latestElsewhere[slot] = nil
      newestRich[slot] = nil
    }
  }
}
