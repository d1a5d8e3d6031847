import Glibc
import LMDB

#if TSDB_FAULTS
  import FaultInjection
#endif

/// A failed call on a file or directory.
package struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was tried.
  package enum Operation: String, Hashable, Sendable {
    case allocate = "allocate space in"
    case createDirectory = "create"
    case delete = "delete"
    case list = "list"
    case lock = "lock"
    case open = "open"
    case openForWriting = "open for writing"
    case read = "read"
    case rename = "rename"
    case synchronize = "sync"
    case truncate = "truncate"
    case write = "write"
  }

  /// What was tried.
  package var operation: Operation
  /// The file or directory.
  package var path: String
  /// The system's `errno`.
  package var number: Int32

  /// One sentence without a full stop.
  package var description: String {
    let reason = unsafe String(cString: strerror(number))
    return "can't \(operation.rawValue) \(path): \(reason)"
  }

  /// What to do about it, or nil when there is nothing useful to say.
  package var hint: String? {
    switch number {
    case EACCES, EPERM:
      path.hasSuffix("/lock.mdb")
        ? "readers write there too, to be known to the writer: give this user read and write "
          + "access to \(path), or look at a copy of the directory"
        : "give this user \(neededAccess) access to \(path)"
    case EROFS: "the file system is mounted for reading only: make it writable, or use a copy"
    default: LMDBError.hint(forSystemError: number)
    }
  }

  private var neededAccess: String {
    switch operation {
    case .open, .list, .read: "read"
    case .createDirectory: "write access to the directory that it is in, or"
    case .delete, .rename: "write access to the directory that it is in, and"
    default: "read and write"
    }
  }

  /// True when the error says that there is no such file or directory.
  package var isNotFound: Bool { number == ENOENT }

  /// There is no such file.
  static func notFound(_ path: String) -> FileError {
    FileError(operation: .open, path: path, number: ENOENT)
  }

  /// True when the error says that the disk, or the owner's share of it, is full.
  package var isLackOfSpace: Bool { number == ENOSPC || number == EDQUOT }
}

/// Throws what a test planned for the call that comes next; nothing outside of
/// tests.
///
/// - Parameter writing: Does what the call would do, as far as it comes.
private func throwPlannedFault(
  _ operation: FileError.Operation, _ path: String, writing: () -> Void = {}
) throws(FileError) {
  #if TSDB_FAULTS
    guard let fault = FaultPlan.nextFault(in: .file) else { return }
    if fault.writesFirst { writing() }
    throw FileError(operation: operation, path: path, number: fault.code)
  #endif
}

/// An open file, closed when the value goes.
struct OpenFile: ~Copyable {
  /// How a file is opened.
  enum Mode {
    case reading
    case creating
    case readingAndWriting
  }

  let path: String
  private let descriptor: Int32
  /// Whether what is written goes nowhere.
  private let isDiscarding: Bool

  /// Opens a file; one that is created is readable by its owner alone.
  init(path: String, mode: Mode) throws(FileError) {
    try throwPlannedFault(.open, path)
    let flags =
      switch mode {
      case .reading: O_RDONLY | O_CLOEXEC
      case .creating: O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC
      case .readingAndWriting: O_RDWR | O_CREAT | O_CLOEXEC
      }
    let opened = retryingInterrupts { unsafe open(path, flags, mode_t(0o600)) }
    guard opened >= 0 else {
      throw FileError(
        operation: mode == .reading ? .open : .openForWriting, path: path, number: errno)
    }
    self.path = path
    descriptor = opened
    isDiscarding = false
  }

  /// Opens what takes any bytes and keeps none.
  init(discardingAs path: String) throws(FileError) {
    let opened = retryingInterrupts { unsafe open("/dev/null", O_RDWR | O_CLOEXEC) }
    guard opened >= 0 else {
      throw FileError(operation: .open, path: "/dev/null", number: errno)
    }
    self.path = path
    descriptor = opened
    isDiscarding = true
  }

