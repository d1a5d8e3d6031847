import ChunkEncoding
import LMDB
import SeriesModel

/// The `chunks` table: blocks of the chunks of consecutive series.
///
/// Key: window start and length (8 bytes each), part (4), first series id (8),
/// ordinal (2 or 6). One part is what one seal or merge wrote to a window: within
/// it series ascend, and between two parts they overlap as they will. Parts are
/// numbered in the order in which they were begun, across all windows. A series
/// may have any number of chunks in a window; their times may overlap, and a
/// reader merges them: what has the higher part counts. The value is drawn at
/// `ChunkBlockEncoder`.
package struct ChunkTable: Sendable {
  private let schema: Schema
  let table: Table
  private let windows: WindowTable

  /// The table of a store.
  package init(_ schema: Schema) {
    self.schema = schema
    table = schema.chunks
    windows = WindowTable(schema)
  }

  // MARK: Writing

  /// Takes the number of a new part; no other part gets it.
  package func takePart(in transaction: inout WriteTransaction) throws(StorageError) -> UInt32 {
    var next = try schema.metaValue(.nextPart, in: transaction.view)
    if next == nil {
      // Format 1 numbers the parts of each window by themselves.
      let view = transaction.view
      var ends: [UInt32] = []
      let rows = try windows.rows(includesHidden: true, in: view) {
        error, window throws(StorageError) in
        guard case .corrupted = error else { throw error }
        // The keys of its chunks tell.
        if let window, let last = try parts(of: window, in: view).last { ends.append(last + 1) }
      }
      next = UInt64((ends + rows.map(\.endPart)).max() ?? 0)
    }
    guard let part = UInt32(exactly: next ?? 0), part < .max else {
      throw MetaKey.nextPart.damaged("out of range")
    }
    try schema.setMetaValue(.nextPart, to: UInt64(part) + 1, in: &transaction)
    return part
  }

  /// Writes what was added to `run`, and counts it in the window's row.
  ///
  /// More may be added afterwards. Nothing is written to a window that is being
  /// deleted. When the window's row or its list of series can't be read, the run
  /// keeps what was added; see ``WindowRecount/repair(_:in:)``.
  ///
  /// - Returns: The bytes written.
  @discardableResult
  package func write(
    _ run: inout ChunkRun, in transaction: inout WriteTransaction
  ) throws(StorageError) -> Int {
    run.finishBlocks()
    guard run.addition.chunkCount > 0,
      try windows.record(run.addition, window: run.window, part: run.part, in: &transaction)
    else {
      run.removeWritten()
      return 0
    }
    defer { run.removeWritten() }
    var byteCount = 0
    let isAppending = try isBehindLastKey(run.blocks[0].key, in: transaction.view)
    for block in run.blocks {
      try transaction.store(block.value, under: block.key, in: table, appending: isAppending)
      byteCount += block.key.count + block.value.count
    }
    return byteCount
  }

  private func isBehindLastKey(_ key: [UInt8], in view: ReadView) throws(StorageError) -> Bool {
    var cursor = try view.walk(table)
    guard try cursor.moveToLast() else { return true }
    return cursor.key.compareBytes(with: key.span) < 0
  }

  // MARK: Reading

  /// Calls `body` with the chunks of some series in a window that have a sample
  /// time in the closed range.
  ///
  /// Chunks of one series come in the order in which they were written, not in
  /// that of time; with several series, those of one part come before those of
  /// the next. A damaged block throws; a damaged chunk throws where `body` asks
  /// for its samples, and `body` may catch that and go on. Chunks that were moved
  /// to another window are passed over.
  ///
  /// - Complexity: A tree search for each part of the window and each gap in
  ///   the list of series, and a directory for each block.
  package func forEachChunk(
    of list: PostingsList, in row: WindowRow, overlapping range: ClosedRange<Int64>,
    view: ReadView, _ body: (StoredChunk) throws(StorageError) -> Void
  ) throws(StorageError) {
    try forEachChunk(
      of: list, in: row, overlapping: range, view: view,
      onDamage: { error throws(StorageError) in throw error }, body)
  }

  /// The same, but what is left of a damaged block, in which chunks of the
  /// series may be, is passed over, and `onDamage` is called with what is wrong
  /// with it or with what `body` threw.
  ///
  /// - Returns: The number of chunks that the series have in the window, also
  ///   those outside of the range; nil when the window is outside of it, and
  ///   none was looked for.
  @discardableResult
  func forEachChunk(
    of list: PostingsList, in row: WindowRow, overlapping range: ClosedRange<Int64>,
    view: ReadView, onDamage: (StorageError) throws(StorageError) -> Void,
    _ body: (StoredChunk) throws(StorageError) -> Void
  ) throws(StorageError) -> Int? {
    guard list.isEmpty == false, row.window.overlaps(range) else { return nil }
    var chunkCount = 0
    var cursor = try view.walk(table)
    var next = row.firstPart
    while let part = try nextPart(of: row.window, from: next, &cursor) {
      guard part < .max else { break }
      next = part + 1
      let ids = row.remainingIDs(of: list, inPart: part)
      guard ids.isEmpty == false else { continue }
      var scan = PartScan(ids: ids, window: row.window, part: part, range: range)
      var isOnBlock = try seekBlock(before: scan.wantedID, prefix: scan.prefix, &cursor)
      defer { chunkCount += scan.chunkCount }
      while isOnBlock, cursor.key.starts(with: scan.prefix) {
        do throws(StorageError) {
          let isPast = try scan.visit(
            value: cursor.value, under: cursor.key, table: table.name, body)
          if isPast { break }
        } catch {
          try onDamage(error)
        }
        isOnBlock = try cursor.advance()
        guard isOnBlock, cursor.key.starts(with: scan.prefix),
          try scan.isFarBefore(cursor.key, table: table.name)
        else { continue }
        let key = Array(copying: cursor.key)
        isOnBlock = try seekBlock(before: scan.wantedID, prefix: scan.prefix, &cursor)
        // With keys out of order a search would lead back for ever.
        guard isOnBlock, cursor.key.compareBytes(with: key.span) >= 0 else {
          throw BlockDamage("the keys are out of order").at(key.span, of: table.name)
        }
      }
      if scan.chunkCount == 0, cursor.isOnEntry {
        do throws(StorageError) {
          try requireSoundBlock(at: cursor)
        } catch {
          try onDamage(error)
        }
      }
    }
    return chunkCount
  }

  /// Checks the block behind the last that may have a series: with a damaged
  /// key it may be the one that was looked for.
  func requireSoundBlock(at cursor: borrowing Cursor) throws(StorageError) {
    do throws(BlockDamage) {
      try ChunkKey.requireSize(of: cursor.key)
      let window = try Window(keyBytes: cursor.key.extracting(0..<16))
      _ = try ChunkBlockDecoder(cursor.value, under: cursor.key, in: window)
    } catch {
      throw error.at(cursor.key, of: table.name)
    }
  }

  /// The parts of a window that have blocks, ascending.
  func parts(of window: Window, in view: ReadView) throws(StorageError) -> [UInt32] {
    var parts: [UInt32] = []
    var cursor = try view.walk(table)
    var next: UInt32 = 0
    while let part = try nextPart(of: window, from: next, &cursor), part < .max {
      parts.append(part)
      next = part + 1
    }
    return parts
  }

  /// The first part of a window with a number from `part` on.
  private func nextPart(
    of window: Window, from part: UInt32, _ cursor: inout Cursor
  ) throws(StorageError) -> UInt32? {
    guard try cursor.move(toOrAfter: ChunkKey.prefix(window: window, part: part)),
      cursor.key.starts(with: window.keyBytes)
    else { return nil }
    do throws(BlockDamage) {
      let found = try ChunkKey.part(of: cursor.key)
      guard found >= part else { throw BlockDamage("the keys are out of order") }
      return found
    } catch {
      throw error.at(cursor.key, of: table.name)
    }
  }

  /// Moves to the last block of a part that begins before the series `id`, or
  /// to the part's first block.
  func seekBlock(
    before id: SeriesID, prefix: [UInt8], _ cursor: inout Cursor
  ) throws(StorageError) -> Bool {
    var probe = prefix
    // With ordinal 0 of the series itself left out, the block in front, which
    // may hold its first chunks, is found.
    probe.appendBigEndian(id.rawValue)
    if try cursor.move(toOrBefore: probe), cursor.key.starts(with: prefix) { return true }
    return try cursor.move(toOrAfter: prefix)
  }

  /// Calls `body` with every chunk of a window, part by part.
  package func forEachChunk(
    in row: WindowRow, view: ReadView, _ body: (StoredChunk) throws(StorageError) -> Void
  ) throws(StorageError) {
    try forEachChunk(
      in: row, view: view, onDamage: { error throws(StorageError) in throw error }, body)
  }

  /// The same, but what is left of a damaged block is passed over, and
  /// `onDamage` is called with what is wrong with it or with what `body` threw.
  func forEachChunk(
    in row: WindowRow, view: ReadView, onDamage: (StorageError) throws(StorageError) -> Void,
    _ body: (StoredChunk) throws(StorageError) -> Void
  ) throws(StorageError) {
    let prefix = row.window.keyBytes
    var cursor = try view.walk(table)
    var isOnBlock = try cursor.move(toOrAfter: prefix)
    while isOnBlock, cursor.key.starts(with: prefix) {
      do throws(StorageError) {
        try ChunkTable.forEachEntry(
          of: cursor.value, under: cursor.key, window: row.window, table: table.name
        ) { chunk throws(StorageError) in
          if row.isMoved(chunk.id, inPart: chunk.part) == false { try body(chunk) }
          return true
        }
      } catch {
        try onDamage(error)
      }
      isOnBlock = try cursor.advance()
    }
  }

  /// Calls `body` with the chunks of a block until it returns false.
  fileprivate static func forEachEntry(
    of value: Span<UInt8>, under key: Span<UInt8>, window: Window, table: String,
    _ body: (StoredChunk) throws(StorageError) -> Bool
  ) throws(StorageError) {
    var decoder: ChunkBlockDecoder
    let part: UInt32
    do throws(BlockDamage) {
      part = try ChunkKey.part(of: key)
      decoder = try ChunkBlockDecoder(value, under: key, in: window)
    } catch {
      throw error.at(key, of: table)
    }
    while true {
      let entry: ChunkBlockDecoder.Entry?
      do throws(BlockDamage) {
        entry = try decoder.next()
      } catch {
        throw error.at(key, of: table)
      }
      guard let entry else { return }
      let chunk = StoredChunk(
        entry, content: decoder.contentBytes, key: key, part: part, table: table)
      guard try body(chunk) else { return }
    }
  }

  // MARK: Deleting

  /// Deletes the blocks of parts below `endPart` of a window that hold only
  /// series below `id`, but for the last one of each part, which may reach
  /// beyond.
  package func deleteBlocks(
    of window: Window, inPartsBelow endPart: UInt32, ofSeriesBelow id: SeriesID,
    in transaction: inout WriteTransaction
  ) throws(StorageError) {
    var doomed: [[UInt8]] = []
    do {
      var cursor = try transaction.view.walk(table)
      var part: UInt32 = 0
      while let found = try nextPart(of: window, from: part, &cursor), found < endPart {
        part = found + 1
        let prefix = ChunkKey.prefix(window: window, part: found)
        var key = Array(copying: cursor.key)
        while try cursor.advance(), cursor.key.starts(with: prefix) {
          let next = Array(copying: cursor.key)
          // What stands before a block ends at its first series or before.
          guard try firstID(of: next) < id else { break }
          doomed.append(key)
          key = next
        }
      }
    }
    for key in doomed { try transaction.erase(key, from: table) }
  }

  private func firstID(of key: [UInt8]) throws(StorageError) -> SeriesID {
    do throws(BlockDamage) {
      return try ChunkKey.firstID(of: key.span)
    } catch {
      throw error.at(key.span, of: table.name)
    }
  }

  /// Deletes blocks of parts below `endPart` of a window, at most `limit`, and
  /// says whether none is left.
  package func deleteSome(
    of window: Window, inPartsBelow endPart: UInt32, limit: Int = 1000,
    in transaction: inout WriteTransaction
  ) throws(StorageError) -> Bool {
    let start = ChunkKey.prefix(window: window, part: 0)
    let end = ChunkKey.prefix(window: window, part: endPart)
    do throws(LMDBError) {
      return try transaction.deleteEntries(
        from: start.span, upTo: end.span, in: table, limit: limit) < limit
    } catch {
      throw StorageError(error)
    }
  }

  /// Deletes blocks of a window, at most `limit`, and says whether none is
  /// left.
  package func deleteSome(
    of window: Window, limit: Int = 1000, in transaction: inout WriteTransaction
  ) throws(StorageError) -> Bool {
    try transaction.erase(startingWith: window.keyBytes, from: table, limit: limit) < limit
  }
}

