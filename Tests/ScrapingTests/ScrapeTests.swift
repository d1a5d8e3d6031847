import Configuration
import HTTPClient
import HTTPServer
import Scraping
import SeriesModel
import TestSupport
import Testing

struct FailedAnswer: Sendable, CustomTestStringConvertible {
  var id: String
  var response: Response
  var error: String

  var testDescription: String { id }
}

@Suite struct ScrapeTests {
  @Test func requestIsThatOfAScraper() throws {
    let harness = try ScrapeHarness("a 1\n") {
      $0.metricsPath = "/probe it"
      $0.parameters = ["module": ["http 2xx"], "b": ["1", "2"]]
      $0.staticTargets[0].labels = ["instance": "i", "__param_b": "x&y"]
      $0.scrapeTimeout = .milliseconds(2500)
    }
    harness.scrape()
    let request = try #require(harness.target.lastRequest)
    #expect(request.method == .get)
    #expect(request.rawPath == "/probe%20it")
    #expect(request.rawQuery == "b=x%26y&b=2&module=http%202xx")
    #expect(request.headers["Accept"] == "text/plain;version=0.0.4;q=1,*/*;q=0.1")
    #expect(request.headers["Accept-Encoding"] == "gzip")
    #expect(request.headers["User-Agent"] == "tsdb/test")
    #expect(request.headers["X-Prometheus-Scrape-Timeout-Seconds"] == "2.5")
  }

  /// `a 1` and a line feed, as the gzip tool writes it.
  private static let compressed: [UInt8] = [
    0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4B, 0x54,
    0x30, 0xE4, 0x02, 0x00, 0x36, 0xE7, 0x1B, 0xBC, 0x04, 0x00, 0x00, 0x00,
  ]

  /// A comment of 300 bytes.
  private static let compressedComment: [UInt8] = [
    0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x53, 0xAE,
    0x18, 0x05, 0x44, 0x02, 0x2E, 0x00, 0xAB, 0x37, 0xD1, 0x10, 0x2C, 0x01,
    0x00, 0x00,
  ]

  struct EncodedBody: Sendable, CustomTestStringConvertible {
    let id: String
    var body: [UInt8]
    var encoding = "gzip"
    /// Why the scrape fails; nil when it does not.
    var error: String?
    var testDescription: String { id }
  }

  @Test(arguments: [
    EncodedBody(id: "whole", body: compressed),
    EncodedBody(id: "in capitals", body: compressed, encoding: "GZIP"),
    EncodedBody(id: "not encoded", body: Array("a 1\n".utf8), encoding: "identity"),
    EncodedBody(
      id: "cut", body: compressed.dropLast(),
      error: "broken content encoding: gzip: unexpected end of the data"),
    EncodedBody(
      id: "plain", body: Array("a 1\n".utf8),
      error: "broken content encoding: gzip: invalid header"),
    EncodedBody(
      id: "longer than it looks", body: compressedComment, error: "body size limit exceeded"),
    EncodedBody(
      id: "foreign", body: compressed, encoding: "br",
      error: "server sent the content encoding \"br\" without being asked to"),
  ])
  func bodyIsDecompressed(_ row: EncodedBody) throws {
    let harness = try ScrapeHarness { $0.limits.bodyByteCount = 60 }
    var response = Response(contentType: "text/plain", body: row.body)
    response.headers["Content-Encoding"] = row.encoding
    harness.target.set(response)
    harness.scrape()
    #expect(harness.scheduler.statuses[0].lastError == row.error ?? "")
    #expect(harness.values("a{instance=\"i\", job=\"j\"}") == (row.error == nil ? [1] : []))
  }

  @Test func emptyBodyNeedsNoDecompression() throws {
    let harness = try ScrapeHarness()
    var response = Response(contentType: "text/plain", body: [])
    response.headers["Content-Encoding"] = "gzip"
    harness.target.set(response)
    harness.scrape()
    #expect(harness.report("up") == [1])
  }

  @Test func compressionIsNotAskedForWhereItIsOff() throws {
    let harness = try ScrapeHarness("a 1\n") { $0.allowsCompression = false }
    harness.scrape()
    #expect(harness.target.lastRequest?.headers["Accept-Encoding"] == "identity")
    #expect(harness.report("up") == [1])
  }

