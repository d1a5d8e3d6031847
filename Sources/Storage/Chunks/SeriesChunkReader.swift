import ChunkEncoding
import LMDB
import SeriesModel

/// Finds the chunks of one series after the other in a window.
///
/// Of each part the directories of a few blocks are remembered, those around the
/// series found last: series that are asked for in ascending order cost one look
/// at each block. For one snapshot, in which blocks do not change.
struct SeriesChunkReader {
  /// The blocks that are read at a time where series are asked for in turn.
  private static let largestReadAhead = 8

  /// A chunk that was found, and where.
  struct Place {
    var entry: ChunkBlockDecoder.Entry
    var part: UInt32
    var block: EntryPlace
    /// Where the content behind the directory begins in the block.
    var contentOffset: Int
  }

  fileprivate struct Part {
    let number: UInt32
    /// The chunks of consecutive blocks, ascending by series.
    var places: [Place] = []
    /// The series of which all chunks of the part are in `places`.
    var wholeIDs: Range<UInt64> = 0..<0
    /// Before it are series below the one found last.
    var index = 0
    /// The blocks that were read last.
    var readAhead = 1

    /// Moves `index` to the first chunk of a series, or of those behind it.
    mutating func move(to id: SeriesID) {
      if index > 0, places[index - 1].entry.id >= id { index = 0 }
      while index < places.count, places[index].entry.id < id { index += 1 }
    }

    /// Whether a series is likely to be in the blocks behind those in `places`.
    func isClose(_ id: SeriesID) -> Bool {
      guard let first = places.first?.entry.id.rawValue, let last = places.last?.entry.id.rawValue
      else { return false }
      return id.rawValue >= last && id.rawValue - last <= last - first + 1
    }
  }

  private let table: ChunkTable
  private let row: WindowRow
  private var parts: [Part] = []
  private var isPrepared = false

  /// Prepares for reading one window.
  init(_ table: ChunkTable, row: WindowRow) {
    self.table = table
    self.row = row
  }

  /// Appends the chunks of a series that have a sample time in the closed range
  /// to `list`, in the order in which they were written.
  ///
  /// - Parameter view: Always of the same snapshot.
  /// - Returns: The number of chunks that the series has in the window, also those
  ///   outside of the range; nil when damage is in the way, for which see
  ///   ``ChunkTable/forEachChunk(of:in:overlapping:view:onDamage:_:)``.
  mutating func find(
    _ id: SeriesID, overlapping range: ClosedRange<Int64>, in view: ReadView,
    appendingTo list: inout [Place]
  ) throws(StorageError) -> Int? {
    if isPrepared == false {
      parts = try table.parts(of: row.window, in: view).map { Part(number: $0) }
      isPrepared = true
    }
    var count = 0
    for index in parts.indices where row.isMoved(id, inPart: parts[index].number) == false {
      if parts[index].wholeIDs.contains(id.rawValue) == false {
        // Of the reader nothing else is held meanwhile: that would copy the places.
        guard try parts[index].load(around: id, window: row.window, from: table, in: view)
        else { return nil }
      }
      parts[index].move(to: id)
      var next = parts[index].index
      while next < parts[index].places.count, parts[index].places[next].entry.id == id {
        let description = parts[index].places[next].entry.description
        if description.minTimestamp <= range.upperBound,
          description.maxTimestamp >= range.lowerBound
        {
          list.append(parts[index].places[next])
        }
        next += 1
        count += 1
      }
    }
    return count
  }
}

extension SeriesChunkReader.Part {
  /// Reads the directories of the blocks that may have chunks of a series, and
  /// of some behind them.
  ///
  /// - Returns: False when damage is in the way.
  mutating func load(
    around id: SeriesID, window: Window, from table: ChunkTable, in view: ReadView
  ) throws(StorageError) -> Bool {
    readAhead =
      isClose(id) ? min(SeriesChunkReader.largestReadAhead, readAhead * 2) : 1
    places.removeAll(keepingCapacity: true)
    wholeIDs = 0..<0
    index = 0
    let prefix = ChunkKey.prefix(window: window, part: number)
    var cursor = try view.walk(table.table)
    guard try table.seekBlock(before: id, prefix: prefix, &cursor) else { return false }
    do throws(BlockDamage) {
      // Of the first series the block in front may have chunks, unless it is the
      // part's first block.
      let firstID = try ChunkKey.firstID(of: cursor.key).rawValue
      let lower = firstID >= id.rawValue ? 0 : firstID + 1
      var blockCount = 0
      while true {
        try append(blockUnder: cursor, of: view, window: window)
        blockCount += 1
        guard moveOn(&cursor, in: table) else { return false }
        guard cursor.isOnEntry, cursor.key.starts(with: prefix) else {
          wholeIDs = lower..<UInt64.max
          return true
        }
        let nextID = try ChunkKey.firstID(of: cursor.key).rawValue
        guard let lastID = places.last?.entry.id.rawValue, lastID <= nextID, lower <= nextID
        else { return false }
        // What the next block begins with may have chunks in both.
        wholeIDs = lower..<nextID
        if nextID > id.rawValue, blockCount >= readAhead { return true }
      }
    } catch {
      return wholeIDs.contains(id.rawValue)
    }
  }

  /// Moves to the next block, or behind the last one; false when that, with a
  /// damaged key, may hold series that the blocks so far seem to lack.
  private func moveOn(_ cursor: inout Cursor, in table: ChunkTable) -> Bool {
    do throws(StorageError) {
      if try cursor.advance() { try table.requireSoundBlock(at: cursor) }
      return true
    } catch {
      return false
    }
  }

  private mutating func append(
    blockUnder cursor: borrowing Cursor, of view: ReadView, window: Window
  ) throws(BlockDamage) {
    let place = view.place(of: cursor)
    let start = places.count
    var decoder = try ChunkBlockDecoder(cursor.value, under: cursor.key, in: window)
    let contentOffset = cursor.value.count - decoder.contentBytes.count
    do throws(BlockDamage) {
      while let entry = try decoder.next() {
        places.append(
          SeriesChunkReader.Place(
            entry: entry, part: number, block: place, contentOffset: contentOffset))
      }
    } catch {
      places.removeSubrange(start...)
      throw error
    }
  }
}

extension StoredChunk {
  /// The chunk at a place that a reader of the view's transaction found.
  @_lifetime(copy view)
  init(_ place: SeriesChunkReader.Place, in view: ReadView, table: Table) {
    self.init(
      place.entry, content: view.value(at: place.block).extracting(place.contentOffset...),
      key: view.key(at: place.block), part: place.part, table: table.name)
  }
}
