import LMDB
import SeriesModel
import Synchronization

/// A store's state at one moment, opened for reading only.
///
/// For a second process beside the one that writes, and for directories that
/// nobody writes to. It sees what was acknowledged before it was opened, and
/// nothing that came later; it keeps pages of the file from being used again,
/// so release it soon. Of a live store it reads the journal that is not sealed
/// yet, at most some tens of megabytes.
///
/// Nothing is written but a place in LMDB's table of readers.
package final class StoreReader: Sendable {
  private let contents: StoreContents
  private let pool: TransactionPool
  private static let attemptLimit = 100

  /// Opens the store in `directory`.
  ///
  /// - Throws: ``StorageError``: `file` when there is no store, `missingTables` or
  ///   `missingJournal` when only a part of one is there, `database` when the lock
  ///   file can't be written, `unsupportedFormat`, or what failed.
  package static func open(
    directory: String, options: StoreOptions = StoreOptions()
  ) throws(StorageError) -> StoreReader {
    let journal = JournalDirectory(dataDirectory: directory)
    try StoreParts.check(directory)
    do throws(FileError) {
      _ = try journal.segmentNumbers()
    } catch {
      throw StorageError(error)
    }
    var environmentOptions = EnvironmentOptions()
    environmentOptions.maximumReaderCount = options.maximumReaderCount
    environmentOptions.isReadOnly = true
    let schema = try Schema(directory: directory, options: environmentOptions)
    let contents = StoreContents(directory: directory, schema: schema, options: options)
    let (segments, pool) = try takeConsistentView(of: contents)
    let (recovered, head) = try pool.read { transaction throws(StorageError) in
      try Recovery.run(contents, segments: segments, transaction: transaction)
    }
    contents.head.withLock { $0 = head }
    contents.warnings.withLock { $0 += recovered.damages.map(\.description) }
    _ = try pool.read { transaction throws(StorageError) in
      try contents.readTimeRange(view: transaction.view)
    }
    return StoreReader(contents: contents, pool: pool)
  }

  private init(contents: StoreContents, pool: TransactionPool) {
    self.contents = contents
    self.pool = pool
  }

  /// Opens the segments, then the tables, and starts over when the writer
  /// started or deleted a segment in between.
  static func takeConsistentView(
    of contents: StoreContents
  ) throws(StorageError) -> ([OpenSegment], TransactionPool) {
    let directory = contents.journalDirectory
    var lastError: FileError?
    for _ in 0..<attemptLimit {
      let segments: [OpenSegment]
      do throws(FileError) {
        segments = try directory.openSegments()
      } catch {
        // A segment that was listed may be gone before it is opened.
        guard error.isNotFound else { throw StorageError(error) }
        lastError = error
        continue
      }
      let pool = try TransactionPool(
        contents.schema.environment, count: contents.options.readersPerSnapshot)
      do throws(FileError) {
        if try directory.segmentNumbers() == segments.map(\.number) { return (segments, pool) }
      } catch {
        throw StorageError(error)
      }
    }
    throw lastError.map(StorageError.init) ?? .overloaded
  }

  /// The timestamp of the newest sample, or nil.
  package var newestTimestamp: Timestamp? { contents.newestTimestamp }

  /// A timestamp that no sample is older than, or nil.
  package var oldestTimestamp: Timestamp? { contents.oldestTimestamp }

  /// What a reader of every query should know, such as a damaged journal.
  package var warnings: [String] { contents.warnings.withLock { $0 } }

  /// What sources said about metric families, by family name.
  package var metadata: [String: MetricMetadata] {
    contents.head.withLock { $0.metadata }
  }

  /// Copies the store as it is now, which may be later than what this reader
  /// sees; see ``Store/copy(to:includesHead:)``.
  package func copy(to destination: String) throws(StorageError) {
    try StoreCopy.make(of: contents, at: destination, includesHead: true)
  }

  /// What a deletion would delete; see ``Store/delete(matching:from:through:isDryRun:)``.
  package func summaryOfDeletion(
    matching selections: [[Matcher]], from start: Timestamp, through end: Timestamp
  ) throws(StorageError) -> DeletionSummary {
    guard start <= end else { return DeletionSummary() }
    let deletion = try Deletion(
      matching: selections, range: start.milliseconds...end.milliseconds)
    let inHead = try contents.headContents(of: deletion)
    return try pool.read { transaction throws(StorageError) in
      try contents.summary(of: deletion, inHead: inHead, view: transaction.view)
    }
  }

  private var querier: StoreQuerier { StoreQuerier(contents: contents, pool: pool) }
}

extension StoreReader: Queryable {
  package func snapshot(of selections: [SeriesSelection]) throws -> any QuerySnapshot {
    try querier.snapshot(of: selections)
  }

  package func labelNames(of selections: [SeriesSelection]) throws -> [String] {
    try querier.labelNames(of: selections)
  }

  package func labelValues(
    of name: String, in selections: [SeriesSelection]
  ) throws -> [String] {
    try querier.labelValues(of: name, in: selections)
  }

  package func series(of selections: [SeriesSelection]) throws -> [Labels] {
    try querier.series(of: selections)
  }
}

extension StoreReader: ExemplarQueryable {
  package func exemplars(of selections: [SeriesSelection]) throws -> [SeriesExemplars] {
    try querier.exemplars(of: selections)
  }
}
