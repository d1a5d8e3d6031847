import Glibc
import LMDB
import RegularExpressions

/// Why the store could not do what it was asked.
package enum StorageError: Error, Equatable, Sendable {
  /// Stored bytes are not what was written: table, key and what is wrong.
  case corrupted(table: String, key: [UInt8], reason: String)
  /// A journal segment holds a record that is not what was written.
  case damagedJournal(segment: String, offset: Int, reason: String)
  /// The store was written by a newer version of the program.
  case unsupportedFormat(found: UInt32, supported: UInt32)
  /// The database library failed.
  case database(LMDBError)
  /// A file operation failed.
  case file(FileError)
  /// The directory has a journal, but the tables that it belongs to are gone.
  case missingTables(directory: String)
  /// The directory has tables, but no journal that belongs to them.
  case missingJournal(directory: String)
  /// Another process, or this one, has the directory open for writing.
  case inUse(directory: String, processID: Int32?)
  /// A matcher's regular expression is malformed.
  case invalidRegex(RegularExpressionError)
  /// More is waiting to be written than the store keeps in memory.
  case overloaded
  /// The disk that holds `path` has too little space: nothing is stored until
  /// there is more. Nil when it is not known how much there is.
  case diskFull(path: String, freeByteCount: Int?, requiredByteCount: Int)
  /// There is a file or directory where one was to be made.
  case exists(String)
  /// A copy was to be made at this path, which is in the directory that is
  /// copied, or that directory itself.
  case destinationInside(String, directory: String)
  /// An earlier write failed, and nothing is written until the store is opened
  /// again; the text says what failed.
  case failedEarlier(String)
  /// The store was closed, or opened for reading only.
  case notWritable
}

extension StorageError: LMDBErrorConvertible {
  /// Wraps a failed call of the database library.
  package init(_ error: LMDBError) {
    self = .database(error)
  }

  /// Wraps a failed file operation.
  package init(_ error: FileError) {
    self = .file(error)
  }
}

extension StorageError: CustomStringConvertible {
  /// One sentence without a full stop: what failed, where and why.
  package var description: String {
    switch self {
    case .corrupted(let table, let key, let reason):
      "table \(table) is damaged at key \(StorageError.hexadecimal(key)): \(reason)"
    case .damagedJournal(let segment, let offset, let reason):
      "journal segment \"\(segment)\" is damaged at byte \(offset): \(reason)"
    case .unsupportedFormat(let found, let supported):
      "the store has format \(found), but this program knows formats up to \(supported)"
    case .database(let error):
      error.description
    case .file(let error):
      error.description
    case .missingTables(let directory):
      "\"\(directory)\" has a journal, but its tables, data.mdb, are gone"
    case .missingJournal(let directory):
      "\"\(directory)\" has tables, but its journal is gone, and with it the newest samples, which "
        + "were not in the tables yet"
    case .inUse(let directory, let processID):
      "\(processID.map { "process \($0)" } ?? "another process") has \"\(directory)\" open"
    case .invalidRegex(let error):
      error.description
    case .overloaded:
      "too much is waiting to be written"
    case .diskFull(let path, let free?, let required):
      "\(byteCountText(free)) are free on the disk of \"\(path)\", of which "
        + "\(byteCountText(required)) are needed, those that --storage.min-free-space keeps "
        + "included"
    case .diskFull(let path, nil, let required):
      "the disk of \"\(path)\" has no room for \(byteCountText(required))"
    case .exists(let path):
      "\"\(path)\" exists already"
    case .destinationInside(let path, let directory):
      "\"\(path)\" is in the data directory \"\(directory)\" itself"
    case .failedEarlier(let cause):
      "an earlier write failed: \(cause)"
    case .notWritable:
      "the store is closed or was opened for reading only"
    }
  }

  /// What to do about it, or nil when there is nothing useful to say.
  package var hint: String? {
    switch self {
    case .corrupted, .damagedJournal: "check the disk, and restore a snapshot if there is one"
    case .unsupportedFormat: "open it with the version that wrote it, or a later one"
    case .database(let error): error.hint
    case .file(let error): error.hint
    case .missingTables:
      "restore data.mdb or a snapshot, or move the directory away to begin anew"
    case .missingJournal(let directory):
      "restore \"\(directory)/journal\" or a snapshot, or make it as an empty directory to go on "
        + "with what the tables hold"
    case .inUse: "stop the other process, or choose another directory"
    case .overloaded: "send again later"
    case .diskFull:
      "free space on the disk, which needs no restart, or lower the minimum with "
        + "--storage.min-free-space"
    case .exists: "choose a name that is not taken"
    case .destinationInside: "choose a directory outside of it"
    case .failedEarlier: "free space or repair the disk, then restart"
    case .invalidRegex, .notWritable: nil
    }
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

extension StorageError {
  /// The free space below which an input or output error is taken for a full
  /// disk: the library reports a write that was cut short as such an error.
  private static let scarceByteCount = 16 << 20

  /// True when only space is missing, and the same may succeed later.
  func isLackOfSpace(freeByteCount: Int?) -> Bool {
    switch self {
    case .diskFull: true
    case .file(let error): error.isLackOfSpace
    case .database(let error):
      error.isLackOfSpace
        || error.code == .system(EIO) && freeByteCount.map { $0 < Self.scarceByteCount } == true
    default: false
    }
  }
}

/// A number of bytes for people, such as `1.5 GiB`, rounded down.
private func byteCountText(_ byteCount: Int) -> String {
  let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
  var unit = 0
  var tenths = (byteCount, 0)
  while tenths.0 >= 1024, unit < units.count - 1 {
    tenths = (tenths.0 / 1024, tenths.0 % 1024 * 10 / 1024)
    unit += 1
  }
  return tenths.1 == 0 ? "\(tenths.0) \(units[unit])" : "\(tenths.0).\(tenths.1) \(units[unit])"
}
