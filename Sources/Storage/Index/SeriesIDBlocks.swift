import LMDB
import SeriesModel

/// Writes and reads ascending series ids as gaps and runs.
///
/// Layout: a sequence of LEB128 numbers. `gap * 2` stands for one id that is
/// `gap` above the one before; `gap * 2 + 1` is followed by the number of ids
/// that follow it without a gap. The first gap is counted from a base that the
/// place of use names. A thousand consecutive ids take 3 bytes.
enum SeriesIDCoding {
  /// The most ids read from one place, so that few bytes can't claim a great
  /// many.
  static let idLimit = 1 << 16
  /// Ids are below this, so that gaps have room for the mark.
  static let idBound: UInt64 = 1 << 62

  /// Appends the ids of `ids` that fit, and returns how many those are.
  @discardableResult
  static func append(
    _ ids: ArraySlice<SeriesID>, base: UInt64, to bytes: inout [UInt8], byteLimit: Int = .max
  ) -> Int {
    var previous = base
    var index = ids.startIndex
    while index < ids.endIndex {
      let start = index
      let first = ids[index].rawValue
      var last = first
      index += 1
      while index < ids.endIndex, ids[index].rawValue == last + 1 {
        last += 1
        index += 1
      }
      precondition(first >= previous && last < idBound, "ids are ascending and below 2^62")
      let byteCount = bytes.count
      bytes.appendVarint((first - previous) << 1 | (last > first ? 1 : 0))
      if last > first { bytes.appendVarint(last - first) }
      if bytes.count > byteLimit {
        bytes.removeSubrange(byteCount...)
        return start - ids.startIndex
      }
      previous = last
    }
    return ids.count
  }

  /// Reads ids up to the end of `reader`.
  static func read(_ reader: inout BlockReader, base: UInt64) throws(BlockDamage) -> [SeriesID] {
    var ids: [SeriesID] = []
    try read(&reader, base: base, to: &ids)
    return ids
  }

  /// Reads ids up to the end of `reader` and appends them.
  static func read(
    _ reader: inout BlockReader, base: UInt64, to ids: inout [SeriesID]
  ) throws(BlockDamage) {
    var place = SeriesIDPlace(base: base)
    while let run = try place.next(&reader) {
      for id in run.first...run.last { ids.append(SeriesID(id)) }
    }
  }

  /// Reads ids up to the end of `reader` and appends them; they do not begin
  /// before the last of `runs`.
  static func read(
    _ reader: inout BlockReader, base: UInt64, to runs: inout SeriesRuns
  ) throws(BlockDamage) {
    var place = SeriesIDPlace(base: base)
    while let run = try place.next(&reader) { runs.append(run) }
  }

  /// Whether any of the ids up to the end of `reader` is in a set.
  static func intersects(
    _ reader: inout BlockReader, base: UInt64, _ set: SeriesRuns
  ) throws(BlockDamage) -> Bool {
    var place = SeriesIDPlace(base: base)
    while let run = try place.next(&reader) {
      if set.intersects(run) { return true }
    }
    return false
  }
}

/// Where a reader of `SeriesIDCoding` stands.
private struct SeriesIDPlace {
  private var last: UInt64
  private var count = 0

  init(base: UInt64) {
    last = base
  }

  /// The next ids in a row, or nil at the end.
  mutating func next(_ reader: inout BlockReader) throws(BlockDamage) -> SeriesRuns.Run? {
    guard reader.isAtEnd == false else { return nil }
    let token = try reader.varint()
    let followers = token & 1 == 0 ? 0 : try reader.varint()
    let gap = token >> 1
    guard count == 0 || gap > 0 else { throw BlockDamage("series ids do not ascend") }
    let idLimit = SeriesIDCoding.idLimit
    guard followers < UInt64(idLimit), count + Int(followers) < idLimit else {
      throw BlockDamage("more series ids than a block may have")
    }
    let first = last + gap
    guard gap < SeriesIDCoding.idBound, first + followers < SeriesIDCoding.idBound else {
      throw BlockDamage("a series id is too large")
    }
    last = first + followers
    count += Int(followers) + 1
    return SeriesRuns.Run(first: first, last: last)
  }
}

extension [UInt8] {
  mutating func appendVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }

  mutating func appendZigZag(_ value: Int64) {
    appendVarint(UInt64(bitPattern: value << 1 ^ value >> 63))
  }
}

/// A set of series ids in blocks of its own.
///
/// Key: the prefix, then the first id as 8 bytes. Body: the ids as
/// `SeriesIDCoding` writes them, the first one counted from the key's.
struct SeriesIDBlockFormat: BlockFormat {
  let prefix: [UInt8]
  let formatByte: UInt8 = 1
  let entryLimit = SeriesIDCoding.idLimit
  let byteLimit = BlockFrame.pageByteCount

  func sortKey(of id: SeriesID) -> [UInt8] {
    var key: [UInt8] = []
    key.appendBigEndian(id.rawValue)
    return key
  }

