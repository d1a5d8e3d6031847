import Glibc
import LMDB
import SeriesModel
import Synchronization

/// A segment file that is open, so that its bytes can be read even after it
/// was deleted.
final class OpenSegment {
  let number: UInt64
  let file: OpenFile

  /// Opens the segment and locks it against being cut shorter.
  ///
  /// - Throws: ``FileError``, for which ``FileError/isNotFound`` holds also when
  ///   the segment is being deleted.
  init(number: UInt64, in directory: JournalDirectory) throws(FileError) {
    self.number = number
    let path = directory.path(ofSegment: number)
    file = try OpenFile(path: path, mode: .reading)
    guard try file.tryLock(.shared) else {
      throw FileError(operation: .open, path: path, number: ENOENT)
    }
  }

  /// True when something was written behind the header.
  func hasRecords() throws(StorageError) -> Bool {
    do throws(FileError) {
      return try file.hasContent(behind: SegmentHeader.byteCount)
    } catch {
      throw StorageError(error)
    }
  }
}

extension JournalDirectory {
  /// Opens every segment, ascending by number.
  func openSegments() throws(FileError) -> [OpenSegment] {
    var segments: [OpenSegment] = []
    for number in try segmentNumbers() {
      segments.append(try OpenSegment(number: number, in: self))
    }
    return segments
  }
}

/// What the journal held when it was read.
struct RecoveredJournal {
  /// The sequence number of the last record; 0 when there is none.
  var lastSequence: UInt64 = 0
  /// The sequence number that the checkpoint stands for.
  var sealedThrough: UInt64 = 0
  /// The checkpoint and the log segments behind it.
  var segmentNumbers: [UInt64] = []
  /// The bytes of the records in the log segments.
  var logByteCount = 0
  /// The segment with a torn tail, and where that begins.
  var tornTail: (number: UInt64, byteCount: Int)?
  /// What was found damaged, and the segments that hold it.
  var damages: [JournalDamage] = []
  var damagedSegments: Set<UInt64> = []
  /// The seals that were interrupted and repeated, in order.
  var interruptedSeals: [SealPlan] = []
  /// Whether a seal was interrupted that can't be repeated: records that it
  /// covers are gone.
  var hasLostSeal = false
}

/// Builds the head from the tables and the journal.
struct Recovery {
  private let contents: StoreContents
  private var recovered = RecoveredJournal()
  /// Interrupted seals that are still to be repeated.
  private var plans: ArraySlice<SealPlan> = []
  /// Series with samples in the journal whose labels are nowhere.
  private var lostSeriesIDs: Set<SeriesID> = []

  /// Reads what `segments`, ascending by number, hold beyond the state of
  /// the tables that `transaction` sees.
  static func run(
    _ contents: StoreContents, segments: [OpenSegment], transaction: borrowing ReadTransaction
  ) throws(StorageError) -> (RecoveredJournal, Head) {
    var recovery = Recovery(contents: contents)
    var head = Head(hashSeed: contents.schema.hashSeed)
    let view = transaction.view
    let schema = contents.schema
    recovery.recovered.sealedThrough = try schema.metaValue(.sealedThrough, in: view) ?? 0
    recovery.recovered.lastSequence = recovery.recovered.sealedThrough
    head.nextSeriesID = try schema.metaValue(.nextSeriesID, in: view) ?? 1
    // An interrupted seal has brought series to the tables that `meta` does not
    // know yet, and the journal may not know any more.
    if let last = try contents.index.lastID(in: view) { head.keepFromNewSeries(last) }
    if let newest = try schema.metaValue(.newestTimestamp, in: view) {
      head.includeInTimeRange(newest)
      head.sealedNewest = newest
    }
    try contents.loadMetadata(into: &head, view: view)
    try contents.loadExemplars(into: &head, view: view)
    // One of the same sequence came behind a checkpoint without an append in
    // between.
    recovery.plans = try (schema.metaValue(.sealPlans, in: view)?.plans ?? [])
      .filter { [recovery] in $0.sequence >= recovery.recovered.sealedThrough }[...]
    let checkpoint = try schema.metaValue(.checkpointSegment, in: view) ?? 0
    if checkpoint > 0 {
      try recovery.loadCheckpoint(checkpoint, of: segments, into: &head, view: view)
    }
    let logs = segments.filter { $0.number > checkpoint }
    // A segment that was prepared for later, and is empty, may follow the last.
    var lastNumber: UInt64 = 0
    for segment in logs where try segment.hasRecords() { lastNumber = segment.number }
    for segment in logs {
      try recovery.replay(
        segment, isLast: segment.number >= lastNumber, into: &head, view: view)
    }
    if let end = try schema.metaValue(.copiedThrough, in: view) {
      recovery.requireRecords(through: end, in: logs.last)
    }
    recovery.repeatSealIfCovered(&head, isAtEnd: true)
    recovery.noteLostSeries()
    head.outOfOrderCount = 0
    return (recovery.recovered, head)
  }

