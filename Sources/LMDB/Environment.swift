import Synchronization

/// How an ``Environment`` is opened.
package struct EnvironmentOptions: Sendable {
  /// The address space to reserve; halved while the system refuses it, down
  /// to ``Environment/minimumMapSizeBytes``.
  package var mapSizeBytes = 1 << 40
  /// The number of read transactions that may live at the same time, in all
  /// processes together.
  package var maximumReaderCount = 256
  /// True when nothing will be written; every table must exist then.
  package var isReadOnly = false
  /// True when a commit returns only once it is on disk.
  ///
  /// When false, a crash of the machine can damage the whole file: for data
  /// that need not outlive the process.
  package var isSynchronized = true

  /// Creates the default options.
  package init() {}
}

/// An open LMDB environment: one file, shared by processes, of named tables.
///
/// LMDB's rules, and how they are kept:
/// - One environment per file and process, since closing a second one drops
///   the file locks of the first: files are compared by device and inode, and a
///   second `init` throws ``LMDBError/Code/alreadyOpen``.
/// - Tables are opened once, at `init`, and never created or dropped later.
/// - The map is reserved large at the start and never resized. It is never
///   writable, so that a stray write can't damage the file and a full disk is
///   an error instead of a signal.
/// - A long read transaction keeps pages from being used again, so the file
///   grows: read briefly, or ``ReadTransaction/reset()`` in between.
/// - Slots of readers that died are freed at `init`, when the slots run out,
///   and by ``clearStaleReaders()``.
/// - LMDB believes the file, and a page that is not there kills the process: the
///   meta pages and the length are checked before the file is mapped.
/// - Not across `fork`, and not on network file systems.
///
/// An environment may be used by every thread. It is closed when the last
/// reference to it goes; transactions hold one.
package final class Environment: Sendable {
  /// The longest key in bytes; the shortest has one byte.
  package static let maximumKeyByteCount = 511
  /// The least address space with which an environment opens.
  package static let minimumMapSizeBytes = 16 << 30

  /// The directory that was opened.
  package let path: String

  private let handle: EnvironmentHandle
  private let identity: FileIdentity?
  private let tables: Mutex<[String: Table]> = Mutex([:])
  /// The thread that has the write transaction, or 0.
  private let writingThread = Atomic<UInt>(0)

  /// The files that are open in this process; held while one is opened or
  /// closed.
  private static let openFiles = Mutex<Set<FileIdentity>>([])

  /// Opens the environment in an existing directory.
  ///
  /// - Parameters:
  ///   - path: A directory; LMDB keeps `data.mdb` and `lock.mdb` in it.
  ///   - tableNames: Every table that will be used. Missing ones are created,
  ///     or are an error when reading only.
  ///   - options: See ``EnvironmentOptions``.
  /// - Throws: ``LMDBError`` with code `alreadyOpen` when this process has the
  ///   file open under whatever path, `notFound` when reading only and a table
  ///   is missing, or what LMDB reports.
  package init(
    path: String, tables tableNames: [String], options: EnvironmentOptions = EnvironmentOptions()
  ) throws(LMDBError) {
    self.path = path
    (handle, identity) = try Environment.open(
      path: path, options: options, tableCount: tableNames.count)
    _ = try handle.clearStaleReaders()
    try openTables(tableNames, isReadOnly: options.isReadOnly)
  }

  deinit {
    Environment.openFiles.withLock { files in
      handle.close()
      if let identity { files.remove(identity) }
    }
  }

  private static func open(
    path: String, options: EnvironmentOptions, tableCount: Int
  ) throws(LMDBError) -> (EnvironmentHandle, FileIdentity?) {
    let file = path + "/data.mdb"
    return try openFiles.withLock {
      files throws(LMDBError) -> (EnvironmentHandle, FileIdentity?) in
      if let identity = FileIdentity.ofFile(atPath: file), files.contains(identity) {
        throw LMDBError(.alreadyOpen, during: .open)
      }
      try EnvironmentFile(directory: path)?.checkMeta()
      var options = options
      let handle = try openHalvingMapSize(path: path, options: &options, tableCount: tableCount)
      let identity = FileIdentity.ofFile(atPath: file)
      if let identity { files.insert(identity) }
      return (handle, identity)
    }
  }

  private static func openHalvingMapSize(
    path: String, options: inout EnvironmentOptions, tableCount: Int
  ) throws(LMDBError) -> EnvironmentHandle {
    while true {
      do {
        return try EnvironmentHandle.open(path: path, options: options, tableCount: tableCount)
      } catch {
        let halved = options.mapSizeBytes / 2
        guard error.isOutOfMemory, halved >= minimumMapSizeBytes else { throw error }
        options.mapSizeBytes = halved
      }
    }
  }

  private func openTables(_ names: [String], isReadOnly: Bool) throws(LMDBError) {
    let transaction = try handle.begin(isReadOnly: isReadOnly)
    var opened: [String: Table] = [:]
    do {
      for name in names {
        opened[name] = Table(
          name: name, handle: try transaction.openTable(named: name, creating: !isReadOnly),
          environment: ObjectIdentifier(self))
      }
    } catch {
      transaction.abort()
      throw error
    }
    // A committed transaction, even one that only read, leaves the handles open.
    try transaction.commit()
    tables.withLock { $0 = opened }
  }

  /// The table called `name`.
  ///
  /// - Precondition: `name` was given to `init`.
  package func table(_ name: String) -> Table {
    guard let table = tables.withLock({ $0[name] }) else {
      preconditionFailure("table \(name) was not named when the environment was opened")
    }
    return table
  }

  /// Frees the reader slots of processes that died, and says how many.
  ///
  /// A slot that stays keeps pages from being used again, so call this now and
  /// then.
  @discardableResult
  package func clearStaleReaders() throws(LMDBError) -> Int {
    try handle.clearStaleReaders()
  }

  /// Copies the last committed state to a file that is made, dense and in the
  /// order of the keys; it is on the disk when this returns.
  ///
  /// Writers go on meanwhile; no page that the copy needs is used again until
  /// it is done.
  ///
  /// - Throws: ``LMDBError`` with code `system(EEXIST)` when the file is there.
  ///   After another error a part of the file may be left.
  package func copy(toFile path: String) throws(LMDBError) {
    try handle.copyCompactly(toFile: path)
  }

  /// Calls `body` with the descriptor of the file, which has no other way to it
  /// once its name is gone; `body` may ask about the file, and nothing else.
  package func withDescriptor<Result>(
    _ body: (Int32) -> Result
  ) throws(LMDBError) -> Result {
    let descriptor = try handle.descriptor()
    return withExtendedLifetime(self) { body(descriptor) }
  }

  /// The size and use of the environment.
  package func statistics() throws(LMDBError) -> EnvironmentStatistics {
    try handle.statistics()
  }
}

