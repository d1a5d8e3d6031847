import Foundation
import SeriesModel
import Storage
import TSDB
import TestSupport

extension Benchmark {
  /// How long it takes until a database is ready, by the clock on the wall.
  static let opening = [
    Benchmark(name: "open-empty", summary: "Opens a directory that is empty.", run: openEmpty),
    Benchmark(
      name: "reopen-after-crash",
      summary: "Opens what a crash left: 1,440 scrapes in the journal, nothing sealed.",
      run: reopenAfterCrash),
  ]

  private static func openEmpty(_ context: BenchmarkContext) throws -> [Measurement] {
    var repetitions: [Double] = []
    for _ in 0..<context.repetitionCount {
      let directory = TemporaryDirectory("tsdb-bench")
      repetitions.append(try openingMilliseconds(directory.path) { _ in })
    }
    return [Measurement("open-empty", unit: "ms", repetitions: repetitions, goal: 50)]
  }

  /// A crash leaves what is on the disk, and so does a copy of the directory
  /// of a store that is never told to close.
  private static func reopenAfterCrash(_ context: BenchmarkContext) throws -> [Measurement] {
    let directory = TemporaryDirectory("tsdb-bench")
    let store = try Store.open(directory: directory.path("live"))
    var feed = try StoreFeed(SeriesFleet(count: context.seriesCount), into: store)
    for _ in 0..<Ingestion.scrapeCount { try feed.appendScrape() }
    var repetitions: [Double] = []
    for _ in 0..<context.repetitionCount {
      let copy = directory.path("copy")
      try FileManager.default.copyItem(atPath: directory.path("live"), toPath: copy)
      let milliseconds = try openingMilliseconds(copy) { database in
        guard database.newestTimestamp?.milliseconds == feed.lastTimestamp else {
          throw BenchmarkError.wrongResult("the newest sample is missing after reopening")
        }
      }
      repetitions.append(milliseconds)
      try FileManager.default.removeItem(atPath: copy)
    }
    try store.close()
    return [Measurement("reopen-after-crash", unit: "ms", repetitions: repetitions, goal: 1000)]
  }

  /// Opens a database, has it checked, and closes it; returns the time that
  /// opening took.
  private static func openingMilliseconds(
    _ path: String, check: (Database) throws -> Void
  ) throws -> Double {
    var opened: Database?
    let milliseconds = try Timing.wallMilliseconds { opened = try Database.open(at: path) }
    if let opened {
      try check(opened)
      try opened.close()
    }
    return milliseconds
  }
}
