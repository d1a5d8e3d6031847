import CLMDB
import Glibc

#if TSDB_FAULTS
  import FaultInjection
#endif

// Every call of LMDB's C functions, and of the operating system's that the
// target needs, is in this file; each is checked at once.

// MARK: - Checking

/// Runs one C call and turns its result into an error.
private func check(
  _ operation: LMDBError.Operation, _ call: () -> CInt
) throws(LMDBError) {
  #if TSDB_FAULTS
    if let fault = FaultPlan.nextFault(in: .database) {
      throw LMDBError(LMDBError.Code(result: fault.code), during: operation)
    }
  #endif
  let result = call()
  guard result == MDB_SUCCESS else {
    throw LMDBError(LMDBError.Code(result: result), during: operation)
  }
}

/// Runs one C call for which "not found" is an answer.
private func checkFound(
  _ operation: LMDBError.Operation, _ call: () -> CInt
) throws(LMDBError) -> Bool {
  var isFound = true
  try check(operation) {
    let result = call()
    guard result == MDB_NOTFOUND else { return result }
    isFound = false
    return MDB_SUCCESS
  }
  return isFound
}

extension LMDBError.Code {
  init(result: CInt) {
    switch result {
    case MDB_KEYEXIST: self = .keyExists
    case MDB_NOTFOUND: self = .notFound
    case MDB_PAGE_NOTFOUND: self = .pageNotFound
    case MDB_CORRUPTED: self = .corrupted
    case MDB_PANIC: self = .panic
    case MDB_VERSION_MISMATCH: self = .versionMismatch
    case MDB_INVALID: self = .invalid
    case MDB_MAP_FULL: self = .mapFull
    case MDB_DBS_FULL: self = .tablesFull
    case MDB_READERS_FULL: self = .readersFull
    case MDB_TXN_FULL: self = .transactionFull
    case MDB_CURSOR_FULL: self = .cursorFull
    case MDB_PAGE_FULL: self = .pageFull
    case MDB_MAP_RESIZED: self = .mapResized
    case MDB_INCOMPATIBLE: self = .incompatible
    case MDB_BAD_RSLOT: self = .badReaderSlot
    case MDB_BAD_TXN: self = .badTransaction
    case MDB_BAD_VALSIZE: self = .badValueSize
    case MDB_BAD_DBI: self = .badTable
    case 1...: self = .system(result)
    default: self = .unknown(result)
    }
  }
}

extension LMDBError {
  static let outOfMemoryNumber: CInt = ENOMEM

  /// The operating system's text for an `errno`.
  static func systemMessage(_ number: CInt) -> String {
    unsafe String(cString: strerror(number))
  }
}

/// Calls `body` with `bytes` as LMDB takes them; LMDB does not write to them.
private func withValue(_ bytes: Span<UInt8>, _ body: (inout MDB_val) -> CInt) -> CInt {
  unsafe bytes.withUnsafeBufferPointer { buffer in
    var value = unsafe MDB_val(
      mv_size: buffer.count, mv_data: UnsafeMutableRawPointer(mutating: buffer.baseAddress))
    return unsafe body(&value)
  }
}

extension UnsafeBufferPointer<UInt8> {
  fileprivate init(_ value: MDB_val) {
    unsafe self.init(
      start: value.mv_data?.assumingMemoryBound(to: UInt8.self), count: value.mv_size)
  }
}

// MARK: - Operating system

/// The identity of a file, whatever path leads to it.
struct FileIdentity: Hashable {
  let device: UInt64
  let inode: UInt64

  /// Returns nil when there is no such file.
  static func ofFile(atPath path: String) -> FileIdentity? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    return FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
  }
}

/// A number that no other living thread has.
func currentThread() -> UInt {
  UInt(pthread_self())
}

/// A file that is open for reading, closed when the value goes.
struct DataFile: ~Copyable {
  private let descriptor: CInt

