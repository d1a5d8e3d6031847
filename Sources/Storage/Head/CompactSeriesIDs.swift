import SeriesModel

/// A set of series ids in little memory.
///
/// The ids stand in blocks, as `SeriesIDCoding` writes them. One block is open:
/// its ids are plain, so that a run of insertions near each other, as a batch
/// of new series makes them, decodes it once.
struct CompactSeriesIDs: Sendable {
  private struct Block: Sendable {
    var first: SeriesID
    var last: SeriesID
    var bytes: [UInt8]

    init(_ ids: ArraySlice<SeriesID>) {
      first = ids[ids.startIndex]
      last = ids[ids.endIndex - 1]
      var coded: [UInt8] = []
      SeriesIDCoding.append(ids, base: first.rawValue, to: &coded)
      // A copy has no room to spare.
      bytes = Array(coded[...])
    }

    func append(to ids: inout [SeriesID]) {
      decoding { reader throws(BlockDamage) in
        try SeriesIDCoding.read(&reader, base: first.rawValue, to: &ids)
      }
    }

    func append(to runs: inout SeriesRuns) {
      decoding { reader throws(BlockDamage) in
        try SeriesIDCoding.read(&reader, base: first.rawValue, to: &runs)
      }
    }

    func intersects(_ set: SeriesRuns) -> Bool {
      set.intersects(SeriesRuns.Run(first: first.rawValue, last: last.rawValue))
        && decoding { reader throws(BlockDamage) in
          try SeriesIDCoding.intersects(&reader, base: first.rawValue, set)
        }
    }

    private func decoding<Result>(
      _ body: (inout BlockReader) throws(BlockDamage) -> Result
    ) -> Result {
      do throws(BlockDamage) {
        var reader = BlockReader(bytes.span)
        return try body(&reader)
      } catch {
        preconditionFailure("ids in memory do not decode: \(error)")
      }
    }
  }

  private static let blockCount = 512

  /// The closed blocks, ascending.
  private var blocks: [Block] = []
  /// The ids of the open block, which stands before this one of the closed.
  private var open: [SeriesID] = []
  private var openIndex = 0

  /// Creates the empty set.
  init() {}

  /// Creates a set from ids in ascending order without duplicates.
  init(sorted ids: [SeriesID]) {
    var rest = ids[...]
    while rest.count > CompactSeriesIDs.blockCount {
      blocks.append(Block(rest.prefix(CompactSeriesIDs.blockCount)))
      rest = rest.dropFirst(CompactSeriesIDs.blockCount)
    }
    open = Array(rest)
    openIndex = blocks.count
  }

  /// The ids, ascending.
  var ids: [SeriesID] {
    var ids: [SeriesID] = []
    for block in blocks[..<openIndex] { block.append(to: &ids) }
    ids.append(contentsOf: open)
    for block in blocks[openIndex...] { block.append(to: &ids) }
    return ids
  }

  /// The ids as runs.
  var runs: SeriesRuns {
    var runs = SeriesRuns()
    for block in blocks[..<openIndex] { block.append(to: &runs) }
    for id in open { runs.append(SeriesRuns.Run(first: id.rawValue, last: id.rawValue)) }
    for block in blocks[openIndex...] { block.append(to: &runs) }
    return runs
  }

  /// Whether any of the ids is in a set.
  func intersects(_ set: SeriesRuns) -> Bool {
    open.contains { set.contains($0) } || blocks.contains { $0.intersects(set) }
  }

  /// Adds an id; one that is there already changes nothing.
  ///
  /// - Complexity: O(1) amortised at the end and near the last insertion.
  mutating func insert(_ id: SeriesID) {
    if isOpen(at: id) == false { openBlock(around: id) }
    if let last = open.last, last >= id {
      let index = open.firstIndex(notBefore: id, from: 0)
      guard open[index] != id else { return }
      open.insert(id, at: index)
    } else {
      open.append(id)
    }
    if open.count > CompactSeriesIDs.blockCount { splitOpenBlock() }
  }

