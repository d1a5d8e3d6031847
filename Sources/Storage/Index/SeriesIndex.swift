import LMDB
import Numbers
import SeriesModel

/// A series with its id, as the index keeps it.
package struct IndexedSeries: Hashable, Sendable {
  /// The id under which the series is known.
  package var id: SeriesID
  /// What identifies the series.
  package var labels: Labels

  /// Creates a pair.
  package init(id: SeriesID, labels: Labels) {
    self.id = id
    self.labels = labels
  }
}

/// The index of the series in the tables: labels by id, ids by labels, and the
/// inverted index.
package struct SeriesIndex: Sendable {
  private let schema: Schema

  /// The index of a store.
  package init(_ schema: Schema) {
    self.schema = schema
  }

  private var series: SeriesTable { SeriesTable(schema.series) }
  private var fingerprints: FingerprintTable { FingerprintTable(schema.fingerprints) }
  private var postings: PostingsTable {
    PostingsTable(schema.postings, seed: schema.hashSeed)
  }

  /// The hash of a label set, keyed for this store.
  package func hash(of labels: Labels) -> UInt64 {
    // Safety: bytes have no padding.
    hash64(unsafe labels.encodedBytes.span.bytes, seed: schema.hashSeed)
  }

  // MARK: Reading

  /// The id of the series with exactly these labels, or nil.
  ///
  /// - Parameter hash: ``hash(of:)`` of `labels`.
  package func id(
    of labels: Labels, hash: UInt64, in view: ReadView
  ) throws(StorageError) -> SeriesID? {
    for id in try fingerprints.candidates(for: hash, in: view)
    where try series.labels(of: id, in: view) == labels {
      return id
    }
    return nil
  }

  /// The highest id of a series in the tables, or nil when there is none.
  ///
  /// Where the end of the labels is damaged, that of the series that can be found
  /// by their labels; nil where that is damaged too.
  func lastID(in view: ReadView) throws(StorageError) -> SeriesID? {
    do throws(StorageError) {
      return try series.lastID(in: view)
    } catch {
      guard case .corrupted = error else { throw error }
    }
    do throws(StorageError) {
      return try postings(in: view).allSeries().last
    } catch {
      guard case .corrupted = error else { throw error }
      return nil
    }
  }

  /// The labels of the series `id`, or nil when it is not in the tables.
  package func labels(of id: SeriesID, in view: ReadView) throws(StorageError) -> Labels? {
    try series.labels(of: id, in: view)
  }

  /// The labels of each series of `list`, in its order; nil for a series that
  /// is not in the tables.
  ///
  /// - Complexity: Each block of up to 32 series is read once.
  package func labels(
    of list: PostingsList, in view: ReadView
  ) throws(StorageError) -> [Labels?] {
    try labels(of: list, in: view) { _, error throws(StorageError) in throw error }
  }

  /// The same, but nil also for series whose labels can't be read; `onDamage`
  /// is called with each and what is wrong.
  func labels(
    of list: PostingsList, in view: ReadView,
    onDamage: (SeriesID, StorageError) throws(StorageError) -> Void
  ) throws(StorageError) -> [Labels?] {
    try series.labels(ofSorted: list.ids, in: view, onDamage: onDamage)
  }

  /// Calls `body` with every series, in the order of ids.
  package func forEachSeries(
    in view: ReadView, _ body: (SeriesID, Labels) throws(StorageError) -> Void
  ) throws(StorageError) {
    try forEachSeries(in: view, onDamage: { error throws(StorageError) in throw error }, body)
  }

  /// The same, but passes over what can't be read; `onDamage` is called with
  /// what is wrong with each block, or with the labels of one series.
  func forEachSeries(
    in view: ReadView, onDamage: (StorageError) throws(StorageError) -> Void,
    _ body: (SeriesID, Labels) throws(StorageError) -> Void
  ) throws(StorageError) {
    try series.forEach(in: view, onDamage: onDamage, body)
  }

  /// The inverted index as `view` sees it.
  @_lifetime(copy view)
  package func postings(in view: ReadView) -> StoredPostings {
    StoredPostings(schema, in: view)
  }

  // MARK: Removing

  /// Removes series, which no window holds any more, from every table of the
  /// index.
  ///
  /// One call is one step: give it some thousand ids at a time, in one
  /// transaction each. Ids that are not in the tables are passed over.
  package func remove(
    _ list: PostingsList, in transaction: inout WriteTransaction
  ) throws(StorageError) {
    let found = try labels(of: list, in: transaction.view)
    var removed: [IndexedSeries] = []
    for (id, labels) in zip(list.ids, found) {
      if let labels { removed.append(IndexedSeries(id: id, labels: labels)) }
    }
    // The labels go last: a series that is listed anywhere has labels.
    for change in LabelGroups(removed).changes() {
      try postings.remove(change.values, of: change.name, in: &transaction)
    }
    var budget = Int.max
    let ids = removed.map(\.id)
    try postings.everySeries.remove(ids, in: &transaction, budget: &budget)
    try fingerprints.remove(sortedFingerprints(of: removed), in: &transaction)
    try series.remove(ids, in: &transaction)
  }

  private func sortedFingerprints(of series: [IndexedSeries]) -> [FingerprintTable.Entry] {
    series.map { FingerprintTable.Entry(hash: hash(of: $0.labels), id: $0.id) }
      .sorted { ($0.fingerprint, $0.id) < ($1.fingerprint, $1.id) }
  }
}

