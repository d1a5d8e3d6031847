import LMDB
import SeriesModel

/// The `fingerprints` table: which series may have a given label hash.
///
/// Only the upper 40 bits of a hash are kept: a reader compares the whole label
/// set anyway, and one lookup in a million meets a stranger at a million
/// series.
///
/// Key: the first fingerprint in 5 bytes, its id in 8. A block holds at most
/// 128 entries, sorted by fingerprint and id. Body, for each entry: fingerprint
/// minus the one before (the first one counts from the key's), id; both LEB128.
struct FingerprintTable {
  struct Entry: Equatable {
    /// The upper 40 bits of the hash.
    var fingerprint: UInt64
    var id: SeriesID

    init(fingerprint: UInt64, id: SeriesID) {
      self.fingerprint = fingerprint
      self.id = id
    }

    init(hash: UInt64, id: SeriesID) {
      self.init(fingerprint: hash >> 24, id: id)
    }
  }

  private let blocks: SortedBlocks<FingerprintBlockFormat>

  init(_ table: Table) {
    blocks = SortedBlocks(format: FingerprintBlockFormat(), table: table)
  }

  /// The series whose label hash may be `hash`.
  func candidates(for hash: UInt64, in view: ReadView) throws(StorageError) -> [SeriesID] {
    let first = Entry(hash: hash, id: SeriesID(0))
    var ids: [SeriesID] = []
    var cursor = try view.walk(blocks.table)
    let format = blocks.format
    var isOnBlock = try cursor.move(toOrBefore: format.sortKey(of: first))
    if isOnBlock == false { isOnBlock = try cursor.move(toOrAfter: format.sortKey(of: first)) }
    var isPast = false
    while isOnBlock, isPast == false {
      do throws(BlockDamage) {
        let body = try BlockFrame.open(
          cursor.value, format: format.formatByte, key: cursor.key)
        try format.forEachEntry(in: body, keySuffix: cursor.key) { entry in
          if entry.fingerprint == first.fingerprint { ids.append(entry.id) }
          isPast = entry.fingerprint > first.fingerprint
          return isPast == false
        }
      } catch {
        throw error.at(cursor.key, of: blocks.table.name)
      }
      isOnBlock = try cursor.advance()
    }
    return ids
  }

  /// Adds entries, sorted, until the budget is used up; returns the index of
  /// the first one left.
  func insert(
    _ entries: ArraySlice<Entry>, in transaction: inout WriteTransaction, budget: inout Int
  ) throws(StorageError) -> Int {
    try blocks.apply(entries, in: &transaction, budget: &budget) { _, entry in entry }
  }

  /// Removes entries, sorted.
  func remove(
    _ entries: [Entry], in transaction: inout WriteTransaction
  ) throws(StorageError) {
    var budget = Int.max
    _ = try blocks.apply(entries[...], in: &transaction, budget: &budget) { _, _ in nil }
  }
}

/// The blocks of ``FingerprintTable``.
struct FingerprintBlockFormat: BlockFormat {
  typealias Entry = FingerprintTable.Entry

  let prefix: [UInt8] = []
  let formatByte: UInt8 = 1
  let entryLimit = 128
  let byteLimit = BlockFrame.halfPageByteCount

  func sortKey(of entry: Entry) -> [UInt8] {
    var key: [UInt8] = []
    key.appendBigEndian(entry.fingerprint, byteCount: 5)
    key.appendBigEndian(entry.id.rawValue)
    return key
  }

  func precedes(_ first: Entry, _ second: Entry) -> Bool {
    (first.fingerprint, first.id) < (second.fingerprint, second.id)
  }

  func encode(_ entry: Entry, after previous: Entry?, to body: inout [UInt8]) {
    body.appendVarint(entry.fingerprint - (previous ?? entry).fingerprint)
    body.appendVarint(entry.id.rawValue)
  }

  func decode(_ body: Span<UInt8>, keySuffix: Span<UInt8>) throws(BlockDamage) -> [Entry] {
    var entries: [Entry] = []
    try forEachEntry(in: body, keySuffix: keySuffix) { entry in
      entries.append(entry)
      return true
    }
    return entries
  }

  /// Calls `visit` with the entries of a block until it returns false.
  func forEachEntry(
    in body: Span<UInt8>, keySuffix: Span<UInt8>, _ visit: (Entry) -> Bool
  ) throws(BlockDamage) {
    guard keySuffix.count == 13 else { throw BlockDamage("the key has a wrong size") }
    var key = BlockReader(keySuffix)
    var fingerprint = try key.bigEndian(byteCount: 5)
    var reader = BlockReader(body)
    while reader.isAtEnd == false {
      let gap = try reader.varint()
      guard gap < 1 << 40 else { throw BlockDamage("a fingerprint is too large") }
      fingerprint += gap
      let id = SeriesID(try reader.varint())
      guard visit(Entry(fingerprint: fingerprint, id: id)) else { return }
    }
  }
}
