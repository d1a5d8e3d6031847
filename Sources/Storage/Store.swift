import SeriesModel
import Synchronization

/// A time-series store in a directory, or in memory, open for writing.
///
/// What is acknowledged is on the disk: an append returns once its record is
/// synced in the journal, and only then do queries see it. Closed chunks and
/// the index move to the tables from time to time, when the owner calls
/// ``maintain(now:)``.
///
/// One process writes at a time; ``StoreReader`` reads beside it. Every method
/// may be called by any thread.
package final class Store: Sendable {
  private struct State {
    /// Nil once the store is closed.
    var opened: OpenStore?
    var lastStatistics = StoreStatistics()
  }

  private let state: Mutex<State>

  /// Opens the store in `directory`, which is created when it is missing.
  ///
  /// - Throws: ``StorageError``: `inUse` when another process writes there,
  ///   `unsupportedFormat` when a newer version wrote it, or what failed.
  package static func open(
    directory: String, options: StoreOptions = StoreOptions()
  ) throws(StorageError) -> Store {
    Store(try OpenStore.open(directory: directory, options: options))
  }

  /// Opens an empty store that is in memory and ends with the process, or
  /// once it is closed and released.
  ///
  /// Appended samples are visible when an append returns, and nothing more. All
  /// else is as in a directory, the limits of time included.
  ///
  /// - Throws: ``StorageError`` when no memory can be had.
  package static func inMemory(
    options: StoreOptions = StoreOptions()
  ) throws(StorageError) -> Store {
    Store(try OpenStore.openInMemory(options: options))
  }

  private init(_ opened: OpenStore) {
    state = Mutex(State(opened: opened))
  }

  func opened() throws(StorageError) -> OpenStore {
    guard let opened = state.withLock({ $0.opened }) else { throw .notWritable }
    return opened
  }

  /// Seals what is full, saves the rest, and lets go of the directory.
  ///
  /// Everything acknowledged is on the disk already; closing only makes the
  /// next start quick. Further calls of any method but the statistics throw.
  /// The directory can be opened again once calls that are under way have
  /// returned and snapshots are released. A second call does nothing.
  package func close() throws(StorageError) {
    guard let opened = state.withLock({ $0.opened }) else { return }
    defer {
      let statistics = opened.statistics
      state.withLock { state in
        state.opened = nil
        state.lastStatistics = statistics
      }
    }
    try opened.close()
  }

  /// Does what is due: checkpoints, seals of ended windows, retention, and
  /// forgetting series that nobody uses.
  ///
  /// Call it every few seconds from one thread of the owner's; it may take
  /// seconds itself. Appends and queries go on meanwhile.
  ///
  /// - Parameter now: The wall clock; only differences between calls count.
  /// What lacks space on the disk is put off until there is some, and appends
  /// are refused meanwhile.
  ///
  /// - Throws: ``StorageError``. After a failed write nothing is appended any
  ///   more, and each further call throws.
  package func maintain(now: Timestamp) throws(StorageError) {
    try opened().maintain(now: now)
  }

  /// Returns once everything acknowledged before the call is on the disk.
  ///
  /// Call it at the interval of ``Durability/interval(milliseconds:)``; it does
  /// not wait for ``maintain(now:)``. In the mode ``Durability/sync`` it has
  /// nothing to do.
  ///
  /// - Throws: ``StorageError``. After a failed sync nothing is appended any
  ///   more, since what the system has forgotten can't be written again.
  package func synchronize() throws(StorageError) {
    try opened().synchronize()
  }

  /// Copies the store to a directory that is made: what was acknowledged before
  /// the call, dense and in order, and nothing that is half written.
  ///
  /// Appends go on meanwhile. No page of the tables is used again until the copy
  /// is done, so the file may grow.
  ///
  /// - Parameters:
  ///   - destination: The directory to make; those above it are made too.
  ///   - includesHead: Whether open chunks are copied. If not, a checkpoint is
  ///     made first, the copy holds what is in the tables then, and the next
  ///     checkpoint waits until the copy is done.
  /// - Throws: ``StorageError``: `exists`, `destinationInside`, `diskFull`, or
  ///   what failed. Nothing is left then.
  package func copy(
    to destination: String, includesHead: Bool = true
  ) throws(StorageError) {
    let opened = try opened()
    guard includesHead == false else {
      return try StoreCopy.make(of: opened.contents, at: destination, includesHead: true)
    }
    try opened.copyTables(to: destination)
  }

  /// Writes the store to a directory that is made, sealed as a whole: in as
  /// little space as it can take, and without what was deleted.
  ///
  /// What was deleted goes from this store too; windows with damage, and others
  /// that cover their time, keep it.
  ///
  /// - Throws: ``StorageError``, as ``copy(to:includesHead:)``.
  package func compact(to destination: String) throws(StorageError) {
    try StoreCopy.checkDestination(destination, of: opened().contents)
    try sealEverything()
    try opened().removeDeleted()
    try copy(to: destination)
  }

  /// Seals everything that is open, whatever its size.
  ///
  /// For tools and tests; a store that lives on seals by itself.
  package func sealEverything() throws(StorageError) {
    try opened().sealEverything()
  }

  /// Deletes the samples of some series in a range of time.
  ///
  /// Samples acknowledged before the call are gone for every query when it
  /// returns. What is appended later is new, also at a time that was deleted.
  /// The space comes back when windows are merged or deleted, or by
  /// ``cleanTombstones()``.
  ///
  /// - Parameters:
  ///   - selections: A series is deleted from when all matchers of any of them
  ///     select it.
  ///   - start: The first moment deleted.
  ///   - end: The last moment deleted, inclusive; nothing is when it is before
  ///     `start`.
  ///   - isDryRun: Whether to count only, and delete nothing.
  /// - Returns: What was deleted, or would be.
  package func delete(
    matching selections: [[Matcher]], from start: Timestamp, through end: Timestamp,
    isDryRun: Bool = false
  ) throws(StorageError) -> DeletionSummary {
    let store = try opened()
    guard start <= end else { return DeletionSummary() }
    let deletion = try Deletion(
      matching: selections, range: start.milliseconds...end.milliseconds)
    return isDryRun ? try store.summary(of: deletion) : try store.delete(deletion)
  }

  /// Has the windows that hold deleted samples written anew without them.
  ///
  /// Returns at once; the work is done by the calls of ``maintain(now:)`` that
  /// follow, a piece in each.
  package func cleanTombstones() throws(StorageError) {
    try opened().cleanTombstones()
  }

  // MARK: State

  /// What the store has done and holds; after closing, as it was then.
  package var statistics: StoreStatistics {
    let (opened, last) = state.withLock { ($0.opened, $0.lastStatistics) }
    return opened?.statistics ?? last
  }

  /// Has `handler` called when the journal has become so long that
  /// ``maintain(now:)`` may have a checkpoint to make; it must not call the store.
  package func whenJournalIsLong(_ handler: @escaping @Sendable () -> Void) {
    state.withLock { $0.opened }?.longJournalHandler.withLock { $0 = handler }
  }

  /// Has `observer` told of the work that is done from now on, and nobody else.
  package func observe(_ observer: StoreObserver) {
    state.withLock { $0.opened }?.observer.withLock { $0 = observer }
  }

  /// The timestamp of the newest sample ever stored; nil when there is none or
  /// the store is closed.
  package var newestTimestamp: Timestamp? { contents?.newestTimestamp }

  /// A timestamp that no stored sample is older than; nil when there is none
  /// or the store is closed.
  package var oldestTimestamp: Timestamp? { contents?.oldestTimestamp }

  /// What was found damaged when the store was opened; every snapshot has
  /// these warnings too.
  package var warnings: [String] { contents?.warnings.withLock { $0 } ?? [] }

  /// What sources said about metric families, by family name.
  package var metadata: [String: MetricMetadata] {
    contents?.head.withLock { $0.metadata } ?? [:]
  }

  /// What sources said about one metric family, or nil.
  package func metadata(of family: String) -> MetricMetadata? {
    contents?.head.withLock { $0.metadata[family] }
  }

  private var contents: StoreContents? { state.withLock { $0.opened }?.contents }
}

extension Store: Appender {
  package func seriesID(for labels: Labels) throws -> SeriesID {
    try opened().seriesID(for: labels)
  }

  package func append(
    _ batches: [SampleBatch], options: AppendOptions
  ) throws -> [AppendResult] {
    try opened().append(batches, options: options)
  }
}

extension Store: Queryable {
  private func querier() throws(StorageError) -> StoreQuerier {
    StoreQuerier(contents: try opened().contents)
  }

  package func snapshot(of selections: [SeriesSelection]) throws -> any QuerySnapshot {
    try querier().snapshot(of: selections)
  }

  package func labelNames(of selections: [SeriesSelection]) throws -> [String] {
    try querier().labelNames(of: selections)
  }

  package func labelValues(
    of name: String, in selections: [SeriesSelection]
  ) throws -> [String] {
    try querier().labelValues(of: name, in: selections)
  }

  package func series(of selections: [SeriesSelection]) throws -> [Labels] {
    try querier().series(of: selections)
  }
}

extension Store: ExemplarQueryable {
  package func exemplars(of selections: [SeriesSelection]) throws -> [SeriesExemplars] {
    try querier().exemplars(of: selections)
  }
}
