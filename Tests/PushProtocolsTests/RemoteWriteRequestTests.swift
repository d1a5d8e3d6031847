import PushProtocols
import SeriesModel
import TestSupport
import Testing

/// What a walk over a request found.
struct Walk: Equatable {
  var labels: [Labels] = []
  var samples: [[Sample]] = []
  var problems: [LabelProblem] = []
  var refusedTexts: [String] = []
  var exemplarCount = 0
  var exemplars: [Exemplar?] = []
  var histograms: [RemoteWriteSeries.Histogram] = []
  var histogramProblems: [HistogramProblem] = []
  var startTimestamps: [[Int64]] = []
  var metadata: [String: MetricMetadata] = [:]

  init(
    _ bytes: [UInt8], version: RemoteWriteRequest.Version = .one,
    limits: LabelLimits = LabelLimits()
  ) throws {
    var request = RemoteWriteRequest(bytes.span, version: version, limits: limits)
    var series = RemoteWriteSeries()
    while try request.nextSeries(into: &series) {
      try request.readLabels(of: &series)
      exemplarCount += series.exemplarCount
      exemplars += request.exemplars(of: series)
      histograms += series.histograms
      if let problem = series.histogramProblem { histogramProblems.append(problem) }
      #expect([0, series.timestamps.count].contains(series.startTimestamps.count))
      if let problem = series.problem {
        problems.append(problem)
        refusedTexts.append(series.refusedText)
        continue
      }
      labels.append(series.labels)
      startTimestamps.append(series.startTimestamps)
      samples.append(
        zip(series.timestamps, series.values).map { Sample(milliseconds: $0, value: $1) })
    }
    metadata = request.metadata
  }
}

@Suite struct RemoteWriteRequestTests {
  @Test func emptyRequestHasNoSeries() throws {
    #expect(try Walk([]).labels.isEmpty)
  }

