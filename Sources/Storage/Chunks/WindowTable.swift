import ChunkEncoding
import LMDB
import SeriesModel

/// What the `windows` table says about a window.
package struct WindowRow: Hashable, Sendable {
  /// The window.
  package var window: Window
  /// True when the window is being deleted and must not be read.
  package var isHidden = false
  /// The number of runs of chunks that were written to the window since it was
  /// merged.
  package var partCount: UInt32 = 0
  /// The window has no chunks of runs with lower numbers.
  package var firstPart: UInt32 = 0
  /// One more than the number of the window's last run.
  package var endPart: UInt32 = 0
  /// The runs below this number are being merged: their chunks of series below
  /// ``movedBelow`` are elsewhere. 0 when nothing is being merged.
  package var movingEndPart: UInt32 = 0
  /// The first series whose chunks have not been moved yet.
  package var movedBelow = SeriesID(0)
  /// The number of series that have a chunk in the window.
  package var seriesCount = 0
  /// The number of chunks.
  package var chunkCount = 0
  /// The number of samples, those of overlapping chunks counted each time.
  package var sampleCount = 0
  /// The first timestamp in milliseconds, inclusive.
  package var minTimestamp: Int64
  /// The last timestamp in milliseconds, inclusive.
  package var maxTimestamp: Int64
}

extension WindowRow {
  /// Stands for a row that can't be read: the window may have anything.
  init(unreadable window: Window) {
    self.init(
      window: window, endPart: .max, minTimestamp: window.startMilliseconds,
      maxTimestamp: window.lastMilliseconds)
  }

  /// Whether a merge has moved the chunks that a run has of a series.
  func isMoved(_ id: SeriesID, inPart part: UInt32) -> Bool {
    part < movingEndPart && id < movedBelow
  }

  /// The series of a list whose chunks in a run have not been moved.
  func remainingIDs(of list: PostingsList, inPart part: UInt32) -> [SeriesID] {
    guard part < movingEndPart else { return list.ids }
    return Array(list.ids[list.ids.firstIndex(notBefore: movedBelow, from: 0)...])
  }
}

/// What a write adds to a window.
struct WindowAddition {
  private(set) var chunkCount = 0
  private(set) var sampleCount = 0
  private(set) var minTimestamp = Int64.max
  private(set) var maxTimestamp = Int64.min
  /// Ascending.
  private(set) var ids: [SeriesID] = []

  mutating func add(_ description: ChunkDescription, of id: SeriesID) {
    chunkCount += 1
    sampleCount += description.sampleCount
    minTimestamp = min(minTimestamp, description.minTimestamp)
    maxTimestamp = max(maxTimestamp, description.maxTimestamp)
    if ids.last != id { ids.append(id) }
  }
}

