import ChunkEncoding
import FaultInjection
import LMDB
import SeriesModel

/// What a merge needs to go on after a restart: where the chunks go.
///
/// How far it got stands in the rows of the windows that it takes them from,
/// ``WindowRow/movedBelow``.
struct MergePlan: Hashable, Sendable {
  /// The window that takes all chunks.
  var target: Window
  /// The number of the part that they become.
  var part: UInt32
}

extension MergePlan: MetaValue {
  package var words: [UInt64] {
    [
      UInt64(bitPattern: target.startMilliseconds), UInt64(bitPattern: target.lengthMilliseconds),
      UInt64(part),
    ]
  }

  package init?(words: [UInt64]) {
    guard words.count == 3, let part = UInt32(exactly: words[2]) else { return nil }
    let start = Int64(bitPattern: words[0])
    let length = Int64(bitPattern: words[1])
    guard (1...Window.largestLengthMilliseconds).contains(length) else { return nil }
    self.init(target: Window(startMilliseconds: start, lengthMilliseconds: length), part: part)
  }
}

extension MetaKey where Value == MergePlan {
  /// The merge that is under way; absent when there is none.
  static var mergePlan: Self { MetaKey(name: "mergePlan") }
}

/// Moves the chunks of some windows into one window, in one part of it, and
/// makes the best chunks of them.
///
/// The windows may be shorter ones within the target, and the target itself,
/// whose parts become one. Each step takes some series further, in one
/// transaction: their samples are brought into order, written to the target,
/// and their old blocks deleted, whose pages the next steps use. A reader finds
/// every sample in one place: below ``WindowRow/movedBelow`` in the target,
/// above in the old parts. Chunks that are written meanwhile go to later parts,
/// which the merge does not touch. Every step may be repeated after a crash.
struct WindowMerge {
  /// The samples of a merged chunk at most.
  private static let chunkSampleCount = 480
  /// What a rich sample counts for among those that are decoded at a time.
  private static let richSampleWeight = 16
  /// The samples that are decoded at a time, about.
  var batchSampleCount = 1 << 18

  private let schema: Schema
  private let chunks: ChunkTable
  private let windows: WindowTable
  let plan: MergePlan
  private var compressor = ChunkCompressor()
  /// The bytes that the step under way has written.
  private var writtenByteCount = 0

  /// The window that takes what is merged.
  var target: Window { plan.target }

  init(_ plan: MergePlan, in schema: Schema) {
    self.plan = plan
    self.schema = schema
    chunks = ChunkTable(schema)
    windows = WindowTable(schema)
  }

  /// The merge that a restart or an earlier turn left under way, or nil.
  static func underWay(in schema: Schema) throws(StorageError) -> WindowMerge? {
    let plan = try schema.environment.read { view throws(StorageError) in
      try schema.metaValue(.mergePlan, in: view)
    }
    return plan.map { WindowMerge($0, in: schema) }
  }

  /// The damaged ones among some windows, with the first damage of each, as far
  /// as checksums tell.
  static func damages(
    in sources: [Window], of schema: Schema
  ) throws(StorageError) -> [(window: Window, error: StorageError)] {
    let chunks = ChunkTable(schema)
    return try schema.environment.read { view throws(StorageError) in
      var damages: [(window: Window, error: StorageError)] = []
      for source in sources {
        do throws(StorageError) {
          guard let row = try WindowTable(schema).row(of: source, in: view) else { continue }
          _ = try WindowTable(schema).seriesIDs(of: source, in: view)
          try chunks.forEachChunk(in: row, view: view) { chunk throws(StorageError) in
            try chunk.checkBytes()
          }
        } catch {
          guard case .corrupted = error else { throw error }
          damages.append((source, error))
        }
      }
      return damages
    }
  }

  /// Begins to move everything that `sources` hold now.
  ///
  /// - Precondition: No other merge is under way; the sources lie within the
  ///   target and are not being deleted.
  static func begin(
    _ sources: [Window], into target: Window, in schema: Schema
  ) throws(StorageError) -> WindowMerge {
    let windows = WindowTable(schema)
    let plan = try schema.environment.write { transaction throws(StorageError) in
      let part = try ChunkTable(schema).takePart(in: &transaction)
      for source in sources {
        guard var row = try windows.row(of: source, in: transaction.view) else { continue }
        row.movingEndPart = row.endPart
        row.movedBelow = SeriesID(0)
        try windows.store(row, in: &transaction)
      }
      let plan = MergePlan(target: target, part: part)
      try schema.setMetaValue(.mergePlan, to: plan, in: &transaction)
      return plan
    }
    FaultPoint.reached("merge.begun")
    return WindowMerge(plan, in: schema)
  }

