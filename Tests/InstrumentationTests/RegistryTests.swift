import Instrumentation
import Testing

/// The exposition of `registry` as text.
private func text(of registry: Registry) -> String {
  var bytes: [UInt8] = []
  registry.writeText(into: &bytes)
  return String(decoding: bytes, as: UTF8.self)
}

@Suite struct RegistryTests {
  @Test func emptyRegistryWritesNothing() {
    #expect(text(of: Registry()).isEmpty)
  }

  @Test func familiesAreSortedByNameAndChildrenByLabelValues() throws {
    let registry = Registry()
    let answers = try registry.register(
      .counters("b_total", help: "Answers.", labels: "code", "method"))
    try registry.register(.gauge("c", help: "")).set(to: -0.0)
    try registry.register(.counter("a_total", help: "Firsts.")).increment(by: 1.5)
    answers["500", "GET"].increment()
    answers["200", "PUT"].increment(by: 2)
    answers["200", "GET"].increment(by: 3_000_000)
    #expect(
      text(of: registry) == """
        # HELP a_total Firsts.
        # TYPE a_total counter
        a_total 1.5
        # HELP b_total Answers.
        # TYPE b_total counter
        b_total{code="200",method="GET"} 3e+06
        b_total{code="200",method="PUT"} 2
        b_total{code="500",method="GET"} 1
        # TYPE c gauge
        c -0

        """)
  }

  @Test func helpAndLabelValuesAreEscaped() throws {
    let registry = Registry()
    let family = try registry.register(
      .gauges("g", help: "A \"quoted\" \\ help\nin two lines.", labels: "v"))
    family["a\"b\\c\nd\r\n"].set(to: 1)
    #expect(
      text(of: registry) == "# HELP g A \"quoted\" \\\\ help\\nin two lines.\n# TYPE g gauge\n"
        + "g{v=\"a\\\"b\\\\c\\nd\r\\n\"} 1\n")
  }

  @Test func histogramWritesCumulativeBucketsSumAndCount() throws {
    let registry = Registry()
    let histogram = try registry.register(
      .histogram("h_seconds", help: "Times.", buckets: [0.1, 1, 10]))
    for value in [0.1, 0.5, 1, 1.5, 100] { histogram.observe(value) }
    histogram.observe(.milliseconds(50))
    #expect(histogram.count == 6)
    #expect(abs(histogram.sum - 103.15) < 1e-12)
    let lines = text(of: registry).split(separator: "\n").map(String.init)
    #expect(
      lines.filter { $0.hasPrefix("h_seconds_sum") == false } == [
        "# HELP h_seconds Times.",
        "# TYPE h_seconds histogram",
        "h_seconds_bucket{le=\"0.1\"} 2",
        "h_seconds_bucket{le=\"1\"} 4",
        "h_seconds_bucket{le=\"10\"} 5",
        "h_seconds_bucket{le=\"+Inf\"} 6",
        "h_seconds_count 6",
      ])
  }

  @Test func labelledHistogramPutsTheBoundLast() throws {
    let registry = Registry()
    let family = try registry.register(
      .histograms("h", help: "", labels: "path", buckets: [1, .infinity]))
    family["/a"].observe(.nan)
    #expect(
      text(of: registry) == """
        # TYPE h histogram
        h_bucket{path="/a",le="1"} 0
        h_bucket{path="/a",le="+Inf"} 1
        h_sum{path="/a"} NaN
        h_count{path="/a"} 1

        """)
  }

  @Test func defaultBucketsAreThoseOfEveryClient() throws {
    let registry = Registry()
    try registry.register(.histogram("h", help: ""))
    let bounds = text(of: registry).split(separator: "\n").compactMap { line in
      line.hasPrefix("h_bucket") ? line.split(separator: "\"")[1] : nil
    }
    #expect(
      bounds.joined(separator: " ")
        == "0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 +Inf")
  }

  @Test func bucketSeriesAreMadeByStepOrFactor() {
    #expect(HistogramBuckets.linear(from: 1, width: 2, count: 3) == [1, 3, 5])
    #expect(HistogramBuckets.exponential(from: 1, factor: 10, count: 3) == [1, 10, 100])
    #expect(HistogramBuckets.linear(from: 1, width: 2, count: -1) == [])
  }

  @Test func readingsAreAskedAtEachExposition() throws {
    let registry = Registry()
    let source = try registry.register(.gauge("source", help: ""))
    try registry.register(.counter("read_total", help: "Read.", reading: { source.value * 2 }))
    registry.beforeEachCollection { source.increment() }
    #expect(text(of: registry).contains("read_total 2\n"))
    #expect(text(of: registry).contains("read_total 4\n"))
  }

  @Test func equalRegistrationsShareOneMetric() throws {
    let registry = Registry()
    let first = try registry.register(.counter("c_total", help: "Things."))
    let second = try registry.register(.counter("c_total", help: "Things."))
    #expect(first === second)
    let family = try registry.register(.gauges("g", help: "", labels: "a"))
    #expect(try registry.register(.gauges("g", help: "", labels: "a")) === family)
  }

  @Test func removedMetricsAreNoLongerWritten() throws {
    let registry = Registry()
    let family = try registry.register(.gauges("g", help: "", labels: "a"))
    family["1"].set(to: 1)
    family["2"].set(to: 2)
    #expect(family.remove("1"))
    #expect(family.remove("1") == false)
    #expect(text(of: registry) == "# TYPE g gauge\ng{a=\"2\"} 2\n")
    family.removeAll()
    #expect(text(of: registry) == "# TYPE g gauge\n")
    #expect(registry.remove("g"))
    #expect(registry.remove("g") == false)
    try registry.register(.counter("g", help: ""))
    #expect(text(of: registry) == "# TYPE g counter\ng 0\n")
  }

  @Test func timeCountsAlsoWhatThrows() throws {
    struct Failure: Error {}
    let histogram = try Registry().register(.histogram("h", help: ""))
    #expect(histogram.time { 7 } == 7)
    #expect(throws: Failure.self) { try histogram.time { throw Failure() } }
    #expect(histogram.count == 2)
  }

  @Test func addingFromManyThreadsLosesNothing() async throws {
    let registry = Registry()
    let counter = try registry.register(.counter("c_total", help: ""))
    let gauge = try registry.register(.gauge("g", help: ""))
    let histogram = try registry.register(.histogram("h", help: "", buckets: [1]))
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for index in 0..<5_000 {
            counter.increment()
            counter.increment(by: 0.5)
            gauge.increment(by: 2)
            gauge.decrement()
            histogram.observe(Double(index % 2) * 2)
          }
        }
      }
    }
    #expect(counter.value == 30_000)
    #expect(gauge.value == 20_000)
    #expect(histogram.count == 20_000)
    #expect(histogram.sum == 20_000)
  }

  @Test func wrongUseTraps() async {
    await #expect(processExitsWith: .failure) {
      try Registry().register(.counter("c_total", help: "")).increment(by: -1)
    }
    await #expect(processExitsWith: .failure) {
      try Registry().register(.counter("c_total", help: "")).increment(by: .nan)
    }
    await #expect(processExitsWith: .failure) {
      _ = try Registry().register(.counters("c_total", help: "", labels: "a"))["1", "2"]
    }
  }
}

