import LMDB
import SeriesModel

/// The `series` table: the labels of each series id.
///
/// Blocks: key `1`, then the first id in 8 bytes. A block holds at most 32
/// series and 1,990 bytes; its body is drawn at `SeriesBlockFormat`.
///
/// Labels of more than 1,800 bytes are outside: key `0`, the id in 8 bytes, the
/// part in 2 bytes from 0; body: whether more parts follow (1 byte, 0 or 1),
/// then up to 4,000 bytes of the encoded labels.
///
/// Numbers in keys are big-endian. The encoded labels are
/// ``SeriesModel/Labels/encodedBytes``.
struct SeriesTable {
  struct Entry {
    var id: SeriesID
    /// Nil when the labels are kept outside of the block.
    var encodedLabels: [UInt8]?
  }

  private let table: Table
  private let blocks: SortedBlocks<SeriesBlockFormat>
  /// Encoded labels above this size are kept outside of blocks.
  private static let inlineByteLimit = 1800
  private static let partByteCount = 4000
  /// The series written between two looks at the budget.
  private static let groupCount = 256

  init(_ table: Table) {
    self.table = table
    blocks = SortedBlocks(format: SeriesBlockFormat(), table: table)
  }

  // MARK: Reading

  /// The labels of the series `id`, or nil when it is not in the table.
  func labels(of id: SeriesID, in view: ReadView) throws(StorageError) -> Labels? {
    let format = blocks.format
    var cursor = try view.walk(table)
    guard try cursor.move(toOrBefore: format.prefix + format.sortKey(of: Entry(id: id))),
      cursor.key.starts(with: format.prefix)
    else { return nil }
    let key = cursor.key
    var block = try openBlock(at: cursor)
    while try advance(&block, under: key), block.id <= id {
      if block.id == id { return try labels(of: block.entry, in: view) }
    }
    return nil
  }

  /// The last series of the table, or nil when it has none.
  func lastID(in view: ReadView) throws(StorageError) -> SeriesID? {
    let prefix = blocks.format.prefix
    var cursor = try view.walk(table)
    guard try cursor.move(toOrBefore: prefix.followingPrefix), cursor.key.starts(with: prefix)
    else { return nil }
    return try blocks.format.entries(of: cursor.value, under: cursor.key, in: table).last?.id
  }

  @_lifetime(copy cursor)
  private func openBlock(at cursor: borrowing Cursor) throws(StorageError) -> SeriesBlockReader {
    do throws(BlockDamage) {
      return try SeriesBlockReader(
        BlockFrame.open(cursor.value, format: blocks.format.formatByte, key: cursor.key),
        keySuffix: cursor.key.extracting(blocks.format.prefix.count...))
    } catch {
      throw error.at(cursor.key, of: table.name)
    }
  }

  @_lifetime(block: copy block)
  private func advance(
    _ block: inout SeriesBlockReader, under key: Span<UInt8>
  ) throws(StorageError) -> Bool {
    do throws(BlockDamage) {
      return try block.next()
    } catch {
      throw error.at(key, of: table.name)
    }
  }

  /// The labels of each of the series, which ascend, where it is in the table.
  ///
  /// Each block is read once, up to the last series wanted of it. Where labels
  /// can't be read they are nil, and `onDamage` is called.
  func labels(
    ofSorted ids: [SeriesID], in view: ReadView,
    onDamage: (SeriesID, StorageError) throws(StorageError) -> Void
  ) throws(StorageError) -> [Labels?] {
    var found: [Labels?] = []
    found.reserveCapacity(ids.count)
    guard ids.isEmpty == false else { return found }
    var cursor = try view.walk(table)
    while found.count < ids.count {
      do throws(StorageError) {
        try readLabels(ofSorted: ids, to: &found, &cursor, in: view)
      } catch {
        try onDamage(ids[found.count], error)
        found.append(nil)
      }
    }
    return found
  }

  /// Appends the labels of the next of `ids`, at `found.count`, and of those
  /// behind it that are in the same block.
  private func readLabels(
    ofSorted ids: [SeriesID], to found: inout [Labels?], _ cursor: inout Cursor, in view: ReadView
  ) throws(StorageError) {
    let format = blocks.format
    let start = found.count
    guard
      try cursor.move(toOrBefore: format.prefix + format.sortKey(of: Entry(id: ids[start]))),
      cursor.key.starts(with: format.prefix)
    else {
      try cursor.requireSoundFrame()
      found.append(nil)
      return
    }
    let key = cursor.key
    var block = try openBlock(at: cursor)
    var isOnSeries = try advance(&block, under: key)
    var isNextChecked = false
    while found.count < ids.count {
      let id = ids[found.count]
      while isOnSeries, block.id < id { isOnSeries = try advance(&block, under: key) }
      if isOnSeries, block.id == id {
        found.append(try labels(of: block.entry, in: view))
        continue
      }
      // Behind the last series of this block another one has to be found.
      guard isOnSeries || found.count == start else { return }
      // What is not here may be in the next block, if that has a damaged key.
      if isNextChecked == false, try cursor.advance() { try cursor.requireSoundFrame() }
      isNextChecked = true
      found.append(nil)
    }
  }

