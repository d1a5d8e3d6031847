import SeriesModel
import TSDB
import TestSupport

extension Benchmark {
  /// Range queries over the six hours of the ingested database, at a step of
  /// one minute; processor time for each sample that is read.
  static let queries = [
    Benchmark(name: "query-selector", summary: "Every series, as it is at each step.") {
      [try measureQuery("query-selector", #"{job="api"}"#, in: $0)]
    },
    Benchmark(name: "query-rate", summary: "The rate of each counter over 5 minutes.") {
      [try measureQuery("query-rate", "rate(http_requests_total[5m])", in: $0)]
    },
    Benchmark(name: "query-sum-rate", summary: "The rates of the counters, summed by instance.") {
      [
        try measureQuery(
          "query-sum-rate", "sum by (instance) (rate(http_requests_total[5m]))", in: $0)
      ]
    },
  ]

  private static func measureQuery(
    _ name: String, _ expression: String, in context: BenchmarkContext
  ) throws -> Measurement {
    let ingestion = try context.ingestedDatabase()
    let database = try Database.open(at: ingestion.directory.path)
    let start = SeriesFleet.timestamp(ofScrape: 0)
    let end = SeriesFleet.timestamp(ofScrape: Ingestion.scrapeCount - 1)
    func query() throws -> QueryStatistics {
      let result = try database.query(
        expression, from: Timestamp(milliseconds: start), through: Timestamp(milliseconds: end),
        stepMilliseconds: 60_000)
      guard case .matrix(let series) = result.value, series.isEmpty == false,
        result.warnings.isEmpty
      else { throw BenchmarkError.wrongResult("\(expression) has no result") }
      return result.statistics
    }
    let sampleCount = try query().samplesRead
    let measurement = try Timing.measure(name, operationCount: sampleCount, in: context) {
      _ = try query()
    }
    try database.close()
    return measurement
  }
}
