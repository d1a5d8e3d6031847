import ChunkEncoding
import SeriesModel

/// Samples that were checked and wait for the journal.
///
/// Shape: the elements of the arrays at one index belong together.
struct StagedSamples: Sendable {
  fileprivate var slots: [Int32] = []
  fileprivate var timestamps: [Int64] = []
  fileprivate var values: [Double] = []
  /// What the rich ones among them have beyond the value.
  fileprivate var richContents = RichColumn()
  /// Whether the sample takes the place of one that is stored.
  fileprivate var areReplacements: [Bool] = []
  /// The sample of the same slot that was staged before, plus one; or 0.
  fileprivate var previous: [UInt32] = []
  /// Where each batch ends, and what else it has.
  fileprivate var batches:
    [(end: Int, metadata: [BatchRecord.Metadata], exemplars: [BatchExemplar])] = []
  /// The newest staged exemplar of each series that has any.
  var newestExemplars: [SeriesID: Exemplar] = [:]
  /// All samples by slot and time, made once a series has many of them.
  fileprivate var bitsByPlace: [SamplePlace: UInt64]?

  fileprivate mutating func removeAll() {
    slots.removeAll(keepingCapacity: true)
    timestamps.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
    richContents.removeAll()
    areReplacements.removeAll(keepingCapacity: true)
    previous.removeAll(keepingCapacity: true)
    batches.removeAll(keepingCapacity: true)
    newestExemplars.removeAll(keepingCapacity: true)
    bitsByPlace = nil
  }

  /// The bits of the value at `index`, or the identity of a histogram.
  fileprivate func valueBits(at index: Int) -> UInt64 {
    guard richContents.isEmpty == false, let content = richContents[index] else {
      return values[index].bitPattern
    }
    return content.identity(ofValue: values[index])
  }
}

/// What became of a batch that was staged.
struct StagedBatch {
  /// What the journal must hold before the batch is applied.
  var record = BatchRecord()
  var result = AppendResult(acceptedCount: 0, rejections: [])
  /// Samples that must be looked up in the tables before the batch can be
  /// staged; until then the rest means nothing.
  var unknownPlaces: [SamplePlace] = []
  /// Series with samples that are not in memory; as for ``unknownPlaces``.
  var forgottenIDs: [SeriesID] = []
  /// The accepted samples that are not stored, since the stored ones are kept.
  var droppedCount = 0
}

/// What becomes of a sample.
private enum SampleFate: Equatable {
  case stored
  /// It need not be stored: another stands for it.
  case known
  case refused(RejectionReason)
}

extension BatchRecord {
  /// Takes all samples of a batch, whose memory is shared.
  fileprivate mutating func takeSamples(of batch: SampleBatch) {
    seriesIDs = batch.seriesIDs
    timestamps = batch.timestamps
    values = batch.values
  }

  /// Leaves out all samples but the first `count`.
  fileprivate mutating func keepSamples(first count: Int) {
    seriesIDs = Array(seriesIDs.prefix(count))
    timestamps = Array(timestamps.prefix(count))
    values = Array(values.prefix(count))
  }

  fileprivate mutating func addSample(_ id: SeriesID, timestamp: Int64, value: Double) {
    seriesIDs.append(id)
    timestamps.append(timestamp)
    values.append(value)
  }
}

/// What the batches of one commit are checked against.
struct StagingRules {
  var options: AppendOptions
  var duplicatePolicy: DuplicatePolicy
  /// The first moment accepted, as the newest sample stands.
  var oldestKept: @Sendable (_ newest: Int64) -> Int64
  /// What is known of the samples in the tables.
  var sealed: SealedSamples
  /// Whether the series that were forgotten are in memory again, as far as the
  /// tables have them.
  var knowsForgottenSeries: Bool
}

