import Compression
import Instrumentation
import Pushing
import SeriesModel
import Synchronization
import TestSupport
import Testing

@Suite struct PushGatewayTests {
  @Test func replacingPushStoresTheWholeGroup() throws {
    let setup = try GatewaySetup()
    let answer = setup.push(
      """
      # HELP a_total Things.
      # TYPE a_total counter
      a_total{x="1"} 3
      # TYPE b gauge
      b 4.5

      """, to: "/metrics/job/j/zone/eu")
    #expect(answer == PushAnswer(status: 200))
    #expect(setup.appender.batches.count == 1)
    #expect(
      Set(setup.appender.entries.map(\.sample.timestamp.milliseconds)) == [1_700_000_001_000])
    #expect(
      setup.appended() == [
        "a_total{job=\"j\", x=\"1\", zone=\"eu\"} 3.0", "b{job=\"j\", zone=\"eu\"} 4.5",
        "push_failure_time_seconds{job=\"j\", zone=\"eu\"} 0.0",
        "push_time_seconds{job=\"j\", zone=\"eu\"} now",
      ])
    #expect(
      setup.appender.metadata["a_total"] == MetricMetadata(type: .counter, help: "Things."))
    #expect(setup.appender.metadata["push_time_seconds"]?.type == .gauge)
    let group = try #require(setup.gateway.groups.first)
    #expect(group.labels == ["job": "j", "zone": "eu"])
    #expect(group.families.keys.sorted() == ["a_total", "b"])
    #expect(group.lastSuccess == Timestamp(milliseconds: 1_700_000_001_000))
    #expect(group.lastFailure == nil)
  }

  @Test func replacingPushMarksVanishedSeriesStale() throws {
    let setup = try GatewaySetup()
    setup.push("a 1\nb{x=\"1\"} 2\nb{x=\"2\"} 3\n")
    _ = setup.appended()
    setup.push("b{x=\"2\"} 4\n")
    #expect(
      setup.appended() == [
        "a{job=\"j\"} stale", "b{job=\"j\", x=\"1\"} stale", "b{job=\"j\", x=\"2\"} 4.0",
        "push_failure_time_seconds{job=\"j\"} 0.0", "push_time_seconds{job=\"j\"} now",
      ])
  }

  @Test func addingPushReplacesFamiliesOfTheSameName() throws {
    let setup = try GatewaySetup()
    setup.push(
      """
      # TYPE h histogram
      h_bucket{le="1"} 1
      h_bucket{le="+Inf"} 2
      h_sum 3
      h_count 2
      # TYPE g gauge
      g{x="1"} 1
      g{x="2"} 2

      """)
    _ = setup.appended()
    setup.push(
      """
      # TYPE h histogram
      h_bucket{le="2"} 1
      h_bucket{le="+Inf"} 1
      h_sum 2
      h_count 1

      """, .add)
    #expect(
      setup.appended() == [
        "h_bucket{job=\"j\", le=\"+Inf\"} 1.0", "h_bucket{job=\"j\", le=\"1.0\"} stale",
        "h_bucket{job=\"j\", le=\"2.0\"} 1.0", "h_count{job=\"j\"} 1.0", "h_sum{job=\"j\"} 2.0",
        "push_failure_time_seconds{job=\"j\"} 0.0", "push_time_seconds{job=\"j\"} now",
      ])
    #expect(setup.gateway.groups.first?.families.keys.sorted() == ["g", "h"])
  }

  @Test func emptyPushEmptiesOrKeepsTheGroup() throws {
    let setup = try GatewaySetup()
    setup.push("a 1\n")
    #expect(setup.push("", .add).status == 200)
    #expect(setup.gateway.groups.first?.families.count == 1)
    _ = setup.appended()
    #expect(setup.push("").status == 200)
    #expect(setup.gateway.groups.first?.families.isEmpty == true)
    #expect(
      setup.appended() == [
        "a{job=\"j\"} stale", "push_failure_time_seconds{job=\"j\"} 0.0",
        "push_time_seconds{job=\"j\"} now",
      ])
  }

  @Test func deletionMarksEverySeriesStale() throws {
    let setup = try GatewaySetup()
    setup.push("a 1\n")
    setup.push("a 1\n", to: "/metrics/job/j/instance/i")
    _ = setup.appended()
    #expect(setup.push("ignored", .delete).status == 202)
    #expect(
      setup.appended() == [
        "a{job=\"j\"} stale", "push_failure_time_seconds{job=\"j\"} stale",
        "push_time_seconds{job=\"j\"} stale",
      ])
    #expect(setup.gateway.groups.map(\.labels) == [["job": "j", "instance": "i"]])
    #expect(setup.push("", .delete) == PushAnswer(status: 202))
    #expect(setup.appended().isEmpty)
  }

  @Test func groupIsTheSetOfItsLabels() throws {
    let setup = try GatewaySetup()
    setup.push("a 1\n", to: "/metrics/job/j/x/1/y/2")
    setup.push("b 1\n", to: "/metrics/job/j/y/2/x/1")
    #expect(setup.gateway.groups.map(\.labels) == [["job": "j", "x": "1", "y": "2"]])
    #expect(setup.gateway.groups.first?.families.keys.sorted() == ["b"])
  }

  @Test func groupingLabelsOverwriteThoseOfTheBody() throws {
    let setup = try GatewaySetup()
    setup.push(
      "a{job=\"mine\",step=\"4\",gone=\"x\",instance=\"i\"} 1\n",
      to: "/metrics/job/j/step/5/gone@base64/=")
    #expect(setup.appended().first == "a{instance=\"i\", job=\"j\", step=\"5\"} 1.0")
  }

  @Test func ownSeriesInTheBodyAreIgnored() throws {
    let setup = try GatewaySetup()
    let answer = setup.push("push_time_seconds 1\npush_failure_time_seconds 2 3\na 1\n")
    #expect(answer.status == 200)
    #expect(
      setup.appended() == [
        "a{job=\"j\"} 1.0", "push_failure_time_seconds{job=\"j\"} 0.0",
        "push_time_seconds{job=\"j\"} now",
      ])
  }

  @Test func gzipBodiesAreRead() throws {
    let setup = try GatewaySetup()
    var body: [UInt8] = []
    try unsafe Gzip.compress(Array("a 1\n".utf8).span.bytes, appendingTo: &body)
    let answer = setup.gateway.handle(
      .replace, rawPath: "/metrics/job/j", body: body, contentEncoding: "gzip")
    #expect(answer.status == 200)
    #expect(setup.appended().first == "a{job=\"j\"} 1.0")
  }

  @Test func syntaxErrorIsAnsweredWithItsPlaceAndProblem() throws {
    let setup = try GatewaySetup()
    let answer = setup.push("a 1\nb{x=\"1,2\"} 1,5\n")
    #expect(
      answer.text == "text format parsing error in line 2: column 12: "
        + "expected a number as value, found \"1,5\" in \"b{x=\\\"1,2\\\"} 1,5\"")
  }

  @Test func pushesBeyondTheLimitAreToBeSentAgain() throws {
    var limits = PushGateway.Limits()
    limits.maximumConcurrentPushCount = 1
    let setup = try GatewaySetup(limits: limits)
    let answers = Mutex<[PushAnswer]>([])
    setup.appender.reject { _ in
      // The first push is being appended.
      for method in PushMethod.allCases {
        let answer = setup.gateway.handle(method, rawPath: "/metrics/job/k")
        answers.withLock { $0.append(answer) }
      }
      return nil
    }
    #expect(setup.push("").status == 200)
    setup.appender.reject { _ in nil }
    let seen = answers.withLock { $0 }
    #expect(seen.count == 2 * PushMethod.allCases.count)
    for answer in seen {
      #expect(answer.status == 503)
      #expect(answer.headers == ["Retry-After": "1"])
      #expect(answer.text == "more than 1 pushes at a time, send it again")
    }
    #expect(setup.push("", to: "/metrics/job/k").status == 200)
    #expect(setup.gateway.groups.map(\.labels) == [["job": "j"], ["job": "k"]])
  }

  @Test func groupsAreReadWhileAPushIsStored() throws {
    let setup = try GatewaySetup()
    setup.push("a 1\n")
    let values = Mutex<[Double]>([])
    setup.appender.reject { entry in
      if entry.labels.metricName == "a" {
        let samples = setup.gateway.groups.first?.families["a"]?.samples ?? []
        values.withLock { $0 += samples.map(\.value) }
      }
      return nil
    }
    setup.push("a 2\n")
    setup.appender.reject { _ in nil }
    #expect(values.withLock { $0 } == [1])
    #expect(setup.gateway.groups.first?.families["a"]?.samples.map(\.value) == [2])
  }

  @Test func decompressedBodiesAreBounded() throws {
    var limits = PushGateway.Limits()
    limits.maximumBodyBytes = 100_000
    let setup = try GatewaySetup(limits: limits)
    var body: [UInt8] = []
    let zeros = [UInt8](repeating: 0x20, count: 1_000_000)
    try unsafe Gzip.compress(zeros.span.bytes, appendingTo: &body)
    #expect(body.count < limits.maximumBodyBytes)
    let answer = setup.gateway.handle(
      .replace, rawPath: "/metrics/job/j", body: body, contentEncoding: "gzip")
    #expect(answer.status == 413)
  }

  @Test func longGroupingLabelsAreRefused() throws {
    let setup = try GatewaySetup()
    let answer = setup.push(
      "", to: "/metrics/job/" + String(repeating: "j", count: 20_000))
    #expect(answer.status == 400)
    #expect(
      answer.text
        == "the grouping labels are refused: a label value has more than the 16384 bytes allowed")
    #expect(setup.gateway.groups.isEmpty)
  }

  @Test func pushesFromManyThreadsAreAllKept() async throws {
    let setup = try GatewaySetup()
    await withTaskGroup(of: Void.self) { group in
      for worker in 0..<4 {
        group.addTask {
          for index in 0..<5 {
            setup.push("a \(index)\n", to: "/metrics/job/j\(worker)/n/\(index)")
            setup.push("b \(worker)\n", .add, to: "/metrics/job/shared")
          }
        }
      }
    }
    #expect(setup.gateway.groups.count == 21)
    #expect(try setup.reopened().groups == setup.gateway.groups)
    let times = setup.appender.batches.map { $0[0].sample.timestamp }
    #expect(Set(times).count == times.count)
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let id: String
    let text: String
    var contentType: String?
    var contentEncoding: String?
    let status: Int
    let answer: String
    var testDescription: String { id }
  }

  static let unreadable: [Refusal] = [
    Refusal(
      id: "no number", text: "a 1\nb x\n", status: 400,
      answer: "text format parsing error in line 2: "),
    Refusal(
      id: "no line end", text: "a 1", status: 400, answer: "text format parsing error in line 1: "),
    Refusal(
      id: "CRLF", text: "# TYPE a gauge\r\na 1\r\n", status: 400,
      answer: "text format parsing error in line 1: "),
    Refusal(
      id: "plain as gzip", text: "a 1\n", contentEncoding: "gzip", status: 400, answer: "gzip: "),
    Refusal(
      id: "snappy", text: "a 1\n", contentEncoding: "snappy", status: 415,
      answer: "content encoding \"snappy\" is not supported"),
    Refusal(
      id: "protobuf", text: "",
      contentType: "application/vnd.google.protobuf; "
        + "proto=io.prometheus.client.MetricFamily; encoding=delimited",
      status: 415, answer: "pushes in protobuf are not supported"),
    Refusal(
      id: "large", text: String(repeating: "a 1\n", count: 300), status: 413, answer: "the body has"
    ),
    Refusal(
      id: "many samples", text: "a 1\nb 1\nc 1\nd 1\n", status: 413, answer: "the body has more"),
  ]

  @Test(arguments: unreadable) func unreadableBodyLeavesNoTrace(_ row: Refusal) throws {
    var limits = PushGateway.Limits()
    limits.maximumBodyBytes = 1000
    limits.maximumSampleCount = 3
    let setup = try GatewaySetup(limits: limits)
    let answer = setup.push(
      row.text, contentType: row.contentType, contentEncoding: row.contentEncoding)
    #expect(answer.status == row.status)
    #expect(answer.text.hasPrefix(row.answer), "\(answer.text)")
    #expect(setup.gateway.groups.isEmpty)
    #expect(setup.appender.batches.isEmpty)
  }

  static let inconsistent: [Refusal] = [
    Refusal(
      id: "timestamp", text: "a 1 1700000000000\n", status: 400,
      answer: "pushed metrics must not have timestamps"),
    Refusal(id: "twice", text: "a 1\na 2\n", status: 400, answer: "series a{job=\"j\"} was"),
    Refusal(
      id: "twice once grouped", text: "a{job=\"x\"} 1\na{job=\"y\"} 2\n", status: 400,
      answer: "series a{job=\"j\"} was"),
    Refusal(
      id: "label too long", text: "a{x=\"\(String(repeating: "v", count: 20_000))\"} 1\n",
      status: 400,
      answer: "a series of \"a\" is refused: a label value has more than the 16384 bytes allowed"),
  ]

  @Test(arguments: inconsistent) func inconsistentBodyKeepsTheOldMetrics(_ row: Refusal) throws {
    let setup = try GatewaySetup()
    setup.push("a 7\n")
    _ = setup.appended()
    let answer = setup.push(row.text)
    #expect(answer.status == 400)
    #expect(
      answer.text.hasPrefix(
        "pushed metrics are invalid or inconsistent with existing metrics: " + row.answer))
    #expect(
      setup.appended() == [
        "push_failure_time_seconds{job=\"j\"} now",
        "push_time_seconds{job=\"j\"} 1700000001.0",
      ])
    let group = try #require(setup.gateway.groups.first)
    #expect(group.families["a"]?.samples.map(\.value) == [7])
    #expect(group.lastFailure == Timestamp(milliseconds: 1_700_000_002_000))
    // A later success leaves the time of the failure as it was.
    setup.push("a 8\n")
    #expect(setup.gateway.groups.first?.lastFailure == group.lastFailure)
  }

  @Test func seriesOfAnotherFamilyOfTheGroupIsRefused() throws {
    let setup = try GatewaySetup()
    setup.push("# TYPE h summary\nh_count 1\nh_sum 1\n")
    let answer = setup.push("# TYPE h_count counter\nh_count 2\n", .add)
    #expect(answer.status == 400)
    #expect(answer.text.contains("h_count{job=\"j\"} belongs to another metric"))
    #expect(setup.gateway.groups.first?.families.keys.sorted() == ["h"])
  }

  @Test func wrongPathsAreAnsweredWithTheirStatus() throws {
    let setup = try GatewaySetup()
    #expect(setup.push("a 1\n", to: "/metrics/job/j/a").status == 400)
    #expect(setup.push("a 1\n", to: "/metrics/jobs/j").status == 404)
    let moved = setup.push("a 1\n", to: "//metrics/job/j")
    #expect(moved.status == 301)
    #expect(moved.headers == ["Location": "/metrics/job/j"])
    #expect(setup.push("a 1\n", to: "/metrics/job/j/a@base64/-_-_").status == 400)
    #expect(setup.gateway.groups.isEmpty)
  }

  @Test func restampAppendsEveryGroupAsOneBatch() throws {
    let setup = try GatewaySetup()
    try setup.gateway.restamp(now: setup.clock.now)
    #expect(setup.appender.batches.isEmpty)
    setup.push("a 1\n")
    setup.push("a 2\n", to: "/metrics/job/k")
    setup.appender.removeAll()
    setup.clock.advance(byMilliseconds: 5000)
    try setup.gateway.restamp(now: setup.clock.now)
    #expect(setup.appender.batches.count == 1)
    #expect(Set(setup.appender.entries.map(\.sample.timestamp)) == [setup.clock.now])
    #expect(
      setup.appended() == [
        "a{job=\"j\"} 1.0", "a{job=\"k\"} 2.0", "push_failure_time_seconds{job=\"j\"} 0.0",
        "push_failure_time_seconds{job=\"k\"} 0.0",
        "push_time_seconds{job=\"j\"} 1700000001.0", "push_time_seconds{job=\"k\"} 1700000002.0",
      ])
  }

  @Test func pushesOfTheSameMillisecondGetTimesOfTheirOwn() throws {
    let setup = try GatewaySetup()
    for value in 1...3 {
      let answer = setup.gateway.handle(
        .replace, rawPath: "/metrics/job/j", body: Array("a \(value)\n".utf8))
      #expect(answer.status == 200)
    }
    let times = setup.appender.entries.filter { $0.labels.metricName == "a" }
      .map { $0.sample.timestamp.milliseconds - setup.clock.now.milliseconds }
    #expect(times == [0, 1, 2])
    // A clock that was set back is followed.
    setup.clock.advance(byMilliseconds: -60_000)
    setup.appender.removeAll()
    setup.push("a 4\n")
    #expect(setup.appender.entries.first?.sample.timestamp == setup.clock.now)
  }

  @Test func sampleRefusedOnceIsAppendedALittleLater() throws {
    let setup = try GatewaySetup()
    let first = setup.clock.now.milliseconds + 1000
    setup.appender.reject {
      $0.sample.timestamp.milliseconds == first ? .duplicateTimestamp : nil
    }
    #expect(setup.push("a 1\n").status == 200)
    #expect(setup.appender.entries.allSatisfy { $0.sample.timestamp.milliseconds == first + 1 })
    setup.appender.reject { _ in .beyondRetention }
    let answer = setup.push("a 2\n")
    #expect(answer.status == 500)
    #expect(answer.text.contains("older than what the retention keeps"))
    #expect(setup.gateway.groups.first?.families["a"]?.samples.map(\.value) == [1])
  }

  @Test func failedStoreChangesNothing() throws {
    let setup = try GatewaySetup()
    setup.push("a 1\n")
    let before = setup.gateway.groups
    setup.appender.fail(with: .init(isTransient: true))
    #expect(setup.push("a 2\n").status == 503)
    setup.appender.fail(with: .init(isTransient: false))
    #expect(setup.push("a 2\n").status == 500)
    #expect(setup.push("", .delete).status == 500)
    #expect(throws: RecordingAppender.Failure.self) {
      try setup.gateway.restamp(now: setup.clock.now)
    }
    #expect(setup.gateway.groups == before)
    #expect(try setup.reopened().groups == before)
  }

  @Test func requestsAreCounted() throws {
    let setup = try GatewaySetup()
    setup.push("a 1\n")
    setup.push("a 1\n", .delete)
    setup.push("?\n", .add)
    var bytes: [UInt8] = []
    setup.registry.writeText(into: &bytes)
    let text = String(decoding: bytes, as: UTF8.self)
    for line in [
      "pushgateway_http_requests_total{handler=\"push\",method=\"put\",code=\"200\"} 1",
      "pushgateway_http_requests_total{handler=\"push\",method=\"delete\",code=\"202\"} 1",
      "pushgateway_http_requests_total{handler=\"push\",method=\"post\",code=\"400\"} 1",
      "tsdb_pushgateway_groups 0",
    ] {
      #expect(text.contains(line + "\n"))
    }
  }
}