  /// Opens a file; returns nil when there is none.
  static func open(path: String) throws(LMDBError) -> DataFile? {
    let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
    if descriptor >= 0 { return DataFile(descriptor: descriptor) }
    if errno == ENOENT { return nil }
    throw LMDBError(.system(errno), during: .open)
  }

  deinit { close(descriptor) }

  func byteCount() throws(LMDBError) -> Int {
    var status = stat()
    try check(.open) { unsafe fstat(descriptor, &status) == 0 ? MDB_SUCCESS : errno }
    return Int(status.st_size)
  }

  /// The bytes from `offset` on, fewer than `byteCount` where the file ends.
  func read(byteCount: Int, atByteOffset offset: Int) throws(LMDBError) -> [UInt8] {
    var failure = MDB_SUCCESS
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      while count < byteCount {
        // Safety: `count` is below the capacity, so the buffer has an address.
        let got = unsafe pread(
          descriptor, buffer.baseAddress! + count, byteCount - count, off_t(offset + count))
        if got < 0, errno == EINTR { continue }
        if got < 0 { failure = errno }
        guard got > 0 else { break }
        count += got
      }
    }
    let result = failure
    try check(.open) { result }
    return bytes
  }
}

// MARK: - Environment

/// An open `MDB_env`.
///
/// LMDB allows every thread to use one environment at the same time.
///
// Safety: `pointer` is valid from `open` until `close`, which only the deinit
// of `Environment` calls, after every transaction has let go of it.
@safe struct EnvironmentHandle: @unchecked Sendable {
  fileprivate let pointer: OpaquePointer

  /// Opens the environment in the directory `path`.
  static func open(
    path: String, options: EnvironmentOptions, tableCount: Int
  ) throws(LMDBError) -> EnvironmentHandle {
    var created: OpaquePointer?
    try check(.open) { unsafe mdb_env_create(&created) }
    guard let pointer = unsafe created else { throw LMDBError(.invalid, during: .open) }
    let handle = unsafe EnvironmentHandle(pointer: pointer)
    do {
      try check(.open) { unsafe mdb_env_set_mapsize(pointer, options.mapSizeBytes) }
      try check(.open) {
        unsafe mdb_env_set_maxreaders(pointer, CUnsignedInt(options.maximumReaderCount))
      }
      try check(.open) { unsafe mdb_env_set_maxdbs(pointer, MDB_dbi(tableCount)) }
      var flags = CUnsignedInt(MDB_NOTLS)
      if options.isReadOnly { flags |= CUnsignedInt(MDB_RDONLY) }
      if options.isSynchronized == false { flags |= CUnsignedInt(MDB_NOSYNC) }
      let chosenFlags = flags
      try check(.open) { unsafe mdb_env_open(pointer, path, chosenFlags, 0o600) }
    } catch {
      handle.close()
      throw error
    }
    return handle
  }

  func close() {
    unsafe mdb_env_close(pointer)
  }

  /// The descriptor of the file; it is closed with the environment.
  func descriptor() throws(LMDBError) -> Int32 {
    var descriptor: CInt = -1
    try check(.readStatistics) { unsafe mdb_env_get_fd(pointer, &descriptor) }
    return descriptor
  }

  /// Frees the reader slots of processes that no longer live.
  func clearStaleReaders() throws(LMDBError) -> Int {
    var count: CInt = 0
    try check(.clearReaders) { unsafe mdb_reader_check(pointer, &count) }
    return Int(count)
  }

  func statistics() throws(LMDBError) -> EnvironmentStatistics {
    var info = unsafe MDB_envinfo()
    var main = MDB_stat()
    try check(.readStatistics) { unsafe mdb_env_info(pointer, &info) }
    try check(.readStatistics) { unsafe mdb_env_stat(pointer, &main) }
    let pageSizeBytes = Int(main.ms_psize)
    return EnvironmentStatistics(
      pageSizeBytes: pageSizeBytes,
      mapSizeBytes: unsafe Int(info.me_mapsize),
      usedBytes: unsafe (Int(info.me_last_pgno) + 1) * pageSizeBytes,
      lastTransactionID: unsafe UInt64(info.me_last_txnid),
      maximumReaderCount: unsafe Int(info.me_maxreaders),
      readerCount: unsafe Int(info.me_numreaders))
  }

