import LMDB
import SeriesModel
import Synchronization

// Queries for names, values and label sets. They look at postings and at the
// lists of series of windows; no sample is read or copied.

extension StoreQuerier {
  /// A selection that is ready to be resolved, without a use for samples.
  private struct Condition {
    var resolver: MatcherResolver
    var range: ClosedRange<Int64>

    init(_ selection: SeriesSelection) throws(StorageError) {
      resolver = try MatcherResolver(selection.matchers)
      let start = selection.start.milliseconds
      range = start...max(start, selection.end.milliseconds)
    }
  }

  /// What the head knows about a condition.
  private struct HeadSeries {
    /// The series that the matchers select.
    var selected = SeriesRuns()
    /// Those of them that have a sample in memory that may be in the range.
    var inRange = SeriesRuns()
  }

  /// The series that some conditions select, each in the index it is looked up
  /// in.
  private struct Selected {
    /// Nil stands for every series of the head.
    var inHead: SeriesRuns?
    /// Series that the head does not know; nil stands for every series of the
    /// tables.
    var inTables: SeriesRuns?
    /// How often the head had forgotten series when it was asked.
    var removalCount: Int
  }

  /// The label names of the series that the selections select, sorted by
  /// bytes.
  func labelNames(of selections: [SeriesSelection]) throws(StorageError) -> [String] {
    try withSelected(selections) { selected, head throws(StorageError) in
      if let filter = selected.inHead { return try head.labelNames(among: filter) }
      return head.labelNames()
    } inTables: { selected, postings throws(StorageError) in
      if let filter = selected.inTables { return try postings.labelNames(among: filter) }
      return try postings.labelNames()
    }
  }

  /// The values of the label `name` among the series that the selections
  /// select, sorted by bytes.
  func labelValues(
    of name: String, in selections: [SeriesSelection]
  ) throws(StorageError) -> [String] {
    contents.head.withLock { $0.slots.sortLabelValues(of: name) }
    return try withSelected(selections) { selected, head throws(StorageError) in
      head.labelValues(of: name, among: selected.inHead)
    } inTables: { selected, postings throws(StorageError) in
      try postings.labelValues(of: name, among: selected.inTables)
    }
  }

  /// The label sets of the series that the selections select, sorted.
  func series(of selections: [SeriesSelection]) throws(StorageError) -> [Labels] {
    while true {
      let selected = try self.selected(by: selections, namingEach: true)
      let known: [Labels]? = contents.head.withLock { head in
        guard head.slots.index.removalCount == selected.removalCount else { return nil }
        return selected.inHead.map(PostingsList.init)?.ids.compactMap { id in
          head.slots.slot(of: id).map { head.slots.labels(at: $0) }
        }
      }
      guard var all = known else { continue }
      if let stored = selected.inTables, stored.isEmpty == false {
        try readTables { transaction throws(StorageError) in
          all += try contents.index.labels(of: PostingsList(stored), in: transaction.view)
            .compactMap { $0 }
        }
      }
      return all.sortedByKeys()
    }
  }

  // MARK: Reading both indexes

  /// Asks both indexes for texts, and joins them.
  private func withSelected(
    _ selections: [SeriesSelection],
    inHead: (Selected, borrowing HeadIndex) throws(StorageError) -> [String],
    inTables: (Selected, borrowing StoredPostings) throws(StorageError) -> [String]
  ) throws(StorageError) -> [String] {
    while true {
      let selected = try self.selected(by: selections, namingEach: false)
      let fromHead = try contents.head.withLock { head throws(StorageError) -> [String]? in
        // What the head has forgotten meanwhile must be looked up elsewhere.
        guard head.slots.index.removalCount == selected.removalCount else { return nil }
        return try inHead(selected, head.slots.index)
      }
      guard let fromHead else { continue }
      var fromTables: [String] = []
      if selected.inTables?.isEmpty != true {
        try readTables { transaction throws(StorageError) in
          fromTables = try inTables(selected, contents.index.postings(in: transaction.view))
        }
      }
      return StoreQuerier.union(fromHead, fromTables)
    }
  }

  /// Resolves the selections; without any, every series is selected.
  ///
  /// The head is asked before the tables: what a checkpoint moves in between is
  /// found in both then, and not in neither.
  ///
  /// - Parameter isNamingEach: Whether nil, for every series, is of no use.
  private func selected(
    by selections: [SeriesSelection], namingEach isNamingEach: Bool
  ) throws(StorageError) -> Selected {
    var conditions: [Condition] = []
    for selection in selections { conditions.append(try Condition(selection)) }
    if selections.isEmpty {
      conditions = [
        try Condition(SeriesSelection(matchers: [], start: .earliest, end: .latest))
      ]
    }
    // The index still lists series that are deleted.
    let hasDeleted = try hasDeletedSamples()
    let isEverything = selections.isEmpty && hasDeleted == false
    let (known, found, removalCount) = try contents.head.withLock { head throws(StorageError) in
      var found: [HeadSeries] = []
      if isEverything == false {
        for condition in conditions { found.append(try StoreQuerier.find(condition, in: &head)) }
      }
      return (head.slots.index.allSeries(), found, head.slots.index.removalCount)
    }
    var inHead = isEverything ? [known] : []
    var inTables: [SeriesRuns] = []
    var isEveryOfTables = false
    try readTables { transaction throws(StorageError) in
      let view = transaction.view
      if isEverything {
        inTables.append(try contents.index.postings(in: view).allSeries().subtracting(known))
      }
      for (condition, series) in zip(conditions, found) {
        let stored = try storedSeries(
          of: condition, beyond: known, isCareful: hasDeleted, in: view)
        inHead.append(series.inRange.union(series.selected.intersection(stored.visible)))
        inTables.append(stored.unknown)
      }
      isEveryOfTables =
        isEverything ? true : try hasEverySeries(inTables, and: known, in: view)
    }
    var selected = Selected(
      inHead: .union(of: inHead), inTables: .union(of: inTables), removalCount: removalCount)
    if isNamingEach == false, selected.inHead == known {
      selected.inHead = nil
      // What the head knows is in the tables, too, and selected.
      if isEveryOfTables, selected.inTables?.isEmpty == false { selected.inTables = nil }
    }
    return selected
  }

