import Foundation
import LMDB
import SeriesModel
import Storage
import TestSupport
import Testing

/// Bits that flip anywhere in the file of the tables.
@Suite struct StoreFileCorruptionTests {
  private let directory = TemporaryDirectory("flips")
  private let all = SeriesSelection(matchers: [], start: .earliest, end: .latest)

  private func makeStore(_ path: String) throws {
    let store = try Store.open(directory: path)
    var generator = SeededGenerator(seed: 1)
    for round in 0..<300 {
      var batch = SampleBatch()
      for series in 0..<8 {
        batch.add(
          try store.seriesID(for: ["__name__": "m\(series % 2)", "i": "\(series)"]),
          timestampMilliseconds: Int64(round) * 60_000,
          value: series < 4 ? Double(round) : Double.random(in: 0...1, using: &generator))
      }
      _ = try store.append(batch)
      if round % 100 == 50 { try store.sealEverything() }
    }
    try store.sealEverything()
    try store.close()
  }

  private func isSound(_ path: String) -> Bool {
    do {
      guard let file = try EnvironmentFile(directory: path) else { return false }
      try file.checkPages()
      return true
    } catch {
      return false
    }
  }

  /// A store whose pages pass the check opens and answers with what was stored,
  /// or says that something is damaged.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func flippedBitsAreNeverAnswered(seed: UInt64) throws {
    let path = directory.path("data")
    try makeStore(path)
    let before = try StoreReader.open(directory: path).samples()
    let file = URL(filePath: path + "/data.mdb")
    let whole = try Data(contentsOf: file)
    var generator = SeededGenerator(seed: seed)
    var refused = 0
    var told = 0
    for flip in 0..<150 {
      let offset = Int.random(in: 0..<whole.count, using: &generator)
      var bytes = whole
      bytes[offset] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      try bytes.write(to: file)
      guard isSound(path) else {
        refused += 1
        continue
      }
      do {
        let reader = try StoreReader.open(directory: path)
        let snapshot = try reader.snapshot(of: [all])
        let found = try snapshot.samples(ofSelection: 0)
        let isWhole = found == before
        if isWhole == false { told += 1 }
        #expect(
          isWhole || snapshot.warnings.isEmpty == false, "seed \(seed), flip \(flip) at \(offset)")
        for (labels, samples) in found {
          #expect(
            Set(samples).isSubset(of: before[labels] ?? []),
            "seed \(seed), flip \(flip) at \(offset)")
        }
      } catch is StorageError {
        told += 1
      }
    }
    #expect(refused + told > 5)
  }

  /// The lock file holds nothing that a closed store needs.
  @Test func damagedLockFileIsReplacedOrRefused() throws {
    let path = directory.path("lock")
    try makeStore(path)
    let before = try StoreReader.open(directory: path).samples()
    let file = URL(filePath: path + "/lock.mdb")
    for bytes in [Data(), Data(count: 100), Data(repeating: 0xA5, count: 8192)] {
      try bytes.write(to: file)
      let store = try Store.open(directory: path)
      #expect(try store.samples() == before)
      try store.close()
    }
  }

  @Test func fileThatWasCutShortIsRefused() throws {
    let path = directory.path("cut")
    try makeStore(path)
    let file = URL(filePath: path + "/data.mdb")
    let whole = try Data(contentsOf: file)
    for share in [0.9, 0.5, 0.1] {
      try whole.prefix(Int(Double(whole.count) * share)).write(to: file)
      #expect(throws: StorageError.database(LMDBError(.truncated, during: .open))) {
        try Store.open(directory: path)
      }
      #expect(throws: StorageError.database(LMDBError(.truncated, during: .open))) {
        try StoreReader.open(directory: path)
      }
    }
  }
}
