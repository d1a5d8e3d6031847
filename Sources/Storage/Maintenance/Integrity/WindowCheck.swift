import ChunkEncoding
import LMDB
import SeriesModel

/// Checks `windows` and decodes every chunk of `chunks`.
struct WindowCheck {
  let contents: StoreContents
  /// Every series, ascending.
  let series: PostingsList

  func run(in view: ReadView, report: inout IntegrityReport) throws(StorageError) {
    let table = WindowTable(contents.schema)
    var unreadable: Set<Window> = []
    let rows = try table.rows(includesHidden: true, in: view) {
      error, window throws(StorageError) in
      if let window { unreadable.insert(window) }
      try report.add(error)
    }
    report.windowCount = rows.count
    for row in rows {
      var found = WindowContents()
      try found.read(row, of: contents, series: series, in: view, report: &report)
      // What a window that is being deleted still has is of no account.
      if row.isHidden == false {
        try compare(found, with: row, ids: table, in: view, report: &report)
      }
    }
    try checkKeys(windows: unreadable.union(rows.map(\.window)), in: view, report: &report)
  }

  private func compare(
    _ found: WindowContents, with row: WindowRow, ids table: WindowTable, in view: ReadView,
    report: inout IntegrityReport
  ) throws(StorageError) {
    let ids: PostingsList
    do throws(StorageError) {
      ids = try table.seriesIDs(of: row.window, in: view)
    } catch {
      try report.add(error)
      return
    }
    let place = contents.schema.windows.name
    let unlisted = found.ids.subtracting(ids)
    if let first = unlisted.ids.first {
      report.add(
        place,
        "\(row.window) does not list \(unlisted.count) series that have chunks there, "
          + "such as series \(first.rawValue)")
    }
    // Blocks that can't be read, and those that a merge is moving, make all
    // counts smaller.
    guard found.isComplete, row.movingEndPart == 0 else { return }
    func compare<Value: Equatable>(_ what: String, _ stored: Value, _ counted: Value) {
      guard stored != counted else { return }
      report.add(place, "\(row.window) says \(what) \(stored), but the chunks say \(counted)")
    }
    compare("series:", row.seriesCount, found.ids.count)
    compare("series listed:", ids.count, found.ids.count)
    compare("chunks:", row.chunkCount, found.chunkCount)
    compare("samples:", row.sampleCount, found.sampleCount)
    compare("first timestamp:", row.minTimestamp, found.minTimestamp)
    compare("last timestamp:", row.maxTimestamp, found.maxTimestamp)
  }

  /// Checks that every block belongs to a window that has a row.
  private func checkKeys(
    windows: Set<Window>, in view: ReadView, report: inout IntegrityReport
  ) throws(StorageError) {
    let table = contents.schema.chunks
    var last: Window?
    var cursor = try view.walk(table)
    var isOnBlock = try cursor.move(toOrAfter: [0])
    while isOnBlock {
      report.byteCount += cursor.key.count + cursor.value.count
      do throws(BlockDamage) {
        try ChunkKey.requireSize(of: cursor.key)
        let window = try Window(keyBytes: cursor.key.extracting(0..<16))
        if window != last, windows.contains(window) == false {
          report.add(table.name, "\(window) has blocks of chunks, but no row in windows")
        }
        last = window
      } catch {
        try report.add(error.at(cursor.key, of: table.name))
      }
      isOnBlock = try cursor.advance()
    }
  }
}

/// What the chunks of a window hold.
private struct WindowContents {
  private(set) var ids = PostingsList()
  private(set) var chunkCount = 0
  private(set) var sampleCount = 0
  private(set) var minTimestamp = Int64.max
  private(set) var maxTimestamp = Int64.min
  /// False when a block could not be read.
  private(set) var isComplete = true

  private var part: UInt32?
  /// The series of the part that is being read, ascending.
  private var partIDs: [SeriesID] = []
  private var columns = SampleColumns()

  mutating func read(
    _ row: WindowRow, of contents: StoreContents, series: PostingsList, in view: ReadView,
    report: inout IntegrityReport
  ) throws(StorageError) {
    var nameless: Set<SeriesID> = []
    try ChunkTable(contents.schema).forEachChunk(
      in: row, view: view,
      onDamage: { error throws(StorageError) in
        isComplete = false
        try report.add(error)
      },
      { chunk throws(StorageError) in
        count(chunk)
        if series.contains(chunk.id) == false { nameless.insert(chunk.id) }
        do throws(StorageError) {
          columns.removeAll()
          try chunk.decode(into: &columns)
        } catch {
          guard case .corrupted(_, _, let reason) = error else { throw error }
          report.add(contents.schema.chunks.name, describe(chunk, reason))
          return
        }
        if let problem = problem(of: chunk, in: row) {
          report.add(contents.schema.chunks.name, describe(chunk, problem))
        }
      })
    ids = ids.union(PostingsList(sorted: partIDs))
    report.chunkCount += chunkCount
    report.sampleCount += sampleCount
    report.add(
      contents.schema.chunks.name, "\(row.window) has chunks of series that have no labels",
      of: nameless.sorted().prefix(5).map { "\($0.rawValue)" }, count: nameless.count)
  }

  private mutating func count(_ chunk: borrowing StoredChunk) {
    chunkCount += 1
    sampleCount += chunk.description.sampleCount
    minTimestamp = min(minTimestamp, chunk.description.minTimestamp)
    maxTimestamp = max(maxTimestamp, chunk.description.maxTimestamp)
    if chunk.part != part {
      ids = ids.union(PostingsList(sorted: partIDs))
      partIDs = []
      part = chunk.part
    }
    if partIDs.last.map({ $0 < chunk.id }) ?? true { partIDs.append(chunk.id) }
  }

  /// What is wrong with a chunk that was decoded, or nil.
  private func problem(of chunk: borrowing StoredChunk, in row: WindowRow) -> String? {
    let description = chunk.description
    if chunk.part < row.firstPart || chunk.part >= row.endPart {
      return "its part is none of the window's, \(row.firstPart) to \(row.endPart)"
    }
    if columns.count != description.sampleCount {
      return "it has \(counted(columns.count, "sample")), not \(description.sampleCount)"
    }
    if zip(columns.timestamps, columns.timestamps.dropFirst()).contains(where: { $0 >= $1 }) {
      return "its timestamps do not ascend"
    }
    if columns.timestamps.first != description.minTimestamp
      || columns.timestamps.last != description.maxTimestamp
    {
      return "its samples have another time"
    }
    let window = row.window.startMilliseconds...row.window.lastMilliseconds
    if window.contains(description.minTimestamp) == false
      || window.contains(description.maxTimestamp) == false
    {
      return "it is outside of its window"
    }
    return nil
  }

  private func describe(_ chunk: borrowing StoredChunk, _ problem: String) -> String {
    let description = chunk.description
    return "the chunk of series \(chunk.id.rawValue) from \(description.minTimestamp) to "
      + "\(description.maxTimestamp) ms, part \(chunk.part): \(problem)"
  }
}

extension Window: CustomStringConvertible {
  package var description: String {
    "the window from \(startMilliseconds) to \(lastMilliseconds) ms"
  }
}
