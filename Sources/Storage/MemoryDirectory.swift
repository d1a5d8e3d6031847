import Glibc
import LMDB

/// Where a store in memory has its tables: in files that lost their names as
/// soon as they were open.
///
/// LMDB works on files alone. These lie in the memory that the system lends out
/// as a file system, or else, where that is missing or small, in the directory
/// for temporary files. They end with the process, however that ends.
enum MemoryDirectory {
  /// Less than this makes the next place be tried first.
  private static let ampleByteCount: UInt64 = 256 << 20

  /// Opens empty tables.
  ///
  /// - Throws: ``StorageError`` when no place can be used.
  static func openTables(options: EnvironmentOptions) throws(StorageError) -> Schema {
    var options = options
    options.isSynchronized = false
    let path: String
    do throws(FileError) {
      path = try makeDirectory()
    } catch {
      throw StorageError(error)
    }
    defer { remove(path) }
    return try Schema(directory: path, options: options)
  }

  private static func makeDirectory() throws(FileError) -> String {
    let candidates = ["/dev/shm", temporaryDirectory(), "/tmp"]
    let ample = candidates.filter { freeByteCount(at: $0) >= ampleByteCount }
    var failure: FileError?
    for candidate in ample + candidates {
      var template = Array("\(candidate)/tsdb-XXXXXX".utf8CString)
      // Safety: the template ends with a zero byte, and the call keeps its length.
      let isMade = unsafe template.withUnsafeMutableBufferPointer { buffer in
        unsafe mkdtemp(buffer.baseAddress!) != nil
      }
      if isMade {
        return String(
          decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      }
      failure = FileError(operation: .createDirectory, path: candidate, number: errno)
    }
    throw failure ?? FileError(operation: .createDirectory, path: "/tmp", number: ENOENT)
  }

  private static func temporaryDirectory() -> String {
    // Safety: the text is copied before anything can change the environment.
    unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
  }

  private static func freeByteCount(at path: String) -> UInt64 {
    var status = statvfs()
    guard unsafe statvfs(path, &status) == 0 else { return 0 }
    return UInt64(status.f_bavail) * UInt64(status.f_frsize)
  }

  /// Takes the names away; what is open stays usable.
  private static func remove(_ path: String) {
    for name in ["data.mdb", "lock.mdb"] { unsafe unlink("\(path)/\(name)") }
    unsafe rmdir(path)
  }
}
