import Exposition
import PushProtocols
import SeriesModel
import TestSupport

extension Benchmark {
  /// Parsing of what scrapes and pushes bring.
  static let parsers = [
    Benchmark(
      name: "text-parse", summary: "Reads a scrape whose series are all new, labels included.",
      run: parseText),
    Benchmark(
      name: "text-parse-repeated", summary: "Reads a scrape like the last one, with other values.",
      run: parseRepeatedText),
    Benchmark(
      name: "remote-write-parse",
      summary: "Walks a remote write request, decompressed, of one sample a series.",
      run: parseRemoteWrite),
  ]

  private static func parseText(_ context: BenchmarkContext) throws -> [Measurement] {
    var fleet = SeriesFleet(count: context.seriesCount)
    let text = exposition(of: &fleet)
    var sampleCount = 0
    let measurement = try Timing.measure(
      "text-parse", operationCount: fleet.count, in: context
    ) {
      sampleCount = 0
      var parser = TextParser(text.span)
      while let entry = try parser.next() {
        guard case .sample = entry else { continue }
        if try parser.labels().isEmpty == false { sampleCount += 1 }
      }
    }
    try expect(sampleCount, fleet.count, "samples in the text")
    return [measurement]
  }

  private static func parseRepeatedText(_ context: BenchmarkContext) throws -> [Measurement] {
    var fleet = SeriesFleet(count: context.seriesCount)
    let texts = [exposition(of: &fleet), exposition(of: &fleet)]
    var cache = ScrapeCache()
    var scrape = ParsedScrape()
    try cache.read(texts[1], into: &scrape)
    var sampleCount = 0
    let measurement = try Timing.measure(
      "text-parse-repeated", operationCount: texts.count * fleet.count, in: context
    ) {
      sampleCount = 0
      for text in texts {
        try cache.read(text, into: &scrape)
        sampleCount += scrape.count - scrape.newSeries.count
      }
    }
    try expect(sampleCount, texts.count * fleet.count, "samples of known series")
    return [measurement]
  }

  private static func parseRemoteWrite(_ context: BenchmarkContext) throws -> [Measurement] {
    var fleet = SeriesFleet(count: context.seriesCount)
    var values: [Double] = []
    fleet.scrape(into: &values)
    var encoder = RemoteWriteEncoder()
    for (labels, value) in zip(fleet.labels, values) {
      encoder.series(labels, samples: [(SeriesFleet.startMilliseconds, value)])
    }
    let body = encoder.bytes
    var series = RemoteWriteSeries()
    var sampleCount = 0
    let measurement = try Timing.measure(
      "remote-write-parse", operationCount: fleet.count, in: context
    ) {
      sampleCount = 0
      var request = RemoteWriteRequest(body.span)
      while try request.nextSeries(into: &series) {
        try request.readLabels(of: &series)
        sampleCount += series.values.count
      }
    }
    try expect(sampleCount, fleet.count, "samples in the request")
    return [measurement]
  }

  /// What a target that exposes the fleet answers to a scrape.
  private static func exposition(of fleet: inout SeriesFleet) -> [UInt8] {
    var values: [Double] = []
    fleet.scrape(into: &values)
    var writer = TextWriter()
    for kind in SeriesKind.allCases {
      let type: MetricType = kind == .counter ? .counter : .gauge
      writer.writeFamily(kind.metricName, MetricMetadata(type: type, help: "Of a benchmark."))
      for index in 0..<fleet.count where fleet.kinds[index] == kind {
        // The scraper adds these two.
        let labels = fleet.labels[index].removing([LabelName.job, LabelName.instance])
        writer.writeSample(labels, value: values[index])
      }
    }
    return writer.bytes
  }

  private static func expect(_ count: Int, _ expected: Int, _ what: String) throws {
    guard count == expected else {
      throw BenchmarkError.wrongResult("\(count) \(what) instead of \(expected)")
    }
  }
}