  @Test func samplesReportAndMetadataMakeOneBatch() throws {
    let harness = try ScrapeHarness("# HELP a x\n# TYPE a counter\na 1\nb{c=\"d\"} NaN\n")
    harness.scrape(count: 2)
    #expect(harness.appender.batchCount == 2)
    #expect(harness.appender.metadata == [["a": MetricMetadata(type: .counter, help: "x")]])
    #expect(harness.report("up") == [1, 1])
    #expect(harness.report("scrape_duration_seconds") == [0, 0])
    #expect(harness.report("scrape_samples_scraped") == [2, 2])
    #expect(harness.report("scrape_samples_post_metric_relabeling") == [2, 2])
    #expect(harness.report("scrape_series_added") == [2, 0])
    let bits = harness.appender.samples("b{c=\"d\", instance=\"i\", job=\"j\"}").map(
      \.value.bitPattern)
    #expect(bits == Array(repeating: StaleMarker.ordinaryNaN.bitPattern, count: 2))
    let latest = harness.appender.latestAccepted.milliseconds
    #expect(latest == harness.clock.now().milliseconds + 600_000)
  }

  static let failures: [FailedAnswer] = [
    FailedAnswer(
      id: "status 500", response: Response(status: 500),
      error: "server returned HTTP status 500 Internal Server Error"),
    FailedAnswer(
      id: "status 404", response: .text(404, "a 1"),
      error: "server returned HTTP status 404 Not Found"),
    FailedAnswer(
      id: "status without a name", response: Response(status: 599),
      error: "server returned HTTP status 599"),
    FailedAnswer(
      id: "no media type", response: Response(body: Array("a 1\n".utf8)),
      error: "non-compliant scrape target sending blank Content-Type and no "
        + "fallback_scrape_protocol specified for target"),
    FailedAnswer(
      id: "foreign media type",
      response: Response(contentType: "text/html; charset=utf-8", body: Array("a 1\n".utf8)),
      error: "received unsupported Content-Type \"text/html; charset=utf-8\" and no "
        + "fallback_scrape_protocol specified for target"),
    FailedAnswer(
      id: "a format that is not read",
      response: Response(
        contentType: "application/openmetrics-text; version=1.0.0", body: Array("# EOF\n".utf8)),
      error: "received Content-Type \"application/openmetrics-text; version=1.0.0\", which can't "
        + "be read yet, though text/plain was asked for"),
    FailedAnswer(
      id: "garbage",
      response: Response(contentType: "text/plain", body: [0x1F, 0x8B, 0, 0xFF, 10]),
      error: "line 1, column 1: expected a metric name, \"{\" or \"#\" at the start of a line in "
        + "\"\\x1f\u{FFFD}\\x00\u{FFFD}\""),
    FailedAnswer(
      id: "invalid label value",
      response: Response(
        contentType: "text/plain", body: Array("a{b=\"".utf8) + [0xFF] + Array("\"} 1\n".utf8)),
      error: "line 1, column 6: invalid UTF-8 in \"a{b=\\\"\u{FFFD}\\\"} 1\""),
    FailedAnswer(
      id: "body over the limit",
      response: Response(contentType: "text/plain", body: Array(repeating: 10, count: 5000)),
      error: "body size limit exceeded"),
    FailedAnswer(
      id: "too many samples",
      response: Response(contentType: "text/plain", body: Array("a 1\nb 1\nc 1\nd 1\n".utf8)),
      error: "sample limit exceeded"),
    FailedAnswer(
      id: "too many labels",
      response: Response(contentType: "text/plain", body: Array("a{b=\"1\",c=\"2\"} 1\n".utf8)),
      error: "label_limit exceeded (metric: a, number of labels: 5, limit: 4)"),
    FailedAnswer(
      id: "label name too long",
      response: Response(contentType: "text/plain", body: Array("a{bcdefghijk=\"1\"} 1\n".utf8)),
      error: "label_name_length_limit exceeded (metric: a, label name: bcdefghijk, length: 10, "
        + "limit: 9)"),
    FailedAnswer(
      id: "label value too long",
      response: Response(contentType: "text/plain", body: Array("a{b=\"12345678\"} 1\n".utf8)),
      error: "label_value_length_limit exceeded (metric: a, label name: b, value: \"12345678\", "
        + "length: 8, limit: 7)"),
  ]

  @Test(arguments: failures)
  func failureStoresNothingButTheReport(_ row: FailedAnswer) throws {
    let harness = try ScrapeHarness {
      $0.limits.bodyByteCount = 4096
      $0.limits.sampleCount = 3
      $0.limits.labelCount = 4
      $0.limits.labelNameByteCount = 9
      $0.limits.labelValueByteCount = 7
    }
    harness.target.set(row.response)
    harness.scrape(count: 2)
    #expect(harness.scheduler.statuses[0].lastError == row.error)
    #expect(harness.scheduler.statuses[0].health == .down)
    #expect(harness.report("up") == [0, 0])
    #expect(harness.appender.seriesNames == [])
    #expect(harness.logger.takeLines() == ["warning target is down: \(row.error)"])
    harness.scrape("a 1\n")
    #expect(harness.scheduler.statuses[0].health == .up)
    #expect(harness.scheduler.statuses[0].lastError == "")
    #expect(harness.report("up") == [0, 0, 1])
    #expect(harness.logger.takeLines() == ["info target is up again"])
  }

