import LMDB
import SeriesModel
import Synchronization

extension OpenStore {
  /// The longest that one turn of maintenance merges, so that a checkpoint is
  /// never long overdue.
  private static let mergeTurnSeconds = 0.5
  private static let mergeBytesPerTransaction = 1 << 20
  /// What has just been written to is left alone for this long: more may follow.
  private static let mergeDelayMilliseconds: Int64 = 10 * 60 * 1000

  /// Merges windows that are due, for a while.
  ///
  /// Windows with damage are left as they are, so that nothing that could be
  /// saved from them is thrown away; the others are merged without them. Nothing
  /// is while it can't be read what is deleted.
  ///
  /// - Parameter beginsMerges: Whether other merges are begun than the one that is
  ///   under way.
  func mergeForAWhile(
    _ state: inout MaintenanceState, beginsMerges: Bool
  ) throws(StorageError) {
    guard state.isMergingSuspended == false else { return }
    let start = monotonicSeconds()
    do throws(StorageError) {
      var isDue = true
      while isDue, monotonicSeconds() - start < OpenStore.mergeTurnSeconds {
        isDue = try mergeOneStep(&state, beginsMerges: beginsMerges)
      }
    } catch {
      guard case .corrupted = error else { throw error }
      state.isMergingSuspended = true
      contents.warn("windows are not merged any more: \(error)")
    }
    counters.withLock { $0.mergeSeconds += monotonicSeconds() - start }
  }

  /// Writes every window with deleted samples anew without them, but for those
  /// with damage, and forgets the series that have no others.
  func removeDeleted() throws(StorageError) {
    try maintenance.withLock { state throws(StorageError) in
      if let failure = queue.failure { throw .failedEarlier(failure) }
      state.isCleaningTombstones = true
      do throws(StorageError) {
        while try mergeOneStep(&state, beginsMerges: true, onlyCleans: true) {}
        contents.head.withLock { head in
          // What was used lately is kept by the first call.
          for _ in 0..<2 { head.forgetUnusedSeries() }
        }
        try removeUnusedSeries(&state)
      } catch {
        guard case .corrupted = error else { throw stopAppends(because: error) }
        throw error
      }
    }
  }

  /// Takes a merge one step further, or begins one; false when none is due.
  ///
  /// - Parameter onlyCleans: Whether only those are begun that remove what was
  ///   deleted.
  private func mergeOneStep(
    _ state: inout MaintenanceState, beginsMerges: Bool, onlyCleans: Bool = false
  ) throws(StorageError) -> Bool {
    if var merge = try mergeUnderWay(&state) {
      do throws(StorageError) {
        guard try merge.moveSome(byteBudget: OpenStore.mergeBytesPerTransaction) else {
          return true
        }
        if try merge.finish() { try removeUnusedSeries(&state) }
        counters.withLock { $0.mergedWindowCount += 1 }
        contents.options.onEvent(.merged(merge.target))
      } catch {
        try abandonMerge(because: error, &state)
      }
      try readWindows()
      return true
    }
    guard beginsMerges else { return false }
    guard let due = try dueMerge(state, onlyCleans: onlyCleans) else {
      if state.isCleaningTombstones { contents.options.onEvent(.cleaned) }
      state.isCleaningTombstones = false
      return false
    }
    let schema = contents.schema
    let found = try WindowMerge.damages(in: due.sources, of: schema)
    guard found.isEmpty else {
      leave(found, &state)
      return true
    }
    _ = try WindowMerge.begin(due.sources, into: due.target, in: schema)
    return true
  }

  /// The merge that is under way; one that can't be read of is ended.
  func mergeUnderWay(_ state: inout MaintenanceState) throws(StorageError) -> WindowMerge? {
    do throws(StorageError) {
      return try WindowMerge.underWay(in: contents.schema)
    } catch {
      try abandonMerge(because: error, &state)
      return nil
    }
  }

