import PushProtocols
import SeriesModel
import TestSupport
import Testing

/// A histogram as it is sent, and what becomes of it.
struct HistogramCase: Sendable, CustomTestStringConvertible {
  var name: String
  var fields: HistogramFields
  var histogram: NativeHistogram?
  var problem: HistogramProblem?

  var testDescription: String { name }

  private init(
    _ name: String, _ histogram: NativeHistogram, _ change: (inout HistogramFields) -> Void
  ) {
    self.name = name
    self.histogram = histogram
    fields = HistogramFields(change)
  }

  private init(
    _ name: String, _ problem: HistogramProblem, _ change: (inout HistogramFields) -> Void
  ) {
    self.name = name
    self.problem = problem
    fields = HistogramFields(change)
  }

  private static func buckets(_ pairs: [(Int32, Double)]) -> HistogramBuckets {
    var buckets = HistogramBuckets()
    for (index, count) in pairs { buckets.append(index: index, count: count) }
    return buckets
  }

  private static let large = NativeHistogram.largestBucketCount

  static let all: [HistogramCase] = sound + refused

  private static let sound = [
    HistogramCase(
      "integers on both sides",
      NativeHistogram(
        schema: 2, counterResetHint: .notReset, zeroThreshold: 0.5, zeroCount: 2, count: 13, sum: 9,
        positiveBuckets: buckets([(-3, 1), (-2, 3), (1, 2)]), negativeBuckets: buckets([(4, 5)]))
    ) {
      $0.integerCount = 13
      $0.sum = 9
      $0.schema = 2
      $0.zeroThreshold = 0.5
      $0.integerZeroCount = 2
      $0.positiveSpans = [(-3, 2), (2, 1)]
      $0.positiveDeltas = [1, 2, -1]
      $0.negativeSpans = [(4, 1)]
      $0.negativeDeltas = [5]
      $0.resetHint = 2
    },
    HistogramCase(
      "floats, of which one is 0",
      NativeHistogram(
        counterResetHint: .gauge, zeroCount: 0.5, count: 7, sum: -1,
        positiveBuckets: buckets([(0, 1.5), (2, .nan)]))
    ) {
      $0.floatCount = 7
      $0.sum = -1
      $0.floatZeroCount = 0.5
      $0.positiveSpans = [(0, 1), (0, 2)]
      $0.positiveCounts = [1.5, 0, .nan]
      $0.resetHint = 3
    },
    HistogramCase(
      "custom bounds",
      NativeHistogram(
        schema: -53, count: 3, sum: 4, positiveBuckets: buckets([(0, 1), (2, 2)]),
        customBounds: [-1, 2.5])
    ) {
      $0.integerCount = 3
      $0.sum = 4
      $0.schema = -53
      $0.positiveSpans = [(0, 1), (1, 1)]
      $0.positiveDeltas = [1, 1]
      $0.customBounds = [-1, 2.5]
    },
    HistogramCase(
      "a resolution beyond those stored",
      NativeHistogram(
        schema: 8, count: 10, sum: 1, positiveBuckets: buckets([(-1, 1), (0, 5), (1, 4)]))
    ) {
      $0.integerCount = 10
      $0.sum = 1
      $0.schema = 9
      $0.positiveSpans = [(-2, 4)]
      $0.positiveDeltas = [1, 1, 1, 1]
    },
    HistogramCase(
      "observations of NaN are in no bucket",
      NativeHistogram(count: 3, sum: .nan, positiveBuckets: buckets([(1, 2)]))
    ) {
      $0.integerCount = 3
      $0.sum = .nan
      $0.positiveSpans = [(1, 1)]
      $0.positiveDeltas = [2]
    },
    HistogramCase("stale", .stale) {
      $0.integerCount = 0
      $0.sum = StaleMarker.value
    },
    HistogramCase("an unknown hint", NativeHistogram()) { $0.resetHint = 77 },
    HistogramCase(
      "edges of the indices",
      NativeHistogram(
        count: 2, positiveBuckets: buckets([(.min, 1), (.max, 1)]))
    ) {
      $0.floatCount = 2
      $0.positiveSpans = [(Int64(Int32.min), 1), (Int64(Int32.max), 0), (Int64(Int32.max), 1)]
      $0.positiveCounts = [1, 1]
    },
  ]