  @Test func fallbackFormatIsReadWithoutMediaType() throws {
    let harness = try ScrapeHarness { $0.fallbackProtocol = .text0 }
    harness.target.set(Response(body: Array("a 1\n".utf8)))
    harness.scrape()
    harness.target.set(Response(contentType: "text/html", body: Array("a 2\n".utf8)))
    harness.scrape()
    #expect(harness.values("a{instance=\"i\", job=\"j\"}") == [1, 2])
  }

  @Test func refusedConnectionIsAFailure() throws {
    let harness = try ScrapeHarness { $0.staticTargets[0].addresses = ["127.0.0.1:1"] }
    harness.scrape()
    #expect(harness.scheduler.statuses[0].lastError.hasPrefix("connection refused"))
    #expect(harness.report("up") == [0])
  }

  @Test func silentTargetTimesOut() throws {
    let listener = LoopbackListener { connection in _ = connection.readToEnd() }
    let harness = try ScrapeHarness {
      $0.staticTargets[0].addresses = ["127.0.0.1:\(listener.port)"]
      $0.scrapeTimeout = .milliseconds(30)
    }
    harness.scrape()
    #expect(harness.scheduler.statuses[0].lastError == "timed out after 30ms")
    #expect(harness.report("up") == [0])
  }

  @Test func megabyteLabelValueIsStored() throws {
    let value = String(repeating: "x", count: 1 << 20)
    let harness = try ScrapeHarness("a{b=\"\(value)\"} 1\n")
    harness.scrape(count: 2)
    #expect(harness.values("a{b=\"\(value)\", instance=\"i\", job=\"j\"}") == [1, 1])
  }

  @Test func forgottenSeriesAreNamedAnew() throws {
    let harness = try ScrapeHarness("a 1\nb 1\n")
    harness.scrape()
    harness.appender.forgetSeries()
    harness.scrape(count: 2)
    #expect(harness.values("a{instance=\"i\", job=\"j\"}") == [1, 1, 1])
    #expect(harness.report("up") == [1, 1, 1])
    // The second scrape takes two batches, the third one.
    #expect(harness.appender.batchCount == 4)
    #expect(harness.logger.takeLines() == [])
  }

  @Test func failingStoreIsToldOnce() throws {
    let harness = try ScrapeHarness("# TYPE a gauge\na 1\n")
    harness.scrape()
    harness.appender.setFailing(true)
    harness.scrape("# TYPE a counter\na 1\n", count: 2)
    harness.appender.setFailing(false)
    harness.scrape()
    #expect(
      harness.logger.takeLines() == [
        "error scraped samples can't be stored: StoreFailure()",
        "info the store takes scraped samples again",
      ])
    #expect(harness.scheduler.statuses[0].health == .up)
    #expect(harness.values("a{instance=\"i\", job=\"j\"}") == [1, 1])
    #expect(harness.appender.metadata.map { $0["a"]?.type } == [.gauge, .counter])
  }

  @Test func refusedSamplesAreToldOnce() throws {
    let harness = try ScrapeHarness("a 1\n")
    harness.appender.refuseAll(.beyondRetention)
    harness.scrape(count: 2)
    #expect(
      harness.logger.takeLines() == [
        "warning the store refused samples of a target: beyond-retention"
      ])
    #expect(harness.scheduler.statistics.rejectedSampleCounts == [.beyondRetention: 12])
  }

  @Test func targetsAreSpreadOverTheInterval() throws {
    var job = ScrapeConfiguration(jobName: "j", scrapeInterval: .seconds(10))
    job.staticTargets = [TargetGroup(addresses: (0..<200).map { "127.0.0.1:1\($0)" })]
    let clock = ManualClock()
    let appender = RecordingAppender()
    let scheduler = ScrapeScheduler(
      appender: appender, fetcher: try Fetcher(), clock: clock, logger: RecordingLogger(),
      userAgent: "x")
    job.limits.targetCount = 1
    var configuration = ServerConfiguration()
    configuration.scrapeConfigurations = [job]
    scheduler.apply(configuration)
    var countsBySecond: [Int] = []
    for _ in 0..<10 {
      let before = scheduler.statistics.scrapeCount
      clock.advance(by: .seconds(1))
      scheduler.runTurn(maximumWaitMilliseconds: 0)
      countsBySecond.append(scheduler.statistics.scrapeCount - before)
    }
    #expect(countsBySecond.reduce(0, +) == 200)
    #expect(countsBySecond.allSatisfy { $0 >= 5 && $0 <= 40 })
  }
}
