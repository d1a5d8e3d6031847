import LMDB
import SeriesModel

/// How the entries of one key space of a table are kept in blocks.
///
/// A space is all keys that begin with `prefix`. Each block is under
/// `prefix` + the sort key of its first entry, and holds the entries from there
/// up to the next block's first.
protocol BlockFormat {
  associatedtype Entry

  /// What every key of the space begins with.
  var prefix: [UInt8] { get }
  /// The format byte of the blocks.
  var formatByte: UInt8 { get }
  /// The most entries in a block.
  var entryLimit: Int { get }
  /// The largest value in bytes, frame included, but for a block of one entry.
  var byteLimit: Int { get }

  /// The rest of a block's key: sorts as the entries do, and is unique.
  func sortKey(of entry: Entry) -> [UInt8]
  /// Whether `first` sorts before `second`; neither means that they are the
  /// same entry.
  func precedes(_ first: Entry, _ second: Entry) -> Bool

  /// Appends one entry of a block to its body.
  ///
  /// - Parameter previous: The entry before it, or nil when it is the first.
  func encode(_ entry: Entry, after previous: Entry?, to body: inout [UInt8])
  /// Encodes as many of `entries` as fit, at least one, and says how many.
  ///
  /// The default encodes entry by entry.
  func makeBlock(
    of entries: ArraySlice<Entry>, byteLimit: Int, entryLimit: Int
  ) -> (body: [UInt8], count: Int)
  /// The entries of the block with this body.
  ///
  /// - Parameter suffix: The key without the prefix.
  func decode(_ body: Span<UInt8>, keySuffix suffix: Span<UInt8>) throws(BlockDamage) -> [Entry]
}

extension BlockFormat {
  /// A key that is not behind any of the space: an empty one can't be looked
  /// for.
  var firstKey: [UInt8] { prefix.isEmpty ? [0] : prefix }

  func makeBlock(
    of entries: ArraySlice<Entry>, byteLimit: Int, entryLimit: Int
  ) -> (body: [UInt8], count: Int) {
    var body: [UInt8] = []
    var count = 0
    for entry in entries.prefix(entryLimit) {
      let byteCount = body.count
      let previous = count == 0 ? nil : entries[entries.startIndex + count - 1]
      encode(entry, after: previous, to: &body)
      if body.count > byteLimit, count > 0 {
        body.removeSubrange(byteCount...)
        break
      }
      count += 1
    }
    return (body, count)
  }

  /// Opens and decodes a stored block.
  func entries(
    of value: Span<UInt8>, under key: Span<UInt8>, in table: Table
  ) throws(StorageError) -> [Entry] {
    do throws(BlockDamage) {
      let body = try BlockFrame.open(value, format: formatByte, key: key)
      return try decode(body, keySuffix: key.extracting(prefix.count...))
    } catch {
      throw error.at(key, of: table.name)
    }
  }
}

/// Reads and changes the blocks of one key space.
struct SortedBlocks<Format: BlockFormat> {
  typealias Entry = Format.Entry

  let format: Format
  let table: Table

  /// The most changes merged into one block at a time; bounds the memory and
  /// the work between two looks at the budget.
  private static var groupLimit: Int { 4096 }

  /// The bytes of budget that a change takes at least: however small it is in
  /// the table, it takes time.
  private static var leastCostOfChange: Int { 32 }

  // MARK: Reading

  /// The entries of the block that would hold `probe`, or an empty array.
  func entries(around probe: Entry, in view: ReadView) throws(StorageError) -> [Entry] {
    var cursor = try view.walk(table)
    let isOnBlock = try cursor.move(toOrBefore: format.prefix + format.sortKey(of: probe))
    guard isOnBlock, cursor.key.starts(with: format.prefix) else {
      try cursor.requireSoundFrame()
      return []
    }
    let entries = try format.entries(of: cursor.value, under: cursor.key, in: table)
    // What is not here may be in the next block, if that has a damaged key.
    if contains(probe, entries) == false, try cursor.advance() { try cursor.requireSoundFrame() }
    return entries
  }

  private func contains(_ probe: Entry, _ entries: [Entry]) -> Bool {
    entries.contains { format.precedes($0, probe) == false && format.precedes(probe, $0) == false }
  }

  /// Calls `body` with the entries of each block, in order, until it returns
  /// false.
  func forEachBlock(
    in view: ReadView, _ body: ([Entry]) throws(StorageError) -> Bool
  ) throws(StorageError) {
    try forEachBlock(in: view, onDamage: { error throws(StorageError) in throw error }, body)
  }

