import SeriesModel
import Storage

/// How much a deletion deleted, or would delete.
public struct DeletedSamples: Hashable, Sendable {
  /// The series that have samples in the range.
  ///
  /// An upper bound: one counts whose samples lie on both sides of the range,
  /// within one chunk.
  public var seriesCount: Int
  /// The samples in the range at most: chunks that reach over an end of it
  /// count whole.
  public var sampleCount: Int

  /// Creates counts.
  public init(seriesCount: Int, sampleCount: Int) {
    self.seriesCount = seriesCount
    self.sampleCount = sampleCount
  }
}

extension Database {
  /// Deletes the samples of some series between `start` and `end`, both
  /// inclusive.
  ///
  /// When the call returns, what was appended before it is gone for every
  /// query, and after a crash too. What is appended later is new, also at
  /// a time that was deleted. The space on disk comes back when old samples are
  /// merged or deleted by the retention, or by ``reclaimDeletedSpace()``.
  ///
  /// ```swift
  /// let matchers = [Matcher("job", .equal, "test")]
  /// try database.delete(matching: [matchers], from: .earliest, through: .now)
  /// ```
  ///
  /// - Parameters:
  ///   - selections: A series is deleted from when all matchers of any of them
  ///     hold; an empty list of matchers holds for every series.
  ///   - isDryRun: Whether to count only, and delete nothing; a database that was
  ///     opened for reading only can do that too.
  /// - Throws: ``TSDBError``: `invalid` when a regular expression is malformed,
  ///   `failed` when the disk can't be used; then nothing is deleted.
  @discardableResult
  public func delete(
    matching selections: [[Matcher]], from start: Timestamp, through end: Timestamp,
    isDryRun: Bool = false
  ) throws -> DeletedSamples {
    let summary = try wrappingStorageErrors {
      if isDryRun, let reader {
        return try reader.summaryOfDeletion(matching: selections, from: start, through: end)
      }
      return try writableStore().delete(
        matching: selections, from: start, through: end, isDryRun: isDryRun)
    }
    return DeletedSamples(
      seriesCount: summary.seriesCount, sampleCount: summary.sampleCount)
  }

  /// Gives the space of deleted samples back, in the background: what they are
  /// in is written anew without them.
  public func reclaimDeletedSpace() throws {
    let store = try writableStore()
    try wrappingStorageErrors { try store.cleanTombstones() }
  }
}