  func precedes(_ first: SeriesID, _ second: SeriesID) -> Bool { first < second }

  func encode(_ id: SeriesID, after previous: SeriesID?, to body: inout [UInt8]) {
    SeriesIDCoding.append([id], base: (previous ?? id).rawValue, to: &body)
  }

  func makeBlock(
    of ids: ArraySlice<SeriesID>, byteLimit: Int, entryLimit: Int
  ) -> (body: [UInt8], count: Int) {
    var body: [UInt8] = []
    let count = SeriesIDCoding.append(
      ids.prefix(entryLimit), base: ids[ids.startIndex].rawValue, to: &body, byteLimit: byteLimit)
    return (body, count)
  }

  func decode(
    _ body: Span<UInt8>, keySuffix: Span<UInt8>
  ) throws(BlockDamage) -> [SeriesID] {
    var reader = BlockReader(body)
    return try SeriesIDCoding.read(&reader, base: SeriesIDBlockFormat.firstID(keySuffix))
  }

  /// The first id of a block, which ends its key.
  static func firstID(_ keySuffix: Span<UInt8>) throws(BlockDamage) -> UInt64 {
    guard keySuffix.count == 8 else { throw BlockDamage("the key has a wrong size") }
    var key = BlockReader(keySuffix)
    let first = try key.bigEndian(byteCount: 8)
    guard first < SeriesIDCoding.idBound else { throw BlockDamage("a series id is too large") }
    return first
  }
}

/// A set of series ids in a table.
struct SeriesIDBlocks {
  private let blocks: SortedBlocks<SeriesIDBlockFormat>

  /// The set under the keys that begin with `prefix`.
  init(prefix: [UInt8], in table: Table) {
    blocks = SortedBlocks(format: SeriesIDBlockFormat(prefix: prefix), table: table)
  }

  func ids(in view: ReadView) throws(StorageError) -> PostingsList {
    var ids: [SeriesID] = []
    try blocks.forEachBody(in: view) { body, keySuffix throws(BlockDamage) in
      let first = try SeriesIDBlockFormat.firstID(keySuffix)
      if let last = ids.last, first <= last.rawValue { throw BlockDamage("blocks overlap") }
      var reader = BlockReader(body)
      try SeriesIDCoding.read(&reader, base: first, to: &ids)
      return true
    }
    return PostingsList(sorted: ids)
  }

  /// The set as runs.
  func runs(in view: ReadView) throws(StorageError) -> SeriesRuns {
    var runs = SeriesRuns()
    try blocks.forEachBody(in: view) { body, keySuffix throws(BlockDamage) in
      let first = try SeriesIDBlockFormat.firstID(keySuffix)
      if let last = runs.last, first <= last.rawValue { throw BlockDamage("blocks overlap") }
      var reader = BlockReader(body)
      try SeriesIDCoding.read(&reader, base: first, to: &runs)
      return true
    }
    return runs
  }

  /// Whether any of the ids is in another set.
  func intersects(_ set: SeriesRuns, in view: ReadView) throws(StorageError) -> Bool {
    var isFound = false
    try blocks.forEachBody(in: view) { body, keySuffix throws(BlockDamage) in
      var reader = BlockReader(body)
      isFound = try SeriesIDCoding.intersects(
        &reader, base: SeriesIDBlockFormat.firstID(keySuffix), set)
      return isFound == false
    }
    return isFound
  }

  /// The ids of the blocks that can be read.
  func readableIDs(in view: ReadView) throws(StorageError) -> PostingsList {
    var ids: [SeriesID] = []
    try blocks.forEachBlock(
      in: view,
      onDamage: { error throws(StorageError) in
        guard case .corrupted = error else { throw error }
      },
      { block throws(StorageError) in
        ids += block
        return true
      })
    return PostingsList(unsorted: ids)
  }

  /// Whether the set has any id.
  func isEmpty(in view: ReadView) throws(StorageError) -> Bool {
    var cursor = try view.walk(blocks.table)
    guard try cursor.move(toOrAfter: blocks.format.prefix) else { return true }
    return cursor.key.starts(with: blocks.format.prefix) == false
  }

  /// Adds ids, sorted, whatever the budget: one set is one step.
  ///
  /// - Returns: How many were not there yet.
  @discardableResult
  func insert(
    _ ids: [SeriesID], in transaction: inout WriteTransaction, budget: inout Int
  ) throws(StorageError) -> Int {
    var addedCount = 0
    var allowance = Int.max
    _ = try blocks.apply(ids[...], in: &transaction, budget: &allowance) { stored, id in
      if stored == nil { addedCount += 1 }
      return id
    }
    budget -= Int.max - allowance
    return addedCount
  }

  /// Removes ids, sorted, whatever the budget.
  func remove(
    _ ids: [SeriesID], in transaction: inout WriteTransaction, budget: inout Int
  ) throws(StorageError) {
    var allowance = Int.max
    _ = try blocks.apply(ids[...], in: &transaction, budget: &allowance) { _, _ in nil }
    budget -= Int.max - allowance
  }
}