/// The `windows` table: which windows there are and which series they hold.
///
/// Two kinds of keys:
/// - `0`, window start and length in 8 bytes each. Body: 1 byte, 1 when hidden
///   and else 0; number of parts, series, chunks, samples as LEB128; first and
///   last timestamp as 8 bytes each with the sign bit flipped; first part,
///   end of the parts, end of the parts being moved, first series not moved as
///   LEB128, which rows of format 1 lack.
/// - `1`, window start and length, first series id in 8 bytes: the series that
///   have a chunk in the window, as `SeriesIDBlocks` keeps them.
package struct WindowTable: Sendable {
  private static let rowFormat: UInt8 = 2

  private let table: Table

  /// The table of a store.
  package init(_ schema: Schema) {
    table = schema.windows
  }

  private func rowKey(_ window: Window) -> [UInt8] { [0] + window.keyBytes }

  private func series(of window: Window) -> SeriesIDBlocks {
    SeriesIDBlocks(prefix: [1] + window.keyBytes, in: table)
  }

  // MARK: Reading

  /// The row of a window, hidden or not; nil when there is none.
  package func row(of window: Window, in view: ReadView) throws(StorageError) -> WindowRow? {
    let key = rowKey(window)
    guard let value = try view.stored(key, in: table) else { return nil }
    return try decode(value, under: key.span)
  }

  /// The windows that have a sample time in the closed range, by start and
  /// length.
  ///
  /// - Parameter includesHidden: Whether windows that are being deleted count.
  package func rows(
    overlapping range: ClosedRange<Int64> = .min ... .max, includesHidden: Bool = false,
    in view: ReadView
  ) throws(StorageError) -> [WindowRow] {
    try rows(overlapping: range, includesHidden: includesHidden, in: view) {
      error, _ throws(StorageError) in throw error
    }
  }

  /// The same, but rows that can't be read are left out, and `onDamage` is
  /// called with what is wrong with each that may be in the range, and with
  /// its window unless the key is damaged too.
  func rows(
    overlapping range: ClosedRange<Int64> = .min ... .max, includesHidden: Bool = false,
    in view: ReadView, onDamage: (StorageError, Window?) throws(StorageError) -> Void
  ) throws(StorageError) -> [WindowRow] {
    let (earliest, isOverflow) =
      range.lowerBound.subtractingReportingOverflow(Window.largestLengthMilliseconds)
    var start: [UInt8] = [0]
    start.appendOrdered(isOverflow ? .min : earliest)
    var rows: [WindowRow] = []
    var cursor = try view.walk(table)
    var isOnRow = try cursor.move(toOrAfter: start)
    while isOnRow, cursor.key.starts(with: [0]) {
      var decoded: WindowRow?
      do throws(StorageError) {
        decoded = try decode(cursor.value, under: cursor.key)
      } catch {
        let window = WindowTable.readableWindow(ofRowKey: cursor.key)
        if window?.overlaps(range) ?? true { try onDamage(error, window) }
      }
      if let row = decoded {
        if row.window.startMilliseconds > range.upperBound { return rows }
        let isInRange =
          row.minTimestamp <= range.upperBound && row.maxTimestamp >= range.lowerBound
        if isInRange, includesHidden || row.isHidden == false { rows.append(row) }
      }
      isOnRow = try cursor.advance()
    }
    do throws(StorageError) {
      try cursor.requireSoundFrame()
    } catch {
      try onDamage(error, nil)
    }
    return rows
  }

  /// The series that have a chunk in the window.
  package func seriesIDs(
    of window: Window, in view: ReadView
  ) throws(StorageError) -> PostingsList {
    try series(of: window).ids(in: view)
  }

  /// The series that have a chunk in the window, as runs.
  package func seriesRuns(
    of window: Window, in view: ReadView
  ) throws(StorageError) -> SeriesRuns {
    try series(of: window).runs(in: view)
  }

  /// The series of the window, as far as their list can be read.
  func readableSeriesIDs(
    of window: Window, in view: ReadView
  ) throws(StorageError) -> PostingsList {
    try series(of: window).readableIDs(in: view)
  }

  private func decode(
    _ value: Span<UInt8>, under key: Span<UInt8>
  ) throws(StorageError) -> WindowRow {
    do throws(BlockDamage) {
      var reader = BlockReader(
        try BlockFrame.open(value, formats: 1...WindowTable.rowFormat, key: key))
      let window = try WindowTable.window(ofRowKey: key)
      let isHidden = try reader.byte() != 0
      let partCount = try reader.count(atMost: Int(UInt32.max))
      let seriesCount = try reader.count(atMost: Int.max)
      let chunkCount = try reader.count(atMost: Int.max)
      let sampleCount = try reader.count(atMost: Int.max)
      var row = WindowRow(
        window: window, isHidden: isHidden, partCount: UInt32(partCount),
        seriesCount: seriesCount, chunkCount: chunkCount, sampleCount: sampleCount,
        minTimestamp: Int64(orderedBits: try reader.bigEndian(byteCount: 8)),
        maxTimestamp: Int64(orderedBits: try reader.bigEndian(byteCount: 8)))
      guard value[0] > 1 else {
        // In this format runs are numbered from 0 in each window.
        row.endPart = row.partCount
        return row
      }
      row.firstPart = UInt32(try reader.count(atMost: Int(UInt32.max)))
      row.endPart = UInt32(try reader.count(atMost: Int(UInt32.max)))
      row.movingEndPart = UInt32(try reader.count(atMost: Int(row.endPart)))
      row.movedBelow = SeriesID(try reader.varint())
      return row
    } catch {
      throw error.at(key, of: table.name)
    }
  }

  private static func readableWindow(ofRowKey key: Span<UInt8>) -> Window? {
    do throws(BlockDamage) {
      return try window(ofRowKey: key)
    } catch {
      return nil
    }
  }

  private static func window(ofRowKey key: Span<UInt8>) throws(BlockDamage) -> Window {
    guard key.count == 17 else { throw BlockDamage("the key has a wrong size") }
    return try Window(keyBytes: key.extracting(1...))
  }

  // MARK: Changing

  /// Counts new chunks, and says whether the window takes any: one that is
  /// being deleted does not.
  func record(
    _ addition: WindowAddition, window: Window, part: UInt32,
    in transaction: inout WriteTransaction
  ) throws(StorageError) -> Bool {
    var row =
      try row(of: window, in: transaction.view)
      ?? WindowRow(
        window: window, firstPart: part, minTimestamp: addition.minTimestamp,
        maxTimestamp: addition.maxTimestamp)
    guard row.isHidden == false else { return false }
    var budget = Int.max
    if part >= row.endPart || part < row.firstPart { row.partCount += 1 }
    row.firstPart = min(row.firstPart, part)
    row.endPart = max(row.endPart, part + 1)
    row.seriesCount += try series(of: window).insert(
      addition.ids, in: &transaction, budget: &budget)
    row.chunkCount += addition.chunkCount
    row.sampleCount += addition.sampleCount
    row.minTimestamp = min(row.minTimestamp, addition.minTimestamp)
    row.maxTimestamp = max(row.maxTimestamp, addition.maxTimestamp)
    try store(row, in: &transaction)
    return true
  }

  /// Marks a window as being deleted: readers that begin later pass it over.
  ///
  /// Then delete its chunks with ``ChunkTable/deleteSome(of:limit:in:)`` and
  /// ``forget(_:in:)`` it, each in transactions of its own. Every step may be
  /// done again, so after a crash go on with every hidden window. A row that
  /// can't be read gets another in its place.
  package func hide(
    _ window: Window, in transaction: inout WriteTransaction
  ) throws(StorageError) {
    var hidden: WindowRow
    do throws(StorageError) {
      guard let row = try row(of: window, in: transaction.view) else { return }
      hidden = row
    } catch {
      guard case .corrupted = error else { throw error }
      hidden = WindowRow(unreadable: window)
    }
    hidden.isHidden = true
    try store(hidden, in: &transaction)
  }

  /// Removes the row of a window and its set of series; its chunks must be gone.
  package func forget(
    _ window: Window, in transaction: inout WriteTransaction
  ) throws(StorageError) {
    _ = try transaction.erase(
      startingWith: [1] + window.keyBytes, from: table, limit: Int.max)
    try transaction.erase(rowKey(window), from: table)
  }

  /// Replaces the set of series of a window.
  func setSeriesIDs(
    _ ids: [SeriesID], of window: Window, in transaction: inout WriteTransaction
  ) throws(StorageError) {
    _ = try transaction.erase(
      startingWith: [1] + window.keyBytes, from: table, limit: Int.max)
    var budget = Int.max
    try series(of: window).insert(ids, in: &transaction, budget: &budget)
  }

  /// Stores the row of a window.
  func store(
    _ row: WindowRow, in transaction: inout WriteTransaction
  ) throws(StorageError) {
    var body: [UInt8] = [row.isHidden ? 1 : 0]
    for number in [Int(row.partCount), row.seriesCount, row.chunkCount, row.sampleCount] {
      body.appendVarint(UInt64(number))
    }
    body.appendOrdered(row.minTimestamp)
    body.appendOrdered(row.maxTimestamp)
    for number in [row.firstPart, row.endPart, row.movingEndPart] {
      body.appendVarint(UInt64(number))
    }
    body.appendVarint(row.movedBelow.rawValue)
    let key = rowKey(row.window)
    try transaction.store(
      BlockFrame.seal(body, format: WindowTable.rowFormat, key: key), under: key, in: table)
  }
}