  deinit { close(descriptor) }

  /// Writes all `bytes` at `offset`.
  func write(_ bytes: Span<UInt8>, atByteOffset offset: Int) throws(FileError) {
    try throwPlannedFault(.write, path) {
      _ = unsafe bytes.extracting(first: bytes.count / 2).withUnsafeBytes { buffer in
        unsafe pwrite(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
      }
    }
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        retryingInterrupts {
          // Safety: `written` is below the count, so the buffer has an address.
          unsafe pwrite(
            descriptor, buffer.baseAddress! + written, buffer.count - written,
            off_t(offset + written))
        }
      }
      // A regular file takes no bytes only when it can't take any.
      guard count > 0 else {
        throw FileError(
          operation: .write, path: path, number: count == 0 ? ENOSPC : errno)
      }
      written += count
    }
  }

  /// The size in bytes.
  func byteCount() throws(FileError) -> Int {
    try throwPlannedFault(.read, path)
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw FileError(operation: .read, path: path, number: errno)
    }
    return Int(status.st_size)
  }

  /// The bytes from the beginning to the end.
  func readAll() throws(FileError) -> [UInt8] {
    try readPrefix(byteCount: try byteCount())
  }

  /// True when a record may begin at `offset`: a byte there is not zero.
  func hasContent(behind offset: Int) throws(FileError) -> Bool {
    try readPrefix(byteCount: offset + RecordHeader.byteCount).dropFirst(offset)
      .contains { $0 != 0 }
  }

  /// The first bytes, fewer than `expected` when the file is shorter.
  func readPrefix(byteCount expected: Int) throws(FileError) -> [UInt8] {
    try throwPlannedFault(.read, path)
    var failure: Int32 = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: expected) { buffer, count in
      while count < expected {
        let got = retryingInterrupts {
          // Safety: `count` is below the capacity, so the buffer has an address.
          unsafe pread(descriptor, buffer.baseAddress! + count, expected - count, off_t(count))
        }
        if got < 0 { failure = errno }
        guard got > 0 else { break }
        count += got
      }
    }
    guard failure == 0 else {
      throw FileError(operation: .read, path: path, number: failure)
    }
    return bytes
  }

  /// Opens the same file once more, for another thread to sync.
  func duplicate() throws(FileError) -> OpenFile {
    let duplicated = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard duplicated >= 0 else {
      throw FileError(operation: .open, path: path, number: errno)
    }
    return OpenFile(path: path, descriptor: duplicated, isDiscarding: isDiscarding)
  }

  private init(path: String, descriptor: Int32, isDiscarding: Bool) {
    self.path = path
    self.descriptor = descriptor
    self.isDiscarding = isDiscarding
  }

  /// Returns once what was written is on the disk.
  func synchronizeData() throws(FileError) {
    try throwPlannedFault(.synchronize, path) { _ = fdatasync(descriptor) }
    if isDiscarding { return }
    guard retryingInterrupts({ fdatasync(descriptor) }) == 0 else {
      throw FileError(operation: .synchronize, path: path, number: errno)
    }
  }

  /// Reserves space up to `byteCount`, zero-filled where it is new.
  func allocate(byteCount: Int) throws(FileError) {
    try throwPlannedFault(.allocate, path) {
      _ = posix_fallocate(descriptor, 0, off_t(byteCount / 2))
    }
    if isDiscarding { return }
    while true {
      // Unlike its neighbours, this call returns its error number.
      let number = posix_fallocate(descriptor, 0, off_t(byteCount))
      if number == 0 { return }
      if number != EINTR {
        throw FileError(operation: .allocate, path: path, number: number)
      }
    }
  }

  /// Cuts or extends the file to `byteCount`.
  func truncate(toByteCount byteCount: Int) throws(FileError) {
    try throwPlannedFault(.truncate, path)
    if isDiscarding { return }
    guard retryingInterrupts({ ftruncate(descriptor, off_t(byteCount)) }) == 0 else {
      throw FileError(operation: .truncate, path: path, number: errno)
    }
  }

  /// Who may have the lock of a file at the same time.
  enum LockKind {
    /// This descriptor alone.
    case exclusive
    /// Any number of descriptors that ask for the same.
    case shared
  }

  /// Takes the lock of the file for this descriptor; false when another
  /// descriptor stands against it.
  func tryLock(_ kind: LockKind) throws(FileError) -> Bool {
    try throwPlannedFault(.lock, path)
    let operation = kind == .shared ? LOCK_SH : LOCK_EX
    if retryingInterrupts({ flock(descriptor, operation | LOCK_NB) }) == 0 { return true }
    guard errno == EWOULDBLOCK else {
      throw FileError(operation: .lock, path: path, number: errno)
    }
    return false
  }
}

