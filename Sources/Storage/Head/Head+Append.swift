import ChunkEncoding
import SeriesModel

/// Samples that were checked and wait for the journal.
///
/// Shape: the elements of the arrays at one index belong together.
struct StagedSamples: Sendable {
  fileprivate var slots: [Int32] = []
  fileprivate var timestamps: [Int64] = []
  fileprivate var values: [Double] = []
  /// The sample of the same slot that was staged before, plus one; or 0.
  fileprivate var previous: [UInt32] = []
  /// Where each batch ends, and its metadata.
  fileprivate var batches: [(end: Int, metadata: [BatchRecord.Metadata])] = []
  /// All samples by slot and time, made once a series has many of them.
  fileprivate var bitsByPlace: [Place: UInt64]?

  fileprivate struct Place: Hashable {
    var slot: Int32
    var timestamp: Int64
  }

  fileprivate mutating func removeAll() {
    slots.removeAll(keepingCapacity: true)
    timestamps.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
    previous.removeAll(keepingCapacity: true)
    batches.removeAll(keepingCapacity: true)
    bitsByPlace = nil
  }
}

/// What became of a batch that was staged.
struct StagedBatch {
  /// What the journal must hold before the batch is applied.
  var record = BatchRecord()
  var result = AppendResult(acceptedCount: 0, rejections: [])
}

extension Head {
  /// Checks a batch against what is stored and staged, and stages what is
  /// accepted.
  ///
  /// Out-of-order samples are compared with the samples in memory only; one
  /// that contradicts a sealed sample is found, and hides it, when it is read.
  ///
  /// - Parameter oldestKept: The first moment accepted, as the newest sample
  ///   stands, those of the batch included.
  mutating func stage(
    _ batch: SampleBatch, options: AppendOptions, oldestKept: (_ newest: Int64) -> Int64
  ) -> StagedBatch {
    var outcome = StagedBatch()
    let oldestAccepted = oldestKept(newestTimestamp(with: batch, options: options))
    outcome.record.seriesIDs.reserveCapacity(batch.count)
    outcome.record.timestamps.reserveCapacity(batch.count)
    outcome.record.values.reserveCapacity(batch.count)
    for index in 0..<batch.count {
      let id = batch.seriesIDs[index]
      let timestamp = batch.timestamps[index]
      let value = batch.values[index]
      let slot = slots.slot(of: id)
      let reason: RejectionReason?
      if let slot {
        if timestamp > options.latestAccepted.milliseconds {
          reason = .tooFarInFuture
        } else if timestamp < oldestAccepted {
          reason = .beyondRetention
        } else {
          reason = stage(
            slot: slot, timestamp: timestamp, value: value, record: &outcome.record)
        }
      } else {
        reason = .unknownSeries
      }
      if let reason {
        outcome.result.rejections.append(
          Rejection(
            labels: slot.map { slots.labels[$0] } ?? Labels(),
            sample: Sample(milliseconds: timestamp, value: value), reason: reason,
            batchIndex: index))
      } else {
        outcome.result.acceptedCount += 1
      }
    }
    for (family, metadata) in batch.metadata {
      guard let metadata = metadata.storable(for: family), self.metadata[family] != metadata
      else { continue }
      outcome.record.metadata.append(BatchRecord.Metadata(family: family, metadata: metadata))
    }
    staged.batches.append((staged.slots.count, outcome.record.metadata))
    return outcome
  }

  private func newestTimestamp(with batch: SampleBatch, options: AppendOptions) -> Int64 {
    var newest = newestTimestamp ?? .min
    for timestamp in batch.timestamps where timestamp <= options.latestAccepted.milliseconds {
      newest = max(newest, timestamp)
    }
    return newest
  }

  /// Stages one sample, unless an equal one is there already, or returns why
  /// not.
  private mutating func stage(
    slot: Int, timestamp: Int64, value: Double, record: inout BatchRecord
  ) -> RejectionReason? {
    let series = open[slot]
    let last: (timestamp: Int64, bits: UInt64)?
    if series.newestStaged > 0 {
      let index = Int(series.newestStaged) - 1
      last = (staged.timestamps[index], staged.values[index].bitPattern)
    } else if series.appender.sampleCount > 0 {
      last = (series.appender.lastTimestamp, series.appender.lastValueBits)
    } else {
      last = nil
    }
    let isNewest = last.map { timestamp > $0.timestamp } ?? true
    if let last, isNewest == false {
      let known =
        timestamp == last.timestamp ? last.bits : valueBits(slot: slot, timestamp: timestamp)
      if let known { return known == value.bitPattern ? nil : .duplicateTimestamp }
    }
    staged.slots.append(Int32(slot))
    staged.timestamps.append(timestamp)
    staged.values.append(value)
    staged.previous.append(series.lastStaged)
    let mark = UInt32(staged.slots.count)
    open[slot].lastStaged = mark
    slots.flags[slot].insert(.isRecent)
    if isNewest { open[slot].newestStaged = mark }
    staged.bitsByPlace?[StagedSamples.Place(slot: Int32(slot), timestamp: timestamp)] =
      value.bitPattern
    if slots.flags[slot].contains(.isRecorded) == false {
      slots.flags[slot].insert(.isRecorded)
      record.newSeries.append(
        BatchRecord.NewSeries(id: slots.ids[slot], labels: slots.labels[slot]))
    }
    record.seriesIDs.append(slots.ids[slot])
    record.timestamps.append(timestamp)
    record.values.append(value)
    return nil
  }