  private static let refused = [
    HistogramCase("schema 53", .unknownSchema(53)) { $0.schema = 53 },
    HistogramCase("schema -5", .unknownSchema(-5)) { $0.schema = -5 },
    HistogramCase("schema -54", .unknownSchema(-54)) { $0.schema = -54 },
    HistogramCase(
      "too few counts", .spansMismatch(side: .positive, spans: 1 << 32 - 1, counts: 1)
    ) {
      $0.positiveSpans = [(0, 1 << 32 - 1)]
      $0.positiveDeltas = [1]
    },
    HistogramCase("counts without spans", .spansMismatch(side: .negative, spans: 0, counts: 2)) {
      $0.floatCount = 1
      $0.negativeCounts = [1, 1]
    },
    HistogramCase(
      "counts of the other kind", .spansMismatch(side: .positive, spans: 1, counts: 0)
    ) {
      $0.floatCount = 1
      $0.positiveSpans = [(0, 1)]
      $0.positiveDeltas = [1]
    },
    HistogramCase(
      "a second span that goes back", .negativeOffset(side: .negative, span: 2, offset: -1)
    ) {
      $0.integerCount = 2
      $0.negativeSpans = [(-5, 1), (-1, 1)]
      $0.negativeDeltas = [1, 0]
    },
    HistogramCase("a negative count", .negativeCount(side: .positive, bucket: 2, count: -1)) {
      $0.integerCount = 2
      $0.positiveSpans = [(0, 2)]
      $0.positiveDeltas = [1, -2]
    },
    HistogramCase(
      "a count that overflows",
      .negativeCount(side: .positive, bucket: 2, count: Double(Int64.min))
    ) {
      $0.integerCount = 2
      $0.positiveSpans = [(0, 2)]
      $0.positiveDeltas = [.max, 1]
    },
    HistogramCase(
      "a negative float count", .negativeCount(side: .negative, bucket: 1, count: -0.5)
    ) {
      $0.floatCount = 2
      $0.negativeSpans = [(0, 1)]
      $0.negativeCounts = [-0.5]
    },
    HistogramCase("a negative zero bucket", .negativeZeroCount(-1)) {
      $0.floatCount = 2
      $0.floatZeroCount = -1
    },
    HistogramCase("a negative total", .negativeTotal) { $0.floatCount = -2 },
    HistogramCase("a total too large", .totalMismatch(found: 1, total: 2)) {
      $0.integerCount = 2
      $0.integerZeroCount = 1
    },
    HistogramCase("a total too small for NaN", .totalTooSmall(found: 3, total: 2)) {
      $0.integerCount = 2
      $0.sum = .nan
      $0.integerZeroCount = 3
    },
    HistogramCase("a bound that is NaN", .boundIsNaN) {
      $0.schema = -53
      $0.customBounds = [1, .nan]
    },
    HistogramCase("bounds that are equal", .boundsNotAscending(1, 1)) {
      $0.schema = -53
      $0.customBounds = [1, 1]
    },
    HistogramCase("an infinite bound", .boundIsInfinite) {
      $0.schema = -53
      $0.customBounds = [1, .infinity]
    },
    HistogramCase("too few bounds", .tooFewBounds(count: 1, needed: 3)) {
      $0.floatCount = 1
      $0.schema = -53
      $0.customBounds = [1]
      $0.positiveSpans = [(2, 1)]
      $0.positiveCounts = [1]
    },
    HistogramCase(
      "custom buckets that begin below 0", .negativeOffset(side: .custom, span: 1, offset: -1)
    ) {
      $0.floatCount = 1
      $0.schema = -53
      $0.positiveSpans = [(-1, 1)]
      $0.positiveCounts = [1]
    },
    HistogramCase("custom with a zero bucket", .customWithZeroCount) {
      $0.integerCount = 1
      $0.schema = -53
      $0.integerZeroCount = 1
    },
    HistogramCase("custom with a zero threshold", .customWithZeroThreshold) {
      $0.schema = -53
      $0.zeroThreshold = 1
    },
    HistogramCase("custom with negative buckets", .customWithNegativeBuckets) {
      $0.schema = -53
      $0.negativeSpans = [(0, 1)]
    },
    HistogramCase("exponential with bounds", .exponentialWithBounds) { $0.customBounds = [1] },
    HistogramCase("too many buckets", .tooManyBuckets) {
      $0.integerCount = 1
      $0.positiveSpans = [(0, UInt64(large + 1))]
      $0.positiveDeltas = [Int64](repeating: 0, count: large + 1)
    },
    HistogramCase("too many bounds", .tooManyBuckets) {
      $0.schema = -53
      $0.customBounds = (0...large).map(Double.init)
    },
    HistogramCase("too many spans", .tooManyBuckets) {
      $0.positiveSpans = [(offset: Int64, length: UInt64)](repeating: (0, 0), count: large + 5)
    },
    HistogramCase("an index too high", .indexOutOfRange) {
      $0.floatCount = 1
      $0.positiveSpans = [(Int64(Int32.max), 2)]
      $0.positiveCounts = [1, 1]
    },
  ]
}

