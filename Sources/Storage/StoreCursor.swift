import ChunkEncoding
import LMDB
import SeriesModel

/// Reads the samples of a series set, from tables and head together.
final class StoreCursor: SampleCursor {
  private let set: StoreSeriesSet
  /// A reader of each window.
  private var readers: [SeriesChunkReader]
  private let transactionIndex: Int
  private var merge = SampleMerge()

  init(_ set: StoreSeriesSet, transactionIndex: Int) {
    self.set = set
    self.transactionIndex = transactionIndex
    let chunks = ChunkTable(set.schema)
    let partCount = set.windows.reduce(0) { $0 + Int($1.row.partCount) }
    readers = set.windows.map { SeriesChunkReader(chunks, row: $0.row, partCount: partCount) }
  }

  func read(seriesAt index: Int, into columns: inout SampleColumns) throws {
    let entry = set.entries[index]
    merge.removeAll()
    try readStoredChunks(of: entry)
    if let head = entry.head { readHead(head, of: entry) }
    merge.append(within: set.range, to: &columns)
  }

  private func readStoredChunks(of entry: StoreSeriesSet.Entry) throws(StorageError) {
    for (index, window) in set.windows.enumerated() where window.ids.contains(entry.id) {
      var isDamaged = false
      func note(_ error: StorageError) throws(StorageError) {
        guard case .corrupted = error else { throw error }
        isDamaged = true
        set.quarantine.add(error)
        warn(of: entry, in: window.row.minTimestamp...window.row.maxTimestamp, error.description)
      }
      let chunkCount: Int?
      do throws(StorageError) {
        chunkCount = try readChunks(of: entry, inWindowAt: index, onDamage: note)
      } catch {
        try note(error)
        continue
      }
      // A merge may have moved all of them to another window.
      if chunkCount == 0, isDamaged == false, window.row.movingEndPart == 0 {
        try note(missingChunks(of: entry.id, in: window.row.window))
      }
    }
  }

  private func missingChunks(of id: SeriesID, in window: Window) -> StorageError {
    .corrupted(
      table: set.schema.chunks.name, key: window.keyBytes,
      reason: "the window lists series \(id.rawValue), but has no chunk of it")
  }

  private func readChunks(
    of entry: StoreSeriesSet.Entry, inWindowAt index: Int,
    onDamage: (StorageError) throws(StorageError) -> Void
  ) throws(StorageError) -> Int? {
    try set.pool.read(transactionIndex) { transaction throws(StorageError) in
      try readers[index].forEachChunk(
        of: entry.id, overlapping: set.range, view: transaction.view, onDamage: onDamage,
        { chunk throws(StorageError) in try read(chunk, of: entry, in: set.windows[index]) })
    }
  }

  private func read(
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

  private func readHead(_ series: HeadSamples.Series, of entry: StoreSeriesSet.Entry) {
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
