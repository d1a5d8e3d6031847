import ChunkEncoding
import SeriesModel

/// The recent, mutable part of the store: series in memory, open chunks, and
/// what waits to be sealed.
///
/// A plain value; whoever holds it guards it with a lock. Everything in it can
/// be built again from the journal, by the same steps in the same order.
///
/// A sample passes three stages. ``stage(_:options:oldestKept:)``
/// checks a batch and says what to write to the journal; once that is on the
/// disk, ``applyStaged()`` makes it visible; a chunk that is full is closed and
/// waits for the next seal.
struct Head: Sendable {
  /// What is kept of a series for its next sample.
  struct OpenSeries: Sendable {
    var chunk = SlabArena.OpenChunk()
    var windowLengthSeconds: UInt32 = 0
    /// The last millisecond that the open chunk may take.
    var windowLast: Int64 = 0
    /// The staged sample that was staged last, plus one; or 0.
    var lastStaged: UInt32 = 0
    /// The staged sample with the highest timestamp, of several the last one,
    /// plus one, when no stored one is above it; or 0.
    var newestStaged: UInt32 = 0

    /// The open chunk's state; after it was closed, still that of its last sample.
    var appender: XORChunkAppender {
      get { chunk.appender }
      set { chunk.appender = newValue }
    }

    /// Where the open chunk's bytes lie; none while no chunk is open.
    var slab: SlabArena.Slab {
      get { chunk.slab }
      set { chunk.slab = newValue }
    }

    /// The last sample that is not late, or nil.
    var last: (timestamp: Int64, bits: UInt64)? {
      appender.sampleCount > 0 ? (appender.lastTimestamp, appender.lastValueBits) : nil
    }

    /// True when the next sample may be appended to the open chunk.
    func takes(_ timestamp: Int64) -> Bool {
      slab.isNone == false && timestamp > appender.lastTimestamp && timestamp <= windowLast
    }

    /// Takes note of a staged sample, and says which was noted before.
    mutating func noteStaged(mark: UInt32, isNewest: Bool) -> UInt32 {
      defer { lastStaged = mark }
      if isNewest { newestStaged = mark }
      return lastStaged
    }

    /// Forgets what was staged.
    mutating func forgetStaged() {
      lastStaged = 0
      newestStaged = 0
    }

    /// The length of the open chunk's window.
    var windowLength: Int64 { Int64(windowLengthSeconds) * 1000 }
  }

  /// The series, each in a slot.
  var slots: SeriesSlots
  /// The open chunk of each series, by slot.
  var open = PagedArray<OpenSeries>()
  /// The bytes of the open chunks.
  var arena = SlabArena()
  /// Closed chunks that the next seal takes.
  var closed = ChunkList()
  /// Closed chunks that a seal is taking.
  var frozen = ChunkList()
  /// By slot.
  private(set) var buffers: [Int: SampleBuffer] = [:]
  /// What ``SampleBuffer/byteCount`` of all buffers adds up to.
  private var bufferByteCount = 0
  /// What the batch that is being applied brings to the buffers.
  var toBuffer: [BufferedSample] = []
  /// What was checked and waits for the journal.
  var staged = StagedSamples()
  var newestTimestamp: Int64?
  var oldestTimestamp: Int64?
  /// No sample in the tables is later than this.
  var sealedNewest = Int64.min
  /// Times that no sample outside of ``open`` is later than, by slot; of series
  /// that may have a later one than there, as far as that was looked up.
  var latestElsewhere: [Int: Int64] = [:]
  /// The newest rich sample of each slot that has any, as far as they came since
  /// the start; no rich sample is in ``open``.
  var newestRich: [Int: Int64] = [:]
  /// The same, of the rich samples of the batch that is being applied alone: where
  /// a sample goes must not depend on what came before the start.
  private var newestRichOfBatch: [Int: Int64] = [:]
  /// The id that the next new series gets.
  var nextSeriesID: UInt64 = 1
  var metadata: [String: MetricMetadata] = [:]
  /// The families whose metadata the tables don't have as it is.
  var unsealedMetadata: Set<String> = []
  var openChunkCount = 0
  /// The chunk that was decoded last, while batches are staged.
  var decoded: DecodedChunk?
  var exemplars = ExemplarQueue(capacity: 0)
  /// The samples since the start that were not newer than the newest of their
  /// series.
  var outOfOrderCount = 0
  /// The samples of the chunk that is being closed; kept for its memory.
  private var closing = SampleColumns()