/// Series grouped by their labels.
private struct LabelGroups {
  /// The values of one label name, and the series of each.
  private struct Group {
    let name: [UInt8]
    var indexOfValue: [[UInt8]: Int] = [:]
    var entries: [SharedPostingsFormat.Entry] = []
    var lastIndex = 0

    mutating func add(_ id: SeriesID, to value: Span<UInt8>) {
      // Neighbours often have the same value; then nothing need be hashed.
      if entries.isEmpty || hasLastValue(value) == false {
        let bytes = Array(copying: value)
        lastIndex = indexOfValue[bytes] ?? entries.count
        if lastIndex == entries.count {
          indexOfValue[bytes] = lastIndex
          entries.append(SharedPostingsFormat.Entry(value: bytes, ids: []))
        }
      }
      entries[lastIndex].ids.append(id)
    }

    private func hasLastValue(_ value: Span<UInt8>) -> Bool {
      entries[lastIndex].hasValue(value)
    }

    func hasName(_ other: Span<UInt8>) -> Bool { name.span.hasSameBytes(as: other) }
  }

  private var groups: [Group] = []
  private var indexOfName: [[UInt8]: Int] = [:]

  /// Groups series, which are sorted by id.
  init(_ series: [IndexedSeries]) {
    // The group of each label of the series before: mostly those of this one.
    var indices: [Int] = []
    for one in series {
      var place = 0
      one.labels.forEachBytes { name, value in
        if place == indices.count { indices.append(index(ofName: name)) }
        if groups[indices[place]].hasName(name) == false { indices[place] = index(ofName: name) }
        groups[indices[place]].add(one.id, to: value)
        place += 1
      }
    }
  }

  private mutating func index(ofName name: Span<UInt8>) -> Int {
    let bytes = Array(copying: name)
    if let index = indexOfName[bytes] { return index }
    indexOfName[bytes] = groups.count
    groups.append(Group(name: bytes))
    return groups.count - 1
  }

  /// The groups by name, in the order of the table.
  func changes() -> [PostingsTable.Change] {
    groups.map { group in
      PostingsTable.Change(
        name: group.name,
        values: group.entries.sorted { $0.value.span.compareBytes(with: $1.value.span) < 0 })
    }
    .sorted { $0.name.span.compareBytes(with: $1.name.span) < 0 }
  }
}
