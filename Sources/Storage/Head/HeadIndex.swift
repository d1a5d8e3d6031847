import Numbers
import SeriesModel

/// The inverted index of the series in memory.
///
/// Each label, a name with a value, has one entry with the ids of its series.
/// Names and values are kept and compared as bytes: strings that Unicode calls
/// equal may be different labels. A label that is there already is found by
/// its hash, without an allocation.
struct HeadIndex: Sendable {
  private struct Entry: Sendable {
    var name: Int
    var value: [UInt8]
    var ids: [SeriesID]
  }

  private struct Name: Sendable {
    var text: [UInt8]
    /// The entries with this name that have series.
    var entries: [Int]
  }

  private var allIDs: [SeriesID] = []
  private var names: [Name] = []
  private var namesByHash = SlotTable()
  private var entries: [Entry] = []
  private var entriesByHash = SlotTable()
  private var freeEntries: [Int] = []
  private let hashSeed: UInt64

  init(hashSeed: UInt64) {
    self.hashSeed = hashSeed
  }

  // MARK: Changing

  /// Adds a series that is not in the index.
  mutating func insert(_ id: SeriesID, labels: Labels) {
    HeadIndex.insert(id, into: &allIDs)
    labels.forEachBytes { name, value in
      let entry = entryOrNew(name: nameOrNew(name), value: value)
      HeadIndex.insert(id, into: &entries[entry].ids)
    }
  }

  /// Removes series with their labels.
  mutating func remove(_ series: [(id: SeriesID, labels: Labels)]) {
    var removed: [Int: [SeriesID]] = [:]
    for (id, labels) in series {
      labels.forEachBytes { name, value in
        if let entry = entry(name: name, value: value) { removed[entry, default: []].append(id) }
      }
    }
    var emptyNames = Set<Int>()
    for (entry, ids) in removed {
      entries[entry].ids = HeadIndex.remove(ids, from: entries[entry].ids)
      guard entries[entry].ids.isEmpty else { continue }
      let name = entries[entry].name
      let value = entries[entry].value
      entriesByHash.remove(hash: hash(name: name, value: value.span), slot: entry)
      freeEntries.append(entry)
      emptyNames.insert(name)
    }
    for name in emptyNames { names[name].entries.removeAll { entries[$0].ids.isEmpty } }
    allIDs = HeadIndex.remove(series.map(\.id), from: allIDs)
  }

  private static func insert(_ id: SeriesID, into ids: inout [SeriesID]) {
    // Series mostly come in the order of their ids.
    guard let last = ids.last, last >= id else {
      ids.append(id)
      return
    }
    let index = ids.firstIndex(notBefore: id, from: 0)
    if ids[index] != id { ids.insert(id, at: index) }
  }

  private static func remove(_ removed: [SeriesID], from ids: [SeriesID]) -> [SeriesID] {
    PostingsList(sorted: ids).subtracting(PostingsList(unsorted: removed)).ids
  }

  // MARK: Finding

  private func hash(_ text: Span<UInt8>, seed: UInt64) -> UInt64 {
    // Safety: bytes have no padding.
    unsafe hash64(text.bytes, seed: seed)
  }

  private func hash(name: Int, value: Span<UInt8>) -> UInt64 {
    // &+: any other seed for each name will do.
    hash(value, seed: hashSeed &+ UInt64(name) &+ 1)
  }

  private func name(_ text: Span<UInt8>) -> Int? {
    let hash = hash(text, seed: hashSeed)
    return namesByHash.slot(hash: hash) { index in
      let known = names[index].text
      return known.span.hasSameBytes(as: text)
    }
  }

  private mutating func nameOrNew(_ text: Span<UInt8>) -> Int {
    if let name = name(text) { return name }
    namesByHash.insert(hash: hash(text, seed: hashSeed), slot: names.count)
    names.append(Name(text: Array(copying: text), entries: []))
    return names.count - 1
  }

  private func entry(name: Int, value: Span<UInt8>) -> Int? {
    entriesByHash.slot(hash: hash(name: name, value: value)) { index in
      let known = entries[index].value
      return entries[index].name == name && known.span.hasSameBytes(as: value)
    }
  }

  private func entry(name: Span<UInt8>, value: Span<UInt8>) -> Int? {
    guard let name = self.name(name) else { return nil }
    return entry(name: name, value: value)
  }

  private mutating func entryOrNew(name: Int, value: Span<UInt8>) -> Int {
    if let entry = entry(name: name, value: value) { return entry }
    let entry = Entry(name: name, value: Array(copying: value), ids: [])
    let index: Int
    if let free = freeEntries.popLast() {
      index = free
      entries[index] = entry
    } else {
      index = entries.count
      entries.append(entry)
    }
    entriesByHash.insert(hash: hash(name: name, value: value), slot: index)
    names[name].entries.append(index)
    return index
  }

  private func entries(ofName name: String) -> [Int] {
    self.name(name.utf8.span).map { names[$0].entries } ?? []
  }
}

extension HeadIndex: PostingsSource {
  func postings(of name: String, value: String) -> PostingsList {
    guard let entry = entry(name: name.utf8.span, value: value.utf8.span) else {
      return PostingsList()
    }
    return PostingsList(sorted: entries[entry].ids)
  }

  func postings(of name: String, whereValue isIncluded: (Span<UInt8>) -> Bool) -> PostingsList {
    var lists: [PostingsList] = []
    for index in entries(ofName: name) {
      let entry = entries[index]
      if isIncluded(entry.value.span) { lists.append(PostingsList(sorted: entry.ids)) }
    }
    return .union(of: lists)
  }

  func allPostings() -> PostingsList { PostingsList(sorted: allIDs) }

  func labelNames() -> [String] {
    names.lazy.filter { $0.entries.isEmpty == false }
      .map { String(decoding: $0.text, as: UTF8.self) }
  }

  func labelValues(of name: String, among filter: PostingsList?) -> [String] {
    entries(ofName: name).compactMap { index in
      let entry = entries[index]
      if let filter, PostingsList(sorted: entry.ids).intersects(filter) == false { return nil }
      return String(decoding: entry.value, as: UTF8.self)
    }
  }
}
