import SeriesModel

/// A set of series, as ids in ascending order.
package struct PostingsList: Hashable, Sendable {
  /// The ids, strictly ascending.
  package private(set) var ids: [SeriesID]

  /// Creates the empty set.
  package init() {
    ids = []
  }

  /// Creates a set from ids in ascending order without duplicates.
  ///
  /// - Precondition: The order; checked in debug builds only.
  package init(sorted ids: [SeriesID]) {
    assert(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 }, "ids are not ascending")
    self.ids = ids
  }

  /// Creates a set from ids in any order.
  package init(unsorted ids: some Sequence<SeriesID>) {
    var sorted: [SeriesID] = []
    for id in ids.sorted() where sorted.last != id { sorted.append(id) }
    self.ids = sorted
  }

  /// The number of series.
  package var count: Int { ids.count }

  /// True when there is no series.
  package var isEmpty: Bool { ids.isEmpty }

  /// Whether `id` is in the set.
  ///
  /// - Complexity: O(log *n*).
  package func contains(_ id: SeriesID) -> Bool {
    let index = ids.firstIndex(notBefore: id, from: 0)
    return index < ids.count && ids[index] == id
  }

  /// The series in both sets.
  ///
  /// - Complexity: O(*m* log (*n* / *m*)) for the smaller count *m*.
  package func intersection(_ other: PostingsList) -> PostingsList {
    let (small, large) = count <= other.count ? (ids, other.ids) : (other.ids, ids)
    var common: [SeriesID] = []
    common.reserveCapacity(small.count)
    var index = 0
    for id in small {
      index = large.firstIndex(notBefore: id, from: index)
      guard index < large.count else { break }
      if large[index] == id { common.append(id) }
    }
    return PostingsList(sorted: common)
  }

  /// The series of this set that are not in `other`.
  ///
  /// - Complexity: O(*n* + *m*) at most, less when `other` is small.
  package func subtracting(_ other: PostingsList) -> PostingsList {
    guard other.isEmpty == false, isEmpty == false else { return self }
    var kept: [SeriesID] = []
    kept.reserveCapacity(count)
    var index = 0
    for (position, id) in ids.enumerated() {
      index = other.ids.firstIndex(notBefore: id, from: index)
      guard index < other.count else {
        kept.append(contentsOf: ids[position...])
        break
      }
      if other.ids[index] != id { kept.append(id) }
    }
    return PostingsList(sorted: kept)
  }

  /// The series that are in either set.
  package func union(_ other: PostingsList) -> PostingsList {
    if isEmpty { return other }
    if other.isEmpty { return self }
    if let last = ids.last, let first = other.ids.first, last < first {
      return PostingsList(sorted: ids + other.ids)
    }
    var merged: [SeriesID] = []
    merged.reserveCapacity(count + other.count)
    var (left, right) = (0, 0)
    while left < count, right < other.count {
      let (a, b) = (ids[left], other.ids[right])
      merged.append(a <= b ? a : b)
      if a <= b { left += 1 }
      if b <= a { right += 1 }
    }
    merged.append(contentsOf: ids[left...])
    merged.append(contentsOf: other.ids[right...])
    return PostingsList(sorted: merged)
  }

  /// The series that are in any of `lists`.
  ///
  /// - Complexity: O(*n* log *n*) in the ids of all lists; O(*n*) when they lie
  ///   close together, as they do in an index.
  package static func union(of lists: [PostingsList]) -> PostingsList {
    switch lists.count {
    case 0: return PostingsList()
    case 1: return lists[0]
    case 2: return lists[0].union(lists[1])
    default:
      var all: [SeriesID] = []
      all.reserveCapacity(lists.reduce(0) { $0 + $1.count })
      for list in lists { all.append(contentsOf: list.ids) }
      return densely(all) ?? PostingsList(unsorted: all)
    }
  }
}

extension PostingsList {
  /// The set of ids in any order, sorted by means of one bit for each number
  /// between the least and the greatest; nil when those are far apart.
  private static func densely(_ ids: [SeriesID]) -> PostingsList? {
    guard let first = ids.first else { return PostingsList() }
    var (least, greatest) = (first.rawValue, first.rawValue)
    for id in ids {
      least = min(least, id.rawValue)
      greatest = max(greatest, id.rawValue)
    }
    let span = greatest - least
    guard span / 64 < UInt64(ids.count) else { return nil }
    var words = [UInt64](repeating: 0, count: Int(span / 64) + 1)
    for id in ids {
      let place = id.rawValue - least
      words[Int(place / 64)] |= 1 << (place % 64)
    }
    var sorted: [SeriesID] = []
    sorted.reserveCapacity(ids.count)
    for (index, word) in words.enumerated() {
      var rest = word
      while rest != 0 {
        sorted.append(SeriesID(least + UInt64(index * 64 + rest.trailingZeroBitCount)))
        rest &= rest - 1
      }
    }
    return PostingsList(sorted: sorted)
  }
}

extension [SeriesID] {
  /// The first index from `start` on whose id is `id` or more.
  ///
  /// Doubles its steps before it halves them, so that near ids are found fast.
  func firstIndex(notBefore id: SeriesID, from start: Int) -> Int {
    var low = start
    var step = 1
    while low + step <= count, self[low + step - 1] < id {
      low += step
      step *= 2
    }
    var high = Swift.min(low + step - 1, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < id { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
