import SeriesModel

/// A set of series, as runs of ids without gaps.
///
/// Series that come together have ids in a row, so that large sets, such as the
/// series of a window or of the whole index, are few runs. What is done with
/// them takes time for each run, not for each series. Of ids that are all apart
/// each is a run, which takes twice the memory of a ``PostingsList``.
package struct SeriesRuns: Hashable, Sendable {
  /// Ids in a row.
  package struct Run: Hashable, Sendable, BitwiseCopyable {
    /// The lowest one.
    package var first: UInt64
    /// The highest one, inclusive; not below ``first``.
    package var last: UInt64
  }

  /// Ascending; no two of them touch.
  package private(set) var runs: [Run] = []

  /// Creates the empty set.
  package init() {}

  /// Creates the set of the ids in a list.
  package init(_ list: PostingsList) {
    for id in list.ids { append(Run(first: id.rawValue, last: id.rawValue)) }
  }

  /// Creates the set of the ids in runs of any order, which may overlap.
  init(unsorted runs: [Run]) {
    let isSorted = zip(runs, runs.dropFirst()).allSatisfy { $0.first <= $1.first }
    for run in isSorted ? runs : runs.sorted(by: { $0.first < $1.first }) { append(run) }
  }

  /// Adds a run that does not begin before the last one.
  mutating func append(_ run: Run) {
    guard let last = runs.last else { return runs.append(run) }
    assert(run.first >= last.first && run.first <= run.last, "runs are not ascending")
    if run.first <= last.last || run.first - last.last == 1 {
      runs[runs.count - 1].last = max(last.last, run.last)
    } else {
      runs.append(run)
    }
  }

  /// True when there is no series.
  package var isEmpty: Bool { runs.isEmpty }

  /// The number of series.
  ///
  /// - Complexity: O(*n*) in the number of runs.
  package var count: Int { runs.reduce(0) { $0 + Int($1.last - $1.first) + 1 } }

  /// The lowest id, or nil when there is none.
  var first: SeriesID? { runs.first.map { SeriesID($0.first) } }

  /// The highest id, or nil when there is none.
  var last: SeriesID? { runs.last.map { SeriesID($0.last) } }

  /// Whether `id` is in the set.
  ///
  /// - Complexity: O(log *n*) in the number of runs.
  package func contains(_ id: SeriesID) -> Bool {
    intersects(Run(first: id.rawValue, last: id.rawValue))
  }

  /// Whether any series of a run is in the set.
  ///
  /// - Complexity: As ``contains(_:)``.
  func intersects(_ run: Run) -> Bool {
    let index = firstIndex(endingNotBefore: run.first, from: 0)
    return index < runs.count && runs[index].first <= run.last
  }

  /// The first index from `start` on whose run ends at `id` or behind it.
  ///
  /// Doubles its steps before it halves them, so that near runs are found fast.
  private func firstIndex(endingNotBefore id: UInt64, from start: Int) -> Int {
    var low = start
    var step = 1
    while low + step <= runs.count, runs[low + step - 1].last < id {
      low += step
      step *= 2
    }
    var high = min(low + step - 1, runs.count)
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].last < id { low = middle + 1 } else { high = middle }
    }
    return low
  }

  // MARK: Sets of runs

  /// The series that are in any of `sets`.
  ///
  /// - Complexity: O(*n* log *m*) in the runs of all *m* sets.
  package static func union(of sets: [SeriesRuns]) -> SeriesRuns {
    switch sets.count {
    case 0: return SeriesRuns()
    case 1: return sets[0]
    case 2: return sets[0].union(sets[1])
    default:
      let middle = sets.count / 2
      return union(of: Array(sets[..<middle])).union(union(of: Array(sets[middle...])))
    }
  }

  /// The series that are in either set.
  package func union(_ other: SeriesRuns) -> SeriesRuns {
    if isEmpty || self == other { return other }
    if other.isEmpty { return self }
    var merged = SeriesRuns()
    merged.runs.reserveCapacity(max(runs.count, other.runs.count))
    var (left, right) = (0, 0)
    while left < runs.count || right < other.runs.count {
      let isLeft =
        right == other.runs.count
        || (left < runs.count && runs[left].first <= other.runs[right].first)
      merged.append(isLeft ? runs[left] : other.runs[right])
      if isLeft { left += 1 } else { right += 1 }
    }
    return merged
  }

  /// The series that are in both sets.
  package func intersection(_ other: SeriesRuns) -> SeriesRuns {
    var common = SeriesRuns()
    var (left, right) = (0, 0)
    while left < runs.count, right < other.runs.count {
      let (a, b) = (runs[left], other.runs[right])
      if a.last < b.first {
        left = firstIndex(endingNotBefore: b.first, from: left + 1)
      } else if b.last < a.first {
        right = other.firstIndex(endingNotBefore: a.first, from: right + 1)
      } else {
        common.append(Run(first: max(a.first, b.first), last: min(a.last, b.last)))
        if a.last <= b.last { left += 1 } else { right += 1 }
      }
    }
    return common
  }

  /// The series of this set that are not in `other`.
  package func subtracting(_ other: SeriesRuns) -> SeriesRuns {
    var rest = SeriesRuns()
    var index = 0
    for run in runs {
      var first = run.first
      index = other.firstIndex(endingNotBefore: first, from: index)
      while index < other.runs.count, other.runs[index].first <= run.last {
        let hole = other.runs[index]
        if hole.first > first { rest.append(Run(first: first, last: hole.first - 1)) }
        if hole.last >= run.last { break }
        first = hole.last + 1
        index += 1
      }
      let isRestGone = index < other.runs.count && other.runs[index].first <= run.last
      if isRestGone == false { rest.append(Run(first: first, last: run.last)) }
    }
    return rest
  }

  /// Whether every series of `other` is in this set.
  package func isSuperset(of other: SeriesRuns) -> Bool {
    var index = 0
    for run in other.runs {
      index = firstIndex(endingNotBefore: run.first, from: index)
      guard index < runs.count, runs[index].first <= run.first, runs[index].last >= run.last
      else { return false }
    }
    return true
  }

  // MARK: Lists

  /// The series of `list` that are in the set.
  ///
  /// - Complexity: O(*n*) at most in what lies close together, less where one of
  ///   both is small.
  package func intersection(_ list: PostingsList) -> PostingsList {
    var common: [SeriesID] = []
    forEachRange(of: list) { range, isInside in
      if isInside { common.append(contentsOf: list.ids[range]) }
    }
    return common.count == list.count ? list : PostingsList(sorted: common)
  }

  /// The series of `list` that are not in the set.
  func complement(in list: PostingsList) -> PostingsList {
    var others: [SeriesID] = []
    forEachRange(of: list) { range, isInside in
      if isInside == false { others.append(contentsOf: list.ids[range]) }
    }
    return others.count == list.count ? list : PostingsList(sorted: others)
  }

  /// Cuts a list into pieces that are all in the set or all not.
  private func forEachRange(of list: PostingsList, _ body: (Range<Int>, Bool) -> Void) {
    let ids = list.ids
    var index = 0
    var place = 0
    while index < ids.count {
      place = firstIndex(endingNotBefore: ids[index].rawValue, from: place)
      guard place < runs.count else { return body(index..<ids.count, false) }
      let start = ids.firstIndex(notBefore: SeriesID(runs[place].first), from: index)
      if start > index { body(index..<start, false) }
      let last = runs[place].last
      let end =
        last == .max ? ids.count : ids.firstIndex(notBefore: SeriesID(last + 1), from: start)
      if end > start { body(start..<end, true) }
      index = end
      place += 1
    }
  }
}

extension PostingsList {
  /// Creates a list of the ids in a set.
  package init(_ set: SeriesRuns) {
    var ids: [SeriesID] = []
    ids.reserveCapacity(set.count)
    for run in set.runs {
      for id in run.first...run.last { ids.append(SeriesID(id)) }
    }
    self.init(sorted: ids)
  }

  /// The series of this set that are not in `other`.
  package func subtracting(_ other: SeriesRuns) -> PostingsList { other.complement(in: self) }
}