  init(hashSeed: UInt64) {
    slots = SeriesSlots(hashSeed: hashSeed)
  }

  /// The bytes that a checkpoint writes for open chunks and buffers, about.
  var openByteCount: Int {
    arena.usedByteCount + openChunkCount * 30 + bufferByteCount
  }

  /// Takes the buffer of a series out.
  private mutating func takeBuffer(ofSlot slot: Int) -> SampleBuffer? {
    let buffer = buffers.removeValue(forKey: slot)
    bufferByteCount -= buffer?.byteCount ?? 0
    return buffer
  }

  /// Gives a series a buffer, in the place of the one that it has.
  mutating func setBuffer(_ buffer: SampleBuffer, ofSlot slot: Int) {
    let last = buffers.updateValue(buffer, forKey: slot)
    bufferByteCount += buffer.byteCount - (last?.byteCount ?? 0)
  }

  private mutating func merge(_ columns: SampleColumns, intoBufferOfSlot slot: Int) {
    bufferByteCount -= buffers[slot]?.byteCount ?? 0
    buffers[slot, default: SampleBuffer()].merge(columns)
    bufferByteCount += buffers[slot]?.byteCount ?? 0
  }

  // MARK: Series

  /// Adds a series that is not in memory.
  @discardableResult
  mutating func insertSeries(
    _ id: SeriesID, labels: Labels, flags: SeriesSlots.Flags
  ) -> Int {
    let slot = slots.insert(id, labels: labels, flags: flags)
    if slot == open.count { open.append(OpenSeries()) } else { open[slot] = OpenSeries() }
    nextSeriesID = max(nextSeriesID, id.rawValue + 1)
    return slot
  }

  /// Takes note of an id that no new series may get, since something of it may
  /// be left.
  ///
  /// - Parameter id: Of any source; one that is no id of a series is passed over.
  mutating func keepFromNewSeries(_ id: SeriesID) {
    guard id.rawValue < SeriesIDCoding.idBound else { return }
    nextSeriesID = max(nextSeriesID, id.rawValue + 1)
  }

  // MARK: Samples

  /// Stores one sample that was checked before.
  ///
  /// - Parameter isReplacement: Whether there may be a sample at the same time,
  ///   whose place this one takes.
  mutating func apply(
    slot: Int, timestamp: Int64, value: Double, newest: Int64, isReplacement: Bool
  ) {
    if isReplacement {
      let sample = BufferedSample(slot: slot, timestamp: timestamp, value: value, content: nil)
      if replace(with: sample) { return }
    }
    if open[slot].takes(timestamp),
      slots.flags[slot].isDisjoint(with: [.mayHaveLater, .hasRich])
    {
      // In place: what was just stored in parts is slow to load as a whole.
      let isFull = arena.append(timestamp: timestamp, value: value, to: &open[slot].chunk)
      if isFull { closeChunk(ofSlot: slot) }
      return
    }
    var series = open[slot]
    if series.appender.sampleCount > 0, timestamp <= series.appender.lastTimestamp {
      outOfOrderCount += 1
      toBuffer.append(
        BufferedSample(slot: slot, timestamp: timestamp, value: value, content: nil))
      return
    }
    if slots.flags[slot].contains(.hasRich) {
      if let newest = newestRich[slot], timestamp <= newest { outOfOrderCount += 1 }
      if let newest = newestRichOfBatch[slot], timestamp <= newest {
        // A rich sample of the same time may be on its way to the buffer.
        toBuffer.append(
          BufferedSample(slot: slot, timestamp: timestamp, value: value, content: nil))
        return
      }
    }
    if series.appender.sampleCount == 0 || slots.flags[slot].contains(.mayHaveLater) {
      noteLast(timestamp, slot: slot)
    }
    if series.slab.isNone == false, timestamp > series.windowLast {
      close(&series, slot: slot)
    }
    if series.slab.isNone {
      let window = Window(
        containing: timestamp,
        lengthMilliseconds: Window.lengthMilliseconds(for: timestamp, newest: newest))
      series.appender = XORChunkAppender()
      series.slab = arena.allocate(byteCount: XORChunkAppender.scratchByteCount)
      series.windowLengthSeconds = UInt32(window.lengthMilliseconds / 1000)
      series.windowLast = window.lastMilliseconds
      openChunkCount += 1
    }
    let isFull = arena.append(timestamp: timestamp, value: value, to: &series.chunk)
    if isFull { close(&series, slot: slot) }
    open[slot] = series
  }

