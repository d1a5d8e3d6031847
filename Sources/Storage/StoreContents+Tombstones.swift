import LMDB
import SeriesModel
import Synchronization

/// The tombstones read last, and the state of the table that they are of.
struct TombstoneCache: Sendable {
  fileprivate var changeCount: UInt64 = 0
  fileprivate var tombstones = Tombstones()
}

extension StoreContents {
  /// What is deleted as `view` sees it.
  ///
  /// The table is read only when it has changed since the last call.
  func tombstones(in view: ReadView) throws(StorageError) -> Tombstones {
    let table = TombstoneTable(schema)
    let changeCount = try table.changeCount(in: view)
    let cached = tombstoneCache.withLock { cache in
      cache.changeCount == changeCount ? cache.tombstones : nil
    }
    if let cached { return cached }
    let tombstones = try table.tombstones(in: view)
    tombstoneCache.withLock { cache in
      guard changeCount > cache.changeCount else { return }
      cache = TombstoneCache(changeCount: changeCount, tombstones: tombstones)
    }
    return tombstones
  }
}
