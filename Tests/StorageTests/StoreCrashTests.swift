import Foundation
import SeriesModel
import Storage
import TestSupport
import Testing

/// Kills a process that appends and seals, and looks at what it left.
@Suite struct StoreCrashTests {
  private static let labels: [Labels] = (0..<50).map { ["__name__": "m", "i": "\($0)"] }

  /// The child appends the same round number to every series, and notes each
  /// round once it is acknowledged. Whenever it dies, every series must hold
  /// the same rounds, at least the noted ones.
  @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
  func killedStoreKeepsWhatItAcknowledged(seed: UInt64) async throws {
    let directory = TemporaryDirectory("crash")
    let path = directory.path
    for attempt in 0..<3 as Range<UInt64> {
      let childSeed = seed * 31 + attempt
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [path = path as String, childSeed = childSeed as UInt64] in
        try StoreCrashTests.appendUntilKilled(path: path, seed: childSeed)
      }
      let noted = try String(contentsOfFile: path + "/noted", encoding: .utf8)
        .split(separator: "\n").count
      let store = try Store.open(directory: path + "/data")
      let found = try store.samples()
      #expect(found.count == StoreCrashTests.labels.count)
      let rounds = Set(found.values.map { $0.map(\.value) })
      #expect(rounds.count == 1)
      let count = rounds.first?.count ?? 0
      #expect(rounds.first == (0..<count).map(Double.init))
      #expect(count >= noted && count <= noted + 3)
      #expect(store.warnings.isEmpty)
      if attempt % 2 == 1 { try store.close() }
    }
  }

  /// Runs in the child.
  private static func appendUntilKilled(path: String, seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var options = StoreOptions()
    options.checkpointThresholdBytes = 20_000
    let store = try Store.open(directory: path + "/data", options: options)
    let ids = try labels.map { try store.seriesID(for: $0) }
    let first = try store.samples()[labels[0]]?.count ?? 0
    _ = FileManager.default.createFile(atPath: path + "/noted", contents: nil)
    let notes = try FileHandle(forWritingTo: URL(filePath: path + "/noted"))
    try notes.write(contentsOf: Data(String(repeating: "-\n", count: first).utf8))
    let maintenance = Thread {
      do {
        while true {
          try store.maintain(now: Timestamp(milliseconds: 0))
          usleep(2000)
        }
      } catch {
        preconditionFailure("maintenance failed: \(error)")
      }
    }
    maintenance.start()
    let microseconds = UInt32.random(in: 20_000...400_000, using: &generator)
    let killer = Thread {
      usleep(microseconds)
      kill(getpid(), SIGKILL)
    }
    killer.start()
    for round in first... {
      var batch = SampleBatch()
      for id in ids {
        batch.add(id, timestampMilliseconds: Int64(round) * 60_000, value: Double(round))
      }
      _ = try store.append(batch)
      try notes.write(contentsOf: Data("\(round)\n".utf8))
    }
  }
}
