import Glibc

// Every call of the operating system's that the target needs is in this file;
// each is checked at once.

/// The operating system refused to do something with a file.
package struct PushFileError: Error, Equatable, Sendable {
  /// What was tried, such as `write`.
  package let operation: String
  /// The file or directory.
  package let path: String
  /// The `errno`.
  package let code: Int32
}

extension PushFileError: CustomStringConvertible {
  /// What failed, where, and the system's reason.
  package var description: String {
    "can't \(operation) \(path): \(unsafe String(cString: strerror(code)))"
  }
}

/// The few things done with files, in words of ours.
enum FileCalls {
  /// Creates a directory that only its owner can enter; one that exists is
  /// left as it is.
  static func createDirectory(_ path: String) throws(PushFileError) {
    guard unsafe mkdir(path, 0o700) != 0, errno != EEXIST else { return }
    throw failure("create directory", path)
  }

  /// The names of the entries of a directory, in no order.
  static func entries(ofDirectory path: String) throws(PushFileError) -> [String] {
    guard let directory = unsafe opendir(path) else { throw failure("open directory", path) }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(directory) else {
        guard errno == 0 else { throw failure("list directory", path) }
        return names
      }
      // Safety: the system ends the name with a zero within the entry, which
      // lives until the next call.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
        unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) {
          unsafe String(cString: $0)
        }
      }
      if name != ".", name != ".." { names.append(name) }
    }
  }

  /// All bytes of a file.
  static func read(_ path: String) throws(PushFileError) -> [UInt8] {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { throw failure("open", path) }
    defer { close(file) }
    var content: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe Glibc.read(file, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure("read", path) }
      if count == 0 { return content }
      content += piece[..<count]
    }
  }

  /// Writes a new file, or a file anew, and returns once it is on disk.
  static func write(_ bytes: [UInt8], to path: String) throws(PushFileError) {
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw failure("create", path) }
    defer { close(file) }
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes[written...].withUnsafeBytes {
        unsafe Glibc.write(file, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure("write", path) }
      written += count
    }
    guard fsync(file) == 0 else { throw failure("sync", path) }
  }

  /// Renames a file, replacing the one that has the new name.
  static func rename(_ path: String, to newPath: String) throws(PushFileError) {
    guard unsafe Glibc.rename(path, newPath) == 0 else { throw failure("rename", path) }
  }

  /// Removes a file; one that is not there is no error.
  static func remove(_ path: String) throws(PushFileError) {
    guard unsafe unlink(path) != 0, errno != ENOENT else { return }
    throw failure("remove", path)
  }

  /// Returns once the names in a directory are on disk.
  static func syncDirectory(_ path: String) throws(PushFileError) {
    let directory = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw failure("open directory", path) }
    defer { close(directory) }
    guard fsync(directory) == 0 else { throw failure("sync directory", path) }
  }

  private static func failure(_ operation: String, _ path: String) -> PushFileError {
    PushFileError(operation: operation, path: path, code: errno)
  }
}
