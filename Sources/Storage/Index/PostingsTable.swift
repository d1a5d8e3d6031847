import LMDB
import SeriesModel

/// The `postings` table: which series have which label.
///
/// Key: the label name (see `PostingsKey`), the kind in 1 byte, then
/// - kind 1: the first value of a block of values with few series. Body, for
///   each value: the bytes it shares with the value before, the number of bytes
///   after those, these bytes, the number of bytes of its ids, its ids; the
///   numbers are LEB128. The ids are as `SeriesIDCoding` writes them, counted
///   from 0. A block takes at most 1,990 bytes.
/// - kind 2: a value, then the first id in 8 bytes: ids of that value alone, as
///   `SeriesIDBlocks` keeps them, in at most 4,060 bytes.
///
/// A value moves to keys of kind 2 when its ids take more than 400 bytes or are
/// more than 4,096, and stays there until its last series goes. Values that
/// enter keys as a hash are of kind 2 from the start. Every series is also
/// listed under the empty name and value, which no label has.
struct PostingsTable {
  static let ownByteThreshold = 400
  static let ownCountThreshold = 4096

  let table: Table
  let seed: UInt64

  /// Makes the table; `seed` keys the hashes of long texts.
  init(_ table: Table, seed: UInt64) {
    self.table = table
    self.seed = seed
  }

  // MARK: Places

  func nameComponent(_ name: Span<UInt8>) -> PostingsKey.Component {
    PostingsKey.component(name, byteLimit: PostingsKey.nameByteLimit, seed: seed)
  }

  func valueComponent(_ value: Span<UInt8>) -> PostingsKey.Component {
    PostingsKey.component(value, byteLimit: PostingsKey.valueByteLimit, seed: seed)
  }

  func ownBlocks(
    name: PostingsKey.Component, value: PostingsKey.Component
  ) -> SeriesIDBlocks {
    SeriesIDBlocks(prefix: ownPrefix(name: name) + value.bytes, in: table)
  }

  func ownPrefix(name: PostingsKey.Component) -> [UInt8] {
    name.bytes + [PostingsKey.Kind.own.rawValue]
  }

  func sharedBlocks(name: PostingsKey.Component) -> SortedBlocks<SharedPostingsFormat> {
    SortedBlocks(
      format: SharedPostingsFormat(
        prefix: name.bytes + [PostingsKey.Kind.shared.rawValue], seed: seed),
      table: table)
  }

  /// The set of all series.
  var everySeries: SeriesIDBlocks {
    let empty = PostingsKey.Component(bytes: [0, 0], isHashed: false)
    return ownBlocks(name: empty, value: empty)
  }

  // MARK: Changing

  /// The series of one label, to be added or removed.
  struct Change {
    var name: [UInt8]
    /// Sorted by value, each once; ids ascend.
    var values: [SharedPostingsFormat.Entry]
  }

  /// Adds the series of some values of one label name, until the budget is used
  /// up; returns the index of the first value that is left.
  func insert(
    _ values: ArraySlice<SharedPostingsFormat.Entry>, of name: [UInt8],
    in transaction: inout WriteTransaction, budget: inout Int
  ) throws(StorageError) -> Int {
    let name = nameComponent(name.span)
    let shared = sharedBlocks(name: name)
    var index = values.startIndex
    while index < values.endIndex, budget > 0 {
      // Values with blocks of their own are set apart, the others merged.
      var group: [SharedPostingsFormat.Entry] = []
      var own: [SharedPostingsFormat.Entry] = []
      for value in values[index...].prefix(256) {
        let isOwn = try isOwn(value, of: name, in: transaction.view)
        if isOwn { own.append(value) } else { group.append(value) }
        index += 1
      }
      var allowance = Int.max
      _ = try shared.apply(group[...], in: &transaction, budget: &allowance) { stored, change in
        guard let stored else { return change }
        let ids = PostingsList(sorted: stored.ids).union(PostingsList(sorted: change.ids)).ids
        let merged = SharedPostingsFormat.Entry(value: stored.value, ids: ids)
        guard PostingsTable.outgrowsSharedBlock(ids) else { return merged }
        own.append(merged)
        return nil
      }
      budget -= Int.max - allowance
      for value in own {
        try ownBlocks(name: name, value: valueComponent(value.value.span))
          .insert(value.ids, in: &transaction, budget: &budget)
      }
    }
    return index
  }

  private func isOwn(
    _ value: SharedPostingsFormat.Entry, of name: PostingsKey.Component, in view: ReadView
  ) throws(StorageError) -> Bool {
    let component = valueComponent(value.value.span)
    if component.isHashed { return true }
    if try ownBlocks(name: name, value: component).isEmpty(in: view) == false { return true }
    guard PostingsTable.outgrowsSharedBlock(value.ids) else { return false }
    // It may have series in a shared block; then the merge there moves them.
    let entries = try sharedBlocks(name: name).entries(around: value, in: view)
    return entries.contains { $0.value == value.value } == false
  }

