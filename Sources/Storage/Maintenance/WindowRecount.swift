import ChunkEncoding
import LMDB
import SeriesModel

/// Brings what the `windows` table says about a window into line with the
/// window's chunks.
struct WindowRecount {
  private let chunks: ChunkTable
  private let windows: WindowTable
  private let tombstones: TombstoneTable

  init(_ schema: Schema) {
    chunks = ChunkTable(schema)
    windows = WindowTable(schema)
    tombstones = TombstoneTable(schema)
  }

  /// Brings the row of a window up to date once a merge is done with it; a window
  /// without chunks goes.
  ///
  /// - Parameter firstPart: The parts below it are gone; nil when none is.
  func settle(
    _ window: Window, firstPart: UInt32?, in transaction: inout WriteTransaction
  ) throws(StorageError) {
    guard var row = try windows.row(of: window, in: transaction.view) else { return }
    row.firstPart = firstPart ?? row.firstPart
    row.movingEndPart = 0
    row.movedBelow = SeriesID(0)
    let content = try WindowContent(of: row, in: chunks, view: transaction.view) {
      error throws(StorageError) in throw error
    }
    guard content.chunkCount > 0 else {
      try windows.forget(window, in: &transaction)
      try tombstones.drop(window, in: &transaction)
      return
    }
    content.count(in: &row)
    try windows.store(row, in: &transaction)
    try windows.setSeriesIDs(content.ids.ids, of: window, in: &transaction)
  }

  /// Ends that parts of a window are being moved, without a look at what they
  /// hold where that can't be read.
  func settleReadable(
    _ window: Window, in transaction: inout WriteTransaction
  ) throws(StorageError) {
    do throws(StorageError) {
      try settle(window, firstPart: nil, in: &transaction)
    } catch {
      guard case .corrupted = error else { throw error }
      guard var row = try windows.row(of: window, in: transaction.view) else { return }
      row.movingEndPart = 0
      row.movedBelow = SeriesID(0)
      try windows.store(row, in: &transaction)
    }
  }

  /// Makes the row of a window and its list of series anew, as far as the window's
  /// chunks can be read.
  ///
  /// If the window was being deleted, what is left of it is back: it is as old as
  /// it was. If it was being merged, so are chunks that were moved already, whose
  /// samples are where they were moved to as well.
  func repair(_ window: Window, in transaction: inout WriteTransaction) throws(StorageError) {
    var row = WindowRow(unreadable: window)
    row.endPart = 0
    do throws(StorageError) {
      if let readable = try windows.row(of: window, in: transaction.view) { row = readable }
    } catch {
      guard case .corrupted = error else { throw error }
      let parts = try chunks.parts(of: window, in: transaction.view)
      row.firstPart = parts.first ?? 0
      row.endPart = parts.last.map { $0 + 1 } ?? 0
    }
    let content = try WindowContent(of: row, in: chunks, view: transaction.view) {
      error throws(StorageError) in
      guard case .corrupted = error else { throw error }
    }
    // What the list still says of damaged blocks lets readers warn of them.
    let ids = content.ids.union(try windows.readableSeriesIDs(of: window, in: transaction.view))
    guard row.endPart > 0 else { return try windows.forget(window, in: &transaction) }
    content.count(in: &row)
    row.seriesCount = ids.count
    try windows.store(row, in: &transaction)
    try windows.setSeriesIDs(ids.ids, of: window, in: &transaction)
  }
}

/// What the directories of a window's blocks say that it holds.
private struct WindowContent {
  private(set) var chunkCount = 0
  private var sampleCount = 0
  private var minTimestamp = Int64.max
  private var maxTimestamp = Int64.min
  private var parts: Set<UInt32> = []
  private(set) var ids = PostingsList()

  init(
    of row: WindowRow, in table: ChunkTable, view: ReadView,
    onDamage: (StorageError) throws(StorageError) -> Void
  ) throws(StorageError) {
    var all: [SeriesID] = []
    try table.forEachChunk(
      in: row, view: view, onDamage: onDamage,
      { chunk throws(StorageError) in
        chunkCount += 1
        sampleCount += chunk.description.sampleCount
        minTimestamp = min(minTimestamp, chunk.description.minTimestamp)
        maxTimestamp = max(maxTimestamp, chunk.description.maxTimestamp)
        parts.insert(chunk.part)
        if all.last != chunk.id { all.append(chunk.id) }
      })
    ids = PostingsList(unsorted: all)
  }

  /// Writes the counts and the times to a row.
  func count(in row: inout WindowRow) {
    row.partCount = UInt32(parts.count)
    row.seriesCount = ids.count
    row.chunkCount = chunkCount
    row.sampleCount = sampleCount
    guard chunkCount > 0 else { return }
    row.minTimestamp = minTimestamp
    row.maxTimestamp = maxTimestamp
  }
}
