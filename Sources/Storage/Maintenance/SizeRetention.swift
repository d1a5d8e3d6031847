import LMDB
import SeriesModel
import Synchronization

extension StoreContents {
  /// The bytes of the pages of the tables that hold something.
  ///
  /// The file itself is larger: it keeps freed pages for later.
  ///
  /// - Complexity: O(*n*) in the number of transactions that freed pages.
  func usedTableByteCount() throws(StorageError) -> Int {
    do throws(LMDBError) {
      let statistics = try schema.environment.statistics()
      let freePageCount = try schema.environment.read { view throws(LMDBError) in
        try view.freePageCount()
      }
      return max(0, statistics.usedBytes - freePageCount * statistics.pageSizeBytes)
    } catch {
      throw StorageError(error)
    }
  }
}

extension OpenStore {
  /// The window to delete because tables and journal take more than they may:
  /// the oldest one, but never the newest.
  ///
  /// One at a time: how much space a window takes is known once it is gone.
  ///
  /// - Parameter rows: All windows that stay otherwise.
  func windowBeyondSize(_ rows: [WindowRow]) throws(StorageError) -> WindowRow? {
    let limit = contents.options.retentionByteCount
    guard limit > 0 else { return nil }
    let journalByteCount = journal.withLock { $0?.byteCount ?? 0 }
    let used = try contents.usedTableByteCount() + journalByteCount
    counters.withLock { $0.usedByteCount = used }
    guard used > limit, rows.count > 1 else { return nil }
    return rows.min { ($0.maxTimestamp, $0.window) < ($1.maxTimestamp, $1.window) }
  }
}