  private init(contents: StoreContents) {
    self.contents = contents
  }

  private func bytes(of segment: OpenSegment) throws(StorageError) -> [UInt8] {
    do throws(FileError) {
      return try segment.file.readAll()
    } catch {
      throw StorageError(error)
    }
  }

  /// Opens a reader, or returns nil and takes note when the header is damaged.
  private mutating func reader(
    of segment: OpenSegment, isLast: Bool, expectedSequence: UInt64?
  ) throws(StorageError) -> SegmentReader? {
    let bytes = try bytes(of: segment)
    do throws(SegmentHeader.Problem) {
      return try SegmentReader(
        path: segment.file.path, bytes: bytes, isLast: isLast,
        expectedSequence: expectedSequence)
    } catch {
      switch error {
      case .newerVersion(let version):
        throw .unsupportedFormat(found: version, supported: SegmentHeader.formatVersion)
      case .damaged:
        // A crash or a full disk may leave a new segment without its header, or
        // with a part of it.
        let isEmpty = bytes.dropFirst(SegmentHeader.byteCount).allSatisfy { $0 == 0 }
        let isBlank = isEmpty && bytes.prefix(SegmentHeader.byteCount).allSatisfy { $0 == 0 }
        if isEmpty == false || isBlank && isLast == false {
          note(
            JournalDamage(path: segment.file.path, byteOffset: 0, reason: "this is no segment"),
            in: segment)
        }
        return nil
      }
    }
  }

  private mutating func note(_ damage: JournalDamage, in segment: OpenSegment) {
    recovered.damages.append(damage)
    recovered.damagedSegments.insert(segment.number)
  }

  // MARK: Checkpoint

  private mutating func loadCheckpoint(
    _ number: UInt64, of segments: [OpenSegment], into head: inout Head, view: ReadView
  ) throws(StorageError) {
    guard let segment = segments.first(where: { $0.number == number }) else {
      let path = contents.journalDirectory.path(ofSegment: number)
      recovered.damages.append(
        JournalDamage(path: path, byteOffset: 0, reason: "the checkpoint is missing"))
      return
    }
    recovered.segmentNumbers.append(number)
    guard
      var reader = try reader(
        of: segment, isLast: false, expectedSequence: recovered.sealedThrough),
      reader.header.kind == .checkpoint
    else {
      if recovered.damagedSegments.contains(number) == false {
        note(
          JournalDamage(path: segment.file.path, byteOffset: 0, reason: "this is no checkpoint"),
          in: segment)
      }
      return
    }
    var chunks: [OpenChunkRecord] = []
    var buffers: [BufferedSamplesRecord] = []
    var isComplete = false
    while let (header, payload) = reader.next() {
      let bytes = reader.bytes.span.extracting(payload)
      do throws(RecordError) {
        switch header.kind {
        case .openChunk:
          chunks += sound([try OpenChunkRecord(decoding: bytes)], at: payload, in: segment)
        case .openChunks:
          chunks += sound(
            try OpenChunksRecord.chunks(decoding: bytes), at: payload, in: segment)
        case .bufferedSamples, .richBufferedSamples:
          buffers.append(try BufferedSamplesRecord(decoding: bytes, kind: header.kind))
        case .checkpointEnd: isComplete = true
        case .batch, .replacingBatch, .richBatch, .replacingRichBatch: throw .malformed
        }
      } catch {
        note(malformedRecord(at: payload, in: segment), in: segment)
      }
    }
    for damage in reader.damages { note(damage, in: segment) }
    if isComplete == false {
      note(
        JournalDamage(
          path: segment.file.path, byteOffset: reader.validByteCount,
          reason: "the checkpoint has no end"), in: segment)
    }
    try loadSeries(chunks.map(\.seriesID) + buffers.map(\.seriesID), into: &head, view: view)
    // Records of kind 2 may hold a last sample alone, of a series that may have
    // left the index since: that is no loss.
    let withSamples = chunks.filter { $0.bytes.isEmpty == false }.map(\.seriesID)
    lostSeriesIDs.formIntersection(withSamples + buffers.map(\.seriesID))
    for record in chunks {
      if let slot = head.slots.slot(of: record.seriesID) { head.restore(record, slot: slot) }
    }
    for record in buffers {
      if let slot = head.slots.slot(of: record.seriesID) { head.restore(record, slot: slot) }
    }
  }

  /// The open chunks of a record that decode; takes note of the others.
  private mutating func sound(
    _ chunks: [OpenChunkRecord], at payload: Range<Int>, in segment: OpenSegment
  ) -> [OpenChunkRecord] {
    var found: [OpenChunkRecord] = []
    for chunk in chunks {
      guard chunk.isSound == false else {
        found.append(chunk)
        continue
      }
      note(
        JournalDamage(
          path: segment.file.path, byteOffset: payload.lowerBound,
          reason: "the open chunk of the series with number \(chunk.seriesID.rawValue) does not "
            + "decode; its samples are missing"), in: segment)
    }
    return found
  }

