import ChunkEncoding
import FaultInjection
import LMDB
import SeriesModel
import Synchronization

/// What the maintenance of a store remembers between its turns.
struct MaintenanceState: Sendable {
  /// Segments whose files are kept when they are not needed any more.
  var damagedSegments: Set<UInt64>
  /// The journal sequence that the last checkpoint covers.
  var checkpointSequence: UInt64 = 0
  /// The seals that were interrupted before the store was opened, and are to be
  /// repeated at a start until a checkpoint is complete.
  var interruptedSeals: [SealPlan] = []
  /// The newest sample when windows that had ended were last sealed.
  var windowSealNewest: Int64?
  /// The last journal sequence seen, and when it was seen first.
  var lastAppend: (sequence: UInt64, seen: Int64)?
  /// When series that nobody used were last looked for.
  var lastSweep: Int64?
  /// When stale readers were last looked for.
  var lastReaderCheck: Int64?
  /// The milliseconds on a clock that goes forward with the one that the turns
  /// are told, and stands still when that is set back: what was put off waits for
  /// a turn longer then, and not until the same time comes again. Not negative.
  private(set) var clock: Int64 = 0
  /// The clock of the last turn, as it was.
  private var lastTurn: Int64?
  /// When chunks were last sealed to a window, since the store was opened.
  var lastSeals: [Window: Int64] = [:]
  /// Whether windows are written anew only because samples in them are deleted.
  var isCleaningTombstones = false
  /// Whether the index has series that no window holds, but the head.
  var hasUnusedSeries = false
  /// Windows with damage, which are not merged.
  var damagedWindows: Set<Window> = []
  /// True once a merge that is under way has met damage.
  var isMergingSuspended = false
  /// A checkpoint that lacked space, to be gone on with.
  var pendingCheckpoint: PendingCheckpoint?
  /// When a checkpoint last lacked space.
  var lastLackOfSpace: Int64?

  init(
    damagedSegments: Set<UInt64> = [], checkpointSequence: UInt64 = 0,
    interruptedSeals: [SealPlan] = []
  ) {
    self.damagedSegments = damagedSegments
    self.checkpointSequence = checkpointSequence
    self.interruptedSeals = interruptedSeals
  }

  /// Takes note of a turn at a time of the caller's clock.
  mutating func advanceClock(to now: Int64) {
    defer { lastTurn = now }
    guard let lastTurn else {
      clock = max(0, now)
      return
    }
    let (elapsed, isOverflow) = now.subtractingReportingOverflow(lastTurn)
    guard now > lastTurn else { return }
    let (sum, isBeyond) = clock.addingReportingOverflow(elapsed)
    clock = isOverflow || isBeyond ? .max : sum
  }
}

/// A checkpoint under way: the head is frozen, and appends go to another
/// segment.
///
/// One that lacked space is in no other state than a slow one: each of its
/// transactions was committed or not, and counts in the plan only if it was.
struct PendingCheckpoint: Sendable {
  var frozen: FrozenHead
  let scope: CheckpointScope
  let start: Double
  /// The number of the segment of the open chunks, once that is on the disk.
  var segment: UInt64?
}

/// What a checkpoint takes beside closed chunks.
enum CheckpointScope {
  /// Nothing more: the journal has become long.
  case journal
  /// Open chunks of windows that have ended.
  case endedWindows
  /// Everything open.
  case everything
  /// Open chunks of windows that have ended; nothing is appended afterwards.
  case closing
}

extension OpenStore {
  /// A window counts as ended when the newest sample is this much behind it.
  static let windowGraceMilliseconds: Int64 = 5 * 60 * 1000
  private static let chunksPerTransaction = 4000
  private static let bytesPerTransaction = 1 << 20

