import SeriesModel
import Storage
import Synchronization
import TestSupport
import Threading

extension Benchmark {
  /// How long an append waits, by the clock on the wall.
  static let commits = [
    Benchmark(
      name: "disk-sync", summary: "Writes 8 KiB and syncs, without the store: the disk's share.",
      run: measureDiskSync),
    Benchmark(
      name: "commit",
      summary: "Commits of 1,000 samples, alone and while 20,000 series are sealed.",
      run: measureCommits),
  ]

  private static func measureDiskSync(_ context: BenchmarkContext) throws -> [Measurement] {
    let directory = TemporaryDirectory("tsdb-bench")
    var file = try SynchronizedFile(path: directory.path("journal"), byteCount: 16 << 20)
    let bytes = [UInt8](repeating: 0x5A, count: 8 << 10)
    var latencies: [Double] = []
    for _ in 0..<1000 {
      latencies.append(try Timing.wallMilliseconds { try file.append(bytes) })
    }
    return Measurement.latencies("disk-sync", milliseconds: latencies)
  }

  private static func measureCommits(_ context: BenchmarkContext) throws -> [Measurement] {
    let directory = TemporaryDirectory("tsdb-bench")
    let store = try Store.open(directory: directory.path)
    var background = try StoreFeed(SeriesFleet(count: 20_000, seed: 2), into: store)
    var foreground = try StoreFeed(SeriesFleet(count: 1000, job: "commits"), into: store)
    var alone: [Double] = []
    var whileSealing: [Double] = []
    for _ in 0..<5 {
      // With maintenance the journal has the length that it has in a server.
      for _ in 0..<240 {
        try background.appendScrape()
        try background.maintain()
      }
      for _ in 0..<200 {
        alone.append(try Timing.wallMilliseconds { try foreground.appendScrape() })
      }
      let seal = try BackgroundSeal(of: store)
      while seal.isRunning {
        whileSealing.append(try Timing.wallMilliseconds { try foreground.appendScrape() })
      }
      try seal.finish()
    }
    try store.close()
    guard whileSealing.isEmpty == false else {
      throw BenchmarkError.wrongResult("no commit was made during a seal")
    }
    return Measurement.latencies("commit.alone", milliseconds: alone)
      + Measurement.latencies("commit.while-sealing", milliseconds: whileSealing, goal99: 10)
  }
}

/// A seal of everything in a store, on a thread of its own.
private final class BackgroundSeal {
  private final class State: Sendable {
    let isRunning = Atomic(true)
    let failure = Mutex<(any Error)?>(nil)
  }

  private let state = State()
  private let thread: WorkerThread

  /// Begins to seal.
  init(of store: Store) throws {
    thread = try WorkerThread { [state] in
      do {
        try store.sealEverything()
      } catch {
        state.failure.withLock { $0 = error }
      }
      state.isRunning.store(false, ordering: .releasing)
    }
  }

  /// True until everything is sealed.
  var isRunning: Bool { state.isRunning.load(ordering: .acquiring) }

  /// Waits for the end.
  ///
  /// - Throws: What the seal threw.
  func finish() throws {
    thread.join()
    if let failure = state.failure.withLock({ $0 }) { throw failure }
  }
}