extension Head {
  /// Checks a batch against what is stored and staged, and stages what is
  /// accepted.
  ///
  /// Samples in order need no look at the tables. When others do, the batch is
  /// not staged, and ``StagedBatch/unknownPlaces`` says what is to be looked up.
  mutating func stage(_ batch: SampleBatch, rules: StagingRules) -> StagedBatch {
    var outcome = StagedBatch()
    decoded = nil
    let newest = newestTimestamp(with: batch, options: rules.options)
    let oldestAccepted = rules.oldestKept(newest)
    // Mostly every sample is stored, and the record shares the batch's memory.
    outcome.record.takeSamples(of: batch)
    var leavesSamplesOut = false
    var found: (id: SeriesID, slot: Int?)?
    let mayHaveRichSamples = batch.mayHaveRichSamples
    for index in 0..<batch.count {
      let id = batch.seriesIDs[index]
      let timestamp = batch.timestamps[index]
      let value = batch.values[index]
      // Many samples of one series mostly come one after the other.
      if found?.id != id { found = (id, slots.slot(of: id)) }
      let slot = found?.slot
      let fate: SampleFate
      if let slot {
        if timestamp > rules.options.latestAccepted.milliseconds {
          fate = .refused(.tooFarInFuture)
        } else if timestamp < oldestAccepted {
          fate = .refused(.beyondRetention)
        } else {
          let content = mayHaveRichSamples ? batch.richContent(at: index) : nil
          fate =
            content?.histogram?.isStorable == false
            ? .refused(.tooManyBuckets)
            : stage(
              slot: slot, timestamp: timestamp, value: value, content: content, rules: rules,
              outcome: &outcome)
          if let content, fate == .stored {
            let place = leavesSamplesOut ? outcome.record.values.count : index
            outcome.record.richContents.append(content, at: place)
          }
        }
      } else {
        if rules.knowsForgottenSeries == false { outcome.forgottenIDs.append(id) }
        fate = .refused(.unknownSeries)
      }
      if case .refused(let reason) = fate {
        outcome.result.rejections.append(
          Rejection(
            labels: slot.map { slots.labels(at: $0) } ?? Labels(),
            sample: Sample(milliseconds: timestamp, value: value), reason: reason,
            batchIndex: index))
      } else {
        outcome.result.acceptedCount += 1
      }
      if fate != .stored, leavesSamplesOut == false {
        leavesSamplesOut = true
        outcome.record.keepSamples(first: index)
      } else if leavesSamplesOut, fate == .stored {
        outcome.record.addSample(id, timestamp: timestamp, value: value)
      }
    }
    for (family, metadata) in batch.metadata {
      guard let metadata = metadata.storable(for: family), self.metadata[family] != metadata
      else { continue }
      outcome.record.metadata.append(BatchRecord.Metadata(family: family, metadata: metadata))
    }
    stageExemplars(of: batch, rules: rules, oldestAccepted: oldestAccepted, outcome: &outcome)
    staged.batches.append(
      (staged.slots.count, outcome.record.metadata, outcome.record.exemplars))
    return outcome
  }

  private func newestTimestamp(with batch: SampleBatch, options: AppendOptions) -> Int64 {
    var newest = newestTimestamp ?? .min
    for timestamp in batch.timestamps where timestamp <= options.latestAccepted.milliseconds {
      newest = max(newest, timestamp)
    }
    return newest
  }

  /// Stages one sample, unless an equal one is there already.
  private mutating func stage(
    slot: Int, timestamp: Int64, value: Double, content: RichContent?, rules: StagingRules,
    outcome: inout StagedBatch
  ) -> SampleFate {
    let newestStaged = Int(open[slot].newestStaged)
    let last =
      newestStaged > 0 ? staged.timestamps[newestStaged - 1] : open[slot].last?.timestamp
    let isNewest = last.map { timestamp > $0 } ?? true
    var known: UInt64?
    // Of a chunk that is closed, the last sample may have been replaced.
    let isLastInOpen = newestStaged > 0 || open[slot].slab.isNone == false
    if timestamp == last, isLastInOpen {
      known =
        newestStaged > 0 ? staged.valueBits(at: newestStaged - 1) : open[slot].last?.bits
    } else if isNewest == false || timestamp <= sealedNewest
      || slots.flags[slot].contains(.hasRich)
    {
      let isPossible =
        isNewest == false
        || mayBeElsewhere(
          slot: slot, timestamp: timestamp, isLastKnown: open[slot].last != nil)
        || mayBeRich(slot: slot, timestamp: timestamp)
      if isPossible {
        known = storedValueBits(
          slot: slot, timestamp: timestamp, sealed: rules.sealed, outcome: &outcome)
      }
    }
    if let known {
      let bits = content?.identity(ofValue: value) ?? value.bitPattern
      if known == bits { return .known }
      switch rules.duplicatePolicy {
      case .reject:
        return .refused(.duplicateTimestamp)
      case .keep:
        outcome.droppedCount += 1
        return .known
      case .replace:
        outcome.record.replacementCount += 1
      }
    }
    addStaged(
      slot: slot, timestamp: timestamp, value: value, content: content,
      isReplacement: known != nil, isNewest: isNewest || timestamp == last)
    let flags = slots.flags[slot]
    if flags.isSuperset(of: [.isRecorded, .isRecent]) == false {
      slots.flags[slot].formUnion([.isRecorded, .isRecent])
      if flags.contains(.isRecorded) == false {
        outcome.record.newSeries.append(
          BatchRecord.NewSeries(id: slots.ids[slot], labels: slots.labels(at: slot)))
      }
    }
    return .stored
  }

