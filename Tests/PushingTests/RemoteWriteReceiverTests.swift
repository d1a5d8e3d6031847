import Compression
import Instrumentation
import Pushing
import SeriesModel
import TestSupport
import Testing

/// A receiver over a recording appender, at a fixed time.
private struct Setup {
  static let now = Timestamp(milliseconds: 1_700_000_000_000)

  let appender = RecordingAppender()
  let registry = Registry()
  let receiver: RemoteWriteReceiver

  init(limits: RemoteWriteReceiver.Limits = .init()) throws {
    receiver = try RemoteWriteReceiver(
      destination: PushDestination(appender: appender) {
        ($0 as? RecordingAppender.Failure)?.isTransient == true ? 7 : nil
      },
      registry: registry, limits: limits, clock: { Setup.now })
  }

  func receive(
    _ message: [UInt8], contentType: String? = "application/x-protobuf",
    contentEncoding: String? = "snappy"
  ) -> PushAnswer {
    var body: [UInt8] = []
    unsafe Snappy.compress(message.span.bytes, appendingTo: &body)
    return receiver.receive(
      body: body, contentType: contentType, contentEncoding: contentEncoding)
  }

  var exposition: String {
    var bytes: [UInt8] = []
    registry.writeText(into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}

private func request(_ build: (inout RemoteWriteEncoder) -> Void) -> [UInt8] {
  var encoder = RemoteWriteEncoder()
  build(&encoder)
  return encoder.bytes
}

@Suite struct RemoteWriteReceiverTests {
  private static let good = request { $0.series(["__name__": "a", "x": "y"], samples: [(1, 1)]) }

  @Test func goodRequestIsStoredAsOneBatch() throws {
    let setup = try Setup()
    let message = request {
      $0.series(["__name__": "a"], samples: [(1, 1), (2, StaleMarker.value)])
      $0.series(["__name__": "b"], samples: [(3, -0.0)])
      $0.metadata("a", typeCode: 1, help: "Things.", unit: "seconds")
    }
    #expect(setup.receive(message) == PushAnswer(status: 204))
    #expect(
      setup.appender.batches == [
        [
          .init(["__name__": "a"], milliseconds: 1, value: 1),
          .init(["__name__": "a"], milliseconds: 2, value: StaleMarker.value),
          .init(["__name__": "b"], milliseconds: 3, value: -0.0),
        ]
      ])
    #expect(
      setup.appender.metadata == [
        "a": MetricMetadata(type: .counter, help: "Things.", unit: "seconds")
      ])
    #expect(setup.exposition.contains("tsdb_remote_write_requests_total{code=\"204\"} 1\n"))
    #expect(setup.exposition.contains("tsdb_remote_write_stored_samples_total 3\n"))
  }

  @Test func exemplarsGoWithTheirSamples() throws {
    let setup = try Setup()
    let message = request {
      $0.series(labels: [("__name__", "a")], samples: [(1, 1)], exemplarCount: 2)
    }
    #expect(setup.receive(message) == PushAnswer(status: 204))
    let exemplar = Exemplar(
      labels: ["trace_id": "abc"], value: 1, timestamp: Timestamp(milliseconds: 0))
    #expect(setup.appender.exemplars == [exemplar, exemplar])
    // The memory of a request is used again, and its exemplars are not.
    #expect(setup.receive(Self.good) == PushAnswer(status: 204))
    #expect(setup.appender.exemplars.count == 2)
  }