  /// Stores one rich sample that was checked before, which goes to the buffer.
  ///
  /// - Parameter isReplacement: As for a plain one.
  mutating func apply(_ sample: BufferedSample, isReplacement: Bool) {
    let slot = sample.slot
    let appender = open[slot].appender
    let isBehindOpen = appender.sampleCount > 0 && sample.timestamp <= appender.lastTimestamp
    let isBehindRich = newestRich[slot].map { sample.timestamp <= $0 } ?? false
    noteRich(sample.timestamp, slot: slot)
    newestRichOfBatch[slot] = max(newestRichOfBatch[slot] ?? .min, sample.timestamp)
    if isReplacement, replace(with: sample) { return }
    if isBehindOpen || isBehindRich { outOfOrderCount += 1 }
    toBuffer.append(sample)
  }

  /// Takes note of the time of a rich sample.
  mutating func noteRich(_ timestamp: Int64, slot: Int) {
    newestRich[slot] = max(newestRich[slot] ?? timestamp, timestamp)
    slots.flags[slot].insert(.hasRich)
    if let latest = latestElsewhere[slot], latest < timestamp {
      latestElsewhere[slot] = timestamp
    }
  }

  /// Takes note whether a series has its latest sample here, once its last one
  /// in ``open`` will be at `timestamp`.
  private mutating func noteLast(_ timestamp: Int64, slot: Int) {
    guard hasSamplesElsewhere(slot: slot) else { return }
    let isLatest = timestamp > min(sealedNewest, latestElsewhere[slot] ?? .max)
    if isLatest {
      slots.flags[slot].remove(.mayHaveLater)
      latestElsewhere[slot] = nil
    } else {
      slots.flags[slot].insert(.mayHaveLater)
    }
  }

  /// Brings samples of a batch to the buffers, each of which is gone through
  /// once.
  mutating func applyBufferedSamples(newest: Int64) {
    if newestRichOfBatch.isEmpty == false {
      newestRichOfBatch.removeAll(keepingCapacity: true)
    }
    guard toBuffer.isEmpty == false else { return }
    var samples: [BufferedSample] = []
    swap(&samples, &toBuffer)
    let order = samples.indices.sorted { left, right in
      (samples[left].slot, samples[left].timestamp, left)
        < (samples[right].slot, samples[right].timestamp, right)
    }
    var columns = SampleColumns()
    for (place, index) in order.enumerated() {
      let sample = samples[index]
      let next = place + 1 < order.count ? samples[order[place + 1]] : nil
      let isLastOfSlot = next?.slot != sample.slot
      // Of samples at one time the one that came last counts.
      if isLastOfSlot || next?.timestamp != sample.timestamp {
        columns.append(
          timestampMilliseconds: sample.timestamp, value: sample.value,
          histogram: sample.content?.histogram,
          startTimestampMilliseconds: sample.content?.startTimestamp ?? 0)
      }
      guard isLastOfSlot else { continue }
      merge(columns, intoBufferOfSlot: sample.slot)
      columns.removeAll()
      if buffers[sample.slot]?.isFull == true { closeBuffer(ofSlot: sample.slot, newest: newest) }
    }
    // The memory is kept for the next batch.
    samples.removeAll(keepingCapacity: true)
    swap(&samples, &toBuffer)
  }

  /// Gives the sample at a time another value where it is in a chunk that can
  /// still change; elsewhere a later chunk hides it.
  ///
  /// - Returns: False when the new sample must go to the buffer. No chunk that
  ///   might hide it there has the old one then.
  private mutating func replace(with sample: BufferedSample) -> Bool {
    let (slot, timestamp) = (sample.slot, sample.timestamp)
    var columns = SampleColumns()
    // A reader takes what is buffered for the last that was written.
    if buffers[slot]?.columns.index(of: timestamp) != nil {
      columns.append(
        timestampMilliseconds: timestamp, value: sample.value,
        histogram: sample.content?.histogram,
        startTimestampMilliseconds: sample.content?.startTimestamp ?? 0)
      merge(columns, intoBufferOfSlot: slot)
      return true
    }
    let series = open[slot]
    if series.slab.isNone == false, series.appender.description.covers(timestamp) {
      decodeOpenChunk(of: series, into: &columns)
      if let index = columns.index(of: timestamp) {
        if sample.content == nil {
          columns.replaceSample(at: index, with: sample)
        } else {
          columns.removeSample(at: index)
        }
        rewriteOpenChunk(ofSlot: slot, with: columns)
        return sample.content == nil
      }
    }
    return replaceInClosedChunk(with: sample)
  }

