import ChunkEncoding
import LMDB
import SeriesModel

/// Reads the samples of a series set, from tables and head together.
///
/// It is fastest when series are read in the order of the set, which is that of
/// the tables.
final class StoreCursor: SampleCursor {
  private let set: StoreSeriesSet
  private let chunks: ChunkTable
  /// A reader of each window.
  private var readers: [SeriesChunkReader]
  private let transactionIndex: Int
  /// The chunks of the series that is being read.
  private var places: [SeriesChunkReader.Place] = []
  /// The windows that have some of them, and where those of each end.
  private var ends: [(window: Int, end: Int)] = []
  /// The timestamps of the first, second, ... chunk read last: those of the next
  /// series are mostly the same.
  private var times: [SharedTimestamps] = []
  private var merge = SampleMerge()

  init(_ set: StoreSeriesSet, transactionIndex: Int) {
    self.set = set
    self.transactionIndex = transactionIndex
    let chunks = ChunkTable(set.schema)
    self.chunks = chunks
    readers = set.windows.map { SeriesChunkReader(chunks, row: $0.row) }
  }

  func read(seriesAt index: Int, into columns: inout SampleColumns) throws {
    try set.pool.read(transactionIndex) { transaction throws(StorageError) in
      let view = transaction.view
      let isFound = try findChunks(of: set.entries[index].id, in: view)
      if isFound, isInOrder(index), try readInOrder(index, in: view, into: &columns) { return }
      merge.removeAll()
      let entry = set.entries[index]
      if isFound {
        try mergeFoundChunks(of: entry, in: view)
      } else {
        for window in set.windows where window.ids.contains(entry.id) {
          try mergeChunks(of: entry, from: window, in: view)
        }
      }
      if let head = entry.head { mergeHead(head, of: entry) }
      merge.append(within: set.range, to: &columns)
    }
  }

  /// Finds the chunks that a series has in the tables; false where some are
  /// missing, or damage is in the way.
  private func findChunks(of id: SeriesID, in view: ReadView) throws(StorageError) -> Bool {
    places.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    do throws(StorageError) {
      for index in set.windows.indices where set.windows[index].ids.contains(id) {
        let count = try readers[index].find(
          id, overlapping: set.range, in: view, appendingTo: &places)
        // A merge may have moved all of them to another window.
        guard let count, count > 0 || set.windows[index].row.movingEndPart > 0 else {
          return false
        }
        if places.count > ends.last?.end ?? 0 { ends.append((index, places.count)) }
      }
    } catch {
      guard case .corrupted = error else { throw error }
      return false
    }
    return true
  }

  // MARK: Chunks that follow each other

  /// Whether the chunks that were found, and those in memory behind them, follow
  /// each other in time, and nothing of them is deleted.
  private func isInOrder(_ index: Int) -> Bool {
    var last: Int64?
    for place in places {
      let description = place.entry.description
      if let last, last >= description.minTimestamp { return false }
      last = description.maxTimestamp
    }
    if let head = set.entries[index].head {
      for chunk in set.headSamples.chunks[head.chunks] {
        if let last, last >= chunk.description.minTimestamp { return false }
        last = chunk.description.maxTimestamp
      }
      if let last, head.buffered.isEmpty == false,
        last >= set.headSamples.buffered.timestamps[head.buffered.lowerBound]
      {
        return false
      }
    }
    let id = set.entries[index].id
    var start = 0
    for (window, end) in ends {
      let tombstones = set.windows[window].tombstones
      if tombstones.isEmpty == false {
        for place in places[start..<end]
        where tombstones.deletedTime(of: id, part: place.part).isEmpty == false { return false }
      }
      start = end
    }
    return true
  }

  /// Appends the chunks that were found and those in memory, one after the other.
  ///
  /// - Returns: False, and nothing is appended, where one is damaged.
  private func readInOrder(
    _ index: Int, in view: ReadView, into columns: inout SampleColumns
  ) throws(StorageError) -> Bool {
    let start = columns.count
    do throws(StorageError) {
      for place in places.indices { try append(chunkAt: place, in: view, to: &columns) }
    } catch {
      guard case .corrupted = error else { throw error }
      columns.removeSamples(from: start)
      return false
    }
    if let head = set.entries[index].head, append(head, to: &columns) == false {
      columns.removeSamples(from: start)
      return false
    }
    columns.cut(to: set.range, from: start)
    return true
  }

  private func append(
    chunkAt index: Int, in view: ReadView, to columns: inout SampleColumns
  ) throws(StorageError) {
    let chunk = StoredChunk(places[index], in: view, table: chunks.table)
    if index == times.count { times.append(SharedTimestamps()) }
    guard try times[index].update(from: chunk, at: places[index]) else {
      try chunk.decode(into: &columns)
      return
    }
    let range = times[index].timestamps[...].indices(within: set.range)
    guard range.isEmpty == false else { return }
    try chunk.decode(range, at: times[index].timestamps, into: &columns)
  }