  /// Writes the pages that are in use, without gaps, to a file that is made.
  func copyCompactly(toFile path: String) throws(LMDBError) {
    let descriptor = unsafe Glibc.open(
      path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(0o600))
    guard descriptor >= 0 else { throw LMDBError(.system(errno), during: .copy) }
    defer { Glibc.close(descriptor) }
    try check(.copy) {
      unsafe mdb_env_copyfd2(pointer, descriptor, CUnsignedInt(MDB_CP_COMPACT))
    }
    try check(.copy) { fdatasync(descriptor) == 0 ? MDB_SUCCESS : errno }
  }

  func begin(isReadOnly: Bool) throws(LMDBError) -> TransactionHandle {
    var begun: OpaquePointer?
    let operation: LMDBError.Operation = isReadOnly ? .beginRead : .beginWrite
    try check(operation) {
      unsafe mdb_txn_begin(pointer, nil, isReadOnly ? CUnsignedInt(MDB_RDONLY) : 0, &begun)
    }
    guard let pointer = unsafe begun else { throw LMDBError(.badTransaction, during: operation) }
    return unsafe TransactionHandle(pointer: pointer)
  }
}

// MARK: - Transaction

/// A begun `MDB_txn`.
///
// Safety: `pointer` is valid from `begin` until `commit` or `abort`; the
// transaction types call exactly one of them, once, as the last thing.
@safe struct TransactionHandle {
  fileprivate let pointer: OpaquePointer

  var id: UInt64 { unsafe UInt64(mdb_txn_id(pointer)) }

  /// Ends the transaction, whether or not it throws.
  func commit() throws(LMDBError) {
    #if TSDB_FAULTS
      if let fault = FaultPlan.nextFault(in: .commit) {
        // What the disk has, it may have although the system said no.
        if fault.writesFirst { _ = unsafe mdb_txn_commit(pointer) } else { abort() }
        throw LMDBError(LMDBError.Code(result: fault.code), during: .commit)
      }
    #endif
    let result = unsafe mdb_txn_commit(pointer)
    guard result == MDB_SUCCESS else {
      throw LMDBError(LMDBError.Code(result: result), during: .commit)
    }
  }

  func abort() {
    unsafe mdb_txn_abort(pointer)
  }

  func reset() {
    unsafe mdb_txn_reset(pointer)
  }

  func renew() throws(LMDBError) {
    try check(.renewRead) { unsafe mdb_txn_renew(pointer) }
  }

  func openTable(named name: String, creating: Bool) throws(LMDBError) -> UInt32 {
    var handle: MDB_dbi = 0
    try check(.openTable) {
      unsafe mdb_dbi_open(pointer, name, creating ? CUnsignedInt(MDB_CREATE) : 0, &handle)
    }
    return handle
  }

  /// The bytes stay valid until the transaction ends or writes.
  func get(_ key: Span<UInt8>, from table: UInt32) throws(LMDBError) -> UnsafeBufferPointer<UInt8>?
  {
    var value = unsafe MDB_val()
    let isFound = try checkFound(.get) {
      unsafe withValue(key) { key in unsafe mdb_get(pointer, table, &key, &value) }
    }
    return unsafe isFound ? UnsafeBufferPointer(value) : nil
  }

  func put(
    _ value: Span<UInt8>, for key: Span<UInt8>, in table: UInt32, mode: PutMode
  ) throws(LMDBError) {
    let flags: CInt
    switch mode {
    case .replacing: flags = 0
    case .onlyIfAbsent: flags = MDB_NOOVERWRITE
    case .appending: flags = MDB_APPEND
    }
    try check(.put) {
      unsafe withValue(key) { key in
        unsafe withValue(value) { value in
          unsafe mdb_put(pointer, table, &key, &value, CUnsignedInt(flags))
        }
      }
    }
  }

