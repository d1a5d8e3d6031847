import LMDB

/// Where a store in memory has its tables: in files that lost their names as
/// soon as they were open.
///
/// LMDB works on files alone. These lie in the memory that the system lends out
/// as a file system, or else, where that is missing or small, in the directory
/// for temporary files. They end with the process, however that ends.
enum MemoryDirectory {
  /// Less than this makes the next place be tried first.
  private static let ampleByteCount = 256 << 20

  /// As much free space is enough for a checkpoint without a journal; places with
  /// little more are common in containers.
  static let sufficientMinimumByteCount = 16 << 20

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
    let schema: Schema
    do throws(StorageError) {
      schema = try Schema(directory: path, options: options)
    } catch {
      discard(path)
      throw error
    }
    // What is open stays usable without its name.
    do throws(FileError) {
      try FileSystem.deleteDirectory(path)
    } catch {
      throw StorageError(error)
    }
    return schema
  }

  private static func makeDirectory() throws(FileError) -> String {
    let candidates = ["/dev/shm", FileSystem.temporaryDirectory, "/tmp"]
    let ample = candidates.filter {
      FileSystem.freeByteCount(onDiskOf: $0) ?? 0 >= ampleByteCount
    }
    var failure = FileError.notFound("/tmp")
    for candidate in ample + candidates {
      do throws(FileError) {
        return try FileSystem.createUniqueDirectory(in: candidate)
      } catch {
        failure = error
      }
    }
    throw failure
  }

  private static func discard(_ path: String) {
    do throws(FileError) {
      try FileSystem.deleteDirectory(path)
    } catch {
      // The first error is the one to tell.
    }
  }
}