@Suite struct RemoteWriteHistogramTests {
  private func check(_ walk: Walk, _ expected: HistogramCase, start: Int64) {
    if let histogram = expected.histogram {
      #expect(walk.histogramProblems.isEmpty)
      #expect(
        walk.histograms == [
          RemoteWriteSeries.Histogram(timestamp: 12, startTimestamp: start, histogram: histogram)
        ])
    } else {
      #expect(walk.histograms.isEmpty)
      #expect(walk.histogramProblems == [expected.problem])
      #expect(walk.histogramProblems.allSatisfy { $0.description.isEmpty == false })
    }
  }

  @Test(arguments: HistogramCase.all) func histogramIsReadOrRefused(_ row: HistogramCase) throws {
    var fields = row.fields
    fields.timestamp = 12
    fields.startTimestamp = 3
    var encoder = RemoteWriteEncoder()
    encoder.series(labels: [("__name__", "h")], samples: [], histograms: [fields])
    check(try Walk(encoder.bytes), row, start: 3)
    var encoder2 = RemoteWriteV2Encoder()
    encoder2.series(["__name__": "h"], histograms: [fields])
    check(try Walk(encoder2.bytes, version: .two), row, start: 3)
  }

  /// The memory of one histogram is used for the next.
  @Test func histogramsDoNotMix() throws {
    var encoder = RemoteWriteEncoder()
    let sound = HistogramCase.all.filter { $0.histogram != nil }
    for row in HistogramCase.all + sound.reversed() {
      encoder.series(labels: [("__name__", "h")], samples: [], histograms: [row.fields])
    }
    let expected = sound.compactMap(\.histogram)
    #expect(
      try Walk(encoder.bytes).histograms.map(\.histogram) == expected + expected.reversed())
  }

  @Test func unpackedNumbersAreRead() throws {
    var writer = ProtobufWriter()
    writer.message(1) { series in
      series.message(1) {
        $0.string(1, "__name__")
        $0.string(2, "h")
      }
      series.message(4) {
        $0.integer(1, 3)
        $0.message(11) { $0.integer(2, 2) }
        $0.signed(12, 1)
        $0.signed(12, 1)
      }
    }
    let walk = try Walk(writer.bytes)
    #expect(walk.histograms.map(\.histogram.positiveBuckets.counts) == [[1, 2]])
  }
}

