/// The right to write in a data directory, held by one process at a time.
///
/// The system releases the lock when the process ends, however it ends. The
/// file `lock` names the process for the message that the next one gets.
struct DirectoryLock: ~Copyable {
  private let file: OpenFile

  /// How often and how long apart the lock is tried for: a child that this
  /// process is starting just then holds what a store that was just closed had,
  /// until it runs its own program.
  private static let attemptCount = 20
  private static let attemptMicroseconds: UInt32 = 5000

  /// Takes the lock of a directory.
  ///
  /// - Throws: ``StorageError`` `inUse`, which names the process that has it.
  static func take(directory: String) throws(StorageError) -> DirectoryLock {
    let owner: String
    do throws(FileError) {
      let file = try OpenFile(path: directory + "/lock", mode: .readingAndWriting)
      for attempt in 1...attemptCount {
        if try file.tryLock(.exclusive) {
          try file.truncate(toByteCount: 0)
          try file.write(Array("\(currentProcessID())\n".utf8).span, atByteOffset: 0)
          return DirectoryLock(file: file)
        }
        if attempt < attemptCount { FileSystem.pause(microseconds: attemptMicroseconds) }
      }
      owner = String(decoding: try file.readAll(), as: UTF8.self)
    } catch {
      throw StorageError(error)
    }
    throw .inUse(directory: directory, processID: Int32(owner.prefix { $0 != "\n" }))
  }

  private init(file: consuming OpenFile) {
    self.file = file
  }
}