  /// Moves the chunks of further series, about `byteBudget` bytes of them, and
  /// says whether all are moved.
  mutating func moveSome(byteBudget: Int) throws(StorageError) -> Bool {
    let (sources, ids) = try schema.environment.read { view throws(StorageError) in
      let sources = try self.sources(in: view)
      return (sources, try remainingIDs(of: sources, in: view))
    }
    guard let first = ids.ids.first else { return true }
    var run = ChunkRun(window: plan.target, part: plan.part)
    var movedBelow = first
    try schema.environment.write { transaction throws(StorageError) in
      let plainCount = seriesPerBatch(of: sources)
      // Histograms take much memory: the first series tell whether there are any.
      let richCount = max(1, plainCount / WindowMerge.richSampleWeight)
      var batchCount = richCount
      var start = 0
      writtenByteCount = 0
      while start < ids.count, writtenByteCount + run.pendingByteCount < byteBudget {
        let batch = ids.ids[start..<min(start + batchCount, ids.count)]
        let isPlain = try add(
          batch, of: sources, to: &run, byteBudget: byteBudget, in: &transaction)
        batchCount = isPlain ? plainCount : richCount
        start += batch.count
      }
      movedBelow = SeriesID(ids.ids[start - 1].rawValue + 1)
      try chunks.write(&run, in: &transaction)
      for source in sources {
        guard var row = try windows.row(of: source.window, in: transaction.view) else { continue }
        row.movedBelow = movedBelow
        try windows.store(row, in: &transaction)
        try chunks.deleteBlocks(
          of: row.window, inPartsBelow: row.movingEndPart, ofSeriesBelow: movedBelow,
          in: &transaction)
      }
    }
    FaultPoint.reached("merge.moved")
    return ids.ids.last.map { $0 < movedBelow } ?? true
  }

  /// Deletes what is left of the moved parts and ends the merge.
  ///
  /// - Returns: Whether the parts held deleted samples, which are gone now.
  /// - Precondition: ``moveSome(byteBudget:)`` has returned true.
  @discardableResult
  func finish() throws(StorageError) -> Bool {
    let sources = try schema.environment.read { view throws(StorageError) in
      try self.sources(in: view)
    }
    for source in sources {
      var isGone = false
      while isGone == false {
        isGone = try schema.environment.write { transaction throws(StorageError) in
          try chunks.deleteSome(
            of: source.window, inPartsBelow: source.movingEndPart, in: &transaction)
        }
        FaultPoint.reached("merge.cleaned")
      }
    }
    let recount = WindowRecount(schema)
    let hadDeleted = try schema.environment.write { transaction throws(StorageError) in
      var hadDeleted = false
      for source in sources {
        let isDropped = try TombstoneTable(schema).drop(
          source.window, inPartsBelow: source.movingEndPart, in: &transaction)
        if isDropped { hadDeleted = true }
        try recount.settle(
          source.window, firstPart: source.movingEndPart, in: &transaction)
      }
      if sources.contains(where: { $0.window == plan.target }) == false {
        try recount.settle(plan.target, firstPart: nil, in: &transaction)
      }
      try schema.removeMetaValue(.mergePlan, in: &transaction)
      return hadDeleted
    }
    FaultPoint.reached("merge.settled")
    return hadDeleted
  }

  /// Ends a merge that has met damage, wherever it stands, and returns the
  /// windows that it took chunks from.
  ///
  /// What was moved is in the target, and what was not stays where it is. Blocks
  /// that hold moved series beside others are read again: their samples are
  /// equal, and those of the target, which has the higher part, count.
  static func abandon(in schema: Schema) throws(StorageError) -> [Window] {
    let windows = WindowTable(schema)
    let sources = try schema.environment.write { transaction throws(StorageError) in
      let sources = try WindowMerge.sources(of: windows, in: transaction.view).map(\.window)
      for source in sources {
        try WindowRecount(schema).settleReadable(source, in: &transaction)
      }
      try schema.removeMetaValue(.mergePlan, in: &transaction)
      return sources
    }
    FaultPoint.reached("merge.abandoned")
    return sources
  }

