import ChunkEncoding
import LMDB
import SeriesModel

/// What a data directory holds, and what takes its space.
package struct StoreInformation: Sendable {
  /// The pages of one table.
  package struct TablePages: Hashable, Sendable {
    package var name: String
    package var entryCount: Int
    package var branchPageCount: Int
    package var leafPageCount: Int
    package var overflowPageCount: Int

    /// All pages of the table.
    package var pageCount: Int { branchPageCount + leafPageCount + overflowPageCount }
  }

  /// The chunks of one class.
  package struct ChunkShare: Hashable, Sendable {
    /// The class byte, see `ChunkClass`.
    package var classByte: UInt8
    package var chunkCount = 0
    package var sampleCount = 0
    /// The bytes of the payloads, shared timestamps not counted.
    package var payloadByteCount = 0
  }

  /// The windows, by start and length.
  package var windows: [WindowRow] = []
  /// The series in the tables.
  package var seriesCount = 0
  /// The tables, in the order of the format.
  package var tables: [TablePages] = []
  /// The chunks in the tables, by class.
  package var chunkShares: [ChunkShare] = []
  /// The bytes of a page.
  package var pageByteCount = 0
  /// The bytes of the environment's file that were ever used.
  package var usedByteCount = 0
  /// The pages of it that are free.
  package var freePageCount = 0
  /// The bytes of the files of the journal, whose samples are not counted.
  package var journalByteCount = 0
  /// The segments of the journal that were set aside for damage.
  package var damagedSegmentCount = 0
  /// The deletions whose samples may still take space.
  package var deletionCount = 0
  /// What makes it have many series.
  package var cardinality: Cardinality

  /// Reads a directory, also beside a live writer.
  ///
  /// - Parameter limit: The length of each list of cardinalities, at most.
  /// - Throws: ``StorageError`` when the directory can't be read, or what it
  ///   takes to tell is damaged.
  package static func read(
    directory: String, limit: Int, options: StoreOptions = StoreOptions()
  ) throws(StorageError) -> StoreInformation {
    let journal = JournalDirectory(dataDirectory: directory)
    let journalByteCount: Int
    let damagedSegmentCount: Int
    try StoreParts.check(directory)
    do throws(FileError) {
      journalByteCount = try byteCount(ofFilesIn: journal.path)
      damagedSegmentCount = try journal.segmentsSetAside().count
    } catch {
      throw StorageError(error)
    }
    var environmentOptions = EnvironmentOptions()
    environmentOptions.maximumReaderCount = options.maximumReaderCount
    environmentOptions.isReadOnly = true
    let schema = try Schema(directory: directory, options: environmentOptions)
    var information = try schema.environment.read { view throws(StorageError) in
      try StoreInformation(schema, view: view, limit: limit)
    }
    information.journalByteCount = journalByteCount
    information.damagedSegmentCount = damagedSegmentCount
    return information
  }

  private static func byteCount(ofFilesIn path: String) throws(FileError) -> Int {
    var byteCount = 0
    for name in try FileSystem.list(path) {
      do throws(FileError) {
        byteCount += try OpenFile(path: "\(path)/\(name)", mode: .reading).byteCount()
      } catch {
        // The writer may have deleted it just now.
        guard error.isNotFound else { throw error }
      }
    }
    return byteCount
  }

  private init(_ schema: Schema, view: ReadView, limit: Int) throws(StorageError) {
    let postings = StoredPostings(schema, in: view)
    seriesCount = try postings.allSeries().count
    cardinality = try Cardinality(postings, limit: limit)
    windows = try WindowTable(schema).rows(in: view)
    try readChunks(of: schema, view: view)
    var numbers: Set<UInt64> = []
    try TombstoneTable(schema).forEachRow(in: view) { row in numbers.insert(row.number) }
    deletionCount = numbers.count
    do throws(LMDBError) {
      let environment = try schema.environment.statistics()
      pageByteCount = environment.pageSizeBytes
      usedByteCount = environment.usedBytes
      freePageCount = try view.freePageCount()
      for name in Schema.tableNames {
        let pages = try view.statistics(of: schema.environment.table(name))
        tables.append(
          TablePages(
            name: name, entryCount: pages.entryCount, branchPageCount: pages.branchPageCount,
            leafPageCount: pages.leafPageCount, overflowPageCount: pages.overflowPageCount))
      }
    } catch {
      throw StorageError(error)
    }
  }

  private mutating func readChunks(of schema: Schema, view: ReadView) throws(StorageError) {
    var shares: [UInt8: ChunkShare] = [:]
    for row in windows {
      try ChunkTable(schema).forEachChunk(in: row, view: view) { chunk throws(StorageError) in
        let classByte = chunk.description.classByte
        var share = shares[classByte] ?? ChunkShare(classByte: classByte)
        share.chunkCount += 1
        share.sampleCount += chunk.description.sampleCount
        share.payloadByteCount += chunk.payloadByteCount
        shares[classByte] = share
      }
    }
    chunkShares = shares.values.sorted { $0.classByte < $1.classByte }
  }
}