  private func isOpen(at id: SeriesID) -> Bool {
    (openIndex == 0 || blocks[openIndex - 1].last < id)
      && (openIndex == blocks.count || id < blocks[openIndex].first)
  }

  private mutating func openBlock(around id: SeriesID) {
    if open.isEmpty == false {
      blocks.insert(Block(open[...]), at: openIndex)
      open.removeAll(keepingCapacity: true)
    }
    var (low, high) = (0, blocks.count)
    while low < high {
      let middle = (low + high) / 2
      if blocks[middle].first <= id { low = middle + 1 } else { high = middle }
    }
    openIndex = max(0, low - 1)
    blocks.remove(at: openIndex).append(to: &open)
  }

  /// Closes the full block at the end, or the lower half of one between.
  private mutating func splitOpenBlock() {
    let count = openIndex == blocks.count ? open.count - 1 : open.count / 2
    blocks.insert(Block(open[..<count]), at: openIndex)
    open.removeFirst(count)
    openIndex += 1
  }
}

/// The ids of the series that have one label.
///
/// Mostly one id or a few in a row: those take no allocation.
struct LabelPostings: Sendable {
  private var first = SeriesID(0)
  private var count: UInt32 = 0
  /// Where ids that are not in a row stand, plus one; or 0.
  private var mark: UInt32 = 0

  /// Sets of ids that are not in a row.
  struct Overflow: Sendable {
    fileprivate var sets: [CompactSeriesIDs] = []
    fileprivate var free: [UInt32] = []
  }

  var isEmpty: Bool { count == 0 && mark == 0 }

  /// The ids, ascending.
  func ids(in overflow: Overflow) -> [SeriesID] {
    if mark > 0 { return overflow.sets[Int(mark) - 1].ids }
    return (first.rawValue..<first.rawValue + UInt64(count)).map { SeriesID($0) }
  }

  /// Whether any of the ids is in a set.
  func intersects(_ set: SeriesRuns, in overflow: Overflow) -> Bool {
    if mark > 0 { return overflow.sets[Int(mark) - 1].intersects(set) }
    guard count > 0 else { return false }
    return set.intersects(
      SeriesRuns.Run(first: first.rawValue, last: first.rawValue + UInt64(count) - 1))
  }

  /// Adds an id; one that is there already changes nothing.
  mutating func insert(_ id: SeriesID, overflow: inout Overflow) {
    if mark > 0 {
      overflow.sets[Int(mark) - 1].insert(id)
    } else if count == 0 {
      first = id
      count = 1
    } else if id.rawValue == first.rawValue + UInt64(count), count < .max {
      count += 1
    } else if id < first || id.rawValue >= first.rawValue + UInt64(count) {
      var set = CompactSeriesIDs(sorted: ids(in: overflow))
      set.insert(id)
      keep(set, in: &overflow)
    }
  }

  /// Removes ids, whether they are there or not.
  mutating func remove(_ removed: PostingsList, overflow: inout Overflow) {
    let kept = PostingsList(sorted: ids(in: overflow)).subtracting(removed).ids
    if mark > 0 {
      overflow.sets[Int(mark) - 1] = CompactSeriesIDs()
      overflow.free.append(mark - 1)
    }
    self = LabelPostings()
    guard let first = kept.first, let last = kept.last else { return }
    if last.rawValue - first.rawValue == UInt64(kept.count - 1), kept.count <= UInt32.max {
      self.first = first
      count = UInt32(kept.count)
    } else {
      keep(CompactSeriesIDs(sorted: kept), in: &overflow)
    }
  }

  private mutating func keep(_ set: CompactSeriesIDs, in overflow: inout Overflow) {
    if let free = overflow.free.popLast() {
      overflow.sets[Int(free)] = set
      mark = free + 1
    } else {
      overflow.sets.append(set)
      mark = UInt32(overflow.sets.count)
    }
    count = 0
  }
}