  // MARK: Sources

  /// The windows whose rows can be read; the others stay as they are.
  private func sources(in view: ReadView) throws(StorageError) -> [WindowRow] {
    try WindowMerge.sources(of: windows, in: view)
  }

  private static func sources(
    of windows: WindowTable, in view: ReadView
  ) throws(StorageError) -> [WindowRow] {
    let rows = try windows.rows(includesHidden: true, in: view) {
      error, _ throws(StorageError) in
      guard case .corrupted = error else { throw error }
    }
    return rows.filter { $0.movingEndPart > 0 }
  }

  private func remainingIDs(
    of sources: [WindowRow], in view: ReadView
  ) throws(StorageError) -> PostingsList {
    var lists: [PostingsList] = []
    for source in sources {
      let ids = try windows.seriesIDs(of: source.window, in: view)
      lists.append(PostingsList(sorted: source.remainingIDs(of: ids, inPart: 0)))
    }
    return .union(of: lists)
  }

  private func seriesPerBatch(of sources: [WindowRow]) -> Int {
    let sampleCount = sources.reduce(0) { sum, row in
      sum + row.sampleCount / max(1, row.seriesCount)
    }
    return max(1, batchSampleCount / max(1, sampleCount))
  }

  // MARK: Moving

  /// Adds the merged chunks of some series to `run`, which is written whenever
  /// `byteBudget` bytes wait, and says whether all samples are plain.
  private mutating func add(
    _ batch: ArraySlice<SeriesID>, of sources: [WindowRow], to run: inout ChunkRun,
    byteBudget: Int, in transaction: inout WriteTransaction
  ) throws(StorageError) -> Bool {
    let list = PostingsList(sorted: Array(batch))
    var isPlain = true
    var merges = try merges(of: list, in: sources, view: transaction.view)
    for (index, id) in list.ids.enumerated() {
      var columns = SampleColumns()
      merges[index].append(within: .min ... .max, to: &columns)
      merges[index] = SampleMerge()
      if columns.isPlain == false { isPlain = false }
      try add(columns, of: id, to: &run, byteBudget: byteBudget, in: &transaction)
    }
    return isPlain
  }

  /// The samples of some series, by the index of the series.
  private func merges(
    of list: PostingsList, in sources: [WindowRow], view: ReadView
  ) throws(StorageError) -> [SampleMerge] {
    var merges = [SampleMerge](repeating: SampleMerge(), count: list.count)
    let allTombstones = try TombstoneTable(schema).tombstones(in: view)
    for source in sources {
      let tombstones = allTombstones.tombstones(in: source.window)
      try chunks.forEachChunk(
        of: list, in: source, overlapping: .min ... .max, view: view
      ) { chunk throws(StorageError) in
        // A part that was written after the merge began stays where it is.
        guard chunk.part < source.movingEndPart else { return }
        let index = list.ids.firstIndex(notBefore: chunk.id, from: 0)
        try merges[index].add(
          chunk, without: tombstones.deletedTime(of: chunk.id, part: chunk.part))
      }
    }
    return merges
  }

  private mutating func add(
    _ columns: SampleColumns, of id: SeriesID, to run: inout ChunkRun, byteBudget: Int,
    in transaction: inout WriteTransaction
  ) throws(StorageError) {
    var start = 0
    while start < columns.count {
      let end = min(start + WindowMerge.chunkSampleCount, columns.count)
      let chunk = compressor.encode(
        columns, at: start..<end, fitting: WindowMerge.chunkByteCount)
      run.add(chunk, of: id)
      start += chunk.description.sampleCount
      // One series of large histograms may have many times as much.
      guard columns.isPlain == false, run.pendingByteCount >= byteBudget else { continue }
      writtenByteCount += try chunks.write(&run, in: &transaction)
    }
  }

  /// The bytes of a merged chunk at most: two fit a block.
  private static let chunkByteCount = 1900
}
