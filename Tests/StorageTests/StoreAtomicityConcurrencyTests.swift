import Foundation
import SeriesModel
import Storage
import Synchronization
import TestSupport
import Testing

@Suite struct StoreAtomicityConcurrencyTests {
  /// One thread appends batches that put the same value into every series, with
  /// checkpoints in between; whoever reads two selections at once must find
  /// the same number of samples everywhere, and never fewer than before.
  @Test func batchesAreWholeAcrossSelections() throws {
    let directory = TemporaryDirectory("atomicity")
    var options = StoreOptions()
    options.checkpointThresholdBytes = 20_000
    let store = try Store.open(directory: directory.path("data"), options: options)
    let ids = try (0..<20).map { index in
      try store.seriesID(for: ["__name__": index < 10 ? "a" : "b", "i": "\(index)"])
    }
    let isFinished = Atomic(false)
    let failure = Mutex<(any Error)?>(nil)
    let writer = Thread {
      do {
        for round in 0..<400 {
          var batch = SampleBatch()
          for id in ids {
            batch.add(id, timestampMilliseconds: Int64(round) * 60_000, value: Double(round))
          }
          _ = try store.append(batch)
          if round % 10 == 0 {
            try store.maintain(now: Timestamp(milliseconds: Int64(round) * 60_000))
          }
        }
      } catch {
        failure.withLock { $0 = error }
      }
      isFinished.store(true, ordering: .releasing)
    }
    writer.start()
    var lastCount = 0
    while true {
      let wasFinished = isFinished.load(ordering: .acquiring)
      let snapshot = try store.snapshot(
        of: ["a", "b"].map {
          SeriesSelection(
            matchers: [Matcher("__name__", .equal, $0)], start: .earliest, end: .latest)
        })
      let counts = try (0..<2).flatMap {
        try snapshot.samples(ofSelection: $0).values.map(\.count)
      }
      #expect(Set(counts).count <= 1)
      #expect(counts.isEmpty || counts.count == 20)
      #expect(counts.first ?? 0 >= lastCount)
      #expect(snapshot.warnings.isEmpty)
      lastCount = counts.first ?? 0
      if wasFinished { break }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    #expect(lastCount == 400)
    #expect(store.statistics.checkpointCount > 2)
    try store.close()
  }

  /// Many callers append at once; each gets its own result and nothing is lost.
  @Test func concurrentAppendersShareSyncs() throws {
    let directory = TemporaryDirectory("appenders")
    let store = try Store.open(directory: directory.path("data"))
    let failures = Mutex<[any Error]>([])
    DispatchQueue.concurrentPerform(iterations: 8) { index in
      do {
        for round in 0..<50 {
          let result = try store.append(
            ["__name__": "m", "i": "\(index)"], [(Int64(round), Double(index))])
          if result.acceptedCount != 1 { throw StorageError.overloaded }
        }
      } catch {
        failures.withLock { $0.append(error) }
      }
    }
    #expect(failures.withLock { $0.isEmpty })
    let found = try store.samples()
    #expect(found.count == 8)
    #expect(found.values.allSatisfy { $0.count == 50 })
    #expect(store.statistics.commitCount <= 400)
    try store.close()
  }
}