  private func malformedRecord(at payload: Range<Int>, in segment: OpenSegment) -> JournalDamage {
    JournalDamage(
      path: segment.file.path, byteOffset: payload.lowerBound,
      reason: "the record has a right checksum, but is malformed")
  }

  /// Brings series that the tables know into memory.
  private mutating func loadSeries(
    _ ids: [SeriesID], into head: inout Head, view: ReadView
  ) throws(StorageError) {
    let missing = PostingsList(unsorted: ids.filter { head.slots.slot(of: $0) == nil })
    guard let last = missing.ids.last else { return }
    head.keepFromNewSeries(last)
    let labels = try contents.index.labels(of: missing, in: view) {
      [contents] _, error throws(StorageError) in
      guard case .corrupted = error else { throw error }
      contents.warn(error.description)
    }
    for (id, labels) in zip(missing.ids, labels) {
      if let labels {
        head.insertSeries(id, labels: labels, flags: [.isRecorded, .isInTables])
      } else {
        lostSeriesIDs.insert(id)
      }
    }
  }

  /// Says once how many series can't be named, whatever took their labels.
  private mutating func noteLostSeries() {
    guard lostSeriesIDs.isEmpty == false else { return }
    recovered.damages.append(
      JournalDamage(
        path: contents.journalDirectory.path, byteOffset: 0,
        reason: "left out: \(lostSeriesIDs.count) series with samples but no labels"))
  }

  // MARK: Log

  private mutating func replay(
    _ segment: OpenSegment, isLast: Bool, into head: inout Head, view: ReadView
  ) throws(StorageError) {
    let expected = recovered.lastSequence + 1
    guard var reader = try reader(of: segment, isLast: isLast, expectedSequence: expected),
      // A checkpoint that the tables don't name was never finished.
      reader.header.kind == .log
    else { return }
    while let (header, payload) = reader.next() {
      if header.sequence <= recovered.lastSequence { continue }
      repeatSealIfCovered(&head, isAtEnd: false, next: header.sequence)
      recovered.lastSequence = header.sequence
      guard let record = batch(in: reader.bytes, at: payload, kind: header.kind) else {
        note(malformedRecord(at: payload, in: segment), in: segment)
        continue
      }
      head.insertNewSeries(of: record)
      for exemplar in record.exemplars { head.keepFromNewSeries(exemplar.seriesID) }
      if record.seriesIDs.contains(where: { head.slots.slot(of: $0) == nil }) {
        try loadSeries(record.seriesIDs, into: &head, view: view)
      }
      head.replay(record)
    }
    for damage in reader.damages { note(damage, in: segment) }
    if reader.hasTornTail { recovered.tornTail = (segment.number, reader.validByteCount) }
    if reader.validByteCount > SegmentHeader.byteCount {
      recovered.segmentNumbers.append(segment.number)
    }
    recovered.logByteCount += reader.validByteCount - SegmentHeader.byteCount
  }

  /// Takes note of damage when the journal ends before the record that it went
  /// up to when it was copied: then what is torn was whole.
  private mutating func requireRecords(through end: UInt64, in segment: OpenSegment?) {
    let last = recovered.lastSequence
    guard last < end else { return }
    let damage = JournalDamage(
      path: segment?.file.path ?? contents.journalDirectory.path,
      byteOffset: recovered.tornTail?.byteCount ?? 0,
      reason: "records \(last + 1) to \(end) of the copied journal are missing")
    if let segment { note(damage, in: segment) } else { recovered.damages.append(damage) }
    recovered.tornTail = nil
    // What follows is numbered behind what is missing.
    recovered.lastSequence = end
  }

  private func batch(
    in bytes: [UInt8], at payload: Range<Int>, kind: RecordKind
  ) -> BatchRecord? {
    let kinds: [RecordKind] = [.batch, .replacingBatch, .richBatch, .replacingRichBatch]
    guard kinds.contains(kind) else { return nil }
    do throws(RecordError) {
      return try BatchRecord(decoding: bytes.span.extracting(payload), kind: kind)
    } catch {
      return nil
    }
  }

  /// Redoes the interrupted seals that cover only records that were replayed.
  private mutating func repeatSealIfCovered(
    _ head: inout Head, isAtEnd: Bool, next sequence: UInt64 = 0
  ) {
    while let plan = plans.first, isAtEnd || sequence > plan.sequence {
      plans.removeFirst()
      if recovered.lastSequence >= plan.sequence || isAtEnd == false {
        head.repeatInterruptedSeal(plan)
        recovered.interruptedSeals.append(plan)
      } else {
        recovered.hasLostSeal = true
      }
    }
  }
}