  func delete(_ key: Span<UInt8>, from table: UInt32) throws(LMDBError) -> Bool {
    try checkFound(.delete) {
      unsafe withValue(key) { key in unsafe mdb_del(pointer, table, &key, nil) }
    }
  }

  func statistics(of table: UInt32) throws(LMDBError) -> TableStatistics {
    var status = MDB_stat()
    try check(.readStatistics) { unsafe mdb_stat(pointer, table, &status) }
    return TableStatistics(
      entryCount: status.ms_entries, depth: Int(status.ms_depth),
      branchPageCount: status.ms_branch_pages, leafPageCount: status.ms_leaf_pages,
      overflowPageCount: status.ms_overflow_pages)
  }

  /// The number of pages that a later transaction can use again.
  func freePageCount() throws(LMDBError) -> Int {
    // LMDB keeps its free pages in table 0: each value is a count, then pages.
    let cursor = try CursorHandle.open(in: self, table: 0)
    defer { cursor.close() }
    var count = 0
    var entry = unsafe try cursor.move(.first)
    while let found = unsafe entry {
      let value = unsafe UnsafeRawBufferPointer(found.value)
      if value.count >= MemoryLayout<Int>.size {
        count += unsafe value.loadUnaligned(as: Int.self)
      }
      unsafe entry = try cursor.move(.next)
    }
    return count
  }
}

// MARK: - Cursor

/// An open `MDB_cursor`.
///
// Safety: `pointer` is valid from `open` until `close`; the types that own a
// handle close it in their deinit or on every way out, inside the transaction.
@safe struct CursorHandle {
  private let pointer: OpaquePointer

  /// Where the cursor stands; the bytes stay valid until the transaction ends
  /// or writes.
  @unsafe struct Entry {
    let key: UnsafeBufferPointer<UInt8>
    let value: UnsafeBufferPointer<UInt8>
  }

  /// A move that needs no key.
  enum Move {
    case first, last, next, previous
  }

  static func open(
    in transaction: TransactionHandle, table: UInt32
  ) throws(LMDBError) -> CursorHandle {
    var opened: OpaquePointer?
    try check(.moveCursor) { unsafe mdb_cursor_open(transaction.pointer, table, &opened) }
    guard let pointer = unsafe opened else { throw LMDBError(.badTable, during: .moveCursor) }
    return unsafe CursorHandle(pointer: pointer)
  }

  func close() {
    unsafe mdb_cursor_close(pointer)
  }

  func move(_ move: Move) throws(LMDBError) -> Entry? {
    let operation: MDB_cursor_op
    switch move {
    case .first: operation = MDB_FIRST
    case .last: operation = MDB_LAST
    case .next: operation = MDB_NEXT
    case .previous: operation = MDB_PREV
    }
    var key = unsafe MDB_val()
    var value = unsafe MDB_val()
    let isFound = try checkFound(.moveCursor) {
      unsafe mdb_cursor_get(pointer, &key, &value, operation)
    }
    guard isFound else { return nil }
    return unsafe Entry(key: UnsafeBufferPointer(key), value: UnsafeBufferPointer(value))
  }

  /// Moves to the first entry whose key is `key` or after it.
  func seek(atOrAfter key: Span<UInt8>) throws(LMDBError) -> Entry? {
    var foundKey = unsafe MDB_val()
    var value = unsafe MDB_val()
    let isFound = try checkFound(.moveCursor) {
      unsafe withValue(key) { key in
        let result = unsafe mdb_cursor_get(pointer, &key, &value, MDB_SET_RANGE)
        unsafe foundKey = key
        return result
      }
    }
    guard isFound else { return nil }
    return unsafe Entry(key: UnsafeBufferPointer(foundKey), value: UnsafeBufferPointer(value))
  }

  /// Deletes the entry the cursor stands on; the next move to `.next` goes to
  /// the entry that followed it.
  func deleteCurrent() throws(LMDBError) {
    try check(.delete) { unsafe mdb_cursor_del(pointer, 0) }
  }
}
