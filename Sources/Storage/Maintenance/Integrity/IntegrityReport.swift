import LMDB

/// What a check of a whole data directory found.
package struct IntegrityReport: Sendable {
  /// Something that is not as it was written, or not as it must be.
  package struct Finding: Hashable, Sendable {
    /// The table, or the file of a journal segment.
    package var place: String
    /// What is wrong, with series and time where they are known; a sentence
    /// without a full stop.
    package var description: String
  }

  /// The first findings, at most ``findingLimit``.
  package private(set) var findings: [Finding] = []
  /// The number of all findings.
  package private(set) var findingCount = 0
  /// The windows in the tables.
  package var windowCount = 0
  /// The series in the tables.
  package var seriesCount = 0
  /// The chunks that were decoded, those in the journal included.
  package var chunkCount = 0
  /// The samples in them, and those in the journal that are in no chunk yet.
  package var sampleCount = 0
  /// The bytes of keys, values and journal records that were looked at.
  package var byteCount = 0

  /// More findings are counted and not kept.
  package static let findingLimit = 1000
  /// The values that were found damaged: other checks meet them again.
  private var damagedKeys: Set<[UInt8]> = []

  mutating func add(_ place: String, _ description: String) {
    findingCount += 1
    if findings.count < IntegrityReport.findingLimit {
      findings.append(Finding(place: place, description: description))
    }
  }

  /// Adds damage of a value, each value once; throws what is no damage.
  mutating func add(_ error: StorageError) throws(StorageError) {
    switch error {
    case .corrupted(let table, let key, let reason):
      guard damagedKeys.insert(Array(table.utf8) + [0] + key).inserted else { return }
      add(table, "at key \(key.hexadecimal): \(reason)")
    case .damagedJournal(let segment, let offset, let reason):
      add(segment, "at byte \(offset): \(reason)")
    case .database(let failure) where failure.code == .corrupted || failure.code == .pageNotFound:
      add("data.mdb", failure.description)
    case .database(LMDBError(.notFound, during: .openTable)):
      add("data.mdb", "a table is missing")
    default:
      throw error
    }
  }

  /// Runs a check; one that damage ends early does not keep others from being
  /// run.
  mutating func collect(
    _ check: (inout IntegrityReport) throws(StorageError) -> Void
  ) throws(StorageError) {
    do throws(StorageError) {
      try check(&self)
    } catch {
      try add(error)
    }
  }

  /// Adds one finding about a number of series, which names the first of them.
  mutating func add(_ place: String, _ description: String, of names: [String], count: Int) {
    guard count > 0 else { return }
    let more = count > names.count ? " and \(count - names.count) more" : ""
    add(place, "\(description): \(names.joined(separator: ", "))\(more)")
  }
}

extension [UInt8] {
  fileprivate var hexadecimal: String {
    map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