extension Environment {
  /// Begins a read transaction that lives as long as its value.
  ///
  /// For snapshots that outlive a closure; otherwise ``read(_:)`` is enough.
  ///
  /// - Throws: ``LMDBError`` with code `readersFull` when every reader slot is
  ///   taken by a living process.
  package func makeReadTransaction() throws(LMDBError) -> ReadTransaction {
    ReadTransaction(environment: self, handle: try beginRead())
  }

  private func beginRead() throws(LMDBError) -> TransactionHandle {
    do {
      return try handle.begin(isReadOnly: true)
    } catch {
      guard error.code == .readersFull else { throw error }
      try clearStaleReaders()
      return try handle.begin(isReadOnly: true)
    }
  }

  /// Calls `body` with a view of the last committed state.
  package func read<Result: ~Copyable, Failure: LMDBErrorConvertible>(
    _ body: (ReadView) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let transaction: ReadTransaction
    do {
      transaction = try makeReadTransaction()
    } catch {
      throw Failure(error)
    }
    return try body(transaction.view)
  }

  /// Calls `body` with a write transaction and commits what it did.
  ///
  /// There is one write transaction at a time in all processes; this call waits
  /// for its turn. When `body` throws, nothing it did is kept. When the commit
  /// throws, the same holds.
  ///
  /// - Precondition: Not called from inside the body of another `write` of this
  ///   environment; that would wait for itself.
  package func write<Result: ~Copyable, Failure: LMDBErrorConvertible>(
    _ body: (inout WriteTransaction) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var transaction: WriteTransaction
    do {
      transaction = try beginWrite()
    } catch {
      throw Failure(error)
    }
    let result = try body(&transaction)
    do {
      try transaction.commit()
    } catch {
      throw Failure(error)
    }
    return result
  }

  private func beginWrite() throws(LMDBError) -> WriteTransaction {
    let thread = currentThread()
    precondition(
      writingThread.load(ordering: .relaxed) != thread, "a write inside a write waits for itself")
    let handle = try handle.begin(isReadOnly: false)
    writingThread.store(thread, ordering: .relaxed)
    return WriteTransaction(environment: self, handle: handle)
  }

  /// Called by the write transaction just before it ends.
  func willEndWriting() {
    writingThread.store(0, ordering: .relaxed)
  }
}

extension LMDBError {
  fileprivate var isOutOfMemory: Bool { code == .system(LMDBError.outOfMemoryNumber) }
}