  /// Moves closed chunks and new series to the tables, saves the open chunks,
  /// and deletes the journal up to here.
  ///
  /// Appends go on meanwhile, in a segment of their own, but for the moment in
  /// which the head is frozen. After each step a crash leaves a store that
  /// opens with everything: the old segments count until the last transaction
  /// names the checkpoint, and then they don't.
  ///
  /// A checkpoint that lacked space before is gone on with first.
  ///
  /// - Throws: `diskFull` where only space is missing: appends are refused until
  ///   a later call has done the rest. After any other error nothing is
  ///   appended any more.
  func checkpoint(
    _ scope: CheckpointScope, state: inout MaintenanceState
  ) throws(StorageError) {
    do throws(StorageError) {
      try finishDeletions()
      try finishPendingCheckpoint(state: &state)
      let start = monotonicSeconds()
      guard let frozen = try freeze(scope, state: state) else { return }
      FaultPoint.reached("checkpoint.frozen")
      state.pendingCheckpoint = PendingCheckpoint(frozen: frozen, scope: scope, start: start)
      try finishPendingCheckpoint(state: &state)
    } catch {
      throw stopAppends(because: error)
    }
  }

  /// Does what is left of a checkpoint whose head is frozen, if there is one.
  ///
  /// - Throws: What failed; where only space was missing, call it again.
  private func finishPendingCheckpoint(state: inout MaintenanceState) throws(StorageError) {
    guard var pending = state.pendingCheckpoint.take() else { return }
    let segment: UInt64
    do throws(StorageError) {
      if let saved = pending.segment {
        segment = saved
      } else {
        segment = try saveOpenChunks(of: pending.frozen, scope: pending.scope)
        pending.segment = segment
      }
      FaultPoint.reached("checkpoint.saved")
      pending.frozen.releaseOpenChunks()
      try seal(
        &pending.frozen, after: state.interruptedSeals, checkpointSegment: segment)
    } catch {
      state.pendingCheckpoint = pending
      throw error
    }
    state.interruptedSeals = []
    let frozen = pending.frozen
    contents.head.withLock { $0.finishSeal(of: frozen) }
    try deleteSegments(before: segment, scope: pending.scope, state: &state)
    state.checkpointSequence = frozen.plan.sequence
    for chunk in frozen.chunks { state.lastSeals[chunk.window] = state.clock }
    counters.withLock { counters in
      counters.checkpointCount += 1
      counters.sealedChunkCount += frozen.chunks.count
      counters.lastCheckpointSeconds = monotonicSeconds() - pending.start
    }
    observer.withLock { $0.didCheckpoint }(monotonicSeconds() - pending.start)
    try readWindows()
  }

  /// Freezes the head between two commits and starts another segment; returns
  /// nil when there is nothing that the last checkpoint does not have.
  private func freeze(
    _ scope: CheckpointScope, state: MaintenanceState
  ) throws(StorageError) -> FrozenHead? {
    guard hasWork(for: scope, state: state) else { return nil }
    var next: SegmentWriter?
    if scope != .closing {
      // One number is left free in front for the checkpoint.
      next = try makeSegment(.log, numberAfterLast: 2)
    }
    FaultPoint.reached("checkpoint.segment")
    return try queue.pausing { () throws(StorageError) in
      try journal.withLock { journal throws(StorageError) in
        guard let journal else { throw .notWritable }
        let sequence = journal.lastSequence
        if let segment = next.take() { try journal.rotate(to: segment) }
        return contents.head.withLock { head in
          head.freeze(OpenStore.plan(scope, sequence: sequence, newest: head.newestTimestamp))
        }
      }
    }
  }

  private func hasWork(for scope: CheckpointScope, state: MaintenanceState) -> Bool {
    let sequence = journal.withLock { $0?.lastSequence ?? 0 }
    if sequence > state.checkpointSequence { return true }
    return contents.head.withLock { head in
      let plan = OpenStore.plan(scope, sequence: sequence, newest: head.newestTimestamp)
      return head.hasChunks(for: plan)
    }
  }

  private static func plan(
    _ scope: CheckpointScope, sequence: UInt64, newest: Int64?
  ) -> SealPlan {
    let ended = (newest ?? .min).subtractingReportingOverflow(windowGraceMilliseconds)
    let closesWindowsEndingAt: Int64 =
      switch scope {
      case .journal: .min
      case .endedWindows, .closing: ended.overflow ? .min : ended.partialValue
      case .everything: .max
      }
    return SealPlan(
      sequence: sequence, closesWindowsEndingAt: closesWindowsEndingAt,
      sealsSmallBuffers: scope == .everything)
  }

