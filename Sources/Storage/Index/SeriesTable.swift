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
    var found: Entry?
    do throws(BlockDamage) {
      let body = try BlockFrame.open(cursor.value, format: format.formatByte, key: cursor.key)
      let suffix = cursor.key.extracting(format.prefix.count...)
      try format.forEachEntry(in: body, keySuffix: suffix) { entry in
        if entry.id == id { found = entry }
        return entry.id < id
      }
    } catch {
      throw error.at(cursor.key, of: table.name)
    }
    guard let found else { return nil }
    return try labels(of: found, in: view)
  }

  /// The last series of the table, or nil when it has none.
  func lastID(in view: ReadView) throws(StorageError) -> SeriesID? {
    let prefix = blocks.format.prefix
    var cursor = try view.walk(table)
    guard try cursor.move(toOrBefore: prefix.followingPrefix), cursor.key.starts(with: prefix)
    else { return nil }
    return try blocks.format.entries(of: cursor.value, under: cursor.key, in: table).last?.id
  }

  /// The labels of each of the series, which ascend, where it is in the table.
  ///
  /// Each block is decoded once. Where labels can't be read they are nil, and
  /// `onDamage` is called.
  func labels(
    ofSorted ids: [SeriesID], in view: ReadView,
    onDamage: (SeriesID, StorageError) throws(StorageError) -> Void
  ) throws(StorageError) -> [Labels?] {
    var found: [Labels?] = []
    found.reserveCapacity(ids.count)
    var entries: [Entry] = []
    var index = 0
    for id in ids {
      do throws(StorageError) {
        if entries.last.map({ $0.id < id }) ?? true {
          entries = []
          entries = try blocks.entries(around: Entry(id: id), in: view)
          index = 0
        }
        while index < entries.count, entries[index].id < id { index += 1 }
        let isFound = index < entries.count && entries[index].id == id
        found.append(isFound ? try labels(of: entries[index], in: view) : nil)
      } catch {
        try onDamage(id, error)
        found.append(nil)
      }
    }
    return found
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
