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
  /// saved from them is thrown away.
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
      // What was moved is safe, and what was not is read from where it is.
      state.isMergingSuspended = true
      contents.warnings.withLock { $0.append("windows are not merged any more: \(error)") }
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
    let schema = contents.schema
    if var merge = try WindowMerge.underWay(in: schema) {
      if try merge.moveSome(byteBudget: OpenStore.mergeBytesPerTransaction) {
        if try merge.finish() { try removeUnusedSeries(&state) }
        counters.withLock { $0.mergedWindowCount += 1 }
        contents.options.onEvent(.merged(merge.target))
        try readWindows()
      }
      return true
    }
    guard beginsMerges, let newest = contents.head.withLock({ $0.newestTimestamp }) else {
      return false
    }
    let rule = MergeRule(
      retentionMilliseconds: contents.options.retentionMilliseconds, newest: newest,
      busyWindows: Set(
        state.lastSeals.lazy.filter { [clock = state.clock] in
          clock - $0.value < OpenStore.mergeDelayMilliseconds
        }.map(\.key)))
    let damaged = state.damagedWindows
    let isCleaning = state.isCleaningTombstones
    let due: (sources: [Window], target: Window)? = try schema.environment.read {
      view throws(StorageError) in
      let all = try WindowTable(schema).rows(in: view)
      let rows = all.filter { damaged.contains($0.window) == false }
      if onlyCleans == false, let regular = rule.dueMerge(of: rows),
        MergeRule.keepsOrder(regular.sources, among: all)
      {
        return regular
      }
      let covered = Set(try contents.tombstones(in: view).windows)
      return rows.lazy
        .filter { covered.contains($0.window) }
        .filter { isCleaning || rule.busyWindows.contains($0.window) == false }
        .map { MergeRule.rewrite(of: $0.window, among: rows) }
        .first { MergeRule.keepsOrder($0.sources, among: all) }
    }
    guard let due else {
      if isCleaning { contents.options.onEvent(.cleaned) }
      state.isCleaningTombstones = false
      return false
    }
    let found = try WindowMerge.damages(in: due.sources, of: schema)
    guard found.isEmpty else {
      state.damagedWindows.formUnion(found.map(\.window))
      contents.warnings.withLock { warnings in
        warnings += found.map { "a window is not merged: \($0.error)" }
      }
      return true
    }
    _ = try WindowMerge.begin(due.sources, into: due.target, in: schema)
    return true
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
  func dueMerge(of rows: [WindowRow]) -> (sources: [Window], target: Window)? {
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
        if sources.allSatisfy({ isQuiet($0) }) { return (sources.map(\.window), target) }
      }
    }
    let fragmented = quiet.first { row in
      row.partCount > MergeRule.bearablePartCount
        && hasEnded(row.window, byMoreThan: OpenStore.windowGraceMilliseconds)
    }
    return fragmented.map { ([$0.window], $0.window) }
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
  /// time, and a part behind the first of these, its samples may be the later
  /// ones.
  static func keepsOrder(_ sources: [Window], among rows: [WindowRow]) -> Bool {
    let merged = rows.filter { sources.contains($0.window) }
    guard let firstPart = merged.map(\.firstPart).min() else { return true }
    return rows.allSatisfy { other in
      sources.contains(other.window) || other.endPart <= firstPart
        || merged.allSatisfy { source in
          other.maxTimestamp < source.minTimestamp || other.minTimestamp > source.maxTimestamp
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
