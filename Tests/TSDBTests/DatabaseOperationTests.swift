import Instrumentation
import TSDB
import TestSupport
import Testing

/// What an operator asks of a database: copies, limits, modes.
@Suite struct DatabaseOperationTests {
  private let directory = TemporaryDirectory()
  private let labels: Labels = ["__name__": "m"]

  private func values(_ database: Database) throws -> [Double] {
    let result = try database.query("m", at: Timestamp(milliseconds: 1000))
    guard case .vector(let elements) = result.value else { return [] }
    return elements.map(\.sample.value)
  }

  @Test func snapshotIsADatabaseOfItsOwn() throws {
    let database = try Database.open(at: directory.path("data"))
    try database.append(1, to: labels, at: Timestamp(milliseconds: 1000))
    try database.snapshot(to: directory.path("copy"))
    try database.append(2, to: ["__name__": "m", "i": "2"], at: Timestamp(milliseconds: 1000))
    let copy = try Database.open(at: directory.path("copy"))
    #expect(try values(copy) == [1])
    try copy.append(3, to: ["__name__": "m", "i": "3"], at: Timestamp(milliseconds: 1000))
    #expect(try values(copy).sorted() == [1, 3])
    #expect(try values(database).sorted() == [1, 2])
    do {
      try database.snapshot(to: directory.path("copy"))
      Issue.record("a snapshot replaces nothing")
    } catch TSDBError.Code.exists {
      // As it should be.
    }
    try copy.close()
    try database.close()
  }

  @Test func closedDirectoryCanBeCompacted() throws {
    let data = directory.path("data")
    let database = try Database.open(at: data)
    try database.append(1, to: labels, at: Timestamp(milliseconds: 1000))
    do {
      _ = try Database.compact(at: data, to: directory.path("compact"))
      Issue.record("a database in use is not compacted")
    } catch TSDBError.Code.inUse {
      // As it should be.
    }
    try database.close()
    let compaction = try Database.compact(at: data, to: directory.path("compact"))
    #expect(compaction.byteCount > 0)
    #expect(compaction.byteCount <= compaction.sourceByteCount)
    #expect(compaction.warnings.isEmpty)
    for path in [data, directory.path("compact")] {
      let reader = try Database.openReadOnly(at: path)
      #expect(try values(reader) == [1])
    }
    do {
      _ = try Database.compact(at: directory.path("nothing"), to: directory.path("other"))
      Issue.record("there is nothing to compact")
    } catch TSDBError.Code.notADatabase {
      // As it should be.
    }
  }

  @Test func fullDiskRefusesSamplesAndAnswersQueries() throws {
    let data = directory.path("data")
    var database = try Database.open(at: data)
    try database.append(1, to: labels, at: Timestamp(milliseconds: 1000))
    try database.close()
    var options = DatabaseOptions()
    options.minimumFreeByteCount = .max
    database = try Database.open(at: data, options: options)
    do {
      try database.append(2, to: labels, at: Timestamp(milliseconds: 2000))
      Issue.record("no disk has so much space")
    } catch TSDBError.Code.diskFull {
      // As it should be.
    }
    guard case .readOnly = database.condition else {
      Issue.record("\(database.condition)")
      return
    }
    #expect(database.failure == nil)
    #expect(try values(database) == [1])
    let registry = Registry()
    try database.registerMetrics(in: registry)
    var text: [UInt8] = []
    registry.writeText(into: &text)
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
    #expect(lines.contains("tsdb_store_read_only 1"))
    #expect(lines.contains("tsdb_store_failed 0"))
    try database.close()
  }

  @Test(arguments: [Durability.sync, .interval(.milliseconds(5)), .os])
  func samplesOutliveClosingInEveryMode(_ durability: Durability) throws {
    var options = DatabaseOptions()
    options.durability = durability
    let database = try Database.open(at: directory.path("data"), options: options)
    #expect(database.condition == .working)
    try database.append(1, to: labels, at: Timestamp(milliseconds: 1000))
    try database.synchronize()
    try database.append(1, to: ["__name__": "m", "i": "2"], at: Timestamp(milliseconds: 1000))
    try database.close()
    #expect(try values(Database.openReadOnly(at: directory.path("data"))) == [1, 1])
  }
}
