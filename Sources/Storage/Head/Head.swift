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
    /// The staged sample with the highest timestamp, plus one, when that is
    /// above every stored one; or 0.
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

  var slots: SeriesSlots
  var open = PagedArray<OpenSeries>()
  var arena = SlabArena()
  /// Closed chunks that the next seal takes.
  var closed = ChunkList()
  /// Closed chunks that a seal is taking.
  var frozen = ChunkList()
  /// By slot.
  var buffers: [Int: OutOfOrderBuffer] = [:]
  /// What the batch that is being applied brings to the buffers.
  var late: [LateSample] = []
  var staged = StagedSamples()
  var newestTimestamp: Int64?
  var oldestTimestamp: Int64?
  /// No sample in the tables is later than this.
  var sealedNewest = Int64.min
  /// Times that no sample outside of ``open`` is later than, by slot; of series
  /// that may have a later one than there, as far as that was looked up.
  var latestElsewhere: [Int: Int64] = [:]
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

  /// The bytes that a checkpoint writes for the open chunks, about.
  var openByteCount: Int { arena.usedByteCount + openChunkCount * 30 }

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
    if isReplacement, replace(slot: slot, timestamp: timestamp, value: value) { return }
    if open[slot].takes(timestamp), slots.flags[slot].contains(.mayHaveLater) == false {
      // In place: what was just stored in parts is slow to load as a whole.
      let isFull = arena.append(timestamp: timestamp, value: value, to: &open[slot].chunk)
      if isFull { closeChunk(ofSlot: slot) }
      return
    }
    var series = open[slot]
    if series.appender.sampleCount > 0, timestamp <= series.appender.lastTimestamp {
      outOfOrderCount += 1
      late.append(LateSample(slot: slot, timestamp: timestamp, value: value))
      return
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

  /// Brings the late samples of a batch to the buffers, each of which is gone
  /// through once.
  mutating func applyLateSamples(newest: Int64) {
    guard late.isEmpty == false else { return }
    var samples: [LateSample] = []
    swap(&samples, &late)
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
        columns.append(timestampMilliseconds: sample.timestamp, value: sample.value)
      }
      guard isLastOfSlot else { continue }
      buffers[sample.slot, default: OutOfOrderBuffer()].merge(columns)
      columns.removeAll()
      if buffers[sample.slot]?.isFull == true { closeBuffer(ofSlot: sample.slot, newest: newest) }
    }
    // The memory is kept for the next batch.
    samples.removeAll(keepingCapacity: true)
    swap(&samples, &late)
  }

  /// Gives the sample at a time another value where it is in a chunk that can
  /// still change; elsewhere a later chunk hides it.
  private mutating func replace(slot: Int, timestamp: Int64, value: Double) -> Bool {
    var columns = SampleColumns()
    // A reader takes what is buffered for the last that was written.
    if buffers[slot]?.columns.valueBits(at: timestamp) != nil {
      columns.append(timestampMilliseconds: timestamp, value: value)
      buffers[slot]?.merge(columns)
      return true
    }
    var series = open[slot]
    if series.slab.isNone == false, series.appender.description.covers(timestamp) {
      decodeOpenChunk(of: series, into: &columns)
      if columns.replaceValue(at: timestamp, with: value) {
        arena.free(series.slab)
        series.appender = XORChunkAppender()
        series.slab = arena.allocate(byteCount: XORChunkAppender.scratchByteCount)
        var isFull = false
        for (timestamp, value) in zip(columns.timestamps, columns.values) {
          isFull = arena.append(timestamp: timestamp, value: value, to: &series.chunk)
        }
        if isFull { close(&series, slot: slot) }
        open[slot] = series
        return true
      }
    }
    // A chunk of late samples may reach over the open one.
    for index in closed.indices(ofSlot: slot)
    where closed.chunks[index].description.covers(timestamp) {
      columns.removeAll()
      do throws(ChunkError) {
        try closed.encoded(closed.chunks[index]).decode(into: &columns)
      } catch {
        preconditionFailure("a closed chunk does not decode: \(error)")
      }
      guard columns.replaceValue(at: timestamp, with: value) else { continue }
      closed.replace(at: index, with: columns)
      return true
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
    var closing = closing
    closing.removeAll()
    decodeOpenChunk(of: series, into: &closing)
    closed.append(
      closing, at: 0..<closing.count, slot: slot, seriesID: slots.ids[slot],
      window: Window(
        containing: series.appender.firstTimestamp, lengthMilliseconds: series.windowLength))
    self.closing = closing
    arena.free(series.slab)
    series.slab = .none
    openChunkCount -= 1
  }

  /// Makes chunks of the out-of-order samples of a series.
  mutating func closeBuffer(ofSlot slot: Int, newest: Int64) {
    guard let buffer = buffers.removeValue(forKey: slot) else { return }
    for (range, window) in buffer.chunkRanges(newest: newest) {
      closed.append(
        buffer.columns, at: range, slot: slot, seriesID: slots.ids[slot], window: window)
    }
  }

  /// Extends the known time range.
  mutating func includeInTimeRange(_ timestamp: Int64) {
    newestTimestamp = max(newestTimestamp ?? timestamp, timestamp)
    oldestTimestamp = min(oldestTimestamp ?? timestamp, timestamp)
  }
}

extension SampleColumns {
  /// Gives the sample at `timestamp` another value, and says whether there is
  /// one.
  fileprivate mutating func replaceValue(at timestamp: Int64, with value: Double) -> Bool {
    let index = firstIndex(notBefore: timestamp)
    guard index < count, timestamps[index] == timestamp else { return false }
    values[index] = value
    return true
  }
}
