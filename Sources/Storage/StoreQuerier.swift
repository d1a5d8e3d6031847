import LMDB
import SeriesModel
import Synchronization

/// Answers queries from the tables and the head of a store.
struct StoreQuerier {
  let contents: StoreContents
  /// The transactions to read with, or nil to begin some for each query.
  var pool: TransactionPool?

  /// A selection that is ready to be resolved.
  private struct Selection {
    var resolver: MatcherResolver
    var range: ClosedRange<Int64>
    /// What the head has, by ascending id.
    var found: [StoreSeriesSet.Entry] = []
    var samples = HeadSamples()

    init(_ selection: SeriesSelection) throws(StorageError) {
      resolver = try MatcherResolver(selection.matchers)
      let start = selection.start.milliseconds
      range = start...max(start, selection.end.milliseconds)
    }
  }

  func snapshot(of selections: [SeriesSelection]) throws(StorageError) -> StoreSnapshot {
    var prepared: [Selection] = []
    for selection in selections { prepared.append(try Selection(selection)) }
    let pool = try takeHead(&prepared)
    let warnings = WarningList(contents.warnings.withLock { $0 })
    var sets: [StoreSeriesSet] = []
    for selection in prepared {
      let (entries, windows) = try pool.read { transaction throws(StorageError) in
        try completed(selection, view: transaction.view, warnings: warnings)
      }
      sets.append(
        StoreSeriesSet(
          entries: entries, headSamples: selection.samples, windows: windows,
          range: selection.range, schema: contents.schema, pool: pool, warnings: warnings,
          quarantine: contents.quarantine, cursorCount: CursorCounter()))
    }
    return StoreSnapshot(sets, warnings: warnings)
  }

  /// Copies what the head has for all selections, and begins to read the
  /// tables, at the same moment between two commits.
  private func takeHead(_ selections: inout [Selection]) throws(StorageError) -> TransactionPool {
    try contents.head.withLock { head throws(StorageError) in
      for index in selections.indices {
        let range = selections[index].range
        for id in try selections[index].resolver.resolve(in: head.slots.index).ids {
          guard let slot = head.slots.slot(of: id) else { continue }
          let samples = selections[index].samples.add(
            slot: slot, of: head, start: range.lowerBound, end: range.upperBound)
          selections[index].found.append(
            StoreSeriesSet.Entry(id: id, labels: head.slots.labels(at: slot), head: samples))
        }
      }
      if let pool { return pool }
      return try TransactionPool(
        contents.schema.environment, count: contents.options.readersPerSnapshot)
    }
  }

  /// Adds the series that only the tables have, and leaves out those without
  /// a sample near the range.
  private func completed(
    _ selection: Selection, view: ReadView, warnings: WarningList
  ) throws(StorageError) -> ([StoreSeriesSet.Entry], [StoreSeriesSet.StoredWindow]) {
    let stored = StoredSelection(
      contents: contents, resolver: selection.resolver, range: selection.range,
      warnings: warnings)
    let (series, windows) = try stored.seriesAndWindows(in: view)
    var entries = selection.found.filter { entry in
      entry.head?.isEmpty == false || windows.contains { $0.ids.contains(entry.id) }
    }
    let others = series.subtracting(PostingsList(sorted: selection.found.map(\.id)))
    for one in try stored.labelled(others, in: view) {
      entries.append(StoreSeriesSet.Entry(id: one.id, labels: one.labels, head: nil))
    }
    entries.sort { $0.id < $1.id }
    return (entries, windows)
  }
}

extension HeadSamples.Series {
  var isEmpty: Bool { chunks.isEmpty && buffered.isEmpty }
}