  /// The bits of the value that a series has at `timestamp`, in memory.
  private mutating func valueBits(slot: Int, timestamp: Int64) -> UInt64? {
    if let bits = stagedValueBits(slot: slot, timestamp: timestamp) { return bits }
    if let bits = buffers[slot]?.valueBits(at: timestamp) { return bits }
    let series = open[slot]
    if series.slab.isNone == false, timestamp >= series.appender.firstTimestamp,
      timestamp <= series.appender.lastTimestamp
    {
      let bytes = arena.bytes(of: series.slab, count: series.appender.byteCount)
      return Head.valueBits(
        at: timestamp,
        in: EncodedChunk(
          description: series.appender.description, timestamps: [], payload: bytes))
    }
    for list in [closed, frozen] where list.hasChunks(ofSlot: slot) {
      for chunk in list.chunks(ofSlot: slot)
      where chunk.description.minTimestamp <= timestamp
        && timestamp <= chunk.description.maxTimestamp
      {
        if let bits = Head.valueBits(at: timestamp, in: list.encoded(chunk)) { return bits }
      }
    }
    return nil
  }

  private mutating func stagedValueBits(slot: Int, timestamp: Int64) -> UInt64? {
    if let bitsByPlace = staged.bitsByPlace {
      return bitsByPlace[StagedSamples.Place(slot: Int32(slot), timestamp: timestamp)]
    }
    var mark = open[slot].lastStaged
    var stepCount = 0
    while mark > 0 {
      let index = Int(mark) - 1
      if staged.timestamps[index] == timestamp { return staged.values[index].bitPattern }
      mark = staged.previous[index]
      stepCount += 1
      if stepCount == 64 {
        makeStagedDictionary()
        return stagedValueBits(slot: slot, timestamp: timestamp)
      }
    }
    return nil
  }

  private mutating func makeStagedDictionary() {
    var bitsByPlace: [StagedSamples.Place: UInt64] = [:]
    for index in staged.slots.indices {
      let place = StagedSamples.Place(
        slot: staged.slots[index], timestamp: staged.timestamps[index])
      bitsByPlace[place] = staged.values[index].bitPattern
    }
    staged.bitsByPlace = bitsByPlace
  }

  /// A chunk that does not decode has no known value; readers warn of it.
  private static func valueBits(at timestamp: Int64, in chunk: EncodedChunk) -> UInt64? {
    var columns = SampleColumns()
    do throws(ChunkError) {
      try columns.append(
        chunk: chunk.description, timestamps: chunk.timestamps.span, payload: chunk.payload.span)
    } catch {
      return nil
    }
    return OutOfOrderBuffer(timestamps: columns.timestamps, values: columns.values)
      .valueBits(at: timestamp)
  }

  // MARK: Applying

  /// Makes everything that was staged visible.
  mutating func applyStaged() {
    var samples = StagedSamples()
    swap(&samples, &staged)
    var start = 0
    for batch in samples.batches {
      for index in start..<batch.end { includeInTimeRange(samples.timestamps[index]) }
      let newest = newestTimestamp ?? .min
      for index in start..<batch.end {
        let slot = Int(samples.slots[index])
        open[slot].lastStaged = 0
        open[slot].newestStaged = 0
        slots.makeVisible(slot)
        apply(
          slot: slot, timestamp: samples.timestamps[index], value: samples.values[index],
          newest: newest)
      }
      for entry in batch.metadata { setMetadata(entry) }
      start = batch.end
    }
    // The memory is kept for the next commit.
    samples.removeAll()
    swap(&samples, &staged)
  }

  /// Forgets everything that was staged.
  mutating func discardStaged() {
    for slot in staged.slots {
      open[Int(slot)].lastStaged = 0
      open[Int(slot)].newestStaged = 0
    }
    staged.removeAll()
  }

  // MARK: Replaying

  /// Adds the series that a batch in the journal brought.
  mutating func insertNewSeries(of record: BatchRecord) {
    for series in record.newSeries where slots.slot(of: series.id) == nil {
      insertSeries(series.id, labels: series.labels, flags: .isRecorded)
    }
  }

  /// Applies a batch that was read from the journal; samples of series that
  /// are not in memory are left out.
  mutating func replay(_ record: BatchRecord) {
    for timestamp in record.timestamps { includeInTimeRange(timestamp) }
    let newest = newestTimestamp ?? .min
    for index in record.seriesIDs.indices {
      guard let slot = slots.slot(of: record.seriesIDs[index]) else { continue }
      slots.makeVisible(slot)
      apply(
        slot: slot, timestamp: record.timestamps[index], value: record.values[index],
        newest: newest)
    }
    for entry in record.metadata { setMetadata(entry) }
  }

  private mutating func setMetadata(_ entry: BatchRecord.Metadata) {
    metadata[entry.family] = entry.metadata
    unsealedMetadata.insert(entry.family)
  }
}
