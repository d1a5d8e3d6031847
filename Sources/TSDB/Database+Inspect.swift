import Glibc
import SeriesModel
import Storage

/// What a check of a whole database found.
public struct DatabaseVerification: Sendable {
  /// Something that is not as it was written.
  public struct Finding: Hashable, Sendable {
    /// A table, or the file of a journal segment.
    public var place: String
    /// What is wrong there, a sentence without a full stop.
    public var description: String
  }

  /// The first findings, at most 1,000.
  public var findings: [Finding]
  /// The number of all findings; 0 when everything is sound.
  public var findingCount: Int
  /// The windows of time that were checked.
  public var windowCount: Int
  /// The series that were checked.
  public var seriesCount: Int
  /// The chunks that were decoded.
  public var chunkCount: Int
  /// The samples in them.
  public var sampleCount: Int
  /// The bytes that were looked at.
  public var byteCount: Int

  init(_ report: IntegrityReport) {
    findings = report.findings.map { Finding(place: $0.place, description: $0.description) }
    findingCount = report.findingCount
    windowCount = report.windowCount
    seriesCount = report.seriesCount
    chunkCount = report.chunkCount
    sampleCount = report.sampleCount
    byteCount = report.byteCount
  }
}

extension Database {
  /// Checks everything in the directory `path`: every checksum, that every
  /// chunk decodes, and that all parts agree with each other.
  ///
  /// Changes nothing. Another process may have the database open; then what it
  /// deletes meanwhile takes space until the check is done.
  ///
  /// - Throws: ``TSDBError``: `notADatabase` when there is none,
  ///   `unsupportedFormat` when a newer version wrote it. Damage is no error.
  public static func verify(at path: String) throws -> DatabaseVerification {
    DatabaseVerification(
      try namingMissingDatabase(path) { try IntegrityCheck.run(directory: path) })
  }

  /// Tells what the directory `path` holds, and what takes its space.
  ///
  /// - Parameter limit: The length of each list of cardinalities, at most.
  package static func information(
    at path: String, limit: Int
  ) throws -> DatabaseInformation {
    DatabaseInformation(
      try namingMissingDatabase(path) {
        try StoreInformation.read(directory: path, limit: limit)
      })
  }

  /// Runs `body`, and says of a missing directory that it is no database.
  static func namingMissingDatabase<Result>(
    _ path: String, _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try wrappingStorageErrors(body)
    } catch let error as TSDBError {
      guard case .file(let failure)? = error.cause as? StorageError,
        failure.number == ENOENT || failure.number == ENOTDIR,
        unsafe access(path + "/data.mdb", F_OK) != 0
      else { throw error }
      throw TSDBError(
        .notADatabase, "there is no database in \"\(path)\"",
        hint: "name the directory that a server or a program writes to", cause: error)
    }
  }
}
