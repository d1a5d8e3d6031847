import Foundation
import LMDB
import TestSupport
import Testing

@Suite struct EnvironmentTests {
  let directory = TemporaryDirectory("lmdb")

  func makeEnvironment(
    _ tables: [String] = ["t"], readOnly: Bool = false
  ) throws(LMDBError) -> Environment {
    var options = EnvironmentOptions()
    options.isReadOnly = readOnly
    return try Environment(path: directory.path, tables: tables, options: options)
  }

  @Test func valuesSurviveReopening() throws {
    do {
      let environment = try makeEnvironment()
      try environment.put("key", "value")
    }
    let environment = try makeEnvironment()
    #expect(try environment.get("key") == "value")
  }

  @Test func secondOpenOfTheSameFileIsRefused() throws {
    let environment = try makeEnvironment()
    #expect(throws: LMDBError(.alreadyOpen, during: .open)) { try makeEnvironment() }
    #expect(environment.path == directory.path)
  }

  @Test func secondOpenThroughALinkIsRefused() throws {
    let environment = try makeEnvironment()
    let link = TemporaryDirectory("link")
    try FileManager.default.createSymbolicLink(
      atPath: link.path("other"), withDestinationPath: directory.path)
    #expect(throws: LMDBError(.alreadyOpen, during: .open)) {
      try Environment(path: link.path("other"), tables: ["t"])
    }
    #expect(environment.path == directory.path)
  }

  @Test func fileMayBeOpenedAgainOnceClosed() throws {
    for _ in 0..<3 { _ = try makeEnvironment() }
  }

  @Test func missingDirectoryIsAnErrorWithAHint() throws {
    let error = try #require(throws: LMDBError.self) {
      try Environment(path: directory.path("absent"), tables: [])
    }
    #expect(error.code == .system(ENOENT))
    #expect(error.description == "can't open the environment: No such file or directory")
    #expect(error.hint == "check the path")
  }

  @Test func fileOfAnotherKindIsRefused() throws {
    try String(repeating: "not a table ", count: 1000).write(
      toFile: directory.path("data.mdb"), atomically: false, encoding: .utf8)
    #expect(throws: LMDBError(.invalid, during: .open)) { try makeEnvironment() }
    #expect(throws: LMDBError(.invalid, during: .open)) { try makeEnvironment() }
  }

  @Test func readOnlyEnvironmentReadsAndRefusesToWrite() throws {
    do { try makeEnvironment().put("key", "value") }
    let environment = try makeEnvironment(readOnly: true)
    #expect(try environment.get("key") == "value")
    #expect(throws: LMDBError(.system(EACCES), during: .beginWrite)) {
      try environment.put("key", "other")
    }
  }

  @Test func readOnlyEnvironmentNeedsEveryTable() throws {
    do { _ = try makeEnvironment() }
    #expect(throws: LMDBError(.notFound, during: .openTable)) {
      try makeEnvironment(["t", "u"], readOnly: true)
    }
  }

  @Test func refusedAddressSpaceIsHalved() throws {
    var options = EnvironmentOptions()
    options.mapSizeBytes = 1 << 47
    let environment = try Environment(path: directory.path, tables: ["t"], options: options)
    #expect(try environment.statistics().mapSizeBytes < 1 << 47)
    #expect(try environment.statistics().mapSizeBytes >= Environment.minimumMapSizeBytes)
  }

  @Test func fullMapIsAnErrorAndLeavesTheTableAsItWas() throws {
    var options = EnvironmentOptions()
    options.mapSizeBytes = 1 << 20
    let environment = try Environment(path: directory.path, tables: ["t"], options: options)
    try environment.put("before", "kept")
    let error = #expect(throws: LMDBError.self) {
      try environment.write { transaction throws(LMDBError) in
        for index in 0..<1000 {
          let value = [UInt8](repeating: 7, count: 4000)
          try transaction.put(
            value.span, for: "\(index)".utf8.span, in: environment.table("t"))
        }
      }
    }
    #expect(error == LMDBError(.mapFull, during: .put))
    #expect(try environment.keys() == ["before"])
  }

  @Test func statisticsCountKeysAndPages() throws {
    let environment = try makeEnvironment()
    try environment.write { transaction throws(LMDBError) in
      for index in 0..<1000 {
        try transaction.put(
          [UInt8](repeating: 1, count: 100).span, for: "\(index)".utf8.span,
          in: environment.table("t"))
      }
    }
    let statistics = try environment.statistics()
    let (table, freePageCount) = try environment.read { view throws(LMDBError) in
      (try view.statistics(of: environment.table("t")), try view.freePageCount())
    }
    #expect(table.entryCount == 1000)
    #expect(table.pageCount > 20)
    #expect(statistics.usedBytes >= table.pageCount * statistics.pageSizeBytes)
    #expect(statistics.lastTransactionID == 2)
    #expect(freePageCount >= 0)
    try environment.write { transaction throws(LMDBError) in
      let all = try transaction.deleteEntries(
        from: [0].span, upTo: [255].span, in: environment.table("t"), limit: 2000)
      #expect(all == 1000)
    }
    #expect(
      try environment.read { view throws(LMDBError) in try view.freePageCount() } > freePageCount)
  }

  @Test func staleReadersAreCounted() throws {
    #expect(try makeEnvironment().clearStaleReaders() == 0)
  }

  @Test func tooManyReadersIsAnError() throws {
    var options = EnvironmentOptions()
    options.maximumReaderCount = 1
    let environment = try Environment(path: directory.path, tables: ["t"], options: options)
    let transaction = try environment.makeReadTransaction()
    let error = #expect(throws: LMDBError.self) { _ = try environment.makeReadTransaction() }
    #expect(error == LMDBError(.readersFull, during: .beginRead))
    let isActive = transaction.isActive
    #expect(isActive)
  }

  @Test func unnamedTableTraps() async {
    await #expect(processExitsWith: .failure) {
      let directory = TemporaryDirectory("lmdb")
      _ = try Environment(path: directory.path, tables: ["t"]).table("u")
    }
  }
}

extension Environment {
  func put(_ key: String, _ value: String, in name: String = "t") throws(LMDBError) {
    try write { transaction throws(LMDBError) in
      try transaction.put(value.utf8.span, for: key.utf8.span, in: table(name))
    }
  }

  func get(_ key: String, in name: String = "t") throws(LMDBError) -> String? {
    try read { view throws(LMDBError) in try view.string(key, in: table(name)) }
  }

  func keys(in name: String = "t") throws(LMDBError) -> [String] {
    try read { view throws(LMDBError) in
      var keys: [String] = []
      var cursor = try view.makeCursor(in: table(name))
      var isOnEntry = try cursor.seekToFirst()
      while isOnEntry {
        keys.append(String(cursor.key))
        isOnEntry = try cursor.next()
      }
      return keys
    }
  }
}

extension ReadView {
  func string(_ key: String, in table: Table) throws(LMDBError) -> String? {
    guard let value = try value(for: key.utf8.span, in: table) else { return nil }
    return String(value)
  }
}

extension String {
  init(_ bytes: Span<UInt8>) {
    self.init(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
  }
}
