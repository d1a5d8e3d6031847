import SeriesModel
import Storage
import TestSupport

/// A database on the disk that was filled like a server's: a commit for each
/// scrape, maintenance meanwhile, and a clean end.
final class Ingestion {
  /// Six hours of scrapes.
  static let scrapeCount = 1440

  /// Removed with this value.
  let directory = TemporaryDirectory("tsdb-bench")
  /// The number of samples stored.
  let sampleCount: Int
  /// The processor time of the appends and of maintenance, in nanoseconds.
  private(set) var processorNanoseconds = 0.0
  /// The allocations of appends and maintenance during an hour of scrapes.
  private(set) var allocationsPerSample = 0.0
  /// The bytes that were written meanwhile, closing included.
  private(set) var writtenByteCount = 0
  /// The size of the closed directory.
  private(set) var storedByteCount = 0

  /// Fills a database with `seriesCount` series.
  init(seriesCount: Int) throws {
    sampleCount = seriesCount * Ingestion.scrapeCount
    let writtenBefore = try DiskUse.writtenByteCount()
    let store = try Store.open(directory: directory.path)
    var feed = try StoreFeed(SeriesFleet(count: seriesCount), into: store)
    func append(_ scrapeCount: Int) throws {
      for _ in 0..<scrapeCount {
        try feed.appendScrape()
        try feed.maintain()
      }
    }
    let countedScrapeCount = 240
    let allocationCount = try AllocationCounter.count { try append(countedScrapeCount) }
    allocationsPerSample = Double(allocationCount) / Double(countedScrapeCount * seriesCount)
    let timedScrapeCount = Ingestion.scrapeCount - countedScrapeCount
    let nanoseconds = try Timing.processorNanoseconds { try append(timedScrapeCount) }
    processorNanoseconds = nanoseconds / Double(timedScrapeCount * seriesCount)
    try store.close()
    writtenByteCount = try DiskUse.writtenByteCount() - writtenBefore
    storedByteCount = try DiskUse.byteCount(ofDirectory: directory.path)
  }
}

extension Benchmark {
  /// What it costs to take samples in.
  static let ingestion = [
    Benchmark(
      name: "ingest",
      summary: "1,440 scrapes, a commit each: processor time, bytes written, bytes stored.",
      run: ingest),
    Benchmark(
      name: "held-reader",
      summary: "How much the file of tables grows in 1,000 commits while a snapshot is held.",
      run: measureGrowthWithReader),
  ]

  private static func ingest(_ context: BenchmarkContext) throws -> [Measurement] {
    let ingestion = try context.ingestedDatabase()
    let sampleCount = Double(ingestion.sampleCount)
    var time = Measurement("ingest", unit: "ns/sample", value: ingestion.processorNanoseconds)
    time.allocationsPerOperation = ingestion.allocationsPerSample
    return [
      time,
      Measurement(
        "ingest.written", unit: "bytes/sample",
        value: Double(ingestion.writtenByteCount) / sampleCount),
      Measurement(
        "ingest.stored", unit: "bytes/sample",
        value: Double(ingestion.storedByteCount) / sampleCount),
    ]
  }

  /// Sealing fills the file with what was appended, reader or not; so the
  /// growth while sealing is told with a reader and without.
  private static func measureGrowthWithReader(
    _ context: BenchmarkContext
  ) throws -> [Measurement] {
    let commitCount = 1000
    func growth(_ name: String, holdsReader: Bool, seals: Bool, goal: Double?) throws -> Measurement
    {
      let directory = TemporaryDirectory("tsdb-bench")
      let store = try Store.open(directory: directory.path)
      var feed = try StoreFeed(SeriesFleet(count: context.seriesCount), into: store)
      for _ in 0..<480 { try feed.appendScrape() }
      try store.sealEverything()
      try feed.appendScrape()
      let snapshot = holdsReader ? try store.snapshot(of: [feed.wholeSelection]) : nil
      let before = try DiskUse.tableByteCount(ofStore: directory.path)
      for _ in 0..<commitCount {
        try feed.appendScrape()
        if seals { try feed.maintain() }
      }
      let after = try DiskUse.tableByteCount(ofStore: directory.path)
      if let snapshot, snapshot.seriesSets[0].count != context.seriesCount {
        throw BenchmarkError.wrongResult("the snapshot lost series")
      }
      withExtendedLifetime(snapshot) {}
      try store.close()
      return Measurement(
        "held-reader.\(name)", unit: "KiB", value: Double(after - before) / 1024,
        observationCount: commitCount, goal: goal)
    }
    return [
      try growth("commits", holdsReader: true, seals: false, goal: 0),
      try growth("sealing", holdsReader: true, seals: true, goal: nil),
      try growth("sealing-no-reader", holdsReader: false, seals: true, goal: nil),
    ]
  }
}
