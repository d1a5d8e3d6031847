import LMDB
import SeriesModel
import Synchronization

extension StoreQuerier {
  /// The exemplars of the series that any selection selects, within its time
  /// range; sorted by labels.
  func exemplars(of selections: [SeriesSelection]) throws(StorageError) -> [SeriesExemplars] {
    var conditions: [(resolver: MatcherResolver, range: ClosedRange<Int64>)] = []
    for selection in selections where selection.start <= selection.end {
      conditions.append(
        (
          try MatcherResolver(selection.matchers),
          selection.start.milliseconds...selection.end.milliseconds
        ))
    }
    guard conditions.isEmpty == false else { return [] }
    var found: [SeriesExemplars] = []
    let (queue, series) = try seriesWithExemplars()
    for (id, labels) in series {
      let ranges = conditions.filter { $0.resolver.selects(labels) }.map(\.range)
      guard let first = ranges.map(\.lowerBound).min(), let last = ranges.map(\.upperBound).max()
      else { continue }
      let exemplars = queue.exemplars(of: id, in: first...last).filter { exemplar in
        ranges.contains { $0.contains(exemplar.timestamp.milliseconds) }
      }
      guard exemplars.isEmpty == false else { continue }
      found.append(SeriesExemplars(seriesLabels: labels, exemplars: exemplars))
    }
    return found.sorted { $0.seriesLabels < $1.seriesLabels }
  }

  /// The exemplars, and the labels of each series that has any, from the head
  /// or else from the tables.
  private func seriesWithExemplars() throws(StorageError) -> (
    ExemplarQueue, [(id: SeriesID, labels: Labels)]
  ) {
    var series: [(id: SeriesID, labels: Labels)] = []
    var forgotten: [SeriesID] = []
    let queue = contents.head.withLock { head in
      for id in head.exemplars.series {
        if let slot = head.slots.slot(of: id) {
          series.append((id, head.slots.labels(at: slot)))
        } else {
          forgotten.append(id)
        }
      }
      return head.exemplars
    }
    guard forgotten.isEmpty == false else { return (queue, series) }
    let list = PostingsList(unsorted: forgotten)
    try readTables { transaction throws(StorageError) in
      for (id, labels) in zip(list.ids, try contents.index.labels(of: list, in: transaction.view)) {
        if let labels { series.append((id, labels)) }
      }
    }
    return (queue, series)
  }
}