/// Files and directories by path.
enum FileSystem {
  /// Lets the thread rest.
  static func pause(microseconds: UInt32) { usleep(microseconds) }

  /// Creates a directory that only its owner may enter, and those above it,
  /// unless it exists.
  static func createDirectory(_ path: String) throws(FileError) {
    try throwPlannedFault(.createDirectory, path)
    if unsafe mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    let number = errno
    guard number == ENOENT, let end = path.lastIndex(of: "/"), end > path.startIndex else {
      throw FileError(operation: .createDirectory, path: path, number: number)
    }
    try createDirectory(String(path[..<end]))
    if unsafe mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    throw FileError(operation: .createDirectory, path: path, number: errno)
  }

  /// True when there is a file or directory of this name.
  static func exists(_ path: String) -> Bool {
    unsafe access(path, F_OK) == 0
  }

  /// True when this process may read the file or directory, and write to it if
  /// that is asked.
  static func isAccessible(_ path: String, forWriting: Bool) -> Bool {
    unsafe access(path, forWriting ? R_OK | W_OK : R_OK) == 0
  }

  /// The path without links and dots, as far as it exists.
  static func resolved(_ path: String) -> String {
    if let resolved = unsafe realpath(path, nil) {
      // Safety: the system has allocated a string that ends with a zero byte.
      defer { unsafe free(resolved) }
      return unsafe String(cString: resolved)
    }
    let trimmed = path.last == "/" && path.count > 1 ? String(path.dropLast()) : path
    guard trimmed != path else {
      guard let slash = path.lastIndex(of: "/") else { return resolved(".") + "/" + path }
      let parent = slash == path.startIndex ? "/" : String(path[..<slash])
      return resolved(parent) + "/" + path[path.index(after: slash)...]
    }
    return resolved(trimmed)
  }

  /// The bytes that a program without privileges can still write on the disk
  /// that holds `path`; nil when the system does not say.
  static func freeByteCount(onDiskOf path: String) -> Int? {
    var status = statvfs()
    guard unsafe statvfs(path, &status) == 0 else { return nil }
    return freeByteCount(of: status)
  }

  /// The same for the disk that holds an open file, which may have no name.
  static func freeByteCount(onDiskOfFile descriptor: Int32) -> Int? {
    var status = statvfs()
    guard unsafe fstatvfs(descriptor, &status) == 0 else { return nil }
    return freeByteCount(of: status)
  }

  private static func freeByteCount(of status: statvfs) -> Int {
    let (byteCount, overflow) = status.f_bavail.multipliedReportingOverflow(by: status.f_frsize)
    return overflow ? .max : Int(clamping: byteCount)
  }

  /// The directory for temporary files that the environment names, or `/tmp`.
  static var temporaryDirectory: String {
    // Safety: the text is copied before anything can change the environment.
    unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
  }