/// Finds the wanted chunks in the blocks of one part.
private struct PartScan {
  let ids: [SeriesID]
  let window: Window
  let range: ClosedRange<Int64>
  let prefix: [UInt8]
  /// The wanted chunks that were visited, whatever their time.
  private(set) var chunkCount = 0
  private var index = 0
  /// The last series of the block just visited, and how many ids it spans.
  private var visited = (lastID: UInt64(0), span: UInt64(0))

  init(ids: [SeriesID], window: Window, part: UInt32, range: ClosedRange<Int64>) {
    self.ids = ids
    self.window = window
    self.range = range
    prefix = ChunkKey.prefix(window: window, part: part)
  }

  /// The first series whose chunks may not all have been visited.
  var wantedID: SeriesID { ids[index] }

  /// Whether the next wanted series is so far beyond the block under `key` that
  /// a search is likely to be faster than a walk.
  func isFarBefore(_ key: Span<UInt8>, table: String) throws(StorageError) -> Bool {
    let firstID = try firstID(of: key, table: table)
    let distant = visited.lastID &+ 4 &* (visited.span &+ 1)
    return firstID < wantedID && wantedID.rawValue > distant
  }

  private func firstID(of key: Span<UInt8>, table: String) throws(StorageError) -> SeriesID {
    do throws(BlockDamage) {
      return try ChunkKey.firstID(of: key)
    } catch {
      throw error.at(key, of: table)
    }
  }

  /// Visits one block, and says whether no wanted chunk can follow.
  mutating func visit(
    value: Span<UInt8>, under key: Span<UInt8>, table: String,
    _ body: (StoredChunk) throws(StorageError) -> Void
  ) throws(StorageError) -> Bool {
    let firstID = try firstID(of: key, table: table)
    index = ids.firstIndex(notBefore: firstID, from: index)
    if index == ids.count { return true }
    var lastID = firstID
    try ChunkTable.forEachEntry(of: value, under: key, window: window, table: table) {
      chunk throws(StorageError) in
      lastID = chunk.id
      index = ids.firstIndex(notBefore: chunk.id, from: index)
      guard index < ids.count else { return false }
      guard ids[index] == chunk.id else { return true }
      chunkCount += 1
      let description = chunk.description
      if description.minTimestamp <= range.upperBound,
        description.maxTimestamp >= range.lowerBound
      {
        try body(chunk)
      }
      return true
    }
    visited = (lastID.rawValue, lastID.rawValue - firstID.rawValue)
    return index == ids.count
  }
}
