import LMDB
import TestSupport
import Testing

/// Places of entries outlive views, but no transaction.
@Suite struct EntryPlaceTests {
  private struct Places {
    let directory = TemporaryDirectory("lmdb")
    let environment: Environment
    let table: Table

    init() throws {
      environment = try Environment(path: directory.path, tables: ["t"])
      table = environment.table("t")
      for (key, value) in [("a", "1"), ("b", "2")] { try environment.put(key, value) }
    }

    func place(
      of key: String, in transaction: borrowing ReadTransaction
    ) throws(LMDBError) -> EntryPlace {
      let view = transaction.view
      var cursor = try view.makeCursor(in: table)
      guard try cursor.seek(atOrAfter: key.utf8.span) else {
        preconditionFailure("there is no such key")
      }
      return view.place(of: cursor)
    }

    func text(at place: EntryPlace, in transaction: borrowing ReadTransaction) -> String {
      let view = transaction.view
      return String(view.key(at: place)) + String(view.value(at: place))
    }
  }

  @Test func entryIsReadAgainWhateverIsWrittenMeanwhile() throws {
    let places = try Places()
    let transaction = try places.environment.makeReadTransaction()
    let first = try places.place(of: "a", in: transaction)
    let second = try places.place(of: "b", in: transaction)
    let again = try places.place(of: "a", in: transaction)
    #expect(first == again && first != second)
    for round in 0..<200 {
      try places.environment.put("a", String(repeating: "x", count: 1000))
      try places.environment.put("c\(round)", String(repeating: "y", count: 1000))
    }
    #expect(places.text(at: first, in: transaction) == "a1")
    #expect(places.text(at: second, in: transaction) == "b2")
  }

  @Test func placeStaysWhereNothingWasCommittedWhileItsTransactionWasReset() throws {
    let places = try Places()
    var transaction = try places.environment.makeReadTransaction()
    let place = try places.place(of: "b", in: transaction)
    transaction.reset()
    try transaction.renew()
    #expect(places.text(at: place, in: transaction) == "b2")
  }

  @Test func placeOfAnotherTransactionTraps() async {
    await #expect(processExitsWith: .failure) {
      let places = try Places()
      let transaction = try places.environment.makeReadTransaction()
      let other = try places.environment.makeReadTransaction()
      let place = try places.place(of: "a", in: transaction)
      _ = places.text(at: place, in: other)
    }
  }

  /// The library may give the next transaction the memory of the last one.
  @Test func placeOfATransactionThatIsOverTraps() async {
    await #expect(processExitsWith: .failure) {
      let places = try Places()
      func placeOfAnEnd() throws -> EntryPlace {
        let transaction = try places.environment.makeReadTransaction()
        return try places.place(of: "a", in: transaction)
      }
      let place = try placeOfAnEnd()
      _ = places.text(at: place, in: try places.environment.makeReadTransaction())
    }
  }

  @Test func placeBehindACommitTraps() async {
    await #expect(processExitsWith: .failure) {
      let places = try Places()
      var transaction = try places.environment.makeReadTransaction()
      let place = try places.place(of: "a", in: transaction)
      transaction.reset()
      try places.environment.put("a", "3")
      try transaction.renew()
      _ = places.text(at: place, in: transaction)
    }
  }

  @Test func placeInAWriteTransactionTraps() async {
    await #expect(processExitsWith: .failure) {
      let places = try Places()
      try places.environment.write { transaction throws(LMDBError) in
        var cursor = try transaction.view.makeCursor(in: places.table)
        guard try cursor.seekToFirst() else { return }
        _ = transaction.view.place(of: cursor)
      }
    }
  }
}