  /// Makes the open chunk of a series anew of other samples in its window.
  private mutating func rewriteOpenChunk(ofSlot slot: Int, with columns: SampleColumns) {
    var series = open[slot]
    arena.free(series.slab)
    series.slab = .none
    series.appender = XORChunkAppender()
    if columns.isEmpty {
      openChunkCount -= 1
    } else {
      series.slab = arena.allocate(byteCount: XORChunkAppender.scratchByteCount)
      var isFull = false
      for (timestamp, value) in zip(columns.timestamps, columns.values) {
        isFull = arena.append(timestamp: timestamp, value: value, to: &series.chunk)
      }
      if isFull { close(&series, slot: slot) }
    }
    open[slot] = series
  }

  /// A chunk of buffered samples may reach over the open one.
  private mutating func replaceInClosedChunk(with sample: BufferedSample) -> Bool {
    for place in closed.indices(ofSlot: sample.slot)
    where closed.chunks[place].description.covers(sample.timestamp) {
      var columns = SampleColumns()
      do throws(ChunkError) {
        try closed.encoded(closed.chunks[place]).decode(into: &columns)
      } catch {
        preconditionFailure("a closed chunk does not decode: \(error)")
      }
      guard let index = columns.index(of: sample.timestamp) else { continue }
      // A rich sample might make the chunk too large, unless it is its only one.
      let isInPlace = sample.content == nil || columns.count == 1
      if isInPlace {
        columns.replaceSample(at: index, with: sample)
      } else {
        columns.removeSample(at: index)
      }
      closed.replace(at: place, ofSlot: sample.slot, with: columns)
      return isInPlace
    }
    return false
  }

  private func decodeOpenChunk(of series: OpenSeries, into columns: inout SampleColumns) {
    do throws(ChunkError) {
      try arena.decode(series.appender, in: series.slab, into: &columns)
    } catch {
      preconditionFailure("an open chunk does not decode: \(error)")
    }
  }

  private mutating func closeChunk(ofSlot slot: Int) {
    var series = open[slot]
    close(&series, slot: slot)
    open[slot] = series
  }

  /// Closes the open chunk of a series, if it has one.
  mutating func close(_ series: inout OpenSeries, slot: Int) {
    guard series.slab.isNone == false else { return }
    // Swapped, not copied: what is shared would be allocated anew.
    var closing = SampleColumns()
    swap(&closing, &self.closing)
    closing.removeAll()
    decodeOpenChunk(of: series, into: &closing)
    closed.append(
      closing, at: 0..<closing.count, slot: slot, seriesID: slots.ids[slot],
      window: Window(
        containing: series.appender.firstTimestamp, lengthMilliseconds: series.windowLength))
    swap(&closing, &self.closing)
    arena.free(series.slab)
    series.slab = .none
    openChunkCount -= 1
  }

  /// Makes chunks of the buffered samples of a series.
  ///
  /// - Parameter end: Samples in windows that end later stay in the buffer.
  mutating func closeBuffer(
    ofSlot slot: Int, newest: Int64, windowsEndingAt end: Int64 = .max
  ) {
    guard let buffer = takeBuffer(ofSlot: slot) else { return }
    var rest = SampleColumns()
    for (range, window) in buffer.chunkRanges(newest: newest) {
      if window.lastMilliseconds <= end {
        closed.append(
          buffer.columns, at: range, slot: slot, seriesID: slots.ids[slot], window: window)
      } else {
        rest.append(buffer.columns, at: range)
      }
    }
    if rest.isEmpty == false { setBuffer(SampleBuffer(rest), ofSlot: slot) }
  }

  /// Extends the known time range.
  mutating func includeInTimeRange(_ timestamp: Int64) {
    newestTimestamp = max(newestTimestamp ?? timestamp, timestamp)
    oldestTimestamp = min(oldestTimestamp ?? timestamp, timestamp)
  }
}

extension SampleColumns {
  /// Gives the sample at `index` the value of another one at its time.
  fileprivate mutating func replaceSample(at index: Int, with sample: BufferedSample) {
    replaceSample(
      at: index, value: sample.value, histogram: sample.content?.histogram,
      startTimestampMilliseconds: sample.content?.startTimestamp ?? 0)
  }
}