  private func makeSegment(
    _ kind: SegmentKind, numberAfterLast offset: UInt64
  ) throws(StorageError) -> SegmentWriter {
    let last = journal.withLock { $0?.lastSegmentNumber ?? 0 }
    do throws(FileError) {
      return try SegmentWriter.create(
        in: contents.journalDirectory, kind: kind, number: last + offset)
    } catch {
      throw StorageError(error)
    }
  }

  /// Writes the checkpoint segment, and returns its number.
  private func saveOpenChunks(
    of frozen: FrozenHead, scope: CheckpointScope
  ) throws(StorageError) -> UInt64 {
    let number = journal.withLock { journal in
      (journal?.lastSegmentNumber ?? 0) + (scope == .closing ? 1 : 0)
    }
    do throws(FileError) {
      var writer = try SegmentWriter.create(
        in: contents.journalDirectory, kind: .checkpoint,
        number: scope == .closing ? number : number - 1)
      var buffer = RecordBuffer(segment: writer.header, firstSequence: frozen.plan.sequence)
      // Nobody reads the checkpoint of a store in memory.
      if contents.isInMemory == false {
        try OpenStore.write(frozen, with: &buffer, to: &writer)
      }
      return writer.header.number
    } catch {
      throw StorageError(error)
    }
  }

  private static func write(
    _ frozen: FrozenHead, with buffer: inout RecordBuffer, to writer: inout SegmentWriter
  ) throws(FileError) {
    var record = OpenChunksRecord()
    try frozen.forEachOpenChunk { chunk throws(FileError) in
      record.append(chunk)
      guard record.isFull else { return }
      buffer.append(&record)
      try buffer.flush(to: &writer, whenAbove: 1 << 20)
    }
    buffer.append(&record)
    try frozen.forEachBuffer { record throws(FileError) in
      buffer.appendRecord(record.kind) { record.encode(into: &$0) }
      try buffer.flush(to: &writer, whenAbove: 1 << 20)
    }
    buffer.appendRecord(.checkpointEnd) { _ in }
    try buffer.flush(to: &writer, whenAbove: 0)
    try writer.trim()
  }

  // MARK: Tables

  /// Writes new series and chunks to the tables, and then says that they hold
  /// them.
  ///
  /// - Parameter head: Its plan gets the number of chunks that are written.
  private func seal(
    _ head: inout FrozenHead, after interrupted: [SealPlan], checkpointSegment: UInt64
  ) throws(StorageError) {
    let frozen = head
    let schema = contents.schema
    var insertion = IndexInsertion(
      ids: frozen.newSeries.map(\.id), into: schema
    ) { [contents] ids in
      contents.head.withLock { head in
        ids.map { id in head.slots.slot(of: id).map { head.slots.labels(at: $0) } }
      }
    }
    while frozen.newSeries.isEmpty == false, insertion.isFinished == false {
      try schema.environment.write { transaction throws(StorageError) in
        _ = try insertion.writeSome(
          in: &transaction, byteBudget: OpenStore.bytesPerTransaction)
      }
      FaultPoint.reached("checkpoint.index")
    }
    try sealChunks(of: &head, after: interrupted)
    try schema.environment.write { transaction throws(StorageError) in
      try contents.storeMetadata(frozen.metadata, in: &transaction)
      try ExemplarTable(schema).write(frozen.exemplars, in: &transaction)
      try schema.setMetaValue(.nextSeriesID, to: frozen.nextSeriesID, in: &transaction)
      if let newest = frozen.newestTimestamp {
        try schema.setMetaValue(.newestTimestamp, to: newest, in: &transaction)
      }
      try schema.setMetaValue(.checkpointSegment, to: checkpointSegment, in: &transaction)
      try schema.setMetaValue(.sealedThrough, to: frozen.plan.sequence, in: &transaction)
      try schema.removeMetaValue(.sealPlans, in: &transaction)
    }
    FaultPoint.reached("checkpoint.named")
  }

