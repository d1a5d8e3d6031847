import Storage

extension Database {
  /// Returns once everything accepted before the call is on disk.
  ///
  /// Where ``DatabaseOptions/durability`` is `sync` that is so already.
  ///
  /// - Throws: ``TSDBError`` with code `failed`; nothing more is accepted then.
  public func synchronize() throws {
    try wrappingStorageErrors { try writer?.synchronize() }
  }

  /// Copies the database to the directory `path`, which is made: all that was
  /// accepted before the call, at one moment.
  ///
  /// The copy can be opened as any other database. Until it is complete and on
  /// disk it has another name. A database that was opened for reading only is
  /// copied as it is now, not as it was when it was opened.
  ///
  /// - Parameter skipsHead: Whether samples that wait in memory for their chunks
  ///   to be full are left out. Has no effect on a database that was opened for
  ///   reading only.
  /// - Throws: ``TSDBError``: `exists` when there is something at `path`,
  ///   `invalid` when it is inside of the database's own directory, but for
  ///   `snapshots` there, `diskFull` when there is too little space for the copy, `notADatabase`
  ///   when this one is in memory, `failed`.
  public func snapshot(to path: String, skipsHead: Bool = false) throws {
    guard self.path != nil else {
      throw TSDBError(.notADatabase, "a database in memory has no files to copy")
    }
    try wrappingStorageErrors {
      if let writer {
        try writer.copy(to: path, includesHead: skipsHead == false)
      } else {
        try reader?.copy(to: path)
      }
    }
  }

  /// What a compaction was of, and what it made, in bytes.
  public struct Compaction: Hashable, Sendable {
    /// The size of the files before.
    public let sourceByteCount: Int
    /// The size of the files of the new directory.
    public let byteCount: Int
    /// What of the source's journal was found damaged, a sentence each: the new
    /// directory lacks it.
    public let warnings: [String]
  }

  /// Writes the database in the directory `source` to the directory
  /// `destination`, which is made, in as little space as it can take.
  ///
  /// Samples that were deleted are removed, from the source too; else it keeps
  /// all that it holds. No process may have it open for writing.
  ///
  /// - Throws: ``TSDBError``: `inUse`, `notADatabase`, `exists`, `invalid` when
  ///   the destination is inside of the source, `diskFull`, `failed`.
  public static func compact(at source: String, to destination: String) throws -> Compaction {
    try namingMissingDatabase(source) { try StoreParts.check(source) }
    guard StoreSize.isStore(source) else {
      throw TSDBError(
        .notADatabase, "there is no database in \"\(source)\"",
        hint: "name the directory that a server or a program writes to")
    }
    return try wrappingStorageErrors {
      var options = StoreOptions()
      // What is too old is for the owner of the directory to say.
      options.retentionMilliseconds = .max
      options.maximumExemplarCount = .max
      let sourceByteCount = try StoreSize.byteCount(ofDirectory: source)
      let store = try Store.open(directory: source, options: options)
      // Closed in any case; of two errors the first is the one to tell.
      let copying = Result { try store.compact(to: destination) }
      let warnings = store.warnings
      let closing = Result { try store.close() }
      try copying.get()
      try closing.get()
      return Compaction(
        sourceByteCount: sourceByteCount,
        byteCount: try StoreSize.byteCount(ofDirectory: destination), warnings: warnings)
    }
  }
}
