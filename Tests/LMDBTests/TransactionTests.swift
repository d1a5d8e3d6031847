import Glibc
import LMDB
import Synchronization
import TestSupport
import Testing

@Suite struct TransactionTests {
  let directory = TemporaryDirectory("lmdb")
  let environment: Environment
  let table: Table

  init() throws {
    environment = try Environment(path: directory.path, tables: ["t"])
    table = environment.table("t")
  }

  @Test func deletedKeyIsGone() throws {
    try environment.put("a", "1")
    let found = try environment.write { transaction throws(LMDBError) in
      [
        try transaction.delete("a".utf8.span, from: table),
        try transaction.delete("a".utf8.span, from: table),
      ]
    }
    #expect(found == [true, false])
    #expect(try environment.get("a") == nil)
  }

  @Test func emptyValueIsKept() throws {
    try environment.put("a", "")
    #expect(try environment.get("a") == "")
  }

  @Test func transactionSeesItsOwnChanges() throws {
    try environment.write { transaction throws(LMDBError) in
      try transaction.put("1".utf8.span, for: "a".utf8.span, in: table)
      #expect(try transaction.view.string("a", in: table) == "1")
      try transaction.put("2".utf8.span, for: "a".utf8.span, in: table)
      #expect(try transaction.view.string("a", in: table) == "2")
    }
  }

  struct Interruption: LMDBErrorConvertible {
    init() {}
    init(_ error: LMDBError) {}
  }

