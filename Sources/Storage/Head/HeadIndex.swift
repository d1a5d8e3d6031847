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

  func postings(of name: String, whereValue isIncluded: (Span<UInt8>) -> Bool) -> PostingsList {
    var lists: [PostingsList] = []
    for label in pool.labels(named: name.utf8.span) where postings[Int(label)].isEmpty == false {
      if pool.withValue(of: Int(label), isIncluded) {
        lists.append(PostingsList(sorted: ids(ofLabel: Int(label))))
      }
    }
    return .union(of: lists)
  }

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

  func labelValues(of name: String, among filter: PostingsList?) -> [String] {
    pool.labels(named: name.utf8.span).compactMap { number in
      let label = Int(number)
      guard postings[label].isEmpty == false else { return nil }
      if let filter, PostingsList(sorted: ids(ofLabel: label)).intersects(filter) == false {
        return nil
      }
      return pool.withValue(of: label) { String(decodingUTF8: $0) }
    }
  }
}
