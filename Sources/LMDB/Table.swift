/// A named table of an ``Environment``.
///
/// LMDB calls it a named database. Keys sort byte by byte, a beginning before
/// the whole.
package struct Table: Sendable {
  /// The name under which the table was opened.
  package let name: String
  let handle: UInt32
  let environment: ObjectIdentifier
}

/// What a put does when the key is there already.
package enum PutMode: Sendable {
  /// Replaces its value.
  case replacing
  /// Throws ``LMDBError/Code/keyExists``.
  case onlyIfAbsent
  /// Appends at the end of the table, which fills its pages wholly; throws
  /// ``LMDBError/Code/keyExists`` unless the key sorts after every other one.
  case appending
}

/// The size and use of an environment.
package struct EnvironmentStatistics: Hashable, Sendable {
  /// The size of a page.
  package var pageSizeBytes: Int
  /// The address space reserved for the file.
  package var mapSizeBytes: Int
  /// The bytes up to the last page ever used, free pages included.
  package var usedBytes: Int
  /// The number of the last committed transaction.
  package var lastTransactionID: UInt64
  /// The number of reader slots.
  package var maximumReaderCount: Int
  /// The number of reader slots ever taken at the same time.
  package var readerCount: Int
}

/// The size of a table.
package struct TableStatistics: Hashable, Sendable {
  /// The number of keys.
  package var entryCount: Int
  /// The number of pages from the root to a leaf.
  package var depth: Int
  /// The number of inner pages.
  package var branchPageCount: Int
  /// The number of pages that hold keys and small values.
  package var leafPageCount: Int
  /// The number of pages that hold large values.
  package var overflowPageCount: Int

  /// The number of pages of all kinds.
  package var pageCount: Int { branchPageCount + leafPageCount + overflowPageCount }
}
