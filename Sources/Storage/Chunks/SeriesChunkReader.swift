import ChunkEncoding
import LMDB
import SeriesModel

/// Reads the chunks of one series after the other from a window, and remembers
/// the directories of the blocks through which it came.
///
/// The series of a query are read in the order of their labels, that of a block
/// is the order of ids: the series of a few blocks are asked for in turn, and
/// each block again and again. For one snapshot, in which blocks do not change.
struct SeriesChunkReader {
  /// The blocks of a part that are remembered at most; more are not likely to be
  /// asked for in turn.
  private static let largestKeptBlockCount = 64
  /// The blocks that all readers of a query remember, about.
  private static let keptBlockBudget = 1024

  /// What is remembered of a block.
  private struct Block {
    var key: [UInt8]
    /// The series that have all their chunks of the part in the block.
    var wholeIDs: Range<UInt64>
    /// Where the content behind the directory begins in the value.
    var contentOffset: Int
    var valueByteCount: Int
    var entries: [ChunkBlockDecoder.Entry]
  }

  private struct Part {
    var number: UInt32
    var blocks: [Block] = []
    /// The block that makes room for the next one.
    var oldest = 0

    func block(of id: SeriesID) -> Int? {
      blocks.firstIndex { $0.wholeIDs.contains(id.rawValue) }
    }

    mutating func keep(_ block: Block, limit: Int) -> Int {
      guard blocks.count == limit else {
        blocks.append(block)
        return blocks.count - 1
      }
      defer { oldest = (oldest + 1) % blocks.count }
      blocks[oldest] = block
      return oldest
    }
  }

  private let table: ChunkTable
  private let row: WindowRow
  private let keptBlockCount: Int
  private var parts: [Part] = []
  private var isPrepared = false

  /// Prepares for reading one window.
  ///
  /// - Parameter partCount: The parts of all windows that are read with it, which
  ///   share the memory.
  init(_ table: ChunkTable, row: WindowRow, partCount: Int) {
    self.table = table
    self.row = row
    keptBlockCount = min(
      SeriesChunkReader.largestKeptBlockCount,
      max(4, SeriesChunkReader.keptBlockBudget / max(1, partCount)))
  }

  /// Calls `body` with the chunks of a series, as
  /// ``ChunkTable/forEachChunk(of:in:overlapping:view:onDamage:_:)`` does.
  ///
  /// - Parameter view: Always of the same snapshot.
  mutating func forEachChunk(
    of id: SeriesID, overlapping range: ClosedRange<Int64>, view: ReadView,
    onDamage: (StorageError) throws(StorageError) -> Void,
    _ body: (StoredChunk) throws(StorageError) -> Void
  ) throws(StorageError) -> Int? {
    guard row.window.overlaps(range) else { return nil }
    guard let places = try findBlocks(of: id, view: view) else {
      // A series with chunks in several blocks, or damage.
      return try table.forEachChunk(
        of: PostingsList(sorted: [id]), in: row, overlapping: range, view: view,
        onDamage: onDamage, body)
    }
    var chunkCount = 0
    for (part, place) in places {
      let block = parts[part].blocks[place]
      guard block.entries.contains(where: { $0.id == id }) else { continue }
      do throws(StorageError) {
        try visit(
          block, part: parts[part].number, id: id, overlapping: range, view: view,
          counting: &chunkCount, body)
      } catch {
        try onDamage(error)
      }
    }
    return chunkCount
  }

