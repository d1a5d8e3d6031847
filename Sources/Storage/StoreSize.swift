/// What a data directory takes on the disk.
package enum StoreSize {
  /// True when there are tables of a store in the directory, as far as names
  /// tell.
  package static func isStore(_ directory: String) -> Bool {
    FileSystem.exists(directory + "/data.mdb")
  }

  /// The bytes of tables and journal.
  package static func byteCount(ofDirectory directory: String) throws(StorageError) -> Int {
    do throws(FileError) {
      let tables = try OpenFile(path: directory + "/data.mdb", mode: .reading).byteCount()
      return try tables + FileSystem.byteCount(ofDirectory: directory + "/journal")
    } catch {
      throw StorageError(error)
    }
  }
}
