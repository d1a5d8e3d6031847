import Foundation
import LMDB
import TestSupport
import Testing

@Suite struct EnvironmentFileTests {
  private let directory = TemporaryDirectory("file")

  /// Writes a few hundred entries in several transactions, and deletes some, so
  /// that there are branches, free pages and values of more than a page.
  private func makeFile() throws -> URL {
    let environment = try Environment(path: directory.path, tables: ["a", "b"])
    for round in 0..<6 {
      try environment.write { transaction throws(LMDBError) in
        for index in 0..<200 {
          let key = Array("key \(index * 7 % 200) \(round)".utf8)
          let value = [UInt8](repeating: UInt8(round), count: index == 9 ? 9000 : 60)
          try transaction.put(value.span, for: key.span, in: environment.table("a"))
        }
        for index in 0..<100 {
          let key = Array("key \(index) \(round - 1)".utf8)
          try transaction.delete(key.span, from: environment.table("a"))
        }
        try transaction.put("1".utf8.span, for: "1".utf8.span, in: environment.table("b"))
      }
    }
    return URL(filePath: directory.path("data.mdb"))
  }

  private func check() throws(LMDBError) {
    guard let file = try EnvironmentFile(directory: directory.path) else { return }
    try file.checkMeta()
    try file.checkPages()
  }

  @Test func whatWasWrittenIsSound() throws {
    try check()
    _ = try makeFile()
    try check()
    // Also after many more transactions, beside an environment that is open.
    let environment = try Environment(path: directory.path, tables: ["a", "b"])
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<100 {
      try environment.write { transaction throws(LMDBError) in
        for _ in 0..<Int.random(in: 1...50, using: &generator) {
          let key = Array("\(Int.random(in: 0..<1000, using: &generator))".utf8)
          let size = [10, 500, 3000, 20_000].randomElement(using: &generator)
          if Bool.random(using: &generator) {
            let value = [UInt8](repeating: 1, count: size ?? 0)
            try transaction.put(value.span, for: key.span, in: environment.table("a"))
          } else {
            try transaction.delete(key.span, from: environment.table("a"))
          }
        }
      }
      try check()
    }
  }

  @Test func fileThatWasCutShortIsRefused() throws {
    let file = try makeFile()
    let whole = try Data(contentsOf: file)
    for count in stride(from: whole.count - 4096, to: 0, by: -4096 * 3) {
      try whole.prefix(count).write(to: file)
      #expect(throws: LMDBError.self) {
        _ = try Environment(path: directory.path, tables: ["a", "b"])
      }
    }
    try whole.write(to: file)
    _ = try Environment(path: directory.path, tables: ["a", "b"])
  }

  /// Bits of the meta pages that a reader needs.
  @Test func flippedBitsOfMetaPagesAreRefused() throws {
    let file = try makeFile()
    let whole = try Data(contentsOf: file)
    let needed = [10..<11, 16..<24, 40..<44, 46..<48, 80..<88, 94..<96, 128..<136, 144..<152]
    for page in [0, 4096] {
      for offset in needed.joined() {
        var bytes = whole
        bytes[page + offset] ^= 0x40
        try bytes.write(to: file)
        // The root of the older meta page, and the top of a depth, may still be
        // possible; nothing that is opened may be unsound then.
        do {
          try check()
        } catch {
          continue
        }
        let environment = try Environment(path: directory.path, tables: ["a", "b"])
        #expect(try environment.keys(in: "b") == ["1"], "byte \(offset) of \(page)")
      }
    }
  }

  /// Whatever the check lets through LMDB reads without a crash, and every page
  /// that it reads is one of the tree.
  @Test func damagedPagesAreFoundBeforeTheyAreRead() throws {
    let file = try makeFile()
    let whole = try Data(contentsOf: file)
    var generator = SeededGenerator(seed: 11)
    var foundCount = 0
    for _ in 0..<300 {
      var bytes = whole
      let page = Int.random(in: 2..<whole.count / 4096, using: &generator) * 4096
      // Page headers and the offsets behind them.
      bytes[page + Int.random(in: 0..<40, using: &generator)] ^=
        1 << UInt8.random(in: 0..<8, using: &generator)
      try bytes.write(to: file)
      do {
        try check()
      } catch {
        foundCount += 1
        continue
      }
      let environment = try Environment(path: directory.path, tables: ["a", "b"])
      #expect(try environment.keys(in: "a").count > 0)
    }
    #expect(foundCount > 50)
  }
}