  /// Whether some sets have all series of the tables together; false where that
  /// is not worth a look, or where the list of all is damaged.
  private func hasEverySeries(
    _ sets: [SeriesRuns], and known: SeriesRuns, in view: ReadView
  ) throws(StorageError) -> Bool {
    guard sets.contains(where: { $0.isEmpty == false }) else { return false }
    do throws(StorageError) {
      let all = try contents.index.postings(in: view).allSeries()
      return SeriesRuns.union(of: sets + [known]).isSuperset(of: all)
    } catch {
      guard case .corrupted = error else { throw error }
      return false
    }
  }

  private static func find(
    _ condition: Condition, in head: inout Head
  ) throws(StorageError) -> HeadSeries {
    let range = condition.range
    var found = HeadSeries()
    if condition.resolver.selectsEverySeries {
      found.selected = head.slots.index.allSeries()
      found.inRange = head.series(withSamplesIn: range)
      return found
    }
    for name in condition.resolver.labelNames { head.slots.sortLabelValues(of: name) }
    let selected = try condition.resolver.resolve(in: head.slots.index)
    found.selected = SeriesRuns(selected)
    found.inRange = SeriesRuns(
      PostingsList(
        sorted: selected.ids.filter { id in
          head.slots.slot(of: id).map { head.hasSamples(slot: $0, overlapping: range) } ?? false
        }))
    return found
  }

  private func hasDeletedSamples() throws(StorageError) -> Bool {
    var hasDeleted = false
    try readTables { transaction throws(StorageError) in
      hasDeleted = try contents.tombstones(in: transaction.view).isEmpty == false
    }
    return hasDeleted
  }

  /// The series of the tables that have a chunk in a window with samples in the
  /// range, and those of them that the condition selects and the head does not
  /// know.
  ///
  /// - Parameter isCareful: Whether chunks are looked at, since samples are
  ///   deleted. They are too where something is damaged, as for samples.
  private func storedSeries(
    of condition: Condition, beyond known: SeriesRuns, isCareful: Bool, in view: ReadView
  ) throws(StorageError) -> (visible: SeriesRuns, unknown: SeriesRuns) {
    if isCareful == false {
      do throws(StorageError) {
        let visible = try windowSeries(overlapping: condition.range, in: view)
        let unknown = visible.subtracting(known)
        guard unknown.isEmpty == false, condition.resolver.selectsEverySeries == false else {
          return (visible, unknown)
        }
        let selected = try condition.resolver.resolve(in: contents.index.postings(in: view))
        return (visible, SeriesRuns(unknown.intersection(selected)))
      } catch {
        guard case .corrupted = error else { throw error }
      }
    }
    let stored = StoredSelection(
      contents: contents, resolver: condition.resolver, range: condition.range,
      warnings: WarningList([]))
    let (selected, windows) = try stored.seriesAndWindows(in: view)
    return (.union(of: windows.map(\.ids)), SeriesRuns(selected.subtracting(known)))
  }

  private func windowSeries(
    overlapping range: ClosedRange<Int64>, in view: ReadView
  ) throws(StorageError) -> SeriesRuns {
    let table = WindowTable(contents.schema)
    var sets: [SeriesRuns] = []
    for row in try table.rows(overlapping: range, in: view) {
      sets.append(try table.seriesRuns(of: row.window, in: view))
    }
    return .union(of: sets)
  }

  func readTables(
    _ body: (borrowing ReadTransaction) throws(StorageError) -> Void
  ) throws(StorageError) {
    if let pool {
      try pool.read(0, body)
    } else {
      try TransactionPool(contents.schema.environment, count: 1).read(0, body)
    }
  }

  // MARK: Texts

  /// The texts of both lists, sorted by bytes, each once.
  private static func union(_ first: [String], _ second: [String]) -> [String] {
    let (first, second) = (sorted(first), sorted(second))
    if second.isEmpty { return first }
    if first.isEmpty { return second }
    var all: [String] = []
    all.reserveCapacity(max(first.count, second.count))
    var (left, right) = (0, 0)
    while left < first.count, right < second.count {
      let order = first[left].utf8.span.compareBytes(with: second[right].utf8.span)
      all.append(order <= 0 ? first[left] : second[right])
      if order <= 0 { left += 1 }
      if order >= 0 { right += 1 }
    }
    all += first[left...]
    all += second[right...]
    return all
  }

  /// Both indexes give their texts almost in order; a look at them is cheaper
  /// than sorting them again.
  private static func sorted(_ texts: [String]) -> [String] {
    for index in texts.indices.dropFirst()
    where texts[index - 1].utf8.span.compareBytes(with: texts[index].utf8.span) > 0 {
      return texts.sorted { $0.utf8.span.compareBytes(with: $1.utf8.span) < 0 }
    }
    return texts
  }
}