  @Test func seriesAreReadInOrder() throws {
    var encoder = RemoteWriteEncoder()
    encoder.series(["__name__": "a", "job": "x"], samples: [(1, 1.5), (-2, StaleMarker.value)])
    encoder.series(
      ["__name__": "b", "π": "ü"], samples: [(0, 0), (.max, -0.0), (.min, .infinity)])
    let walk = try Walk(encoder.bytes)
    #expect(walk.labels == [["__name__": "a", "job": "x"], ["__name__": "b", "π": "ü"]])
    #expect(
      walk.samples == [
        [Sample(milliseconds: 1, value: 1.5), Sample(milliseconds: -2, value: StaleMarker.value)],
        [
          Sample(milliseconds: 0, value: 0), Sample(milliseconds: .max, value: -0.0),
          Sample(milliseconds: .min, value: .infinity),
        ],
      ])
  }

  /// Samples with a timestamp of six bytes take a shorter way than the others;
  /// both must read alike, and go on with each other in one series.
  @Test func samplesReadBackWhateverTheirLength() throws {
    var generator = SeededGenerator(seed: 7)
    let timestamps: [Int64] = [
      0, 1, -1, (1 << 35) - 1, 1 << 35, 1_700_000_000_000, (1 << 42) - 1, 1 << 42, .min, .max,
    ]
    for _ in 0..<200 {
      let samples = (0..<Int.random(in: 0...6, using: &generator)).map { _ in
        let bits = Bool.random(using: &generator) ? 0 : generator.next()
        return Sample(
          milliseconds: timestamps.randomElement(using: &generator) ?? 0,
          value: Double(bitPattern: bits))
      }
      var encoder = RemoteWriteEncoder()
      encoder.series(
        labels: [("__name__", "a")], samples: samples.map { ($0.timestamp.milliseconds, $0.value) },
        exemplarCount: 1)
      #expect(try Walk(encoder.bytes).samples == [samples])
    }
  }

  @Test func exemplarsAndHistogramsAreRead() throws {
    var encoder = RemoteWriteEncoder()
    let sound = HistogramFields {
      $0.integerCount = 0
      $0.timestamp = 5
    }
    encoder.series(
      labels: [("__name__", "a")], samples: [(1, 1)], exemplarCount: 2,
      histograms: [sound, HistogramFields { $0.integerCount = 3 }, sound])
    let walk = try Walk(encoder.bytes)
    #expect(walk.exemplarCount == 2)
    let exemplar = Exemplar(
      labels: ["trace_id": "abc"], value: 1, timestamp: Timestamp(milliseconds: 0))
    #expect(walk.exemplars == [exemplar, exemplar])
    let histogram = RemoteWriteSeries.Histogram(timestamp: 5, histogram: NativeHistogram())
    #expect(walk.histograms == [histogram, histogram])
    #expect(walk.histogramProblems == [.totalMismatch(found: 0, total: 3)])
    #expect(walk.samples == [[Sample(milliseconds: 1, value: 1)]])
  }

  @Test func metadataIsKeptByFamily() throws {
    var encoder = RemoteWriteEncoder()
    for (code, type) in MetadataTypes.byCode {
      encoder.metadata("m\(code)", typeCode: code, help: "Help \(type).", unit: "seconds")
    }
    encoder.metadata("", typeCode: 1, help: "no family", unit: "")
    let walk = try Walk(encoder.bytes)
    #expect(walk.metadata.count == MetadataTypes.byCode.count)
    for (code, type) in MetadataTypes.byCode {
      #expect(
        walk.metadata["m\(code)"]
          == MetricMetadata(type: type, help: "Help \(type).", unit: "seconds"))
    }
  }

  @Test func unknownFieldsArePassedOver() throws {
    var writer = ProtobufWriter()
    writer.string(2, "reserved for Cortex")
    writer.message(1) { series in
      series.integer(15, 1)
      series.message(1) {
        $0.string(1, "__name__")
        $0.integer(9, 4)
        $0.string(2, "a")
      }
      series.message(2) {
        $0.double(1, 3)
        $0.integer(2, 4)
        $0.string(8, "new")
      }
    }
    writer.integer(100, 1)
    let walk = try Walk(writer.bytes)
    #expect(walk.labels == [["__name__": "a"]])
    #expect(walk.samples == [[Sample(milliseconds: 4, value: 3)]])
  }

  @Test func labelsMayFollowSamples() throws {
    var writer = ProtobufWriter()
    writer.message(1) { series in
      series.message(2) { $0.double(1, 3) }
      series.message(1) {
        $0.string(2, "a")
        $0.string(1, "__name__")
      }
    }
    #expect(try Walk(writer.bytes).labels == [["__name__": "a"]])
  }

  @Test func unsortedLabelsAreSortedAndEmptyValuesDropped() throws {
    var encoder = RemoteWriteEncoder()
    encoder.series(
      labels: [("z", "1"), ("b", ""), ("__name__", "m"), ("a", "2")], samples: [(1, 1)])
    #expect(try Walk(encoder.bytes).labels == [["__name__": "m", "a": "2", "z": "1"]])
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let problem: LabelProblem
    let labels: [(String, String)]
    let text: String
    var testDescription: String { problem.rawValue + " " + text }
  }

  static let refusals: [Refusal] = [
    Refusal(problem: .missingMetricName, labels: [], text: "{}"),
    Refusal(problem: .missingMetricName, labels: [("a", "b")], text: "{a=\"b\"}"),
    Refusal(problem: .missingMetricName, labels: [("__name__", "")], text: "{__name__=\"\"}"),
    Refusal(
      problem: .emptyName, labels: [("", "x"), ("__name__", "m")],
      text: "{=\"x\", __name__=\"m\"}"),
    Refusal(
      problem: .duplicateName, labels: [("__name__", "m"), ("a", "1"), ("a", "2")],
      text: "{__name__=\"m\", a=\"1\", a=\"2\"}"),
    Refusal(
      problem: .duplicateName, labels: [("a", "1"), ("__name__", "m"), ("a", "1")],
      text: "{__name__=\"m\", a=\"1\", a=\"1\"}"),
    Refusal(
      problem: .tooManyLabels,
      labels: [("__name__", "m"), ("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")],
      text: "{__name__=\"m\", a=\"1\", b=\"2\", c=\"3\", ...}"),
    Refusal(
      problem: .nameTooLong, labels: [("__name__", "m"), ("abcdefghi", "1")],
      text: "{__name__=\"m\", abcdefghi=\"1\"}"),
    Refusal(
      problem: .valueTooLong,
      labels: [("__name__", "m"), ("a", String(repeating: "v", count: 1_000_000))],
      text: "{__name__=\"m\", a=\"" + String(repeating: "v", count: 40) + "\"}"),
  ]

  @Test(arguments: refusals) func labelsAreRefused(_ refusal: Refusal) throws {
    var encoder = RemoteWriteEncoder()
    encoder.series(labels: refusal.labels, samples: [(1, 1)])
    encoder.series(["__name__": "good"], samples: [(2, 2)])
    let limits = LabelLimits(maximumCount: 4, maximumNameBytes: 8, maximumValueBytes: 100)
    let walk = try Walk(encoder.bytes, limits: limits)
    #expect(walk.problems == [refusal.problem])
    let broken: [LabelProblem: String] = [
      .tooManyLabels: "the 4 labels allowed", .nameTooLong: "the 8 bytes allowed",
      .valueTooLong: "the 100 bytes allowed",
    ]
    let description = refusal.problem.description(under: limits)
    #expect(broken[refusal.problem].map(description.hasSuffix) ?? true, "\(description)")
    #expect(walk.refusedTexts == [refusal.text])
    #expect(walk.labels == [["__name__": "good"]])
    #expect(description.isEmpty == false)
  }

  @Test(arguments: [[0xFF], [0xC3], [0xED, 0xA0, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80]])
  func invalidUTF8IsRefused(_ bytes: [UInt8]) throws {
    for fieldNumber in [1, 2] {
      var writer = ProtobufWriter()
      writer.message(1) { series in
        series.message(1) {
          $0.string(1, "__name__")
          $0.string(2, "m")
        }
        series.message(1) {
          $0.content(fieldNumber, Array("a".utf8) + bytes)
          $0.string(3 - fieldNumber, "b")
        }
      }
      #expect(try Walk(writer.bytes).problems == [.invalidUTF8])
    }
  }

  @Test func onlyTheFirstRefusedSeriesIsDescribed() throws {
    var encoder = RemoteWriteEncoder()
    encoder.series(labels: [("a", "1")], samples: [])
    encoder.series(labels: [("a", "2")], samples: [])
    #expect(try Walk(encoder.bytes).refusedTexts == [#"{a="1"}"#, ""])
  }

  /// Two bytes make an empty sample.
  @Test func samplesBeyondTheLimitEndTheWalk() throws {
    let samples = (0..<200).map { UInt8($0.isMultiple(of: 2) ? 0x12 : 0) }
    for (limit, isEnough) in [(100, true), (99, false)] {
      let bytes = [0x0A, 0xC8, 0x01] + samples
      var request = RemoteWriteRequest(bytes.span, maximumSampleCount: limit)
      var series = RemoteWriteSeries()
      do {
        _ = try request.nextSeries(into: &series)
        #expect(isEnough)
        #expect(series.timestamps.count == 100)
      } catch {
        #expect(isEnough == false)
        #expect(error == .tooManySamples)
      }
    }
  }

  @Test func refusedTextIsBounded() throws {
    var encoder = RemoteWriteEncoder()
    encoder.series(
      labels: (0..<100).map { (String(repeating: "n", count: 300) + "\($0)", "v") },
      samples: [])
    let text = try #require(try Walk(encoder.bytes).refusedTexts.first)
    #expect(text.utf8.count < 250)
    #expect(text.hasSuffix(", ...}"))
  }

  @Test func metadataIsBounded() throws {
    var encoder = RemoteWriteEncoder()
    for index in 0..<(RemoteWriteRequest.maximumMetadataCount + 10) {
      encoder.metadata("m\(index)", typeCode: 1, help: "", unit: "")
    }
    #expect(
      try Walk(encoder.bytes).metadata.count == RemoteWriteRequest.maximumMetadataCount)
  }
}