  private mutating func addStaged(
    slot: Int, timestamp: Int64, value: Double, content: RichContent?, isReplacement: Bool,
    isNewest: Bool
  ) {
    if let content { staged.richContents.append(content, at: staged.values.count) }
    staged.slots.append(Int32(slot))
    staged.timestamps.append(timestamp)
    staged.values.append(value)
    staged.areReplacements.append(isReplacement)
    staged.previous.append(
      open[slot].noteStaged(mark: UInt32(staged.slots.count), isNewest: isNewest))
    staged.bitsByPlace?[SamplePlace(slot: slot, timestamp: timestamp)] =
      content?.identity(ofValue: value) ?? value.bitPattern
  }

  // MARK: Looking up

  /// Whether a sample that is newer than the last one in ``open`` may be stored
  /// all the same.
  private func mayBeElsewhere(slot: Int, timestamp: Int64, isLastKnown: Bool) -> Bool {
    guard timestamp <= sealedNewest else { return false }
    guard isLastKnown == false || slots.flags[slot].contains(.mayHaveLater),
      hasSamplesElsewhere(slot: slot)
    else { return false }
    return latestElsewhere[slot].map { timestamp <= $0 } ?? true
  }

  /// Whether a sample may be stored as a rich one, of which the last one in
  /// ``open`` says nothing.
  private func mayBeRich(slot: Int, timestamp: Int64) -> Bool {
    guard slots.flags[slot].contains(.hasRich), let newest = newestRich[slot] else {
      return false
    }
    return timestamp <= newest
  }

  /// Whether a series may have samples that are not in ``open``: in the tables,
  /// or on their way there.
  func hasSamplesElsewhere(slot: Int) -> Bool {
    slots.flags[slot].contains(.isInTables) || frozen.hasChunks(ofSlot: slot)
      || closed.hasChunks(ofSlot: slot) || buffers[slot] != nil
  }

  /// Whether it is worth knowing the latest sealed sample of a series: samples
  /// behind it then need not be looked up.
  func isLatestWanted(ofSlot slot: Int) -> Bool {
    let isInOpen =
      open[slot].appender.sampleCount > 0 && slots.flags[slot].contains(.mayHaveLater) == false
    return isInOpen == false && latestElsewhere[slot] == nil
  }

  /// Takes note of a time that no sealed sample of a series is later than.
  mutating func noteLatestSealed(_ timestamp: Int64, of id: SeriesID) {
    guard let slot = slots.slot(of: id), isLatestWanted(ofSlot: slot) else { return }
    latestElsewhere[slot] = max(timestamp, latestInMemory(ofSlot: slot) ?? .min)
  }

  /// The time of the latest sample of a series that is in memory, but not in
  /// ``open``.
  private func latestInMemory(ofSlot slot: Int) -> Int64? {
    var latest = buffers[slot]?.columns.timestamps.last
    for chunk in closed.chunks(ofSlot: slot) + frozen.chunks(ofSlot: slot) {
      latest = max(latest ?? .min, chunk.description.maxTimestamp)
    }
    return latest
  }

  /// What has to be looked up in the tables, by series.
  func unknownSamples(_ places: some Sequence<SamplePlace>) -> [SeriesID: UnknownSamples] {
    var unknown: [SeriesID: UnknownSamples] = [:]
    for place in places {
      unknown[slots.ids[place.slot], default: UnknownSamples()].places.append(place)
    }
    for (id, samples) in unknown {
      let slot = samples.places[0].slot
      guard isLatestWanted(ofSlot: slot) else { continue }
      unknown[id]?.isLatestWanted = true
      unknown[id]?.latestInMemory = latestInMemory(ofSlot: slot)
    }
    return unknown
  }

  /// Whether the tables may have a sample of the series at `timestamp`.
  private func mayBeSealed(slot: Int, timestamp: Int64) -> Bool {
    timestamp <= sealedNewest && slots.flags[slot].contains(.isInTables)
  }

  /// The bits of the value that a series has at `timestamp`, in memory or as
  /// far as is known in the tables.
  private mutating func storedValueBits(
    slot: Int, timestamp: Int64, sealed: SealedSamples, outcome: inout StagedBatch
  ) -> UInt64? {
    if let bits = valueBits(slot: slot, timestamp: timestamp) { return bits }
    guard mayBeSealed(slot: slot, timestamp: timestamp) else { return nil }
    let place = SamplePlace(slot: slot, timestamp: timestamp)
    switch sealed[place] {
    case .value(let bits): return bits
    case .absent: return nil
    case .unknown:
      outcome.unknownPlaces.append(place)
      return nil
    }
  }

