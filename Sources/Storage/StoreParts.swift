/// The two parts of a store's directory, the tables and the journal: each alone
/// is what is left of a store, and to begin anew beside it would hide a loss.
package enum StoreParts {
  /// Refuses a directory in which one part is without the other.
  ///
  /// A directory without either is no store yet, and an empty journal is one.
  ///
  /// - Throws: ``StorageError``: `missingTables` when there are records in the
  ///   journal, but no tables; `missingJournal` when there are tables, but no
  ///   directory of the journal.
  package static func check(_ directory: String) throws(StorageError) {
    // The journal is made before the tables: looked at in the other order, a
    // store that is just being made would seem to lack it.
    let hasTables = try hasTables(directory)
    let journal = JournalDirectory(dataDirectory: directory)
    let hasJournal = FileSystem.exists(journal.path)
    if hasTables, hasJournal == false { throw .missingJournal(directory: directory) }
    // A store that is just being made gets its tables before the first record.
    if hasTables == false, hasJournal, try hasRecords(journal),
      try self.hasTables(directory) == false
    {
      throw .missingTables(directory: directory)
    }
  }

  /// True when there is a file of tables that is not empty.
  static func hasTables(_ directory: String) throws(StorageError) -> Bool {
    do throws(FileError) {
      return try OpenFile(path: directory + "/data.mdb", mode: .reading).byteCount() > 0
    } catch {
      if error.isNotFound { return false }
      throw StorageError(error)
    }
  }

  private static func hasRecords(_ journal: JournalDirectory) throws(StorageError) -> Bool {
    do throws(FileError) {
      for number in try journal.segmentNumbers() {
        do throws(FileError) {
          let file = try OpenFile(path: journal.path(ofSegment: number), mode: .reading)
          if try file.hasContent(behind: SegmentHeader.byteCount) { return true }
        } catch {
          // A writer may have deleted it just now.
          guard error.isNotFound else { throw error }
        }
      }
      return false
    } catch {
      throw StorageError(error)
    }
  }
}
