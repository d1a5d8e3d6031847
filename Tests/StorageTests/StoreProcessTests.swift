import Foundation
import SeriesModel
import Storage
import Synchronization
import TestSupport
import Testing

/// Several processes at one directory.
@Suite struct StoreProcessTests {
  private static let labels: [Labels] = (0..<20).map { ["__name__": "m", "i": "\($0)"] }

  @Test func secondWriterIsRefusedAndAReaderReads() async throws {
    let directory = TemporaryDirectory("second")
    let path = directory.path("data")
    let store = try Store.open(directory: path)
    try store.append(StoreProcessTests.labels[0], [(1, 1)])
    let processID = getpid()
    await #expect(processExitsWith: .success) {
      [path = path as String, processID = processID as Int32] in
      #expect(throws: StorageError.inUse(directory: path, processID: processID)) {
        try Store.open(directory: path)
      }
      let reader = try StoreReader.open(directory: path)
      #expect(try reader.samples() == [StoreProcessTests.labels[0]: samples([(1, 1)])])
    }
    try store.append(StoreProcessTests.labels[0], [(2, 2)])
    try store.sealEverything()
    try store.close()
  }

  /// Reads again and again what another process writes.
  fileprivate final class ReaderLoop: Sendable {
    struct Outcome {
      var readCount = 0
      var roundCount = 0
      var problem: String?
      var isStopped = false
      var isFinished = false
    }

    let outcome = Mutex(Outcome())

    func run(path: String) {
      while outcome.withLock({ $0.isStopped || $0.problem != nil }) == false {
        do {
          let reader = try StoreReader.open(directory: path)
          let found = try reader.samples()
          outcome.withLock { $0.take(found, warnings: reader.warnings) }
        } catch {
          outcome.withLock { outcome in
            // The other process may not have made the store yet.
            if outcome.roundCount > 0 { outcome.problem = "\(error)" }
          }
        }
      }
      outcome.withLock { $0.isFinished = true }
    }
  }

  /// The child writes one sample of each series in each batch, with checkpoints,
  /// ends of windows, and merging in between; no read finds less than the one
  /// before, a part of a batch, or an error.
  @Test func readerBesideAWriterNeverLosesAnything() async throws {
    let directory = TemporaryDirectory("beside")
    let path = directory.path("data")
    let loop = ReaderLoop()
    let thread = Thread { loop.run(path: path) }
    thread.start()
    await #expect(processExitsWith: .success) { [path = path as String] in
      try StoreProcessTests.write(path: path)
    }
    loop.outcome.withLock { $0.isStopped = true }
    while loop.outcome.withLock({ $0.isFinished }) == false { sched_yield() }
    let outcome = loop.outcome.withLock { $0 }
    #expect(outcome.problem == nil)
    #expect(outcome.readCount > 10)
  }

  /// Runs in the child.
  private static func write(path: String) throws {
    var options = StoreOptions()
    options.checkpointThresholdBytes = 10_000
    options.deletionPauseMicroseconds = 0
    options.retentionMilliseconds = .max
    var store = try Store.open(directory: path, options: options)
    let ids = try labels.map { try store.seriesID(for: $0) }
    for round in 0..<600 {
      var batch = SampleBatch()
      for id in ids {
        batch.add(id, timestampMilliseconds: Int64(round) * 600_000, value: Double(round))
      }
      _ = try store.append(batch)
      if round % 5 == 0 { try store.maintain(now: Timestamp(milliseconds: 0)) }
      if round % 150 == 149 {
        try store.close()
        store = try Store.open(directory: path, options: options)
      }
    }
    try store.close()
  }
}

extension StoreProcessTests.ReaderLoop.Outcome {
  fileprivate mutating func take(_ found: SamplesByLabels, warnings: [String]) {
    readCount += 1
    let counts = Set(found.values.map(\.count))
    let count = counts.first ?? 0
    if warnings.isEmpty == false { problem = warnings[0] }
    if counts.count > 1 { problem = "series have \(counts.sorted()) samples" }
    if count < roundCount { problem = "\(count) rounds after \(roundCount)" }
    let isRight = found.values.allSatisfy { samples in
      samples.enumerated().allSatisfy { $0.element.value == Double($0.offset) }
    }
    if isRight == false { problem = "wrong values" }
    roundCount = count
  }
}
