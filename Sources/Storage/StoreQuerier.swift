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
  /// a sample near the range; sorts by labels.
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
    entries.sort { $0.labels < $1.labels }
    return (entries, windows)
  }

  // MARK: Labels

  func labelNames(of selections: [SeriesSelection]) throws(StorageError) -> [String] {
    let filter = try series(selectedBy: selections)
    var names = Set<[UInt8]>()
    try contents.head.withLock { head throws(StorageError) in
      try StoreQuerier.collectNames(in: head.slots.index, among: filter, into: &names)
    }
    try readTables { transaction throws(StorageError) in
      try StoreQuerier.collectNames(
        in: contents.index.postings(in: transaction.view), among: filter, into: &names)
    }
    return StoreQuerier.sorted(names)
  }

  private static func collectNames<Source: PostingsSource & ~Copyable & ~Escapable>(
    in source: borrowing Source, among filter: PostingsList?, into names: inout Set<[UInt8]>
  ) throws(StorageError) {
    let found: [String]
    if let filter {
      found = try source.labelNames(among: filter)
    } else {
      found = try source.labelNames()
    }
    for name in found { names.insert(Array(name.utf8)) }
  }

  func labelValues(
    of name: String, in selections: [SeriesSelection]
  ) throws(StorageError) -> [String] {
    let filter = try series(selectedBy: selections)
    var values = Set<[UInt8]>()
    try contents.head.withLock { head throws(StorageError) in
      for value in head.slots.index.labelValues(of: name, among: filter) {
        values.insert(Array(value.utf8))
      }
    }
    try readTables { transaction throws(StorageError) in
      let postings = contents.index.postings(in: transaction.view)
      for value in try postings.labelValues(of: name, among: filter) {
        values.insert(Array(value.utf8))
      }
    }
    return StoreQuerier.sorted(values)
  }

  /// The ids of the series that any selection selects, or nil, which stands for
  /// every series of the index, when there is no selection and nothing deleted.
  private func series(
    selectedBy selections: [SeriesSelection]
  ) throws(StorageError) -> PostingsList? {
    var selections = selections
    if selections.isEmpty {
      var hasDeletedSamples = false
      try readTables { transaction throws(StorageError) in
        hasDeletedSamples = try contents.tombstones(in: transaction.view).isEmpty == false
      }
      guard hasDeletedSamples else { return nil }
      // The index still lists series that are deleted.
      selections = [SeriesSelection(matchers: [], start: .earliest, end: .latest)]
    }
    let sets = try snapshot(of: selections).storeSets
    return PostingsList(unsorted: sets.flatMap { $0.entries.map(\.id) })
  }

  private func readTables(
    _ body: (borrowing ReadTransaction) throws(StorageError) -> Void
  ) throws(StorageError) {
    if let pool {
      try pool.read(0, body)
    } else {
      try TransactionPool(contents.schema.environment, count: 1).read(0, body)
    }
  }

  func series(of selections: [SeriesSelection]) throws(StorageError) -> [Labels] {
    let selections =
      selections.isEmpty
      ? [SeriesSelection(matchers: [], start: .earliest, end: .latest)] : selections
    var all: [Labels] = []
    for set in try snapshot(of: selections).seriesSets {
      for index in 0..<set.count { all.append(set.labels(at: index)) }
    }
    guard selections.count > 1 else { return all }
    return Set(all).sorted()
  }

  private static func sorted(_ texts: Set<[UInt8]>) -> [String] {
    texts.sorted { $0.lexicographicallyPrecedes($1) }
      .map { String(decoding: $0, as: UTF8.self) }
  }
}

extension HeadSamples.Series {
  var isEmpty: Bool { chunks.isEmpty && buffered.isEmpty }
}
