import Glibc
import LMDB
import SeriesModel

/// Checks everything that a data directory holds: each checksum, each key, and
/// that the tables and the journal agree with each other.
///
/// Every chunk is decoded. Works on a directory that nobody writes to, and
/// beside a live writer, of which it sees the state at one moment; the pages of
/// that state are not used again until the check is done. Nothing is changed.
///
/// The memory is bounded by the number of series (some 30 bytes each) and the
/// size of the journal.
package enum IntegrityCheck {
  /// Checks the store in `directory`.
  ///
  /// - Returns: What was checked and what was found; damage is not an error.
  /// - Throws: ``StorageError`` when the directory can't be read at all.
  package static func run(
    directory: String, options: StoreOptions = StoreOptions()
  ) throws(StorageError) -> IntegrityReport {
    var report = IntegrityReport()
    guard try hasTables(directory, report: &report) else { return report }
    guard try hasSoundPages(directory, report: &report) else { return report }
    let hasJournal = try hasJournal(directory, report: &report)
    guard let contents = try open(directory, options, report: &report) else { return report }
    let (segments, pool) =
      hasJournal
      ? try StoreReader.takeConsistentView(of: contents)
      : ([], try TransactionPool(contents.schema.environment, count: 1))
    try pool.read { transaction throws(StorageError) in
      try report.collect { report throws(StorageError) in
        try ValueCheck(schema: contents.schema).run(in: transaction.view, report: &report)
      }
      try report.collect { report throws(StorageError) in
        try DescriptionCheck(contents: contents).run(in: transaction.view, report: &report)
      }
      var series = SeriesCheck(contents)
      try report.collect { report throws(StorageError) in
        try series.run(in: transaction.view, report: &report)
      }
      var index = IndexCheck(contents: contents, ledger: series.ledger)
      try report.collect { report throws(StorageError) in
        try index.run(in: transaction.view, report: &report)
      }
      let windows = WindowCheck(
        contents: contents, series: PostingsList(sorted: series.ledger.ids))
      try report.collect { report throws(StorageError) in
        try windows.run(in: transaction.view, report: &report)
      }
      try report.collect { report throws(StorageError) in
        try TombstoneCheck(contents: contents).run(in: transaction.view, report: &report)
      }
      try report.collect { report throws(StorageError) in
        try JournalCheck(contents: contents).run(segments, transaction, report: &report)
      }
    }
    return report
  }

  /// Whether there are tables; false, with a finding, when only a journal or an
  /// empty file is left of them.
  private static func hasTables(
    _ directory: String, report: inout IntegrityReport
  ) throws(StorageError) -> Bool {
    let path = directory + "/data.mdb"
    if try StoreParts.hasTables(directory) { return true }
    do throws(StorageError) {
      try StoreParts.check(directory)
    } catch {
      guard case .missingTables = error else { throw error }
      report.add(
        path,
        "the tables are gone: the file is missing or empty, and only what was not in it yet is "
          + "left, in the journal; restore the file or a snapshot")
      return false
    }
    guard FileSystem.exists(path) else { throw StorageError(FileError.notFound(path)) }
    report.add(path, "the file is empty, and so is the journal: nothing was stored, or all is gone")
    return false
  }

  /// Looks at the structure of the pages of `data.mdb`; false, with a finding,
  /// when it is damaged: the library believes it, and could end the process.
  ///
  /// Beside a writer the pages change, and are believed.
  private static func hasSoundPages(
    _ directory: String, report: inout IntegrityReport
  ) throws(StorageError) -> Bool {
    do throws(FileError) {
      let path = directory + "/lock"
      guard FileSystem.exists(path) else { return try checkPages(directory, report: &report) }
      let lock = try OpenFile(path: path, mode: .reading)
      if try lock.tryLock(.shared) == false { return true }
      return try checkPages(directory, report: &report)
    } catch {
      throw StorageError(error)
    }
  }

  private static func checkPages(
    _ directory: String, report: inout IntegrityReport
  ) throws(FileError) -> Bool {
    do throws(LMDBError) {
      try EnvironmentFile(directory: directory)?.checkPages()
      return true
    } catch {
      // What this user may not read is not damaged.
      if case .system(let number) = error.code, number == EACCES || number == EPERM {
        throw FileError(operation: .open, path: directory + "/data.mdb", number: number)
      }
      report.add("data.mdb", "its pages are damaged: \(error.description)")
      return false
    }
  }

  /// Whether the journal can be read; false, with a finding, when there are
  /// tables, but no journal.
  private static func hasJournal(
    _ directory: String, report: inout IntegrityReport
  ) throws(StorageError) -> Bool {
    let journal = JournalDirectory(dataDirectory: directory)
    do throws(FileError) {
      for path in try journal.segmentsSetAside() {
        report.add(
          path,
          "a segment of the journal that was damaged, set aside: what could not be read of it is "
            + "missing from the tables; delete the file once you no longer want to look at it")
      }
      return true
    } catch {
      guard error.isNotFound, FileSystem.exists(directory + "/data.mdb") else {
        throw StorageError(error)
      }
      report.add(
        journal.path, "the directory is missing, and with it what was not in the tables yet")
      return false
    }
  }

  /// Opens the tables; nil, with a finding, when not even their format can be
  /// read.
  private static func open(
    _ directory: String, _ options: StoreOptions, report: inout IntegrityReport
  ) throws(StorageError) -> StoreContents? {
    var environmentOptions = EnvironmentOptions()
    environmentOptions.maximumReaderCount = options.maximumReaderCount
    environmentOptions.isReadOnly = true
    do throws(StorageError) {
      let schema = try Schema(directory: directory, options: environmentOptions)
      return StoreContents(directory: directory, schema: schema, options: options)
    } catch {
      try report.add(error)
      return nil
    }
  }
}