  /// Creates a directory that only its owner may enter, of a name that nothing
  /// else has, and returns its path.
  static func createUniqueDirectory(in parent: String) throws(FileError) -> String {
    try throwPlannedFault(.createDirectory, parent)
    var template = Array("\(parent)/tsdb-XXXXXX".utf8CString)
    // Safety: the template ends with a zero byte, and the call keeps its length.
    let isMade = unsafe template.withUnsafeMutableBufferPointer { buffer in
      unsafe mkdtemp(buffer.baseAddress!) != nil
    }
    guard isMade else {
      throw FileError(operation: .createDirectory, path: parent, number: errno)
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The sizes of the files in a directory and those below it, in bytes.
  static func byteCount(ofDirectory path: String) throws(FileError) -> Int {
    var byteCount = 0
    for name in try list(path) {
      let entry = path + "/" + name
      var status = stat()
      guard unsafe lstat(entry, &status) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFDIR {
        byteCount += try self.byteCount(ofDirectory: entry)
      } else {
        byteCount += Int(status.st_size)
      }
    }
    return byteCount
  }

  /// Deletes a directory with its files and those of its directories.
  static func deleteDirectory(_ path: String) throws(FileError) {
    for name in try list(path) {
      let entry = path + "/" + name
      if unsafe unlink(entry) == 0 { continue }
      guard errno == EISDIR || errno == EPERM else {
        throw FileError(operation: .delete, path: entry, number: errno)
      }
      try deleteDirectory(entry)
    }
    guard unsafe rmdir(path) == 0 else {
      throw FileError(operation: .delete, path: path, number: errno)
    }
  }

  /// The names in a directory, without `.` and `..`, sorted.
  static func list(_ path: String) throws(FileError) -> [String] {
    try throwPlannedFault(.list, path)
    guard let directory = unsafe opendir(path) else {
      throw FileError(operation: .list, path: path, number: errno)
    }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        // Safety: the system ends the name with a zero byte.
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
          unsafe String(cString: $0)
        }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Deletes a file.
  static func delete(_ path: String) throws(FileError) {
    try throwPlannedFault(.delete, path)
    guard unsafe unlink(path) != 0, errno != ENOENT else { return }
    throw FileError(operation: .delete, path: path, number: errno)
  }

  /// Deletes a file, its bytes a piece at a time with a pause after each.
  ///
  /// A file system may hold up every sync while it frees blocks: one that tells
  /// the disk of each (`discard`) took 1.7 ms per MiB, and a commit meanwhile
  /// as long as all of it. A file that somebody has locked is left whole for
  /// them and only loses its name.
  static func deleteInPieces(
    _ path: String, pieceByteCount: Int = 1 << 20, pauseMicroseconds: UInt32
  ) throws(FileError) {
    let file = try OpenFile(path: path, mode: .readingAndWriting)
    if try file.tryLock(.exclusive) {
      var byteCount = try file.byteCount()
      while byteCount > pieceByteCount {
        byteCount -= pieceByteCount
        try file.truncate(toByteCount: byteCount)
        usleep(pauseMicroseconds)
      }
    }
    try delete(path)
  }

  /// Renames a file or directory within its directory.
  static func rename(_ path: String, to newPath: String) throws(FileError) {
    try throwPlannedFault(.rename, path)
    guard unsafe Glibc.rename(path, newPath) == 0 else {
      throw FileError(operation: .rename, path: path, number: errno)
    }
  }

  /// Returns once the entries of a directory are on the disk.
  static func synchronizeDirectory(_ path: String) throws(FileError) {
    try throwPlannedFault(.synchronize, path)
    let descriptor = retryingInterrupts { unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard descriptor >= 0 else {
      throw FileError(operation: .open, path: path, number: errno)
    }
    defer { close(descriptor) }
    guard retryingInterrupts({ fsync(descriptor) }) == 0 else {
      throw FileError(operation: .synchronize, path: path, number: errno)
    }
  }
}

/// The id of this process.
func currentProcessID() -> Int32 { getpid() }

private func retryingInterrupts<Result: SignedInteger>(_ call: () -> Result) -> Result {
  while true {
    let result = call()
    if result != -1 || errno != EINTR { return result }
  }
}
