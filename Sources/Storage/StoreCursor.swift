import ChunkEncoding
import LMDB
import SeriesModel

/// Reads the samples of a series set, from tables and head together.
final class StoreCursor: SampleCursor {
  private let set: StoreSeriesSet
  private let chunks: ChunkTable
  private let transactionIndex: Int
  private var merge = SampleMerge()

  init(_ set: StoreSeriesSet, transactionIndex: Int) {
    self.set = set
    self.transactionIndex = transactionIndex
    chunks = ChunkTable(set.schema)
  }

  func read(seriesAt index: Int, into columns: inout SampleColumns) throws {
    let entry = set.entries[index]
    merge.removeAll()
    try readStoredChunks(of: entry)
    if let head = entry.head { readHead(head, of: entry) }
    merge.append(within: set.range, to: &columns)
  }

  private func readStoredChunks(of entry: StoreSeriesSet.Entry) throws(StorageError) {
    let list = PostingsList(sorted: [entry.id])
    for window in set.windows where window.ids.contains(entry.id) {
      do throws(StorageError) {
        try set.pool.read(transactionIndex) { transaction throws(StorageError) in
          try chunks.forEachChunk(
            of: list, in: window.row, overlapping: set.range, view: transaction.view
          ) { chunk throws(StorageError) in
            try read(chunk, of: entry)
          }
        }
      } catch {
        guard case .corrupted = error else { throw error }
        set.warnings.add(warning(for: entry, error.description))
      }
    }
  }

  private func read(
    _ chunk: borrowing StoredChunk, of entry: StoreSeriesSet.Entry
  ) throws(StorageError) {
    do throws(StorageError) {
      try merge.add(chunk)
    } catch {
      guard case .corrupted = error else { throw error }
      set.warnings.add(warning(for: entry, error.description))
    }
  }

  private func warning(for entry: StoreSeriesSet.Entry, _ reason: String) -> String {
    "samples of \(entry.labels) are missing: \(reason)"
  }

  private func readHead(_ series: HeadSamples.Series, of entry: StoreSeriesSet.Entry) {
    let bytes = set.headSamples.bytes
    for chunk in set.headSamples.chunks[series.chunks] {
      do throws(ChunkError) {
        try merge.add(
          chunk.description, timestamps: bytes.span.extracting(chunk.timestamps),
          payload: bytes.span.extracting(chunk.payload))
      } catch {
        let description = chunk.description
        set.warnings.add(
          warning(
            for: entry,
            "a chunk from \(description.minTimestamp) to \(description.maxTimestamp) ms "
              + "does not decode (\(error))"))
      }
    }
    merge.add(set.headSamples.buffered, range: series.buffered)
  }
}