  @Test func requestsDoNotMix() throws {
    let setup = try Setup()
    for index in 1...3 {
      let message = request { $0.series(["__name__": "m\(index)"], samples: [(Int64(index), 1)]) }
      #expect(setup.receive(message).status == 204)
      #expect(
        setup.appender.batches.last == [
          .init(["__name__": "m\(index)"], milliseconds: Int64(index), value: 1)
        ])
    }
  }

  @Test func emptyRequestAppendsNothing() throws {
    let setup = try Setup()
    #expect(setup.receive([]).status == 204)
    #expect(setup.appender.batches.isEmpty)
  }

  struct HeaderRow: Sendable {
    let contentType: String?
    let contentEncoding: String?
    let status: Int
  }

  @Test(arguments: [
    HeaderRow(contentType: nil, contentEncoding: nil, status: 204),
    HeaderRow(contentType: "", contentEncoding: "", status: 204),
    HeaderRow(contentType: "application/x-protobuf", contentEncoding: "snappy", status: 204),
    HeaderRow(contentType: "Application/X-Protobuf", contentEncoding: "Snappy", status: 204),
    HeaderRow(
      contentType: "application/x-protobuf; proto=prometheus.WriteRequest",
      contentEncoding: "snappy", status: 204),
    HeaderRow(
      contentType: "application/x-protobuf;proto=io.prometheus.write.v3.Request",
      contentEncoding: "snappy", status: 415),
    HeaderRow(
      contentType: "application/x-protobuf;proto=", contentEncoding: "snappy", status: 415),
    HeaderRow(contentType: "application/json", contentEncoding: "snappy", status: 415),
    HeaderRow(contentType: "text/plain", contentEncoding: nil, status: 415),
    HeaderRow(contentType: "application/x-protobuf", contentEncoding: "gzip", status: 415),
    HeaderRow(contentType: "application/x-protobuf", contentEncoding: "zstd", status: 415),
  ])
  func headersDecideWhatIsRead(_ row: HeaderRow) throws {
    let setup = try Setup()
    let answer = setup.receive(
      RemoteWriteReceiverTests.good, contentType: row.contentType,
      contentEncoding: row.contentEncoding)
    #expect(answer.status == row.status)
    if row.status == 415 {
      #expect(answer.text.contains("prometheus.WriteRequest"))
      #expect(answer.text.contains("snappy"))
      #expect(setup.appender.batches.isEmpty)
    }
  }

  @Test func bytesThatAreNoRequestStoreNothing() throws {
    let setup = try Setup()
    let cut = RemoteWriteReceiverTests.good.dropLast()
    let twoSeries = RemoteWriteReceiverTests.good + Array(cut)
    for message in [Array(cut), twoSeries, [0x0B]] {
      let answer = setup.receive(message)
      #expect(answer.status == 400)
      #expect(answer.text.contains("byte"))
    }
    for body in [[], [0xFF, 0xFF], Array("not snappy at all".utf8), [200, 1, 0]] {
      let answer = setup.receiver.receive(body: body, contentType: nil, contentEncoding: nil)
      #expect(answer.status == 400)
      #expect(answer.text.hasPrefix("snappy: "))
    }
    #expect(setup.appender.batches.isEmpty)
  }

  @Test func declaredSizeIsRefusedBeforeMemoryIsTaken() throws {
    let setup = try Setup()
    // 4 GiB - 1 declared in five bytes.
    let bomb: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0]
    let answer = setup.receiver.receive(body: bomb, contentType: nil, contentEncoding: nil)
    #expect(answer.status == 400)
    #expect(answer.text.contains("33554432"))
  }

  @Test func tooMuchIsRefused() throws {
    var limits = RemoteWriteReceiver.Limits()
    limits.maximumBodyBytes = 100
    limits.maximumSampleCount = 2
    let setup = try Setup(limits: limits)
    let body = [UInt8](repeating: 0, count: 101)
    #expect(
      setup.receiver.receive(body: body, contentType: nil, contentEncoding: nil).status == 413)
    let message = request { $0.series(["__name__": "a"], samples: [(1, 1), (2, 1), (3, 1)]) }
    #expect(setup.receive(message).status == 413)
    #expect(setup.appender.batches.isEmpty)
  }

  @Test func goodSamplesOfAPartlyRefusedRequestAreKept() throws {
    let setup = try Setup()
    let future = Setup.now.milliseconds + 600_000
    let message = request {
      $0.series(labels: [("no_name", "x")], samples: [(1, 1), (2, 2)])
      $0.series(["__name__": "a"], samples: [(future, 1), (future + 1, 2)])
      $0.series(labels: [("__name__", "b"), ("c", "1"), ("c", "2")], samples: [(1, 1)])
      $0.series(
        labels: [("__name__", "d")], samples: [(5, 5)],
        histograms: [HistogramFields { $0.integerCount = 1 }])
    }
    let answer = setup.receive(message)
    #expect(answer.status == 400)
    #expect(
      answer.text == "stored 2 samples, refused 5 (1 duplicate-label-name, 1 invalid-histogram, "
        + "2 missing-metric-name, 1 too-far-in-future); first refused: {no_name=\"x\"}: the label "
        + "__name__ is missing")
    #expect(
      setup.appender.entries == [
        .init(["__name__": "a"], milliseconds: future, value: 1),
        .init(["__name__": "d"], milliseconds: 5, value: 5),
      ])
    for line in [
      "prometheus_api_remote_write_invalid_labels_samples_total 3",
      "tsdb_remote_write_refused_samples_total{reason=\"too-far-in-future\"} 1",
      "tsdb_remote_write_refused_samples_total{reason=\"invalid-histogram\"} 1",
    ] {
      #expect(setup.exposition.contains(line + "\n"))
    }
  }

  @Test(arguments: [RejectionReason.duplicateTimestamp, .beyondRetention])
  func samplesTheStoreRefusesAreNamed(_ reason: RejectionReason) throws {
    let setup = try Setup()
    setup.appender.reject { $0.sample.value == 2 ? reason : nil }
    let answer = setup.receive(
      request { $0.series(["__name__": "a", "b": "c"], samples: [(1, 1), (2, 2)]) })
    #expect(answer.status == 400)
    #expect(
      answer.text.hasPrefix(
        "stored 1 sample, refused 1 (1 \(reason.rawValue)); first refused: a{b=\"c\"} at "
          + "1970-01-01T00:00:00.002Z: "))
  }

  @Test func histogramsAreStoredAndRefusedOneByOne() throws {
    let setup = try Setup()
    let message = request {
      $0.series(
        labels: [("__name__", "h")], samples: [],
        histograms: [
          HistogramFields {
            $0.integerCount = 3
            $0.sum = 6
            $0.positiveSpans = [(1, 2)]
            $0.positiveDeltas = [1, 1]
            $0.timestamp = 7
          },
          HistogramFields {
            $0.floatCount = 1
            $0.positiveSpans = [(0, 4_000_000_000)]
            $0.positiveCounts = [1]
          },
        ])
      $0.series(["__name__": "a"], samples: [(1, 1)])
    }
    // Twice: the second time, the series are found by the bytes of their labels.
    for _ in 0..<2 {
      setup.appender.removeAll()
      let answer = setup.receive(message)
      #expect(answer.status == 400)
      #expect(
        answer.text == "stored 2 samples, refused 1 (1 invalid-histogram); first refused: h: "
          + "positive side: spans need 4000000000 buckets, have 1 buckets: histogram spans specify "
          + "different number of buckets than provided")
      var histogram = NativeHistogram(count: 3, sum: 6)
      histogram.positiveBuckets.append(index: 1, count: 1)
      histogram.positiveBuckets.append(index: 2, count: 2)
      #expect(
        setup.appender.entries == [
          .init(["__name__": "h"], milliseconds: 7, histogram: histogram),
          .init(["__name__": "a"], milliseconds: 1, value: 1),
        ])
    }
    #expect(setup.exposition.contains("tsdb_remote_write_stored_samples_total 4\n"))
    #expect(setup.exposition.contains("tsdb_remote_write_stored_histograms_total 2\n"))
  }

  private static let version2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"

  private static func written(_ samples: Int, _ histograms: Int, _ exemplars: Int) -> [String:
    String]
  {
    [
      "X-Prometheus-Remote-Write-Samples-Written": "\(samples)",
      "X-Prometheus-Remote-Write-Histograms-Written": "\(histograms)",
      "X-Prometheus-Remote-Write-Exemplars-Written": "\(exemplars)",
    ]
  }

  @Test func version2IsStoredAndCounted() throws {
    let setup = try Setup()
    var encoder = RemoteWriteV2Encoder()
    encoder.series(
      ["__name__": "a", "x": "y"], samples: [.init(1, 1, start: -5), .init(2, 2)],
      metadata: (1, "Things.", "seconds"))
    encoder.series(
      ["__name__": "h"],
      histograms: [
        HistogramFields {
          $0.floatCount = 2.5
          $0.timestamp = 3
          $0.startTimestamp = 1
        }
      ])
    let answer = setup.receive(encoder.bytes, contentType: Self.version2)
    #expect(answer == PushAnswer(status: 204, headers: Self.written(2, 1, 0)))
    #expect(
      setup.appender.entries == [
        .init(["__name__": "a", "x": "y"], milliseconds: 1, value: 1, startTimestamp: -5),
        .init(["__name__": "a", "x": "y"], milliseconds: 2, value: 2),
        .init(
          ["__name__": "h"], milliseconds: 3, histogram: NativeHistogram(count: 2.5),
          startTimestamp: 1),
      ])
    #expect(
      setup.appender.metadata == [
        "a": MetricMetadata(type: .counter, help: "Things.", unit: "seconds")
      ])
  }

  /// The bytes of the references are the same, the labels are not.
  @Test func version2SeriesAreNotFoundByTheirBytes() throws {
    let setup = try Setup()
    for name in ["a", "b"] {
      var encoder = RemoteWriteV2Encoder()
      encoder.series(["__name__": name], samples: [.init(1, 1)])
      #expect(setup.receive(encoder.bytes, contentType: Self.version2).status == 204)
    }
    #expect(setup.appender.entries.map(\.labels) == [["__name__": "a"], ["__name__": "b"]])
  }

  @Test func version2PartlyRefusedSaysWhatIsWritten() throws {
    let setup = try Setup()
    var encoder = RemoteWriteV2Encoder()
    encoder.series(references: [0], samples: [.init(1, 1)])
    encoder.series(references: [0, 999], samples: [.init(1, 1), .init(2, 1)])
    encoder.series(["__name__": "empty"])
    encoder.series(["__name__": "a"], samples: [.init(1, 1)])
    let answer = setup.receive(encoder.bytes, contentType: Self.version2)
    #expect(answer.status == 400)
    #expect(answer.headers == Self.written(1, 0, 0))
    #expect(
      answer.text == "stored 1 sample, refused 3 (1 odd-label-references, 2 unknown-symbol) "
        + "and 1 series without samples; first refused: series with the label references [0]: there is an odd number of label "
        + "references")
    var empty = RemoteWriteV2Encoder()
    empty.series(["__name__": "empty"], exemplars: [["trace_id": "x"]])
    let emptyAnswer = setup.receive(empty.bytes, contentType: Self.version2)
    #expect(emptyAnswer.status == 400)
    #expect(
      emptyAnswer.text == "stored 0 samples, refused 1 series without samples; first refused: "
        + "TimeSeries must contain at least one sample or histogram for series empty")
    let garbage = setup.receive([0x0B], contentType: Self.version2)
    #expect(garbage.status == 400)
    #expect(garbage.headers == Self.written(0, 0, 0))
  }

  @Test func storeFailuresAskTheSenderToComeAgain() throws {
    let setup = try Setup()
    setup.appender.fail(with: .init(isTransient: true))
    let overloaded = setup.receive(RemoteWriteReceiverTests.good)
    #expect(overloaded.status == 503)
    #expect(overloaded.headers["Retry-After"] == "7")
    setup.appender.fail(with: .init(isTransient: false))
    #expect(setup.receive(RemoteWriteReceiverTests.good).status == 500)
    setup.appender.fail(with: nil)
    setup.appender.reject { _ in .unknownSeries }
    #expect(setup.receive(RemoteWriteReceiverTests.good).status == 503)
  }
}
