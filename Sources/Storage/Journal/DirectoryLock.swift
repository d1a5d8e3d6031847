/// The right to write in a data directory, held by one process at a time.
///
/// The system releases the lock when the process ends, however it ends. The
/// file `lock` names the process for the message that the next one gets.
struct DirectoryLock: ~Copyable {
  private let file: OpenFile

  /// Takes the lock of a directory.
  ///
  /// - Throws: ``StorageError`` `inUse`, which names the process that has it.
  static func take(directory: String) throws(StorageError) -> DirectoryLock {
    let owner: String
    do throws(FileError) {
      let file = try OpenFile(path: directory + "/lock", mode: .readingAndWriting)
      if try file.tryLock(.exclusive) {
        try file.truncate(toByteCount: 0)
        try file.write(Array("\(currentProcessID())\n".utf8).span, atByteOffset: 0)
        return DirectoryLock(file: file)
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