@Suite struct RemoteWriteVersion2Tests {
  private static func sample() -> RemoteWriteV2Encoder {
    var encoder = RemoteWriteV2Encoder()
    encoder.series(
      ["__name__": "requests_total", "job": "x"],
      samples: [
        .init(1_700_000_000_000, 1), .init(1_700_000_015_000, 2, start: 1_699_999_999_000),
        .init(1_700_000_030_000, 3),
      ], exemplars: [["trace_id": "abc"]], metadata: (1, "Requests.", ""))
    encoder.series(
      ["__name__": "latency_seconds_bucket", "le": "1"], samples: [.init(-1, 4)],
      metadata: (3, "Latency.", "seconds"))
    encoder.series(["__name__": "h"], histograms: HistogramCase.all.map(\.fields))
    return encoder
  }

  @Test func everythingIsReadWhereverTheSymbolsStand() throws {
    let encoder = Self.sample()
    let walk = try Walk(encoder.bytes, version: .two)
    #expect(
      walk.labels == [
        ["__name__": "requests_total", "job": "x"],
        ["__name__": "latency_seconds_bucket", "le": "1"], ["__name__": "h"],
      ])
    #expect(walk.samples.map(\.count) == [3, 1, 0])
    #expect(walk.startTimestamps == [[0, 1_699_999_999_000, 0], [], []])
    #expect(
      walk.exemplars == [
        Exemplar(
          labels: ["trace_id": "abc"], value: 1, timestamp: Timestamp(milliseconds: 0))
      ])
    #expect(
      walk.metadata == [
        "requests_total": MetricMetadata(type: .counter, help: "Requests.", unit: ""),
        "latency_seconds": MetricMetadata(type: .histogram, help: "Latency.", unit: "seconds"),
      ])
    #expect(try Walk(encoder.bytesWithSymbolsBehind, version: .two) == walk)
  }

  @Test func labelsAreRefusedAsInVersion1() throws {
    var encoder = RemoteWriteV2Encoder()
    let name = encoder.reference("__name__")
    let a = encoder.reference("a")
    encoder.series(references: [name], samples: [.init(1, 1)])
    encoder.series(references: [name, 999], samples: [.init(1, 1)])
    encoder.series(references: [name, .max], samples: [.init(1, 1)])
    encoder.series(references: [a, a], samples: [.init(1, 1)])
    encoder.series(references: [name, a, a, a, a, a], samples: [.init(1, 1)])
    encoder.series(references: [name, a, 0, a], samples: [.init(1, 1)])
    encoder.series(
      references: [UInt64](repeating: name, count: 1000), samples: [.init(1, 1)])
    encoder.series(references: [a, a, name, a], samples: [.init(1, 1)])
    let walk = try Walk(encoder.bytes, version: .two)
    #expect(
      walk.problems == [
        .oddReferences, .unknownSymbol, .unknownSymbol, .missingMetricName, .duplicateName,
        .emptyName, .tooManyLabels,
      ])
    #expect(
      walk.refusedTexts.filter { $0.isEmpty == false } == [
        "series with the label references [\(name)]"
      ])
    #expect(walk.labels == [["__name__": "a", "a": "a"]])
  }

  @Test func exemplarsAndMetadataOfUnknownSymbolsAreLeftOut() throws {
    var writer = ProtobufWriter()
    writer.bytes = {
      var encoder = RemoteWriteV2Encoder()
      encoder.series(
        references: [encoder.reference("__name__"), encoder.reference("a")],
        samples: [.init(1, 1)], exemplarReferences: [[1], [1, 77], [1, 2]])
      return encoder.bytes
    }()
    writer.message(5) {
      $0.packed(1, [1, 2] as [UInt64])
      $0.message(5) {
        $0.integer(1, 1)
        $0.integer(3, 99)
      }
    }
    let walk = try Walk(writer.bytes, version: .two)
    #expect(walk.exemplars.map { $0?.labels } == [nil, nil, ["__name__": "a"]])
    #expect(walk.metadata.isEmpty)
  }

  /// A bucket takes one byte of a message, and 12 in memory.
  @Test(arguments: [RemoteWriteRequest.Version.one, .two])
  func histogramCountsByItsSize(version: RemoteWriteRequest.Version) throws {
    let histogram = HistogramFields {
      $0.integerCount = 100
      $0.positiveSpans = [(0, 100)]
      $0.positiveDeltas = [1] + [Int64](repeating: 0, count: 99)
    }
    var first = RemoteWriteEncoder()
    first.series(labels: [("__name__", "a")], samples: [], histograms: [histogram, histogram])
    var second = RemoteWriteV2Encoder()
    second.series(["__name__": "a"], histograms: [histogram, histogram])
    let bytes = version == .one ? first.bytes : second.bytes
    for (limit, isEnough) in [(124, true), (123, false)] {
      var request = RemoteWriteRequest(bytes.span, version: version, maximumSampleCount: limit)
      var series = RemoteWriteSeries()
      do {
        #expect(try request.nextSeries(into: &series) && isEnough)
        #expect(series.sampleCount == 2 && series.histogramProblem == nil)
      } catch {
        #expect(error == .tooManySamples && isEnough == false)
      }
    }
  }

  @Test func samplesAndHistogramsCountTogether() throws {
    var encoder = RemoteWriteV2Encoder()
    encoder.series(
      ["__name__": "a"], samples: [.init(1, 1)],
      histograms: [HistogramFields(), HistogramFields()])
    let bytes = encoder.bytes
    for (limit, isEnough) in [(25, true), (24, false)] {
      var request = RemoteWriteRequest(bytes.span, version: .two, maximumSampleCount: limit)
      var series = RemoteWriteSeries()
      do {
        #expect(try request.nextSeries(into: &series) && isEnough)
        #expect(series.sampleCount == 3)
      } catch {
        #expect(error == .tooManySamples && isEnough == false)
      }
    }
  }

  @Test func everyTruncationIsRefusedOrEndsBetweenFields() throws {
    let bytes = Self.sample().bytesWithSymbolsBehind
    for count in 0..<bytes.count {
      do {
        let walk = try Walk(Array(bytes[..<count]), version: .two)
        for labels in walk.labels { #expect(labels.metricName != nil) }
      } catch is PushProtocolError {
        continue
      }
    }
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func randomMutationsNeverTrap(_ seed: UInt64) {
    var encoder = RemoteWriteV2Encoder()
    encoder.series(
      ["__name__": "h", "job": "x"], samples: [.init(5, 5, start: 3)],
      histograms: HistogramCase.all.prefix(4).map(\.fields), exemplars: [["trace_id": "abc"]],
      metadata: (1, "Things.", ""))
    let bytes = encoder.bytes
    var generator = SeededGenerator(seed: seed)
    var refused = 0
    for _ in 0..<2_000 {
      var mutated = bytes
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: mutated.indices, using: &generator)
        mutated[place] = UInt8.random(in: .min ... .max, using: &generator)
      }
      do {
        let walk = try Walk(mutated, version: .two)
        for labels in walk.labels { #expect(labels.metricName != nil) }
      } catch {
        refused += 1
      }
    }
    #expect(refused > 0)
  }

  @Test func unknownSchemaIsToldTheAcceptedOnes() {
    let text = HistogramProblem.unknownSchema(-5).description
    #expect(text.contains("between \(NativeHistogram.exponentialSchemas.lowerBound) and "))
    #expect(text.contains(" and \(NativeHistogram.exponentialSchemas.upperBound) for exponential"))
    #expect(text.contains("\(NativeHistogram.customBoundsSchema) for custom buckets"))
    #expect(text.hasSuffix("got schema -5"))
  }
}
