import Foundation
import SeriesModel
import Storage
import Synchronization
import TestSupport
import Testing

@Suite struct StoreCopyConcurrencyTests {
  private let directory = TemporaryDirectory("copies")
  private let labels: [Labels] = (0..<20).map { ["__name__": "m", "i": "\($0)"] }

  /// While one thread appends rounds and another makes checkpoints all the
  /// time, each copy must hold the same rounds of every series: all that were
  /// acknowledged before it was begun. Copies are made until the checkpoints
  /// were several.
  @Test(arguments: [Durability.sync, .os])
  func copiesOfALiveStoreAreConsistent(_ durability: Durability) throws {
    var options = StoreOptions()
    options.checkpointThresholdBytes = 20_000
    options.durability = durability
    options.retentionMilliseconds = .max
    let store = try Store.open(directory: directory.path("data"), options: options)
    let ids = try labels.map { try store.seriesID(for: $0) }
    let acknowledged = Atomic(0)
    let isStopping = Atomic(false)
    let failures = Mutex<[String]>([])
    func start(_ work: @escaping @Sendable () throws -> Void) -> DispatchSemaphore {
      let ended = DispatchSemaphore(value: 0)
      Thread {
        do {
          while isStopping.load(ordering: .relaxed) == false { try work() }
        } catch {
          failures.withLock { $0.append("\(error)") }
        }
        ended.signal()
      }.start()
      return ended
    }
    let appending = start {
      let round = acknowledged.load(ordering: .relaxed)
      var batch = SampleBatch()
      for id in ids {
        batch.add(id, timestampMilliseconds: Int64(round) * 60_000, value: Double(round))
      }
      _ = try store.append(batch)
      acknowledged.store(round + 1, ordering: .sequentiallyConsistent)
    }
    let maintaining = start { try store.maintain(now: Timestamp(milliseconds: 0)) }
    var copy = 0
    while failures.withLock({ $0.isEmpty }), copy < 12 || store.statistics.checkpointCount < 2 {
      copy += 1
      let before = acknowledged.load(ordering: .sequentiallyConsistent)
      let path = directory.path("copy\(copy)")
      try store.copy(to: path)
      let reader = try StoreReader.open(directory: path)
      #expect(reader.warnings.isEmpty)
      let rounds = Set(try reader.samples().values.map { $0.map(\.value) })
      #expect(rounds.count == (before == 0 ? rounds.count : 1))
      let count = rounds.first?.count ?? 0
      #expect(count >= before)
      let isComplete = (rounds.first ?? []).indices.allSatisfy { rounds.first?[$0] == Double($0) }
      #expect(isComplete)
    }
    isStopping.store(true, ordering: .relaxed)
    appending.wait()
    maintaining.wait()
    #expect(failures.withLock { $0 } == [])
    try store.close()
  }
}
