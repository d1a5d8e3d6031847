import SeriesModel

/// The inverted index of the series in memory.
///
/// It keeps the labels of all series, and for each label, a name with a value,
/// the ids of the series that are listed under it.
struct HeadIndex: Sendable {
  private(set) var pool: LabelPool
  /// By the number of the label.
  private var postings = PagedArray<LabelPostings>()
  private var overflow = LabelPostings.Overflow()
  private var listedIDs = CompactSeriesIDs()
  /// The labels of some names, sorted by value, as they were when they were last
  /// asked for. Names are kept as bytes: strings that Unicode calls equal may be
  /// different names.
  private var sortedLabels: [[UInt8]: [UInt32]] = [:]
  /// How often series were removed; tells a reader that comes back whether ids
  /// that it found are still here.
  private(set) var removalCount = 0

  init(hashSeed: UInt64) {
    pool = LabelPool(hashSeed: hashSeed)
  }

  /// A series to be removed.
  struct Removal {
    var id: SeriesID
    var labels: LabelPool.Run
    /// Whether it was listed.
    var isListed: Bool
  }

  /// Keeps labels of a series, which queries don't find yet.
  mutating func keep(_ labels: Labels) -> LabelPool.Run {
    let run = pool.insert(labels)
    while postings.count < pool.capacity { postings.append(LabelPostings()) }
    return run
  }

  /// Lists a series under each of its labels, which were kept before.
  mutating func list(_ id: SeriesID, under labels: LabelPool.Run) {
    listedIDs.insert(id)
    pool.forEachLabel(of: labels) { label in
      postings[label].insert(id, overflow: &overflow)
    }
  }

  /// Removes series with their labels.
  mutating func remove(_ series: [Removal]) {
    var removed: [Int: [SeriesID]] = [:]
    for one in series where one.isListed {
      pool.forEachLabel(of: one.labels) { removed[$0, default: []].append(one.id) }
    }
    for (label, ids) in removed {
      postings[label].remove(PostingsList(unsorted: ids), overflow: &overflow)
    }
    let ids = PostingsList(unsorted: series.lazy.filter(\.isListed).map(\.id))
    if ids.isEmpty == false {
      listedIDs = CompactSeriesIDs(
        sorted: PostingsList(sorted: listedIDs.ids).subtracting(ids).ids)
    }
    pool.remove(series.map(\.labels))
    sortedLabels.removeAll()
    removalCount += 1
  }

  /// Sorts the values of a label, so that queries find them in order and by
  /// their beginning until there are new ones.
  mutating func sortValues(of name: String) {
    let labels = pool.labels(named: name.utf8.span)
    let key = Array(name.utf8)
    guard sortedLabels[key]?.count != labels.count else { return }
    let values = labels.map { label in
      (label, pool.withValue(of: Int(label)) { Array(copying: $0) })
    }
    sortedLabels[key] = values.sorted { $0.1.span.compareBytes(with: $1.1.span) < 0 }.map(\.0)
  }

  /// The labels of a name whose value may begin with `prefix`.
  private func labels(named name: String, startingWith prefix: [UInt8] = []) -> ArraySlice<UInt32> {
    let labels = pool.labels(named: name.utf8.span)
    guard let sorted = sortedLabels[Array(name.utf8)], sorted.count == labels.count else {
      return labels[...]
    }
    guard prefix.isEmpty == false else { return sorted[...] }
    let start = partition(sorted[...]) { $0.compareBytes(with: prefix.span) >= 0 }
    let end = partition(sorted[start...]) { $0.starts(with: prefix) == false }
    return sorted[start..<end]
  }

  /// The first index from which on `isBehind` holds for the values.
  private func partition(
    _ labels: ArraySlice<UInt32>, where isBehind: (Span<UInt8>) -> Bool
  ) -> Int {
    var (low, high) = (labels.startIndex, labels.endIndex)
    while low < high {
      let middle = (low + high) / 2
      if pool.withValue(of: Int(labels[middle]), isBehind) {
        high = middle
      } else {
        low = middle + 1
      }
    }
    return low
  }

  /// The ids of the series that are listed under a label.
  func ids(ofLabel label: Int) -> [SeriesID] { postings[label].ids(in: overflow) }
}

extension HeadIndex: PostingsSource {
  func postings(of name: String, value: String) -> PostingsList {
    guard let label = pool.label(name: name.utf8.span, value: value.utf8.span) else {
      return PostingsList()
    }
    return PostingsList(sorted: ids(ofLabel: label))
  }

  func postings(
    of name: String, startingWith prefix: [UInt8], whereValue isIncluded: (Span<UInt8>) -> Bool
  ) -> PostingsList {
    var lists: [PostingsList] = []
    for label in labels(named: name, startingWith: prefix)
    where postings[Int(label)].isEmpty == false {
      if pool.withValue(of: Int(label), isIncluded) {
        lists.append(PostingsList(sorted: ids(ofLabel: Int(label))))
      }
    }
    return .union(of: lists)
  }

  func hasLabel(_ name: String, among filter: SeriesRuns) -> Bool {
    pool.labels(named: name.utf8.span).contains { label in
      postings[Int(label)].intersects(filter, in: overflow)
    }
  }

  func allSeries() -> SeriesRuns { listedIDs.runs }

  func allPostings() -> PostingsList { PostingsList(sorted: listedIDs.ids) }

  func labelNames() -> [String] {
    var found: [String] = []
    pool.forEachName { text, labels in
      if labels.contains(where: { postings[Int($0)].isEmpty == false }) {
        found.append(String(decoding: text, as: UTF8.self))
      }
    }
    return found
  }

  func labelValues(of name: String, among filter: SeriesRuns?) -> [String] {
    labels(named: name).compactMap { number in
      let label = Int(number)
      guard postings[label].isEmpty == false else { return nil }
      if let filter, postings[label].intersects(filter, in: overflow) == false { return nil }
      return pool.withValue(of: label) { String(decodingUTF8: $0) }
    }
  }
}