  /// The same, but blocks that can't be read are passed over, and `onDamage` is
  /// called with what is wrong with each.
  func forEachBlock(
    in view: ReadView, onDamage: (StorageError) throws(StorageError) -> Void,
    _ body: ([Entry]) throws(StorageError) -> Bool
  ) throws(StorageError) {
    var cursor = try view.walk(table)
    var isOnBlock = try cursor.move(toOrAfter: format.firstKey)
    while isOnBlock, cursor.key.starts(with: format.prefix) {
      var entries: [Entry]?
      do throws(StorageError) {
        entries = try format.entries(of: cursor.value, under: cursor.key, in: table)
      } catch {
        try onDamage(error)
      }
      if let entries, try body(entries) == false { return }
      isOnBlock = try cursor.advance()
    }
    do throws(StorageError) {
      try cursor.requireSoundFrame()
    } catch {
      try onDamage(error)
    }
  }

  /// Calls `body` with the body and the key suffix of each block, in order, until
  /// it returns false.
  func forEachBody(
    in view: ReadView,
    _ body: (_ body: Span<UInt8>, _ keySuffix: Span<UInt8>) throws(BlockDamage) -> Bool
  ) throws(StorageError) {
    var cursor = try view.walk(table)
    var isOnBlock = try cursor.move(toOrAfter: format.firstKey)
    while isOnBlock, cursor.key.starts(with: format.prefix) {
      do throws(BlockDamage) {
        let block = try BlockFrame.open(
          cursor.value, format: format.formatByte, key: cursor.key)
        guard try body(block, cursor.key.extracting(format.prefix.count...)) else { return }
      } catch {
        throw error.at(cursor.key, of: table.name)
      }
      isOnBlock = try cursor.advance()
    }
    try cursor.requireSoundFrame()
  }

  /// Calls `body` with the body of the block that would hold an entry, if there
  /// is one.
  ///
  /// - Parameters:
  ///   - sortKey: That of the entry.
  ///   - body: Gives nil when the entry is not in the block.
  func find<Result>(
    _ sortKey: [UInt8], in view: ReadView,
    _ body: (_ body: Span<UInt8>) throws(BlockDamage) -> Result?
  ) throws(StorageError) -> Result? {
    var cursor = try view.walk(table)
    let isOnBlock = try cursor.move(toOrBefore: format.prefix + sortKey)
    guard isOnBlock, cursor.key.starts(with: format.prefix) else {
      try cursor.requireSoundFrame()
      return nil
    }
    do throws(BlockDamage) {
      let found = try body(
        BlockFrame.open(cursor.value, format: format.formatByte, key: cursor.key))
      if let found { return found }
    } catch {
      throw error.at(cursor.key, of: table.name)
    }
    // What is not here may be in the next block, if that has a damaged key.
    if try cursor.advance() { try cursor.requireSoundFrame() }
    return nil
  }

  // MARK: Changing

  /// A block as it is stored, and what follows it.
  private struct Stored {
    var key: [UInt8]?
    var value: [UInt8] = []
    var entries: [Entry] = []
    /// The first key after the block that is in the same space.
    var nextKey: [UInt8]?
    /// Whether no key at all follows the block.
    var isLastOfTable = false
  }

  /// Applies `changes`, in order, until they are done or the budget is used up,
  /// and returns the index of the first change that is left.
  ///
  /// Applying the same changes again does no harm if `combine` sees to that.
  ///
  /// - Parameters:
  ///   - changes: Sorted, each entry once.
  ///   - budget: The bytes that may still be written; what is written is taken
  ///     off, and at least 32 for each change. May end below zero.
  ///   - combine: What becomes of a stored entry, or of none, when a change
  ///     meets it; nil removes it.
  func apply(
    _ changes: ArraySlice<Entry>, in transaction: inout WriteTransaction, budget: inout Int,
    combine: (_ stored: Entry?, _ change: Entry) -> Entry?
  ) throws(StorageError) -> Int {
    var index = changes.startIndex
    while index < changes.endIndex, budget > 0 {
      let stored = try load(around: changes[index], in: transaction.view)
      let end = endOfGroup(in: changes[index...], before: stored.nextKey)
      let merged = merge(stored.entries, changes[index..<end], combine: combine)
      let isAppend = stored.entries.last.map { format.precedes($0, changes[index]) } ?? true
      let written = try replace(stored, with: merged, isAppend: isAppend, in: &transaction)
      budget -= max(written, (end - index) * Self.leastCostOfChange)
      index = end
    }
    return index
  }

