import Glibc

/// A failed call of LMDB.
package struct LMDBError: Error, Hashable, Sendable {
  /// What went wrong.
  package enum Code: Hashable, Sendable {
    /// The key is there already, or does not sort after the last one where it
    /// was to be appended.
    case keyExists
    /// The key or the table is not there.
    case notFound
    /// A page that the tree refers to is missing: the file is damaged.
    case pageNotFound
    /// A page is not what it should be: the file is damaged.
    case corrupted
    /// The file ends before pages that it says it has.
    case truncated
    /// An earlier failure made the environment unusable.
    case panic
    /// The file was written by another version of LMDB's format.
    case versionMismatch
    /// The file is not an LMDB file.
    case invalid
    /// The map size is used up.
    case mapFull
    /// More tables were asked for than the environment has room for.
    case tablesFull
    /// Every reader slot is taken.
    case readersFull
    /// The transaction has too many changed pages.
    case transactionFull
    /// The tree is too deep.
    case cursorFull
    /// A page has no room though it should.
    case pageFull
    /// Another process made the map larger.
    case mapResized
    /// The table was made with other options.
    case incompatible
    /// A reader slot was used by two transactions.
    case badReaderSlot
    /// The transaction has failed before, or was ended.
    case badTransaction
    /// The key is empty or longer than ``Environment/maximumKeyByteCount``, or
    /// the value is too large.
    case badValueSize
    /// The table handle is not valid in this transaction.
    case badTable
    /// This process has the environment open already.
    case alreadyOpen
    /// The operating system refused; the number is `errno`.
    case system(Int32)
    /// A number that LMDB does not document.
    case unknown(Int32)
  }

  /// The call that failed.
  package enum Operation: String, Hashable, Sendable {
    case open = "open the environment"
    case openTable = "open a table"
    case beginRead = "begin a read transaction"
    case renewRead = "renew a read transaction"
    case beginWrite = "begin a write transaction"
    case commit = "commit"
    case get = "get a value"
    case put = "put a value"
    case delete = "delete a value"
    case moveCursor = "move a cursor"
    case readStatistics = "read statistics"
    case clearReaders = "clear stale readers"
    case copy = "copy the environment"
  }

  /// What went wrong.
  package let code: Code
  /// The call that failed.
  package let operation: Operation

  /// Creates an error.
  package init(_ code: Code, during operation: Operation) {
    self.code = code
    self.operation = operation
  }
}

extension LMDBError: CustomStringConvertible {
  /// One sentence without a full stop: what failed and why.
  package var description: String { "can't \(operation.rawValue): \(reason)" }

  private var reason: String {
    switch code {
    case .keyExists: "the key exists already or is out of order"
    case .notFound: "not found"
    case .pageNotFound: "a page is missing, the file is damaged"
    case .corrupted: "the file is damaged"
    case .truncated: "the file was cut short, pages are missing at its end"
    case .panic: "an earlier failure made the environment unusable"
    case .versionMismatch: "the file was written by another version of LMDB"
    case .invalid: "this is not an LMDB file"
    case .mapFull: "the map is full"
    case .tablesFull: "too many tables"
    case .readersFull: "every reader slot is taken"
    case .transactionFull: "the transaction has too many changed pages"
    case .cursorFull: "the tree is too deep"
    case .pageFull: "a page has no room"
    case .mapResized: "another process made the map larger"
    case .incompatible: "the table was made with other options"
    case .badReaderSlot: "a reader slot was used twice"
    case .badTransaction: "the transaction has failed before"
    case .badValueSize: "the key is empty or too long, or the value is too large"
    case .badTable: "the table is not open in this transaction"
    case .alreadyOpen: "this process has it open already"
    case .system(let number): LMDBError.systemMessage(number)
    case .unknown(let number): "unknown error \(number)"
    }
  }

  /// True when the system said that the disk, or the owner's share of it, is
  /// full.
  package var isLackOfSpace: Bool {
    code == .system(ENOSPC) || code == .system(EDQUOT) || code == .mapFull
  }

  /// What to do about it, or nil when there is nothing useful to say.
  package var hint: String? {
    switch code {
    case .pageNotFound, .corrupted, .truncated, .panic:
      "stop every process that uses the directory, check the disk, and restore a snapshot"
    case .versionMismatch: "use the version of LMDB that wrote the file"
    case .invalid: "check that the path names a data directory of this program"
    case .mapFull: "free space by a shorter retention, or allow more address space"
    case .readersFull: "end long-running queries and other processes that read the directory"
    case .mapResized: "open the environment again"
    case .alreadyOpen: "use the environment that is open"
    case .system(let number): LMDBError.hint(forSystemError: number)
    default: nil
    }
  }

  /// What to do about an `errno`, or nil when there is nothing useful to say.
  package static func hint(forSystemError number: Int32) -> String? {
    switch number {
    case EIO: "the disk is full or failing: free space and look at the system log"
    case ENOSPC, EDQUOT: "free space on the disk"
    case EACCES, EPERM, EROFS:
      "readers too need write access to the lock file: check owner and permissions"
    case ENOENT: "check the path"
    case EAGAIN, ENOLCK: "the file system does not lock files: use a local disk"
    case ENOMEM: "allow more address space (ulimit -v)"
    default: nil
    }
  }
}

/// An error type that can carry an ``LMDBError``.
///
/// ``Environment/read(_:)`` and ``Environment/write(_:)`` throw the error type
/// of their body; failures of their own reach it through this initialiser.
package protocol LMDBErrorConvertible: Error {
  /// Wraps a failed call.
  init(_ error: LMDBError)
}

extension LMDBError: LMDBErrorConvertible {
  /// Returns the error itself.
  package init(_ error: LMDBError) { self = error }
}