  private func visit(
    _ block: Block, part: UInt32, id: SeriesID, overlapping range: ClosedRange<Int64>,
    view: ReadView, counting chunkCount: inout Int,
    _ body: (StoredChunk) throws(StorageError) -> Void
  ) throws(StorageError) {
    var cursor = try view.walk(table.table)
    // The blocks of a snapshot stay, unless the disk gives other bytes.
    guard try cursor.move(toOrAfter: block.key),
      cursor.key.compareBytes(with: block.key.span) == 0,
      cursor.value.count == block.valueByteCount
    else {
      throw BlockDamage("the block has changed").at(block.key.span, of: table.table.name)
    }
    let value = cursor.value
    for entry in block.entries where entry.id == id {
      chunkCount += 1
      let description = entry.description
      guard description.minTimestamp <= range.upperBound,
        description.maxTimestamp >= range.lowerBound
      else { continue }
      try body(
        StoredChunk(
          entry, content: value.extracting(block.contentOffset...), key: cursor.key, part: part,
          table: table.table.name))
    }
  }

  // MARK: Finding blocks

  /// The block of each part that has all chunks of a series there, or would have
  /// them; nil when there is no such block in one of the parts.
  private mutating func findBlocks(
    of id: SeriesID, view: ReadView
  ) throws(StorageError) -> [(part: Int, block: Int)]? {
    if isPrepared == false {
      parts = try table.parts(of: row.window, in: view).map { Part(number: $0) }
      isPrepared = true
    }
    var found: [(part: Int, block: Int)] = []
    for index in parts.indices where row.isMoved(id, inPart: parts[index].number) == false {
      if let known = parts[index].block(of: id) {
        found.append((index, known))
      } else if let block = try loadBlock(of: id, inPart: parts[index].number, view: view) {
        found.append((index, parts[index].keep(block, limit: keptBlockCount)))
      } else {
        return nil
      }
    }
    return found
  }

  private func loadBlock(
    of id: SeriesID, inPart part: UInt32, view: ReadView
  ) throws(StorageError) -> Block? {
    let prefix = ChunkKey.prefix(window: row.window, part: part)
    var cursor = try view.walk(table.table)
    guard try table.seekBlock(before: id, prefix: prefix, &cursor) else { return nil }
    do throws(BlockDamage) {
      // Of the first series the block in front may have chunks, unless it is the
      // part's first block.
      let firstID = try ChunkKey.firstID(of: cursor.key).rawValue
      var lower = firstID >= id.rawValue ? 0 : firstID + 1
      while true {
        guard let block = try readBlock(from: lower, prefix: prefix, &cursor) else { return nil }
        if block.wholeIDs.contains(id.rawValue) { return block }
        guard cursor.isOnEntry, cursor.key.starts(with: prefix) else { return nil }
        let nextID = try ChunkKey.firstID(of: cursor.key).rawValue
        // What the last series has in the next block, too, is in neither as a whole.
        guard nextID <= id.rawValue, let lastID = block.entries.last?.id.rawValue else {
          return nil
        }
        lower = lastID < nextID ? nextID : nextID + 1
      }
    } catch {
      return nil
    }
  }

  /// Reads the directory under the cursor, which moves on.
  private func readBlock(
    from lower: UInt64, prefix: [UInt8], _ cursor: inout Cursor
  ) throws(BlockDamage) -> Block? {
    let key = Array(copying: cursor.key)
    var decoder = try ChunkBlockDecoder(cursor.value, under: cursor.key, in: row.window)
    var entries: [ChunkBlockDecoder.Entry] = []
    while let entry = try decoder.next() { entries.append(entry) }
    guard let lastID = entries.last?.id.rawValue else { return nil }
    let valueByteCount = cursor.value.count
    let contentOffset = valueByteCount - decoder.contentBytes.count
    var isLast = true
    do throws(StorageError) {
      if try cursor.advance() {
        // With a damaged key it may hold series that this block seems to lack.
        try table.requireSoundBlock(at: cursor)
        isLast = cursor.key.starts(with: prefix) == false
      }
    } catch {
      return nil
    }
    let upper = isLast ? UInt64.max : try ChunkKey.firstID(of: cursor.key).rawValue
    guard lower <= upper, lastID <= upper else { return nil }
    return Block(
      key: key, wholeIDs: lower..<upper, contentOffset: contentOffset,
      valueByteCount: valueByteCount, entries: entries)
  }
}