  /// Appends what memory has of a series; false when a chunk is damaged.
  private func append(_ series: HeadSamples.Series, to columns: inout SampleColumns) -> Bool {
    let bytes = set.headSamples.bytes
    for index in series.chunks {
      let chunk = set.headSamples.chunks[index]
      do throws(ChunkError) {
        try columns.append(
          chunk: chunk.description,
          timestamps: bytes.span.extracting(chunk.timestamps),
          payload: bytes.span.extracting(chunk.payload))
      } catch {
        return false
      }
    }
    columns.append(set.headSamples.buffered, at: series.buffered)
    return true
  }

  // MARK: Chunks in any order

  private func mergeFoundChunks(
    of entry: StoreSeriesSet.Entry, in view: ReadView
  ) throws(StorageError) {
    var start = 0
    for (window, end) in ends {
      for place in places[start..<end] {
        try mergeChunk(
          StoredChunk(place, in: view, table: chunks.table), of: entry, in: set.windows[window])
      }
      start = end
    }
  }

  /// Merges the chunks of a window, and says what is damaged of them.
  private func mergeChunks(
    of entry: StoreSeriesSet.Entry, from window: StoreSeriesSet.StoredWindow, in view: ReadView
  ) throws(StorageError) {
    var isDamaged = false
    func note(_ error: StorageError) throws(StorageError) {
      guard case .corrupted = error else { throw error }
      isDamaged = true
      set.quarantine.add(error)
      warn(of: entry, in: window.row.minTimestamp...window.row.maxTimestamp, error.description)
    }
    let chunkCount: Int?
    do throws(StorageError) {
      chunkCount = try chunks.forEachChunk(
        of: PostingsList(sorted: [entry.id]), in: window.row, overlapping: set.range, view: view,
        onDamage: note,
        { chunk throws(StorageError) in try mergeChunk(chunk, of: entry, in: window) })
    } catch {
      try note(error)
      return
    }
    // A merge may have moved all of them to another window.
    if chunkCount == 0, isDamaged == false, window.row.movingEndPart == 0 {
      try note(missingChunks(of: entry.id, in: window.row.window))
    }
  }

  private func missingChunks(of id: SeriesID, in window: Window) -> StorageError {
    .corrupted(
      table: set.schema.chunks.name, key: window.keyBytes,
      reason: "the window lists series \(id.rawValue), but has no chunk of it")
  }

  private func mergeChunk(
    _ chunk: borrowing StoredChunk, of entry: StoreSeriesSet.Entry,
    in window: StoreSeriesSet.StoredWindow
  ) throws(StorageError) {
    let deleted = window.tombstones.deletedTime(of: entry.id, part: chunk.part)
    if deleted.covers(chunk.timeRange) { return }
    do throws(StorageError) {
      try merge.add(chunk, without: deleted)
    } catch {
      guard case .corrupted = error else { throw error }
      set.quarantine.add(chunk, in: window.row.window)
      warn(of: entry, in: chunk.timeRange, error.description)
    }
  }

  private func warn(
    of entry: StoreSeriesSet.Entry, in time: ClosedRange<Int64>, _ reason: String
  ) {
    set.warnings.add(
      "samples of \(entry.labels) from \(time.lowerBound) to \(time.upperBound) ms are missing: "
        + reason)
  }

  private func mergeHead(_ series: HeadSamples.Series, of entry: StoreSeriesSet.Entry) {
    let bytes = set.headSamples.bytes
    for chunk in set.headSamples.chunks[series.chunks] {
      do throws(ChunkError) {
        try merge.add(
          chunk.description, timestamps: bytes.span.extracting(chunk.timestamps),
          payload: bytes.span.extracting(chunk.payload))
      } catch {
        warn(
          of: entry, in: chunk.description.minTimestamp...chunk.description.maxTimestamp,
          "a chunk in memory does not decode (\(error))")
      }
    }
    merge.add(set.headSamples.buffered, range: series.buffered)
  }
}

/// The timestamps of the chunk that was decoded last, which the chunks beside it
/// in a block share mostly.
private struct SharedTimestamps {
  /// What the timestamps are of. Vectors of single timestamps have no bytes, and
  /// differ in their extent alone.
  private struct Source: Equatable {
    var block: EntryPlace
    var bytes: Range<Int>
    var extent: TimestampExtent
  }

  private(set) var timestamps: [Int64] = []
  private var source: Source?

  /// Decodes the timestamps of a chunk unless they are those of the last one.
  ///
  /// - Returns: False when the chunk has them among its values.
  mutating func update(
    from chunk: borrowing StoredChunk, at place: SeriesChunkReader.Place
  ) throws(StorageError) -> Bool {
    guard let bytes = place.entry.timestamps?.bytes else { return false }
    let source = Source(
      block: place.block, bytes: bytes, extent: TimestampExtent(place.entry.description))
    if source == self.source { return true }
    self.source = nil
    try chunk.decodeTimestamps(into: &timestamps)
    self.source = source
    return true
  }
}
