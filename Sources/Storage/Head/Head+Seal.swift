import ChunkEncoding
import Numbers
import SeriesModel

/// What a seal takes from the head, stored with its progress so that a
/// restart in the middle of it takes the same.
struct SealPlan: Hashable, Sendable {
  /// The last journal sequence that the seal covers.
  var sequence: UInt64
  /// Open chunks are closed when their window ends here or before.
  var closesWindowsEndingAt: Int64
  /// Whether small buffers become chunks too.
  var sealsSmallBuffers: Bool
  /// The number of chunks that are sealed in all.
  var chunkCount = 0
  /// The number of chunks, in the order of the seal, that the tables hold.
  var sealedCount = 0
  /// What tells the chunks from others, see ``hash(of:)``; nil in plans of
  /// earlier versions.
  var chunkHash: UInt64?
}

extension SealPlan {
  /// A hash of series, window, times and sample count of each chunk, in the order
  /// of the seal.
  static func hash(of chunks: [ClosedChunk]) -> UInt64 {
    var hash: UInt64 = 0
    var bytes: [UInt8] = []
    for chunk in chunks {
      let (window, description) = (chunk.window, chunk.description)
      bytes.removeAll(keepingCapacity: true)
      bytes.appendLittleEndian(chunk.seriesID.rawValue)
      for number in [
        window.startMilliseconds, window.lengthMilliseconds, description.minTimestamp,
        description.maxTimestamp, Int64(description.sampleCount),
      ] {
        bytes.appendLittleEndian(number)
      }
      // Safety: bytes have no padding.
      hash = unsafe hash64(bytes.span.bytes, seed: hash)
    }
    return hash
  }

  /// Whether the chunks are those that the seal took, in the order of the seal.
  func matches(_ chunks: [ClosedChunk]) -> Bool {
    chunks.count == chunkCount
      && (chunkHash.map { $0 == SealPlan.hash(of: chunks) } ?? true)
  }

  /// Whether the seal closes the open chunk of a series: it has one, in a window
  /// that has ended.
  func closes(_ series: Head.OpenSeries) -> Bool {
    series.slab.isNone == false && series.windowLast <= closesWindowsEndingAt
  }
}

/// The head as a checkpoint saves it.
struct FrozenHead: Sendable {
  var plan: SealPlan
  /// The chunks to be sealed, in the order in which the tables keep them.
  var chunks: [ClosedChunk]
  /// Where the chunks' bytes are.
  var chunkList: ChunkList
  /// Series whose labels the tables don't have.
  var newSeries: [(id: SeriesID, slot: Int)]
  var metadata: [String: MetricMetadata]
  var nextSeriesID: UInt64
  var newestTimestamp: Int64?
  var exemplars: ExemplarSeal
  fileprivate var ids: [SeriesID]
  fileprivate var flags: [SeriesSlots.Flags]
  fileprivate var open: PagedArray<Head.OpenSeries>
  fileprivate var arena: SlabArena
  fileprivate var buffers: [Int: SampleBuffer]
}

extension Head {
  /// The samples from which a small buffer is worth a chunk.
  private static let worthwhileBufferCount = 120
  /// What a rich sample counts for among those that are carried on.
  private static let richSampleWeight = 16
  /// The samples in small buffers that are carried on at most.
  private static let carriedSampleLimit = 1 << 20

  /// True when the plan would seal a chunk.
  func hasChunks(for plan: SealPlan) -> Bool {
    closed.isEmpty == false || plan.sealsSmallBuffers && buffers.isEmpty == false
      || open.contains { plan.closes($0) }
      || newestRich.isEmpty == false && hasEndedRichSamples(for: plan)
  }

  /// Whether a buffer has rich samples in a window that the plan closes.
  private func hasEndedRichSamples(for plan: SealPlan) -> Bool {
    buffers.values.contains { buffer in
      guard buffer.columns.isPlain == false, let first = buffer.columns.timestamps.first else {
        return false
      }
      let length = Window.lengthMilliseconds(for: first, newest: newestTimestamp ?? .min)
      let window = Window(containing: first, lengthMilliseconds: length)
      return window.lastMilliseconds <= plan.closesWindowsEndingAt
    }
  }

