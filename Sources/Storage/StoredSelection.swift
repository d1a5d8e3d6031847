import ChunkEncoding
import LMDB
import SeriesModel

/// Finds what the tables have for one selection, as a transaction sees it.
///
/// Damage costs what is damaged, and a warning; what can be found in another
/// way is.
struct StoredSelection {
  let contents: StoreContents
  let resolver: MatcherResolver
  let range: ClosedRange<Int64>
  let warnings: WarningList

  typealias StoredWindow = StoreSeriesSet.StoredWindow

  /// The selected series, and the windows that have samples in the range.
  ///
  /// A window's series are without those whose samples in the range are all
  /// deleted, as far as chunk directories tell: samples of a chunk that is
  /// deleted in part, and needed in another, may still turn out to be none.
  func seriesAndWindows(
    in view: ReadView
  ) throws(StorageError) -> (series: PostingsList, windows: [StoredWindow]) {
    var windows = try windows(in: view)
    guard windows.isEmpty == false else { return (PostingsList(), []) }
    let matched = try matchingSeries(in: view)
    for index in windows.indices {
      windows[index].ids = try visibleSeries(of: windows[index], among: matched, in: view)
    }
    return (SeriesRuns.union(of: windows.map(\.ids)).intersection(matched), windows)
  }

  /// The series of `list` whose labels can be read.
  func labelled(
    _ list: PostingsList, in view: ReadView
  ) throws(StorageError) -> [IndexedSeries] {
    var damaged: Set<SeriesID> = []
    let found = try contents.labels(of: list, in: view) { id, error throws(StorageError) in
      damaged.insert(id)
      try warn("samples of the series with number \(id.rawValue) are missing", error)
    }
    var series: [IndexedSeries] = []
    for (id, labels) in zip(list.ids, found) {
      if let labels {
        series.append(IndexedSeries(id: id, labels: labels))
      } else if damaged.contains(id) == false {
        warnings.add(
          "samples of the series with number \(id.rawValue) are missing: it has no labels")
      }
    }
    return series
  }

  private func warn(_ consequence: String, _ error: StorageError) throws(StorageError) {
    guard case .corrupted = error else { throw error }
    warnings.add("\(consequence): \(error)")
  }

  // MARK: Windows

  private func windows(in view: ReadView) throws(StorageError) -> [StoredWindow] {
    let table = WindowTable(contents.schema)
    let rows = try table.rows(overlapping: range, in: view) { error, window throws(StorageError) in
      let time = window.map { " from \($0.startMilliseconds) to \($0.lastMilliseconds) ms" }
      try warn("samples\(time ?? "") are missing", error)
    }
    guard rows.isEmpty == false else { return [] }
    let tombstones = try tombstones(in: view)
    var windows: [StoredWindow] = []
    for row in rows {
      windows.append(
        StoredWindow(
          row: row, ids: try seriesRuns(of: row, in: view),
          tombstones: tombstones.tombstones(in: row.window)))
    }
    return windows
  }

  private func tombstones(in view: ReadView) throws(StorageError) -> Tombstones {
    do throws(StorageError) {
      return try contents.tombstones(in: view)
    } catch {
      try warn("samples that were deleted may be there", error)
      return Tombstones()
    }
  }

  /// The series of a window; where their list is damaged, from the chunks.
  private func seriesRuns(of row: WindowRow, in view: ReadView) throws(StorageError) -> SeriesRuns {
    do throws(StorageError) {
      return try WindowTable(contents.schema).seriesRuns(of: row.window, in: view)
    } catch {
      guard case .corrupted = error else { throw error }
    }
    var ids: Set<SeriesID> = []
    func warnOfLoss(_ error: StorageError) throws(StorageError) {
      try warn("samples from \(row.minTimestamp) to \(row.maxTimestamp) ms are missing", error)
    }
    do throws(StorageError) {
      try ChunkTable(contents.schema).forEachChunk(
        in: row, view: view, onDamage: warnOfLoss,
        { chunk throws(StorageError) in ids.insert(chunk.id) })
    } catch {
      try warnOfLoss(error)
    }
    return SeriesRuns(PostingsList(unsorted: ids))
  }

  /// The series of the window without those of `matched` that have nothing in
  /// the range but deleted samples.
  private func visibleSeries(
    of window: StoredWindow, among matched: PostingsList, in view: ReadView
  ) throws(StorageError) -> SeriesRuns {
    guard window.tombstones.isEmpty == false else { return window.ids }
    let suspects = window.ids.intersection(window.tombstones.seriesIDs.intersection(matched))
    guard suspects.isEmpty == false else { return window.ids }
    var visible: Set<SeriesID> = []
    do throws(StorageError) {
      try ChunkTable(contents.schema).forEachChunk(
        of: suspects, in: window.row, overlapping: range, view: view
      ) { chunk throws(StorageError) in
        let deleted = window.tombstones.deletedTime(of: chunk.id, part: chunk.part)
        if deleted.covers(chunk.timeRange.clamped(to: range)) == false { visible.insert(chunk.id) }
      }
    } catch {
      guard case .corrupted = error else { throw error }
      // What is missing is for the cursor to say, so all of them stay.
      return window.ids
    }
    let deleted = suspects.subtracting(PostingsList(unsorted: visible))
    return window.ids.subtracting(SeriesRuns(deleted))
  }

  // MARK: Series

  /// The series that the matchers select; where the inverted index is damaged,
  /// by a look at the labels of every series.
  private func matchingSeries(in view: ReadView) throws(StorageError) -> PostingsList {
    do throws(StorageError) {
      return try resolver.resolve(in: contents.index.postings(in: view))
    } catch {
      try warn("every series was looked at", error)
    }
    var ids: [SeriesID] = []
    try contents.index.forEachSeries(
      in: view,
      onDamage: { error throws(StorageError) in
        try warn("samples of some series are missing", error)
      },
      { id, labels throws(StorageError) in
        if resolver.selects(labels) { ids.append(id) }
      })
    return PostingsList(sorted: ids)
  }
}

extension StoredChunk {
  /// The time from the first to the last sample, inclusive.
  var timeRange: ClosedRange<Int64> { description.minTimestamp...description.maxTimestamp }
}