  /// Ends the merge under way after it has met damage, so that others can begin
  /// and retention can delete its windows.
  private func abandonMerge(
    because error: StorageError, _ state: inout MaintenanceState
  ) throws(StorageError) {
    guard case .corrupted = error else { throw error }
    let sources = try WindowMerge.abandon(in: contents.schema)
    leave(try WindowMerge.damages(in: sources, of: contents.schema), &state)
    guard state.damagedWindows.isDisjoint(with: sources) else { return }
    // Which of them has damage that no checksum tells is not known.
    state.damagedWindows.formUnion(sources)
    contents.warn("\(sources.count) windows of one merge are not merged: \(error)")
  }

  /// Takes note of windows that are not merged because of damage.
  private func leave(
    _ damages: [(window: Window, error: StorageError)], _ state: inout MaintenanceState
  ) {
    for (window, error) in damages where state.damagedWindows.insert(window).inserted {
      contents.warn("\(window) is not merged: \(error)")
    }
  }

  private func dueMerge(
    _ state: MaintenanceState, onlyCleans: Bool
  ) throws(StorageError) -> (sources: [Window], target: Window)? {
    guard let newest = contents.head.withLock({ $0.newestTimestamp }) else { return nil }
    let rule = MergeRule(
      retentionMilliseconds: contents.options.retentionMilliseconds, newest: newest,
      busyWindows: Set(
        state.lastSeals.lazy.filter {
          state.clock - $0.value < OpenStore.mergeDelayMilliseconds
        }.map(\.key)))
    return try contents.schema.environment.read { view throws(StorageError) in
      let covered = Set(try contents.tombstones(in: view).windows)
      var unreadable: [WindowRow] = []
      let readable = try WindowTable(contents.schema).rows(in: view) {
        error, window throws(StorageError) in
        guard case .corrupted = error else { throw error }
        if let window { unreadable.append(WindowRow(unreadable: window)) }
      }
      let rows = readable.filter { state.damagedWindows.contains($0.window) == false }
      let all = readable + unreadable
      if onlyCleans == false, let regular = rule.dueMerge(of: rows, among: all) {
        return regular
      }
      return rows.lazy
        .filter { covered.contains($0.window) }
        .filter {
          state.isCleaningTombstones || rule.busyWindows.contains($0.window) == false
        }
        .map { MergeRule.rewrite(of: $0.window, among: rows) }
        .first { MergeRule.keepsOrder($0.sources, among: all) }
    }
  }
}

/// Decides which windows are merged.
struct MergeRule {
  /// A merged window is at most this part of the retention long: whole windows
  /// are deleted, and what is kept too long should be little.
  private static let retentionShare: Int64 = 10
  /// A window with more parts is merged for the sake of readers, who search each
  /// part.
  private static let bearablePartCount = 16
  /// A window with more parts is merged even while it is written to.
  private static let unbearablePartCount = 64

  var retentionMilliseconds: Int64
  /// The time of the newest sample.
  var newest: Int64
  /// Windows that chunks were sealed to just now.
  var busyWindows: Set<Window> = []