  /// Closes what the plan says and sets the closed chunks aside for the seal.
  ///
  /// Queries still find them, until ``finishSeal(of:)``.
  ///
  /// - Precondition: No other seal is under way, and nothing is staged.
  mutating func freeze(_ plan: SealPlan) -> FrozenHead {
    precondition(frozen.isEmpty, "one seal at a time")
    closeChunks(for: plan)
    forgetLastSamples()
    frozen = closed
    closed = ChunkList()
    sealedNewest = max(sealedNewest, newestTimestamp ?? .min)
    var plan = plan
    let order = Head.sealOrder(of: frozen.chunks)
    plan.chunkCount = order.count
    plan.chunkHash = SealPlan.hash(of: order)
    let newSlots = slots.flags.indices.filter {
      slots.flags[$0].contains(.isVisible) && slots.flags[$0].contains(.isInTables) == false
    }
    var unsealed: [String: MetricMetadata] = [:]
    for family in unsealedMetadata { unsealed[family] = metadata[family] }
    unsealedMetadata.removeAll()
    return FrozenHead(
      plan: plan, chunks: order, chunkList: frozen,
      newSeries: newSlots.map { (slots.ids[$0], $0) },
      metadata: unsealed, nextSeriesID: nextSeriesID, newestTimestamp: newestTimestamp,
      exemplars: ExemplarSeal(exemplars), ids: slots.ids, flags: slots.flags, open: open,
      arena: arena, buffers: buffers)
  }

  /// Forgets the last samples of series without an open chunk.
  ///
  /// The checkpoint does not have them: a head that is built again must make
  /// the same chunks of what follows, or an interrupted seal could not be
  /// repeated. Nor must the next sample be compared with one that is deleted.
  private mutating func forgetLastSamples() {
    for slot in open.indices where open[slot].slab.isNone {
      open[slot].appender = XORChunkAppender()
    }
  }

  /// Forgets the frozen chunks, which the tables hold now.
  mutating func finishSeal(of frozenHead: FrozenHead) {
    frozen = ChunkList()
    exemplars.unsealedNumber = frozenHead.exemplars.endNumber
    for series in frozenHead.newSeries where slots.ids[series.slot] == series.id {
      slots.flags[series.slot].insert(.isInTables)
    }
  }

  /// Repeats a seal that a crash interrupted, and forgets the chunks that
  /// came into the tables before it.
  mutating func repeatInterruptedSeal(_ plan: SealPlan) {
    closeChunks(for: plan)
    // After a change of the rules, or a damaged journal, the chunks are not
    // the same; then they are kept, and readers drop the samples met twice.
    let order = Head.sealOrder(of: closed.chunks)
    guard plan.matches(order) else { return }
    let list = closed
    closed = ChunkList()
    // Labels came into the tables before chunks.
    for chunk in order.prefix(plan.sealedCount) {
      if let slot = slots.slot(of: chunk.seriesID) { slots.flags[slot].insert(.isInTables) }
    }
    for chunk in order.dropFirst(plan.sealedCount) {
      guard let slot = slots.slot(of: chunk.seriesID) else { continue }
      closed.append(
        list.encoded(chunk), slot: slot, seriesID: chunk.seriesID, window: chunk.window)
    }
  }

  private mutating func closeChunks(for plan: SealPlan) {
    for slot in open.indices where plan.closes(open[slot]) {
      var series = open[slot]
      close(&series, slot: slot)
      open[slot] = series
    }
    let newest = newestTimestamp ?? .min
    var carriedWeight = 0
    for slot in buffers.keys.sorted(by: { slots.ids[$0] < slots.ids[$1] }) {
      if plan.sealsSmallBuffers {
        closeBuffer(ofSlot: slot, newest: newest)
        continue
      }
      if buffers[slot]?.columns.isPlain == false {
        // Rich samples come in order for the most part: of a window that has
        // ended there are no more to wait for.
        closeBuffer(ofSlot: slot, newest: newest, windowsEndingAt: plan.closesWindowsEndingAt)
      }
      guard let columns = buffers[slot]?.columns else { continue }
      let weight = columns.count * (columns.isPlain ? 1 : Head.richSampleWeight)
      if columns.count >= Head.worthwhileBufferCount
        || carriedWeight + weight > Head.carriedSampleLimit
      {
        closeBuffer(ofSlot: slot, newest: newest)
      } else {
        carriedWeight += weight
      }
    }
  }

