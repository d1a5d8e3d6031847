import LMDB
import SeriesModel

/// The `tombstones` table: what was deleted and may still be in `chunks`.
///
/// Two kinds of keys, both with the number of a deletion in 8 bytes:
/// - `0`, number, window start and length in 8 bytes each: what the deletion
///   covers in the window. Body: first and last moment deleted, inclusive, as
///   8 bytes each with the sign bit flipped; the number of parts that it
///   covers as LEB128.
/// - `1`, number, first series id in 8 bytes: the series, as `SeriesIDBlocks`
///   keeps them.
///
/// A deletion is there as long as it covers a window. Each change of the table
/// counts in the `meta` table, so that a reader knows whether what it read
/// before is still so, and the count gives the next deletion its number.
package struct TombstoneTable: Sendable {
  private let schema: Schema
  private var table: Table { schema.tombstones }

  /// The table of a store.
  package init(_ schema: Schema) {
    self.schema = schema
  }

  private static func key(number: UInt64, window: Window) -> [UInt8] {
    windowsPrefix(number) + window.keyBytes
  }

  private static func windowsPrefix(_ number: UInt64) -> [UInt8] {
    var key: [UInt8] = [0]
    key.appendBigEndian(number)
    return key
  }

  private func series(of number: UInt64) -> SeriesIDBlocks {
    var prefix: [UInt8] = [1]
    prefix.appendBigEndian(number)
    return SeriesIDBlocks(prefix: prefix, in: table)
  }

  // MARK: Reading

  /// The number of changes that the table ever had; 0 while it never had any.
  package func changeCount(in view: ReadView) throws(StorageError) -> UInt64 {
    try schema.metaValue(.tombstoneChanges, in: view) ?? 0
  }

  /// Everything that is deleted.
  package func tombstones(in view: ReadView) throws(StorageError) -> Tombstones {
    var tombstones = Tombstones()
    var idsByNumber: [UInt64: PostingsList] = [:]
    try forEachRow(in: view) { row throws(StorageError) in
      let known = idsByNumber[row.number]
      let ids = if let known { known } else { try seriesIDs(of: row.number, in: view) }
      idsByNumber[row.number] = ids
      tombstones.add(
        Tombstones.Cover(
          number: row.number, range: row.range, partBound: row.partBound, ids: ids),
        to: row.window)
    }
    return tombstones
  }

  /// What a deletion covers in one window.
  struct Row {
    var number: UInt64
    var window: Window
    var range: ClosedRange<Int64>
    var partBound: UInt32
  }

  /// Calls `body` with each row, by number and window.
  func forEachRow(
    in view: ReadView, _ body: (Row) throws(StorageError) -> Void
  ) throws(StorageError) {
    try forEachRow(in: view, onDamage: { error throws(StorageError) in throw error }, body)
  }

  /// Calls `body` with each row that can be read, and `onDamage` with what is
  /// wrong with each of the others.
  func forEachRow(
    in view: ReadView, onDamage: (StorageError) throws(StorageError) -> Void,
    _ body: (Row) throws(StorageError) -> Void
  ) throws(StorageError) {
    var cursor = try view.walk(table)
    var isOnRow = try cursor.move(toOrAfter: [0])
    while isOnRow, cursor.key.starts(with: [0]) {
      var row: Row?
      do throws(BlockDamage) {
        row = try TombstoneTable.decode(cursor.value, under: cursor.key)
      } catch {
        try onDamage(error.at(cursor.key, of: table.name))
      }
      if let row { try body(row) }
      isOnRow = try cursor.advance()
    }
  }

  func seriesIDs(of number: UInt64, in view: ReadView) throws(StorageError) -> PostingsList {
    let ids = try series(of: number).ids(in: view)
    guard ids.isEmpty == false else {
      throw BlockDamage("deletion \(number) has no series")
        .at(TombstoneTable.windowsPrefix(number).span, of: table.name)
    }
    return ids
  }

  private static func decode(
    _ value: Span<UInt8>, under key: Span<UInt8>
  ) throws(BlockDamage) -> Row {
    guard key.count == 25 else { throw BlockDamage("the key has a wrong size") }
    var keyReader = BlockReader(key.extracting(1..<9))
    let number = try keyReader.bigEndian(byteCount: 8)
    let window = try Window(keyBytes: key.extracting(9...))
    var reader = BlockReader(try BlockFrame.open(value, format: 1, key: key))
    let start = Int64(orderedBits: try reader.bigEndian(byteCount: 8))
    let end = Int64(orderedBits: try reader.bigEndian(byteCount: 8))
    guard start <= end else { throw BlockDamage("the time range is reversed") }
    let partBound = UInt32(try reader.count(atMost: Int(UInt32.max)))
    return Row(number: number, window: window, range: start...end, partBound: partBound)
  }

  // MARK: Changing

  /// Deletes the samples that some series have in a closed range of time.
  ///
  /// - Parameters:
  ///   - ids: Not empty.
  ///   - windows: For each window, how many of its parts are covered.
  func insert(
    _ ids: PostingsList, range: ClosedRange<Int64>, windows: [(window: Window, partBound: UInt32)],
    in transaction: inout WriteTransaction
  ) throws(StorageError) {
    precondition(ids.isEmpty == false, "a deletion has series")
    let number = try countChange(in: &transaction)
    for (window, partBound) in windows {
      var body: [UInt8] = []
      body.appendOrdered(range.lowerBound)
      body.appendOrdered(range.upperBound)
      body.appendVarint(UInt64(partBound))
      let key = TombstoneTable.key(number: number, window: window)
      try transaction.store(BlockFrame.seal(body, format: 1, key: key), under: key, in: table)
    }
    var budget = Int.max
    try series(of: number).insert(ids.ids, in: &transaction, budget: &budget)
  }

  /// Takes a window out of the deletions that cover only parts below
  /// `firstPart`, once these were written anew without what was deleted, or are
  /// gone.
  ///
  /// A deletion that covers no window any more is removed.
  ///
  /// - Returns: Whether a deletion was taken out.
  @discardableResult
  package func drop(
    _ window: Window, inPartsBelow firstPart: UInt32 = .max,
    in transaction: inout WriteTransaction
  ) throws(StorageError) -> Bool {
    var numbers: [UInt64] = []
    try forEachRow(
      in: transaction.view,
      onDamage: { error throws(StorageError) in
        // Nothing is known of such a row: it stays for people to look at.
        guard case .corrupted = error else { throw error }
      },
      { row throws(StorageError) in
        if row.window == window, row.partBound <= firstPart { numbers.append(row.number) }
      })
    guard numbers.isEmpty == false else { return false }
    for number in numbers {
      try transaction.erase(TombstoneTable.key(number: number, window: window), from: table)
      let isInUse = try hasWindow(number, in: transaction.view)
      if isInUse == false {
        var prefix: [UInt8] = [1]
        prefix.appendBigEndian(number)
        _ = try transaction.erase(startingWith: prefix, from: table, limit: Int.max)
      }
    }
    _ = try countChange(in: &transaction)
    return true
  }

  private func hasWindow(_ number: UInt64, in view: ReadView) throws(StorageError) -> Bool {
    let prefix = TombstoneTable.windowsPrefix(number)
    var cursor = try view.walk(table)
    guard try cursor.move(toOrAfter: prefix) else { return false }
    return cursor.key.starts(with: prefix)
  }

  private func countChange(
    in transaction: inout WriteTransaction
  ) throws(StorageError) -> UInt64 {
    let count = try changeCount(in: transaction.view) + 1
    try schema.setMetaValue(.tombstoneChanges, to: count, in: &transaction)
    return count
  }
}

extension MetaKey where Value == UInt64 {
  /// How often the `tombstones` table was changed.
  static var tombstoneChanges: Self { MetaKey(name: "tombstoneChanges") }
}