  @Test func throwingBodyChangesNothing() throws {
    try environment.put("a", "1")
    #expect(throws: Interruption.self) {
      try environment.write { (transaction: inout WriteTransaction) throws(Interruption) in
        do {
          try transaction.put("2".utf8.span, for: "a".utf8.span, in: table)
        } catch {
          Issue.record(error)
        }
        throw Interruption()
      }
    }
    #expect(try environment.keys() == ["a"])
    #expect(try environment.get("a") == "1")
    try environment.put("b", "2")
  }

  @Test func readerKeepsItsStateWhileAWriterCommits() throws {
    try environment.put("a", "old")
    let transaction = try environment.makeReadTransaction()
    try environment.put("a", "new")
    #expect(try transaction.view.string("a", in: table) == "old")
    let later = try environment.makeReadTransaction()
    #expect(try later.view.string("a", in: table) == "new")
    let ids = [transaction.id, later.id]
    #expect(ids == [ids[0], ids[0] + 1])
  }

  @Test func renewedReaderSeesTheLastCommit() throws {
    try environment.put("a", "old")
    var transaction = try environment.makeReadTransaction()
    let firstID = transaction.id
    transaction.reset()
    let isActive = transaction.isActive
    #expect(isActive == false)
    try environment.put("a", "new")
    try transaction.renew()
    #expect(try transaction.view.string("a", in: table) == "new")
    let secondID = transaction.id
    #expect(secondID == firstID + 1)
  }

  @Test func storedReaderKeepsTheEnvironmentOpen() throws {
    final class Holder {
      let transaction: ReadTransaction
      init(_ transaction: consuming ReadTransaction) { self.transaction = transaction }

      func read(_ table: Table) throws(LMDBError) -> String? {
        try read(transaction, table)
      }
      private func read(
        _ transaction: borrowing ReadTransaction, _ table: Table
      ) throws(LMDBError) -> String? {
        try transaction.view.string("a", in: table)
      }
    }
    let other = TemporaryDirectory("lmdb")
    var holder: Holder?
    let table: Table
    do {
      let environment = try Environment(path: other.path, tables: ["t"])
      table = environment.table("t")
      try environment.put("a", "1")
      holder = Holder(try environment.makeReadTransaction())
    }
    #expect(try holder?.read(table) == "1")
    #expect(throws: LMDBError(.alreadyOpen, during: .open)) {
      try Environment(path: other.path, tables: ["t"])
    }
    holder = nil
    #expect(try Environment(path: other.path, tables: ["t"]).get("a") == "1")
  }

  @Test(arguments: [
    (PutMode.replacing, "a", nil), (.onlyIfAbsent, "a", LMDBError.Code.keyExists),
    (.onlyIfAbsent, "c", nil), (.appending, "a", .keyExists), (.appending, "c", nil),
  ])
  func putModeDecidesAboutTakenKeys(
    mode: PutMode, key: String, expected: LMDBError.Code?
  ) throws {
    try environment.put("a", "1")
    try environment.put("b", "1")
    let code = try environment.write { transaction throws(LMDBError) -> LMDBError.Code? in
      do throws(LMDBError) {
        try transaction.put("2".utf8.span, for: key.utf8.span, in: table, mode: mode)
        return nil
      } catch {
        return error.code
      }
    }
    #expect(code == expected)
    #expect(try environment.get(key) == (expected == nil ? "2" : "1"))
  }

  @Test(arguments: [0, 512, 5000])
  func keyOfBadSizeIsRefused(byteCount: Int) throws {
    #expect(throws: LMDBError(.badValueSize, during: .put)) {
      try environment.put(String(repeating: "k", count: byteCount), "1")
    }
  }

  @Test(arguments: [1, Environment.maximumKeyByteCount])
  func keyOfExtremeSizeIsAccepted(byteCount: Int) throws {
    let key = String(repeating: "k", count: byteCount)
    try environment.put(key, "1")
    #expect(try environment.get(key) == "1")
  }

  @Test func rangeIsDeletedWithinItsLimit() throws {
    for key in ["a", "b", "c", "d", "e"] { try environment.put(key, "1") }
    let counts = try environment.write { transaction throws(LMDBError) -> [Int] in
      var counts: [Int] = []
      for _ in 0..<2 {
        counts.append(
          try transaction.deleteEntries(
            from: "b".utf8.span, upTo: "e".utf8.span, in: table, limit: 2))
      }
      return counts
    }
    #expect(counts == [2, 1])
    #expect(try environment.keys() == ["a", "e"])
  }

  @Test func writersOfSeveralThreadsTakeTurns() throws {
    let group = ThreadGroup(count: 4) { [environment, table] thread in
      for index in 0..<50 {
        do {
          try environment.write { transaction throws(LMDBError) in
            try transaction.put([1].span, for: "\(thread)-\(index)".utf8.span, in: table)
          }
        } catch {
          Issue.record(error)
        }
      }
    }
    group.join()
    #expect(try environment.keys().count == 200)
  }

  @Test func writeInsideAWriteTraps() async {
    await #expect(processExitsWith: .failure) {
      let directory = TemporaryDirectory("lmdb")
      let environment = try Environment(path: directory.path, tables: ["t"])
      try environment.write { _ throws(LMDBError) in
        try environment.write { _ throws(LMDBError) in }
      }
    }
  }

  @Test func tableOfAnotherEnvironmentTraps() async {
    await #expect(processExitsWith: .failure) {
      let first = TemporaryDirectory("lmdb")
      let second = TemporaryDirectory("lmdb")
      let environment = try Environment(path: first.path, tables: ["t"])
      let other = try Environment(path: second.path, tables: ["t"])
      try environment.read { view throws(LMDBError) in
        _ = try view.string("a", in: other.table("t"))
      }
    }
  }
}

/// Threads that run the same closure with their number.
private struct ThreadGroup {
  private final class Start: Sendable {
    let body: @Sendable (Int) -> Void
    let number: Int
    init(_ number: Int, _ body: @escaping @Sendable (Int) -> Void) {
      self.number = number
      self.body = body
    }
  }

  private var threads: [pthread_t] = []

  init(count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    for number in 0..<count {
      var thread = pthread_t()
      let context = unsafe Unmanaged.passRetained(Start(number, body)).toOpaque()
      let result = unsafe pthread_create(
        &thread, nil,
        { context in
          let start = unsafe Unmanaged<Start>.fromOpaque(context!).takeRetainedValue()
          start.body(start.number)
          return nil
        }, context)
      precondition(result == 0, "can't start a thread")
      threads.append(thread)
    }
  }

  func join() {
    for thread in threads { pthread_join(thread, nil) }
  }
}
