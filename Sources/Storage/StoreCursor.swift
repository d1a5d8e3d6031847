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
      if try readInOrder(set.entries[index].id, index, in: transaction.view, into: &columns) {
        return
      }
      try readMerged(set.entries[index], in: transaction.view, into: &columns)
    }
  }

  // MARK: Chunks that follow each other

  /// Reads a series whose chunks follow each other in time.
  ///
  /// - Returns: False, and nothing is appended, when they don't, and where
  ///   samples are deleted or damaged.
  private func readInOrder(
    _ id: SeriesID, _ index: Int, in view: ReadView, into columns: inout SampleColumns
  ) throws(StorageError) -> Bool {
    guard try findChunks(of: id, in: view) else { return false }
    let start = columns.count
    do throws(StorageError) {
      var end: Int64?
      for place in places.indices {
        guard end.map({ $0 < places[place].entry.description.minTimestamp }) ?? true else {
          columns.removeSamples(from: start)
          return false
        }
        end = places[place].entry.description.maxTimestamp
        try append(chunkAt: place, in: view, to: &columns)
      }
      if let head = set.entries[index].head, append(head, behind: end, to: &columns) == false {
        columns.removeSamples(from: start)
        return false
      }
    } catch {
      guard case .corrupted = error else { throw error }
      columns.removeSamples(from: start)
      return false
    }
    columns.cut(to: set.range, from: start)
    return true
  }

  /// Finds the chunks that a series has in the tables; false where they are
  /// missing, damaged, or deleted in part.
  private func findChunks(of id: SeriesID, in view: ReadView) throws(StorageError) -> Bool {
    places.removeAll(keepingCapacity: true)
    for index in set.windows.indices where set.windows[index].ids.contains(id) {
      let first = places.count
      let count = try readers[index].find(
        id, overlapping: set.range, in: view, appendingTo: &places)
      guard let count, count > 0 else { return false }
      guard set.windows[index].tombstones.isEmpty == false else { continue }
      for place in places[first...]
      where set.windows[index].tombstones.deletedTime(of: id, part: place.part).isEmpty == false {
        return false
      }
    }
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

  /// Appends what memory has of a series.
  ///
  /// - Parameter end: The last timestamp from the tables.
  /// - Returns: False when it does not follow that, chunk by chunk, or is damaged.
  private func append(
    _ series: HeadSamples.Series, behind end: Int64?, to columns: inout SampleColumns
  ) -> Bool {
    let bytes = set.headSamples.bytes
    var end = end
    for index in series.chunks {
      let chunk = set.headSamples.chunks[index]
      guard end.map({ $0 < chunk.description.minTimestamp }) ?? true else { return false }
      end = chunk.description.maxTimestamp
      do throws(ChunkError) {
        try columns.append(
          chunk: chunk.description,
          timestamps: bytes.span.extracting(chunk.timestamps),
          payload: bytes.span.extracting(chunk.payload))
      } catch {
        return false
      }
    }
    guard series.buffered.isEmpty == false else { return true }
    let first = set.headSamples.buffered.timestamps[series.buffered.lowerBound]
    guard end.map({ $0 < first }) ?? true else { return false }
    columns.append(set.headSamples.buffered, at: series.buffered)
    return true
  }

  // MARK: Chunks in any order

  /// Reads a series whatever its chunks are, and says what is damaged.
  private func readMerged(
    _ entry: StoreSeriesSet.Entry, in view: ReadView, into columns: inout SampleColumns
  ) throws(StorageError) {
    merge.removeAll()
    for window in set.windows where window.ids.contains(entry.id) {
      try mergeChunks(of: entry, from: window, in: view)
    }
    if let head = entry.head { mergeHead(head, of: entry) }
    merge.append(within: set.range, to: &columns)
  }

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
  private(set) var timestamps: [Int64] = []
  private var source: (block: EntryPlace, bytes: Range<Int>)?

  /// Decodes the timestamps of a chunk unless they are those of the last one.
  ///
  /// - Returns: False when the chunk has them among its values.
  mutating func update(
    from chunk: borrowing StoredChunk, at place: SeriesChunkReader.Place
  ) throws(StorageError) -> Bool {
    guard let bytes = place.entry.timestamps?.bytes else { return false }
    if let source, source.block == place.block, source.bytes == bytes { return true }
    source = nil
    try chunk.decodeTimestamps(into: &timestamps)
    source = (place.block, bytes)
    return true
  }
}