  /// The block before or around `probe`; where `probe` is before every block,
  /// the first one.
  private func load(around probe: Entry, in view: ReadView) throws(StorageError) -> Stored {
    let probeKey = format.prefix + format.sortKey(of: probe)
    var stored = Stored()
    var cursor = try view.walk(table)
    var isOnBlock = try cursor.move(toOrBefore: probeKey)
    if isOnBlock == false || cursor.key.starts(with: format.prefix) == false {
      isOnBlock = try cursor.move(toOrAfter: probeKey)
      guard isOnBlock, cursor.key.starts(with: format.prefix) else {
        stored.isLastOfTable = isOnBlock == false
        return stored
      }
    }
    stored.key = Array(copying: cursor.key)
    stored.value = Array(copying: cursor.value)
    stored.entries = try format.entries(of: cursor.value, under: cursor.key, in: table)
    if try cursor.advance() {
      if cursor.key.starts(with: format.prefix) { stored.nextKey = Array(copying: cursor.key) }
    } else {
      stored.isLastOfTable = true
    }
    return stored
  }

  /// The end of the changes that belong before `nextKey`; at least one does.
  private func endOfGroup(in changes: ArraySlice<Entry>, before nextKey: [UInt8]?) -> Int {
    var low = changes.startIndex + 1
    var high = min(changes.endIndex, changes.startIndex + Self.groupLimit)
    guard let nextKey else { return high }
    while low < high {
      let middle = (low + high) / 2
      let key = format.prefix + format.sortKey(of: changes[middle])
      if key.span.compareBytes(with: nextKey.span) < 0 { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func merge(
    _ stored: [Entry], _ changes: ArraySlice<Entry>,
    combine: (_ stored: Entry?, _ change: Entry) -> Entry?
  ) -> [Entry] {
    var merged: [Entry] = []
    merged.reserveCapacity(stored.count + changes.count)
    var index = 0
    for change in changes {
      while index < stored.count, format.precedes(stored[index], change) {
        merged.append(stored[index])
        index += 1
      }
      let isSame = index < stored.count && format.precedes(change, stored[index]) == false
      if let entry = combine(isSame ? stored[index] : nil, change) { merged.append(entry) }
      if isSame { index += 1 }
    }
    merged.append(contentsOf: stored[index...])
    return merged
  }

  /// Stores `entries` in place of a block, and returns the bytes written.
  private func replace(
    _ stored: Stored, with entries: [Entry], isAppend: Bool, in transaction: inout WriteTransaction
  ) throws(StorageError) -> Int {
    var written = 0
    var isKeyUsed = false
    for block in packed(entries, isAppend: isAppend) {
      let key = format.prefix + format.sortKey(of: entries[block.start])
      let value = BlockFrame.seal(block.body, format: format.formatByte, key: key)
      if key == stored.key {
        isKeyUsed = true
        if value == stored.value { continue }
      }
      let isAfterStored = stored.key.map { $0.span.compareBytes(with: key.span) < 0 } ?? true
      try transaction.store(
        value, under: key, in: table, appending: stored.isLastOfTable && isAfterStored)
      written += key.count + value.count
    }
    if let key = stored.key, isKeyUsed == false {
      try transaction.erase(key, from: table)
      written += key.count + stored.value.count
    }
    return written
  }

  private struct Block {
    var start: Int
    var body: [UInt8]
  }

  /// Cuts entries into blocks: full ones where they were appended at the end,
  /// since more will follow there, and equal ones where a block was split.
  private func packed(_ entries: [Entry], isAppend: Bool) -> [Block] {
    let byteLimit = format.byteLimit - BlockFrame.byteCount
    let full = packed(entries, byteLimit: byteLimit, entryLimit: format.entryLimit)
    guard isAppend == false, full.count > 1 else { return full }
    let byteCount = full.reduce(0) { $0 + $1.body.count }
    return packed(
      entries,
      byteLimit: min(byteLimit, byteCount / full.count + byteLimit / 16),
      entryLimit: (entries.count + full.count - 1) / full.count)
  }

  private func packed(_ entries: [Entry], byteLimit: Int, entryLimit: Int) -> [Block] {
    var blocks: [Block] = []
    var start = 0
    while start < entries.count {
      let (body, count) = format.makeBlock(
        of: entries[start...], byteLimit: byteLimit, entryLimit: entryLimit)
      blocks.append(Block(start: start, body: body))
      start += count
    }
    return blocks
  }
}