private enum MetadataTypes {
  static let byCode: [(UInt64, MetricType)] = [
    (0, .unknown), (1, .counter), (2, .gauge), (3, .histogram), (4, .gaugeHistogram),
    (5, .summary), (6, .info), (7, .stateSet), (8, .unknown), (.max, .unknown),
  ]
}

@Suite struct RemoteWriteCorruptionTests {
  private static func sampleRequest() -> [UInt8] {
    var encoder = RemoteWriteEncoder()
    encoder.series(
      labels: [("__name__", "a"), ("job", "x"), ("instance", "y")],
      samples: [(1_700_000_000_000, 1.5), (1_700_000_015_000, -2)], exemplarCount: 1,
      histograms: [HistogramCase.all[0].fields])
    encoder.metadata("a", typeCode: 1, help: "Things.", unit: "")
    encoder.series(
      ["__name__": "b", "long": String(repeating: "l", count: 200)], samples: [(1, 2)])
    return encoder.bytes
  }

  @Test func everyTruncationIsRefusedOrEndsBetweenFields() throws {
    let bytes = RemoteWriteCorruptionTests.sampleRequest()
    var whole: [Int] = []
    for count in 0..<bytes.count {
      do {
        _ = try Walk(Array(bytes[..<count]))
        whole.append(count)
      } catch is PushProtocolError {
        continue
      }
    }
    // Only a cut between two top-level fields leaves a sound message.
    #expect(whole.count == 3)
    #expect(whole.first == 0)
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func randomMutationsNeverTrap(_ seed: UInt64) {
    let bytes = RemoteWriteCorruptionTests.sampleRequest()
    var generator = SeededGenerator(seed: seed)
    var refused = 0
    for _ in 0..<2_000 {
      var mutated = bytes
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: mutated.indices, using: &generator)
        mutated[place] = UInt8.random(in: .min ... .max, using: &generator)
      }
      do {
        let walk = try Walk(mutated)
        for labels in walk.labels { #expect(labels.metricName != nil) }
      } catch {
        refused += 1
      }
    }
    #expect(refused > 0)
  }

  @Test(arguments: 0..<4 as Range<UInt64>) func randomBytesNeverTrap(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed &+ 100)
    var refused = 0
    for _ in 0..<2_000 {
      let bytes = (0..<Int.random(in: 1...64, using: &generator)).map { _ in
        UInt8.random(in: .min ... .max, using: &generator)
      }
      do { _ = try Walk(bytes) } catch { refused += 1 }
    }
    #expect(refused > 1_000)
  }
}
