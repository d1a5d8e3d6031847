import Foundation
import LMDB
import TestSupport
import Testing

/// Keys that change on branch and leaf pages, where LMDB has no checksums.
@Suite struct PageCorruptionTests {
  private let directory = TemporaryDirectory("pages")
  private var file: URL { URL(filePath: directory.path("data.mdb")) }

  private static let keys = (0..<3000).map { index in
    Array("key \(String(index * 7919 % 3000 + 10_000))".utf8)
  }

  private func makeFile() throws {
    let environment = try Environment(path: directory.path, tables: ["a"])
    try environment.write { transaction throws(LMDBError) in
      for key in PageCorruptionTests.keys {
        try transaction.put(
          [UInt8](repeating: 1, count: 60).span, for: key.span,
          in: environment.table("a"))
      }
    }
  }

  private func isSound() -> Bool {
    do {
      guard let file = try EnvironmentFile(directory: directory.path) else { return false }
      try file.checkPages()
      return true
    } catch {
      return false
    }
  }

  /// How many keys searches don't find, without an error.
  private func missedKeyCount() throws -> Int {
    let environment = try Environment(path: directory.path, tables: ["a"])
    return try environment.read { view throws(LMDBError) in
      var missed = 0
      for key in PageCorruptionTests.keys {
        do throws(LMDBError) {
          var cursor = try view.makeCursor(in: environment.table("a"))
          let isFound = try cursor.seek(atOrAfter: key.span)
          if isFound == false || cursor.key.copied != key { missed += 1 }
          if try cursor.seek(atOrBefore: key.span) == false || cursor.key.copied != key {
            missed += 1
          }
        } catch {
          #expect(error.code == .corrupted)
        }
      }
      return missed
    }
  }

  @Test func undamagedKeysAreFound() throws {
    try makeFile()
    #expect(isSound())
    #expect(try missedKeyCount() == 0)
    #expect(try PageFile(file).keys(onPagesOf: .branch).count > 40)
  }

  /// A separator of the wrong size sends searches to the wrong page.
  @Test func searchesWithDamagedBranchKeysFindTheKeyOrFail() throws {
    try makeFile()
    let pages = try PageFile(file)
    let keys = pages.keys(onPagesOf: .branch)
    var generator = SeededGenerator(seed: 5)
    var unsoundCount = 0
    for _ in 0..<60 {
      let key = try #require(keys.randomElement(using: &generator))
      let index = Int.random(in: key, using: &generator)
      try pages.flipping(bit: Int.random(in: 0..<8, using: &generator), ofByte: index)
        .write(to: file)
      let isSound = isSound()
      if isSound == false { unsoundCount += 1 }
      #expect(try missedKeyCount() == 0, "byte \(index), sound: \(isSound)")
    }
    #expect(unsoundCount > 40)
  }

  @Test func searchesWithADamagedLeafKeyFindTheOthersOrFail() throws {
    try makeFile()
    let pages = try PageFile(file)
    let keys = pages.keys(onPagesOf: .leaf).filter { $0.count == 9 }
    var generator = SeededGenerator(seed: 6)
    for _ in 0..<60 {
      let key = try #require(keys.randomElement(using: &generator))
      let index = Int.random(in: key, using: &generator)
      try pages.flipping(bit: Int.random(in: 0..<8, using: &generator), ofByte: index)
        .write(to: file)
      // The damaged key itself is gone: for a search of each kind.
      #expect(try missedKeyCount() <= 2, "byte \(index)")
    }
  }

  /// Every field of a page that the check looks at: sizes, counts, flags, the
  /// numbers of pages, and the free list.
  @Test func noBitOfAPageHeaderOrNodeIsOverlooked() throws {
    try makeFile()
    let pages = try PageFile(file)
    let fields = pages.keys(onPagesOf: .leaf).filter { $0.count == 9 }.prefix(20)
      .flatMap { $0.lowerBound - 4..<$0.lowerBound }
    let children = pages.keys(onPagesOf: .branch).prefix(10).map { $0.lowerBound - 8 }
    for index in fields + children {
      for bit in [0, 1, 3] {
        try pages.flipping(bit: bit, ofByte: index).write(to: file)
        #expect(isSound() == false, "bit \(bit) of byte \(index)")
      }
    }
  }
}

extension Span<UInt8> {
  fileprivate var copied: [UInt8] { indices.map { self[$0] } }
}
