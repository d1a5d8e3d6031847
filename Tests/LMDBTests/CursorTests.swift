import LMDB
import TestSupport
import Testing

@Suite struct CursorTests {
  let directory = TemporaryDirectory("lmdb")
  let environment: Environment
  let table: Table

  init() throws {
    environment = try Environment(path: directory.path, tables: ["t"])
    table = environment.table("t")
  }

  @Test func keysComeInByteOrder() throws {
    let keys = ["b", "a", "ab", "a\u{7f}", "", "\u{1}"].filter { $0.isEmpty == false }
    for key in keys { try environment.put(key, key) }
    #expect(try environment.keys() == ["\u{1}", "a", "ab", "a\u{7f}", "b"])
  }

  @Test func emptyTableHasNoEntry() throws {
    try environment.read { view throws(LMDBError) in
      var cursor = try view.makeCursor(in: table)
      #expect(cursor.isOnEntry == false)
      #expect(try cursor.seekToFirst() == false)
      #expect(try cursor.seekToLast() == false)
      #expect(try cursor.seek(atOrAfter: "a".utf8.span) == false)
      #expect(try cursor.seek(atOrBefore: "a".utf8.span) == false)
    }
  }

  struct Seek: CustomTestStringConvertible {
    var key: String
    var atOrAfter: String?
    var atOrBefore: String?
    var testDescription: String { key }
  }

  @Test(arguments: [
    Seek(key: "a", atOrAfter: "b", atOrBefore: nil),
    Seek(key: "b", atOrAfter: "b", atOrBefore: "b"),
    Seek(key: "c", atOrAfter: "d", atOrBefore: "b"),
    Seek(key: "d", atOrAfter: "d", atOrBefore: "d"),
    Seek(key: "da", atOrAfter: nil, atOrBefore: "d"),
  ])
  func seekFindsTheNearestKey(seek: Seek) throws {
    for key in ["b", "d"] { try environment.put(key, "value of \(key)") }
    try environment.read { view throws(LMDBError) in
      var cursor = try view.makeCursor(in: table)
      let isAfter = try cursor.seek(atOrAfter: seek.key.utf8.span)
      #expect((isAfter ? String(cursor.key) : nil) == seek.atOrAfter)
      let isBefore = try cursor.seek(atOrBefore: seek.key.utf8.span)
      #expect((isBefore ? String(cursor.key) : nil) == seek.atOrBefore)
      if isBefore { #expect(String(cursor.value) == "value of \(seek.atOrBefore ?? "")") }
    }
  }

  @Test func cursorWalksBothWaysLikeASortedArray() throws {
    var generator = SeededGenerator(seed: 1)
    var model = Set<String>()
    try environment.write { transaction throws(LMDBError) in
      for _ in 0..<2000 {
        let key = "\(generator.next() % 5000)"
        if generator.next() % 4 == 0 {
          try transaction.delete(key.utf8.span, from: table)
          model.remove(key)
        } else {
          try transaction.put(key.utf8.span, for: key.utf8.span, in: table)
          model.insert(key)
        }
      }
    }
    let sorted = model.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    #expect(try environment.keys() == sorted)
    let backwards = try environment.read { view throws(LMDBError) in
      var keys: [String] = []
      var cursor = try view.makeCursor(in: table)
      var isOnEntry = try cursor.seekToLast()
      while isOnEntry {
        keys.append(String(cursor.value))
        isOnEntry = try cursor.previous()
      }
      return keys
    }
    #expect(backwards == sorted.reversed())
  }

  @Test func bytesStayValidWhenTheCursorMovesOn() throws {
    for key in ["a", "b"] { try environment.put(key, key) }
    try environment.read { view throws(LMDBError) in
      var cursor = try view.makeCursor(in: table)
      guard try cursor.seekToFirst() else { return }
      let first = cursor.key
      #expect(try cursor.next())
      #expect(String(first) == "a")
      #expect(String(cursor.key) == "b")
      #expect(try cursor.next() == false)
    }
  }

  @Test func readingNoEntryTraps() async {
    await #expect(processExitsWith: .failure) {
      let directory = TemporaryDirectory("lmdb")
      let environment = try Environment(path: directory.path, tables: ["t"])
      try environment.read { view throws(LMDBError) in
        let cursor = try view.makeCursor(in: environment.table("t"))
        _ = cursor.key.count
      }
    }
  }
}