  /// Calls `body` with every series, in the order of ids, and `onDamage` with
  /// what is wrong with a block or with the labels of one series.
  func forEach(
    in view: ReadView, onDamage: (StorageError) throws(StorageError) -> Void,
    _ body: (SeriesID, Labels) throws(StorageError) -> Void
  ) throws(StorageError) {
    try blocks.forEachBlock(in: view, onDamage: onDamage) { entries throws(StorageError) in
      for entry in entries {
        var found: Labels?
        do throws(StorageError) {
          found = try labels(of: entry, in: view)
        } catch {
          try onDamage(error)
        }
        if let found { try body(entry.id, found) }
      }
      return true
    }
  }

  private func labels(of entry: Entry, in view: ReadView) throws(StorageError) -> Labels {
    let bytes: [UInt8]
    if let inline = entry.encodedLabels {
      bytes = inline
    } else {
      bytes = try outsideLabels(of: entry.id, in: view)
    }
    guard let labels = Labels(encodedBytes: bytes) else {
      throw damage(of: entry.id, "labels are malformed")
    }
    return labels
  }

  private func outsideLabels(of id: SeriesID, in view: ReadView) throws(StorageError) -> [UInt8] {
    var bytes: [UInt8] = []
    for part in 0...UInt64(UInt16.max) {
      let key = SeriesTable.partKey(of: id, part: part)
      guard let value = try view.stored(key, in: table) else {
        throw damage(of: id, "part \(part) of the labels is missing")
      }
      do throws(BlockDamage) {
        var reader = BlockReader(try BlockFrame.open(value, format: 1, key: key.span))
        let isMore = try reader.byte()
        bytes.append(copying: try reader.span(count: reader.remainingCount))
        if isMore == 0 { return bytes }
      } catch {
        throw error.at(key.span, of: table.name)
      }
    }
    throw damage(of: id, "the labels have no end")
  }

  private func damage(of id: SeriesID, _ reason: String) -> StorageError {
    .corrupted(
      table: table.name, key: SeriesTable.partKey(of: id, part: 0),
      reason: "series \(id.rawValue): \(reason)")
  }

  private static func partKey(of id: SeriesID, part: UInt64) -> [UInt8] {
    var key: [UInt8] = [0]
    key.appendBigEndian(id.rawValue)
    key.appendBigEndian(part, byteCount: 2)
    return key
  }

  // MARK: Changing

  /// Adds series, sorted by id, until the budget is used up; returns the index
  /// of the first one left.
  func insert(
    _ series: ArraySlice<IndexedSeries>, in transaction: inout WriteTransaction,
    budget: inout Int
  ) throws(StorageError) -> Int {
    var index = series.startIndex
    while index < series.endIndex, budget > 0 {
      var group: [Entry] = []
      for one in series[index...].prefix(SeriesTable.groupCount) {
        let bytes = one.labels.encodedBytes
        let isInline = bytes.count <= SeriesTable.inlineByteLimit
        if isInline == false {
          budget -= try storeOutside(bytes, of: one.id, in: &transaction)
        }
        group.append(Entry(id: one.id, encodedLabels: isInline ? bytes : nil))
      }
      // A whole group is written, so that labels outside have their entry.
      var allowance = Int.max
      _ = try blocks.apply(group[...], in: &transaction, budget: &allowance) { _, entry in entry }
      budget -= Int.max - allowance
      index += group.count
    }
    return index
  }

  private func storeOutside(
    _ bytes: [UInt8], of id: SeriesID, in transaction: inout WriteTransaction
  ) throws(StorageError) -> Int {
    var written = 0
    var part: UInt64 = 0
    var start = 0
    while start < bytes.count {
      let end = min(start + SeriesTable.partByteCount, bytes.count)
      let key = SeriesTable.partKey(of: id, part: part)
      let body = [end < bytes.count ? 1 : 0] + bytes[start..<end]
      let value = BlockFrame.seal(body, format: 1, key: key)
      try transaction.store(value, under: key, in: table)
      written += key.count + value.count
      part += 1
      start = end
    }
    return written
  }

  /// Removes series, sorted by id.
  func remove(
    _ ids: [SeriesID], in transaction: inout WriteTransaction
  ) throws(StorageError) {
    let probes = ids.map { Entry(id: $0) }
    var outside: [SeriesID] = []
    var budget = Int.max
    _ = try blocks.apply(probes[...], in: &transaction, budget: &budget) { stored, _ in
      if let stored, stored.encodedLabels == nil { outside.append(stored.id) }
      return nil
    }
    for id in outside {
      var prefix: [UInt8] = [0]
      prefix.appendBigEndian(id.rawValue)
      _ = try transaction.erase(startingWith: prefix, from: table, limit: Int(UInt16.max) + 1)
    }
  }
}