  /// The windows to merge next, and into which, or nil.
  ///
  /// Windows of two hours are merged into days, and days into 16 days, once the
  /// longer window has ended a day before the newest sample: no sample goes to
  /// the shorter windows any more then. A window that has ended and has many
  /// parts is merged by itself.
  ///
  /// - Parameters:
  ///   - rows: The windows that may be merged.
  ///   - all: These and the others, whose samples may be later ones of the same
  ///     times.
  func dueMerge(
    of rows: [WindowRow], among all: [WindowRow]
  ) -> (sources: [Window], target: Window)? {
    let visible = rows.filter { $0.isHidden == false }
    let quiet = visible.filter { isQuiet($0) }
    for (shorter, longer) in [
      (Window.shortLengthMilliseconds, Window.dayLengthMilliseconds),
      (Window.dayLengthMilliseconds, Window.largestLengthMilliseconds),
    ] where longer <= retentionMilliseconds / MergeRule.retentionShare {
      let targets = quiet.lazy.filter { $0.window.lengthMilliseconds == shorter }
        .map { Window(containing: $0.window.startMilliseconds, lengthMilliseconds: longer) }
      for target in targets where hasEnded(target, byMoreThan: Window.dayLengthMilliseconds) {
        let sources = visible.filter { target.contains($0.window) }
        let windows = sources.map(\.window)
        if sources.allSatisfy({ isQuiet($0) }), MergeRule.keepsOrder(windows, among: all) {
          return (windows, target)
        }
      }
    }
    let fragmented = quiet.lazy.filter { row in
      row.partCount > MergeRule.bearablePartCount
        && hasEnded(row.window, byMoreThan: OpenStore.windowGraceMilliseconds)
    }
    return fragmented.compactMap { merge(ofFragmented: $0, among: visible, all) }.first
  }

  /// The merge of a window with many parts: by itself, or where a longer window
  /// has later parts of the same times, with that and all others in it.
  ///
  /// Without the latter a window would wait as long as the longer one is kept,
  /// which a short retention never makes a merge of. Its samples are kept as long
  /// as those of the longer window then. Until no more samples come to the shorter
  /// windows in it, that is put off, so that the longer one is not written again
  /// and again.
  private func merge(
    ofFragmented row: WindowRow, among visible: [WindowRow], _ all: [WindowRow]
  ) -> (sources: [Window], target: Window)? {
    if MergeRule.keepsOrder([row.window], among: all) { return ([row.window], row.window) }
    let rewrite = MergeRule.rewrite(of: row.window, among: visible)
    let isDue =
      row.partCount > MergeRule.unbearablePartCount
      || hasEnded(rewrite.target, byMoreThan: Window.dayLengthMilliseconds)
    let areQuiet = visible.allSatisfy {
      isQuiet($0) || rewrite.sources.contains($0.window) == false
    }
    guard isDue, areQuiet, MergeRule.keepsOrder(rewrite.sources, among: all) else { return nil }
    return rewrite
  }

  /// The merge that writes a window anew: with the other windows in the longest
  /// one around it, whose samples may be later ones of the same times.
  static func rewrite(
    of window: Window, among rows: [WindowRow]
  ) -> (sources: [Window], target: Window) {
    let target =
      rows.lazy.map(\.window).filter { $0.contains(window) }
      .max { $0.lengthMilliseconds < $1.lengthMilliseconds } ?? window
    return (rows.map(\.window).filter { target.contains($0) }, target)
  }

  /// Whether a merge of some windows leaves it as it is which of two samples of
  /// one time counts.
  ///
  /// What is merged gets the highest part. Where another window has the same
  /// time as one of these, and a part behind its first, its samples may be the
  /// later ones.
  static func keepsOrder(_ sources: [Window], among rows: [WindowRow]) -> Bool {
    let merged = rows.filter { sources.contains($0.window) }
    return rows.allSatisfy { other in
      sources.contains(other.window)
        || merged.allSatisfy { source in
          other.endPart <= source.firstPart || other.maxTimestamp < source.minTimestamp
            || other.minTimestamp > source.maxTimestamp
        }
    }
  }

  private func isQuiet(_ row: WindowRow) -> Bool {
    busyWindows.contains(row.window) == false || row.partCount > MergeRule.unbearablePartCount
  }

  private func hasEnded(_ window: Window, byMoreThan milliseconds: Int64) -> Bool {
    let (age, isOverflow) = newest.subtractingReportingOverflow(window.lastMilliseconds)
    return isOverflow ? newest > 0 : age > milliseconds
  }
}

extension Window {
  /// Whether the other window lies within this one.
  func contains(_ other: Window) -> Bool {
    other.startMilliseconds >= startMilliseconds && other.lastMilliseconds <= lastMilliseconds
  }
}