@Suite struct RegistrationErrorTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let id: String
    let error: InstrumentationError
    let register: @Sendable (Registry) throws -> Void
    var testDescription: String { id }
  }

  static let rows: [Row] = [
    Row(id: "empty name", error: .invalidMetricName("")) {
      try $0.register(.counter("", help: ""))
    },
    Row(id: "digit first", error: .invalidMetricName("1a")) {
      try $0.register(.gauge("1a", help: ""))
    },
    Row(id: "dash", error: .invalidMetricName("a-b")) {
      try $0.register(.gauge("a-b", help: ""))
    },
    Row(id: "colon in label", error: .invalidLabelName("a:b", metric: "m")) {
      try $0.register(.gauges("m", help: "", labels: "a:b"))
    },
    Row(id: "reserved label", error: .invalidLabelName("__a", metric: "m")) {
      try $0.register(.gauges("m", help: "", labels: "__a"))
    },
    Row(id: "le on a histogram", error: .invalidLabelName("le", metric: "m")) {
      try $0.register(.histograms("m", help: "", labels: "le"))
    },
    Row(id: "label twice", error: .duplicateLabelName("a", metric: "m")) {
      try $0.register(.gauges("m", help: "", labels: "a", "b", "a"))
    },
    Row(id: "no label", error: .missingLabelNames(metric: "m")) {
      try $0.register(MetricDescriptor<Family<Gauge>>.gauges("m", help: ""))
    },
    Row(id: "falling bounds", error: .invalidBuckets(metric: "m")) {
      try $0.register(.histogram("m", help: "", buckets: [1, 0.5]))
    },
    Row(id: "equal bounds", error: .invalidBuckets(metric: "m")) {
      try $0.register(.histogram("m", help: "", buckets: [1, 1]))
    },
    Row(id: "NaN bound", error: .invalidBuckets(metric: "m")) {
      try $0.register(.histogram("m", help: "", buckets: [.nan]))
    },
    Row(id: "other kind", error: .alreadyRegistered("taken", existing: "taken")) {
      try $0.register(.counter("taken", help: "Taken."))
    },
    Row(id: "other help", error: .alreadyRegistered("taken", existing: "taken")) {
      try $0.register(.gauge("taken", help: "Other."))
    },
    Row(id: "other labels", error: .alreadyRegistered("taken", existing: "taken")) {
      try $0.register(.gauges("taken", help: "Taken.", labels: "a"))
    },
    Row(id: "a reading twice", error: .alreadyRegistered("read", existing: "read")) {
      try $0.register(.gauge("read", help: "") { 1 })
    },
    Row(id: "a sample of a histogram", error: .alreadyRegistered("h_count", existing: "h")) {
      try $0.register(.gauge("h_count", help: ""))
    },
    Row(id: "a histogram over a sample", error: .alreadyRegistered("g", existing: "g_sum")) {
      try $0.register(.histogram("g", help: ""))
    },
  ]

  @Test(arguments: rows) func registrationIsRefused(_ row: Row) throws {
    let registry = Registry()
    try registry.register(.gauge("taken", help: "Taken."))
    try registry.register(.gauge("read", help: "") { 0 })
    try registry.register(.histogram("h", help: ""))
    try registry.register(.gauge("g_sum", help: ""))
    let before = text(of: registry)
    #expect(throws: row.error) { try row.register(registry) }
    #expect(text(of: registry) == before)
    #expect(row.error.description.isEmpty == false)
  }
}