  /// The bits of the value that a series has at `timestamp`, in memory.
  private mutating func valueBits(slot: Int, timestamp: Int64) -> UInt64? {
    if let bits = stagedValueBits(slot: slot, timestamp: timestamp) { return bits }
    if let bits = buffers[slot]?.columns.valueBits(at: timestamp) { return bits }
    let series = open[slot]
    if series.slab.isNone == false, timestamp >= series.appender.firstTimestamp,
      timestamp <= series.appender.lastTimestamp
    {
      // A chunk of buffered samples may reach over the open one.
      if let bits = decodedValueBits(at: timestamp, in: .open(slot: slot)) { return bits }
    }
    return closedValueBits(slot: slot, timestamp: timestamp, isFrozen: false)
      ?? closedValueBits(slot: slot, timestamp: timestamp, isFrozen: true)
  }

  private mutating func closedValueBits(
    slot: Int, timestamp: Int64, isFrozen: Bool
  ) -> UInt64? {
    let list = isFrozen ? frozen : closed
    for index in list.indices(ofSlot: slot)
    where list.chunks[index].description.covers(timestamp) {
      let source = DecodedChunk.Source.closed(index: index, isFrozen: isFrozen)
      if let bits = decodedValueBits(at: timestamp, in: source) { return bits }
    }
    return nil
  }

  /// The bits of the value at `timestamp` in a chunk, which is decoded once for
  /// all samples in a row that ask for it.
  ///
  /// A chunk that does not decode has no known value; readers warn of it.
  private mutating func decodedValueBits(
    at timestamp: Int64, in source: DecodedChunk.Source
  ) -> UInt64? {
    if decoded?.source != source {
      decoded = DecodedChunk(source: source, samples: decode(source) ?? SampleColumns())
    }
    return decoded?.samples.valueBits(at: timestamp)
  }

  private func decode(_ source: DecodedChunk.Source) -> SampleColumns? {
    var columns = SampleColumns()
    do throws(ChunkError) {
      switch source {
      case .open(let slot):
        try arena.decode(open[slot].appender, in: open[slot].slab, into: &columns)
      case .closed(let index, let isFrozen):
        let list = isFrozen ? frozen : closed
        try list.encoded(list.chunks[index]).decode(into: &columns)
      }
    } catch {
      return nil
    }
    return columns
  }

  private mutating func stagedValueBits(slot: Int, timestamp: Int64) -> UInt64? {
    if let bitsByPlace = staged.bitsByPlace {
      return bitsByPlace[SamplePlace(slot: slot, timestamp: timestamp)]
    }
    var mark = open[slot].lastStaged
    var stepCount = 0
    while mark > 0 {
      let index = Int(mark) - 1
      if staged.timestamps[index] == timestamp { return staged.valueBits(at: index) }
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
    var bitsByPlace: [SamplePlace: UInt64] = [:]
    for index in staged.slots.indices {
      let place = SamplePlace(
        slot: Int(staged.slots[index]), timestamp: staged.timestamps[index])
      bitsByPlace[place] = staged.valueBits(at: index)
    }
    staged.bitsByPlace = bitsByPlace
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
        open[slot].forgetStaged()
        slots.makeVisible(slot)
        if let content = samples.richContents[index] {
          apply(
            BufferedSample(
              slot: slot, timestamp: samples.timestamps[index], value: samples.values[index],
              content: content),
            isReplacement: samples.areReplacements[index])
        } else {
          apply(
            slot: slot, timestamp: samples.timestamps[index], value: samples.values[index],
            newest: newest, isReplacement: samples.areReplacements[index])
        }
      }
      applyBufferedSamples(newest: newest)
      for entry in batch.metadata { setMetadata(entry) }
      for entry in batch.exemplars { exemplars.append(entry) }
      start = batch.end
    }
    // The memory is kept for the next commit.
    samples.removeAll()
    swap(&samples, &staged)
  }

  /// Forgets everything that was staged; `records` are of these batches.
  mutating func discardStaged(_ records: [BatchRecord]) {
    for series in records.lazy.flatMap(\.newSeries) {
      if let slot = slots.slot(of: series.id) { slots.flags[slot].remove(.isRecorded) }
    }
    for slot in staged.slots {
      open[Int(slot)].forgetStaged()
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
      if let content = record.richContents[index] {
        apply(
          BufferedSample(
            slot: slot, timestamp: record.timestamps[index], value: record.values[index],
            content: content),
          isReplacement: record.replacementCount > 0)
      } else {
        apply(
          slot: slot, timestamp: record.timestamps[index], value: record.values[index],
          newest: newest, isReplacement: record.replacementCount > 0)
      }
    }
    applyBufferedSamples(newest: newest)
    for entry in record.metadata { setMetadata(entry) }
    replay(record.exemplars)
  }

  private mutating func setMetadata(_ entry: BatchRecord.Metadata) {
    metadata[entry.family] = entry.metadata
    unsealedMetadata.insert(entry.family)
  }
}
