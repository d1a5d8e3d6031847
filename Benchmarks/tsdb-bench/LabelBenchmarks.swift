import SeriesModel
import Storage
import TestSupport

extension Benchmark {
  /// Queries for label names and values, processor time for each query: over
  /// all time, over the last hour, and with a matcher.
  static let labels = [
    Benchmark(
      name: "labels", summary: "Label names and values of the series, in head and tables."
    ) { context in
      try measureLabels("labels", seriesCount: context.seriesCount, in: context)
    },
    Benchmark(
      name: "labels-million", summary: "The same of a million series; only when filtered for.",
      isLarge: true
    ) { context in
      try measureLabels("labels-million", seriesCount: 1_000_000, in: context)
    },
  ]

  private static func measureLabels(
    _ name: String, seriesCount: Int, in context: BenchmarkContext
  ) throws -> [Measurement] {
    let directory = TemporaryDirectory("tsdb-bench")
    let store = try Store.open(directory: directory.path)
    var feed = try StoreFeed(SeriesFleet(count: seriesCount), into: store)
    try feed.appendScrape()
    try store.sealEverything()
    for _ in 0..<4 { try feed.appendScrape() }
    let end = Timestamp(milliseconds: feed.lastTimestamp)
    let start = Timestamp(milliseconds: feed.lastTimestamp - 3_600_000)
    let recent = SeriesSelection(matchers: [], start: start, end: end)
    let matched = SeriesSelection(
      matchers: [Matcher("path", .matchesRegex, "/api/v1/items/1.*")], start: start, end: end)
    var measurements: [Measurement] = []
    for (suffix, selections) in [("all", []), ("recent", [recent]), ("matched", [matched])] {
      measurements.append(
        try Timing.measure("\(name).names-\(suffix)", operationCount: 1, of: "query", in: context) {
          guard try store.labelNames(of: selections).count == 6 else {
            throw BenchmarkError.wrongResult("label names are missing")
          }
        })
      measurements.append(
        try Timing.measure(
          "\(name).values-\(suffix)", operationCount: 1, of: "query", in: context
        ) {
          guard try store.labelValues(of: "shard", in: selections).isEmpty == false else {
            throw BenchmarkError.wrongResult("label values are missing")
          }
        })
    }
    measurements.append(
      try Timing.measure("\(name).series-matched", operationCount: 1, of: "query", in: context) {
        guard try store.series(of: [matched]).isEmpty == false else {
          throw BenchmarkError.wrongResult("series are missing")
        }
      })
    try store.close()
    return measurements
  }
}
