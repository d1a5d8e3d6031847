import LMDB
import SeriesModel
import Synchronization

/// Labels of series of the tables that queries for few series read last.
///
/// The labels of an id never change and an id is never used again, so that what
/// is here is right for every snapshot.
struct LabelCache: Sendable {
  /// The series that are kept at least; twice as many at most.
  private static let seriesLimit = 2048
  /// Longer labels are not kept: the cache takes some megabytes at most.
  private static let byteLimit = 1024

  private var recent: [SeriesID: Labels] = [:]
  /// What was recent before; goes when there is as much anew.
  private var older: [SeriesID: Labels] = [:]

  /// The labels of a series, if they are here.
  mutating func labels(of id: SeriesID) -> Labels? {
    if let labels = recent[id] { return labels }
    guard let labels = older[id] else { return nil }
    insert(labels, of: id)
    return labels
  }

  /// Keeps the labels of a series.
  mutating func insert(_ labels: Labels, of id: SeriesID) {
    guard labels.encodedBytes.count <= LabelCache.byteLimit else { return }
    if recent.count == LabelCache.seriesLimit {
      swap(&recent, &older)
      recent.removeAll(keepingCapacity: true)
    }
    recent[id] = labels
  }
}

extension StoreContents {
  /// Lists of more series are read from the tables each time: many series of
  /// a block together cost little each.
  private static let cachedListLimit = 256

  /// The labels of each series of `list` as the tables have them, in its order;
  /// nil for a series without, and for one whose labels can't be read, with which
  /// `onDamage` is called.
  func labels(
    of list: PostingsList, in view: ReadView,
    onDamage: (SeriesID, StorageError) throws(StorageError) -> Void
  ) throws(StorageError) -> [Labels?] {
    guard list.count <= StoreContents.cachedListLimit else {
      return try index.labels(of: list, in: view, onDamage: onDamage)
    }
    var found = labelCache.withLock { cache in list.ids.map { cache.labels(of: $0) } }
    let missing = found.indices.filter { found[$0] == nil }
    guard missing.isEmpty == false else { return found }
    let rest = PostingsList(sorted: missing.map { list.ids[$0] })
    let read = try index.labels(of: rest, in: view, onDamage: onDamage)
    for (place, labels) in zip(missing, read) { found[place] = labels }
    labelCache.withLock { cache in
      for (id, labels) in zip(rest.ids, read) {
        if let labels { cache.insert(labels, of: id) }
      }
    }
    return found
  }
}