  /// Sorts by window, then series, then time; chunks that are equal in all of
  /// these stay in the order in which they were closed.
  private static func sealOrder(of chunks: [ClosedChunk]) -> [ClosedChunk] {
    let order = chunks.indices.sorted { left, right in
      let (a, b) = (chunks[left], chunks[right])
      if a.window != b.window { return a.window < b.window }
      if a.seriesID != b.seriesID { return a.seriesID < b.seriesID }
      if a.description.minTimestamp != b.description.minTimestamp {
        return a.description.minTimestamp < b.description.minTimestamp
      }
      return left < right
    }
    return order.map { chunks[$0] }
  }

  /// Restores the open chunk of a series from a checkpoint.
  mutating func restore(_ record: OpenChunkRecord, slot: Int) {
    slots.makeVisible(slot)
    includeInTimeRange(record.appender.firstTimestamp)
    includeInTimeRange(record.appender.lastTimestamp)
    var series = OpenSeries()
    series.appender = record.appender
    if record.bytes.isEmpty == false {
      series.slab = arena.allocate(
        byteCount: record.bytes.count + XORChunkAppender.scratchByteCount)
      arena.store(record.bytes, in: series.slab)
      series.windowLengthSeconds = UInt32(record.windowLength / 1000)
      series.windowLast =
        Window(
          containing: record.appender.firstTimestamp, lengthMilliseconds: record.windowLength
        ).lastMilliseconds
      openChunkCount += 1
    }
    open[slot] = series
    if record.appender.lastTimestamp <= sealedNewest { slots.flags[slot].insert(.mayHaveLater) }
  }

  /// Restores the buffered samples of a series from a checkpoint.
  mutating func restore(_ record: BufferedSamplesRecord, slot: Int) {
    slots.makeVisible(slot)
    for timestamp in record.columns.timestamps { includeInTimeRange(timestamp) }
    setBuffer(SampleBuffer(record.columns), ofSlot: slot)
    if record.columns.isPlain == false, let last = record.columns.timestamps.last {
      noteRich(last, slot: slot)
    }
  }
}

extension FrozenHead {
  /// Lets go of the open chunks once they are saved: what an append writes
  /// meanwhile is memory that the head and its copy no longer share.
  mutating func releaseOpenChunks() {
    ids = []
    flags = []
    open = PagedArray()
    arena = SlabArena()
    buffers = [:]
  }

  /// Calls `body` with a record for each series that has an open chunk, in the
  /// order of the ids.
  func forEachOpenChunk<Failure: Error>(
    _ body: (OpenChunkRecord) throws(Failure) -> Void
  ) throws(Failure) {
    for slot in slotsByID where open[slot].slab.isNone == false {
      let series = open[slot]
      try body(
        OpenChunkRecord(
          seriesID: ids[slot], windowLength: series.windowLength, appender: series.appender,
          bytes: arena.bytes(of: series.slab, count: series.appender.byteCount)))
    }
  }

  /// Calls `body` with a record for each buffer, in the order of the ids.
  func forEachBuffer<Failure: Error>(
    _ body: (BufferedSamplesRecord) throws(Failure) -> Void
  ) throws(Failure) {
    for slot in slotsByID {
      guard let columns = buffers[slot]?.columns else { continue }
      try body(BufferedSamplesRecord(seriesID: ids[slot], columns: columns))
    }
  }

  private var slotsByID: [Int] {
    ids.indices.filter { flags[$0].contains(.isVisible) }.sorted { ids[$0] < ids[$1] }
  }
}
