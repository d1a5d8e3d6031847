import ChunkEncoding
import LMDB
import SeriesModel
import Synchronization

/// Which samples are to be deleted.
struct Deletion: Sendable {
  /// A series that any of them selects is deleted from.
  let resolvers: [MatcherResolver]
  /// The time that is deleted, inclusive.
  let range: ClosedRange<Int64>

  /// - Throws: ``StorageError`` `invalidRegex`.
  init(matching selections: [[Matcher]], range: ClosedRange<Int64>) throws(StorageError) {
    var resolvers: [MatcherResolver] = []
    for matchers in selections { resolvers.append(try MatcherResolver(matchers)) }
    self.resolvers = resolvers
    self.range = range
  }

  /// The series of an index that are deleted from.
  func seriesIDs<Source: PostingsSource & ~Copyable & ~Escapable>(
    in source: borrowing Source
  ) throws(StorageError) -> PostingsList {
    var lists: [PostingsList] = []
    for resolver in resolvers { lists.append(try resolver.resolve(in: source)) }
    return .union(of: lists)
  }
}

/// What a deletion deleted, or would delete.
package struct DeletionSummary: Hashable, Sendable {
  /// The series that have a chunk with a sample time in the range.
  package var seriesCount = 0
  /// The samples of these chunks: an upper bound, since chunks that reach over
  /// an end of the range count whole, and equal samples each time.
  package var sampleCount = 0

  /// Creates the summary of a deletion that deletes nothing.
  package init() {}
}

/// What the tables hold of the samples of a deletion.
private struct DeletionTarget {
  var ids: Set<SeriesID> = []
  var windows: [(window: Window, partBound: UInt32)] = []
  var sampleCount = 0

  /// Reads which chunks a deletion is of, those left out that were deleted
  /// before.
  init(
    _ deletion: Deletion, in contents: StoreContents, view: ReadView
  ) throws(StorageError) {
    let matched = try deletion.seriesIDs(in: contents.index.postings(in: view))
    let tombstones = try contents.tombstones(in: view)
    let windows = WindowTable(contents.schema)
    for row in try windows.rows(overlapping: deletion.range, in: view) {
      let ids = try windows.seriesRuns(of: row.window, in: view).intersection(matched)
      try add(
        ids, in: row, range: deletion.range, tombstones: tombstones.tombstones(in: row.window),
        chunks: ChunkTable(contents.schema), view: view)
    }
  }

  private mutating func add(
    _ list: PostingsList, in row: WindowRow, range: ClosedRange<Int64>,
    tombstones: WindowTombstones, chunks: ChunkTable, view: ReadView
  ) throws(StorageError) {
    var found: Set<SeriesID> = []
    var count = 0
    try chunks.forEachChunk(
      of: list, in: row, overlapping: range, view: view,
      onDamage: { error throws(StorageError) in
        guard case .corrupted = error else { throw error }
        // What can't be read may hold any of them.
        found.formUnion(list.ids)
      },
      { chunk throws(StorageError) in
        let deleted = tombstones.deletedTime(of: chunk.id, part: chunk.part)
        guard deleted.covers(chunk.timeRange.clamped(to: range)) == false else { return }
        found.insert(chunk.id)
        count += chunk.description.sampleCount
      })
    // What a merge has moved is found in its target, and is back here should the
    // merge be abandoned.
    guard found.isEmpty == false || row.movingEndPart > 0 && list.isEmpty == false else { return }
    ids.formUnion(found)
    windows.append((row.window, row.endPart))
    sampleCount += count
  }
}

extension OpenStore {
  /// See ``Store/delete(matching:from:through:isDryRun:)``.
  func delete(_ deletion: Deletion) throws(StorageError) -> DeletionSummary {
    try maintenance.withLock { state throws(StorageError) in
      if let failure = queue.failure { throw .failedEarlier(failure) }
      // Then all that was acknowledged is in parts of windows, and what comes
      // later in other parts. The head forgets the last sample of each series,
      // with which it would compare the next one.
      try checkpoint(.everything, state: &state)
      let schema = contents.schema
      let target = try schema.environment.read { view throws(StorageError) in
        try DeletionTarget(deletion, in: contents, view: view)
      }
      var summary = DeletionSummary()
      guard target.ids.isEmpty == false else { return summary }
      do throws(StorageError) {
        try schema.environment.write { transaction throws(StorageError) in
          try TombstoneTable(schema).insert(
            PostingsList(unsorted: target.ids), range: deletion.range, windows: target.windows,
            in: &transaction)
        }
      } catch {
        throw stopAppends(because: error)
      }
      summary.seriesCount = target.ids.count
      summary.sampleCount = target.sampleCount
      contents.options.onEvent(.deleted(summary, deletion.range))
      return summary
    }
  }

  /// What a deletion would delete; changes nothing.
  func summary(of deletion: Deletion) throws(StorageError) -> DeletionSummary {
    let inHead = try contents.headContents(of: deletion)
    return try contents.schema.environment.read { view throws(StorageError) in
      try contents.summary(of: deletion, inHead: inHead, view: view)
    }
  }
}

extension StoreContents {
  /// What the head holds of the samples of a deletion.
  func headContents(
    of deletion: Deletion
  ) throws(StorageError) -> (ids: [SeriesID], sampleCount: Int) {
    try head.withLock { head throws(StorageError) in try head.contents(of: deletion) }
  }

  /// What a deletion would delete.
  ///
  /// - Parameter inHead: What the head held before the view was taken.
  func summary(
    of deletion: Deletion, inHead: (ids: [SeriesID], sampleCount: Int), view: ReadView
  ) throws(StorageError) -> DeletionSummary {
    let target = try DeletionTarget(deletion, in: self, view: view)
    var summary = DeletionSummary()
    summary.seriesCount = target.ids.union(inHead.ids).count
    summary.sampleCount = target.sampleCount + inHead.sampleCount
    return summary
  }
}