  static func outgrowsSharedBlock(_ ids: [SeriesID]) -> Bool {
    guard ids.count > 40 else { return false }
    if ids.count > ownCountThreshold { return true }
    var bytes: [UInt8] = []
    SeriesIDCoding.append(ids[...], base: 0, to: &bytes)
    return bytes.count > ownByteThreshold
  }

  /// Removes the series of some values, sorted, of one label name.
  func remove(
    _ values: [SharedPostingsFormat.Entry], of name: [UInt8],
    in transaction: inout WriteTransaction
  ) throws(StorageError) {
    let name = nameComponent(name.span)
    var budget = Int.max
    var group: [SharedPostingsFormat.Entry] = []
    for value in values {
      let own = ownBlocks(name: name, value: valueComponent(value.value.span))
      if try own.isEmpty(in: transaction.view) {
        group.append(value)
      } else {
        try own.remove(value.ids, in: &transaction, budget: &budget)
      }
    }
    _ = try sharedBlocks(name: name).apply(group[...], in: &transaction, budget: &budget) {
      stored, change in
      guard let stored else { return nil }
      let rest = PostingsList(sorted: stored.ids).subtracting(PostingsList(sorted: change.ids))
      return rest.isEmpty ? nil : .init(value: stored.value, ids: rest.ids)
    }
  }
}

/// The blocks of values with few series of ``PostingsTable``.
struct SharedPostingsFormat: BlockFormat {
  struct Entry {
    var value: [UInt8]
    /// Ascending.
    var ids: [SeriesID]

    func hasValue(_ other: Span<UInt8>) -> Bool { value.span.hasSameBytes(as: other) }
  }

  let prefix: [UInt8]
  let seed: UInt64
  let formatByte: UInt8 = 1
  let entryLimit = 1024
  let byteLimit = BlockFrame.halfPageByteCount

  func sortKey(of entry: Entry) -> [UInt8] {
    PostingsKey.component(
      entry.value.span, byteLimit: PostingsKey.valueByteLimit, seed: seed
    ).bytes
  }

  func precedes(_ first: Entry, _ second: Entry) -> Bool {
    first.value.span.compareBytes(with: second.value.span) < 0
  }

  func encode(_ entry: Entry, after previous: Entry?, to body: inout [UInt8]) {
    let previousValue = previous?.value ?? []
    let shared = previousValue.span.sharedPrefixCount(with: entry.value.span)
    body.appendVarint(UInt64(shared))
    body.appendVarint(UInt64(entry.value.count - shared))
    body.append(contentsOf: entry.value[shared...])
    var ids: [UInt8] = []
    SeriesIDCoding.append(entry.ids[...], base: 0, to: &ids)
    body.appendVarint(UInt64(ids.count))
    body.append(contentsOf: ids)
  }

  func decode(_ body: Span<UInt8>, keySuffix: Span<UInt8>) throws(BlockDamage) -> [Entry] {
    var entries: [Entry] = []
    var values = SharedPostingsReader(body)
    while try values.next() {
      if let last = entries.last {
        guard last.value.span.compareBytes(with: values.value) < 0 else {
          throw BlockDamage("values do not ascend")
        }
      }
      entries.append(Entry(value: Array(copying: values.value), ids: try values.ids()))
    }
    return entries
  }
}

/// Reads the values of a shared block, one after the other.
struct SharedPostingsReader: ~Escapable {
  private var reader: BlockReader
  /// The value, and behind it what is left of longer ones.
  private var bytes = [UInt8](repeating: 0, count: 64)
  private var byteCount = 0
  /// The ids of the value, as `SeriesIDCoding` writes them, counted from 0.
  private(set) var encodedIDs: Span<UInt8>

  /// Begins before the first value.
  ///
  /// - Parameter block: The body of a block.
  @_lifetime(copy block)
  init(_ block: Span<UInt8>) {
    reader = BlockReader(block)
    encodedIDs = block.extracting(0..<0)
  }

  /// The value read last.
  var value: Span<UInt8> {
    @_lifetime(borrow self)
    get { bytes.span.extracting(0..<byteCount) }
  }

  /// Moves to the next value; false at the end.
  @_lifetime(self: copy self)
  mutating func next() throws(BlockDamage) -> Bool {
    guard reader.isAtEnd == false else { return false }
    let sharedCount = try reader.count(atMost: byteCount)
    let rest = try reader.span(count: try reader.count(atMost: reader.remainingCount))
    byteCount = sharedCount + rest.count
    if byteCount > bytes.count {
      bytes.append(contentsOf: repeatElement(0, count: 2 * byteCount - bytes.count))
    }
    var text = bytes.mutableSpan
    text.copy(rest, to: sharedCount)
    encodedIDs = try reader.span(count: try reader.count(atMost: reader.remainingCount))
    return true
  }

  /// The ids of the value.
  func ids() throws(BlockDamage) -> [SeriesID] {
    var reader = BlockReader(encodedIDs)
    return try SeriesIDCoding.read(&reader, base: 0)
  }

  /// Whether any series of a set has the value.
  func intersects(_ set: SeriesRuns) throws(BlockDamage) -> Bool {
    var reader = BlockReader(encodedIDs)
    return try SeriesIDCoding.intersects(&reader, base: 0, set)
  }
}
