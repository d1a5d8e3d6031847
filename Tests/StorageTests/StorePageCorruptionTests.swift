import Foundation
import LMDB
import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// Keys that change on the pages of the tables, where a check of the whole file
/// finds them, but a store is opened and asked without one.
@Suite struct StorePageCorruptionTests {
  private let directory = TemporaryDirectory("keys")
  private var path: String { directory.path("data") }
  private let all = SeriesSelection(matchers: [], start: .earliest, end: .latest)

  /// Enough series and chunks that every table that matters has branch pages.
  private func makeStore(partCount: Int = 2) throws {
    let store = try Store.open(directory: path)
    var generator = SeededGenerator(seed: 9)
    let ids = try (0..<900).map {
      try store.seriesID(
        for: [
          "__name__": "m\($0 % 7)", "instance": "host-\($0).example.org:9100", "i": "\($0 / 9)",
        ])
    }
    for part in 0..<partCount {
      for round in 0..<12 {
        var batch = SampleBatch()
        for (index, id) in ids.enumerated() {
          // Some have many samples, and so a block of their own.
          for step in 0..<(index % 9 == 0 ? 30 : 1) {
            batch.add(
              id, timestampMilliseconds: Int64((part * 12 + round) * 30 + step) * 1000,
              value: Double.random(in: 0...1, using: &generator))
          }
        }
        _ = try store.append(batch)
      }
      try store.sealEverything()
    }
    try store.close()
  }

  /// Flips bits of keys, and checks that each answer is whole, or has a warning,
  /// or is an error.
  private func flip(
    keysOn kind: PageFile.Kind, rounds: Int, _ selections: [SeriesSelection]
  ) throws -> (told: Int, unsound: Int) {
    try makeStore()
    let before = try selections.map {
      try StoreReader.open(directory: path).snapshot(of: [$0]).samples(ofSelection: 0)
    }
    let file = URL(filePath: path + "/data.mdb")
    let pages = try PageFile(file)
    let keys = pages.keys(onPagesOf: kind)
    var generator = SeededGenerator(seed: 21)
    var told = 0
    var unsound = 0
    for _ in 0..<rounds {
      let key = try #require(keys.randomElement(using: &generator))
      let index = Int.random(in: key, using: &generator)
      try pages.flipping(bit: Int.random(in: 0..<8, using: &generator), ofByte: index)
        .write(to: file)
      if try IntegrityCheck.run(directory: path).findingCount > 0 { unsound += 1 }
      do {
        let reader = try StoreReader.open(directory: path)
        for (selection, expected) in zip(selections, before) {
          let snapshot = try reader.snapshot(of: [selection])
          let isWhole = try snapshot.samples(ofSelection: 0) == expected
          if isWhole == false { told += 1 }
          #expect(
            isWhole || snapshot.warnings.isEmpty == false,
            "byte \(index), \(key.map { pages.bytes[$0] }) \(selection.matchers)")
        }
      } catch is StorageError {
        told += 1
      }
    }
    return (told, unsound)
  }

  private var selections: [SeriesSelection] {
    [
      all,
      SeriesSelection(
        matchers: [Matcher("i", .equal, "11")], start: .earliest, end: .latest),
      SeriesSelection(
        matchers: [Matcher("__name__", .equal, "m3")], start: Timestamp(milliseconds: 200_000),
        end: Timestamp(milliseconds: 500_000)),
    ]
  }

  @Test func damagedBranchKeysAreNotPassedOverInSilence() throws {
    let (told, unsound) = try flip(keysOn: .branch, rounds: 60, selections)
    #expect(told > 5)
    #expect(unsound > 20)
  }

  @Test func damagedLeafKeysAreNotPassedOverInSilence() throws {
    let (told, unsound) = try flip(keysOn: .leaf, rounds: 60, selections)
    #expect(told > 20)
    #expect(unsound > 40)
  }

  /// A block that is gone without a trace in its table.
  @Test func windowThatLacksChunksOfASeriesIsTold() throws {
    try makeStore(partCount: 1)
    do {
      let schema = try Schema(directory: path)
      try schema.environment.write { transaction throws(StorageError) in
        var key: [UInt8] = []
        do {
          var cursor = try transaction.view.walk(schema.chunks)
          #expect(try cursor.move(toOrAfter: [0]))
          key = Array(copying: cursor.key)
        }
        try transaction.erase(key, from: schema.chunks)
      }
    }
    let reader = try StoreReader.open(directory: path)
    let snapshot = try reader.snapshot(of: [all])
    _ = try snapshot.samples(ofSelection: 0)
    #expect(snapshot.warnings.contains { $0.contains("has no chunk of it") })
  }
}