  private func sealChunks(
    of head: inout FrozenHead, after interrupted: [SealPlan]
  ) throws(StorageError) {
    let frozen = head
    guard frozen.chunks.isEmpty == false else { return }
    let schema = contents.schema
    let table = ChunkTable(schema)
    let part = try schema.environment.write { transaction throws(StorageError) in
      try table.takePart(in: &transaction)
    }
    var plan = frozen.plan
    var run = ChunkRun(window: frozen.chunks[0].window, part: part)
    while plan.sealedCount < frozen.chunks.count {
      let first = plan.sealedCount
      try schema.environment.write { transaction throws(StorageError) in
        var byteCount = 0
        while plan.sealedCount < frozen.chunks.count,
          plan.sealedCount - first < OpenStore.chunksPerTransaction,
          byteCount < OpenStore.bytesPerTransaction
        {
          let chunk = frozen.chunks[plan.sealedCount]
          if run.window != chunk.window {
            try write(&run, in: &transaction)
            run = ChunkRun(window: chunk.window, part: part)
          }
          let encoded = frozen.chunkList.encoded(chunk)
          run.add(encoded, of: chunk.seriesID)
          byteCount += encoded.payload.count
          plan.sealedCount += 1
        }
        try write(&run, in: &transaction)
        try schema.setMetaValue(
          .sealPlans, to: SealPlans(interrupted + [plan]), in: &transaction)
      }
      FaultPoint.reached("checkpoint.chunks")
      head.plan = plan
    }
  }

  /// Writes chunks to their window, whose row and list of series are made anew
  /// when they can't be read.
  private func write(
    _ run: inout ChunkRun, in transaction: inout WriteTransaction
  ) throws(StorageError) {
    let table = ChunkTable(contents.schema)
    do throws(StorageError) {
      try table.write(&run, in: &transaction)
    } catch {
      guard case .corrupted(contents.schema.windows.name, _, _) = error else { throw error }
      contents.quarantine.add(error)
      contents.warn("\(run.window) was taken from its chunks anew: \(error)")
      try WindowRecount(contents.schema).repair(run.window, in: &transaction)
      try table.write(&run, in: &transaction)
    }
  }

  // MARK: Afterwards

  /// Deletes the segments that the checkpoint replaces.
  private func deleteSegments(
    before checkpoint: UInt64, scope: CheckpointScope, state: inout MaintenanceState
  ) throws(StorageError) {
    let directory = contents.journalDirectory
    do throws(FileError) {
      for number in try directory.segmentNumbers() where number < checkpoint {
        if state.damagedSegments.remove(number) != nil {
          try directory.setAsideSegment(number)
        } else if scope == .closing {
          try directory.deleteSegment(number)
        } else {
          try directory.deleteSegment(
            number, pauseMicroseconds: contents.options.deletionPauseMicroseconds)
        }
        FaultPoint.reached("checkpoint.deleted")
      }
    } catch {
      throw StorageError(error)
    }
    journal.withLock { $0?.didCheckpoint(in: checkpoint) }
  }

  /// Takes note of how many windows there are, and of the oldest sample.
  func readWindows() throws(StorageError) {
    let count = try contents.schema.environment.read { view throws(StorageError) in
      try contents.readTimeRange(view: view)
    }
    counters.withLock { $0.windowCount = count }
  }
}

extension StoreContents {
  /// Brings the time range of the tables to the head, and returns the number
  /// of windows; queries warn of a damaged row.
  @discardableResult
  func readTimeRange(view: ReadView) throws(StorageError) -> Int {
    let rows = try WindowTable(schema).rows(in: view) { error, _ throws(StorageError) in
      guard case .corrupted = error else { throw error }
    }
    head.withLock { head in
      for row in rows {
        head.includeInTimeRange(row.minTimestamp)
        head.includeInTimeRange(row.maxTimestamp)
      }
    }
    return rows.count
  }
}

extension RecordBuffer {
  /// Appends a record, unless it is empty, and empties it.
  fileprivate mutating func append(_ record: inout OpenChunksRecord) {
    guard record.isEmpty == false else { return }
    let payload = record.payload
    appendRecord(.openChunks) { $0 += payload }
    record = OpenChunksRecord()
  }

  /// Writes the records out when they are more than `byteCount`.
  fileprivate mutating func flush(
    to writer: inout SegmentWriter, whenAbove byteCount: Int
  ) throws(FileError) {
    guard bytes.count > byteCount else { return }
    try writer.write(bytes.span)
    startNextSync()
  }
}
