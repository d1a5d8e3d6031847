import PromQL
import SeriesModel
import TestSupport
import Testing

@Suite struct LimitTests {
  private let store: InMemoryStore

  init() throws {
    store = try InMemoryStore(
      seriesEveryMinute: """
        a{k="1"} 0+1x100
        a{k="2"} 0+1x100
        """)
  }

  private func error(
    _ query: String, _ adjust: (inout EngineOptions, inout QueryOptions) -> Void
  ) -> QueryError? {
    var engineOptions = EngineOptions()
    var queryOptions = QueryOptions()
    adjust(&engineOptions, &queryOptions)
    do {
      _ = try Engine(options: engineOptions).rangeQuery(
        query, from: .minutes(0), through: .minutes(100), stepMilliseconds: 60_000, over: store,
        options: queryOptions)
      return nil
    } catch {
      return error
    }
  }

  @Test func queryThatHoldsTooManySamplesEnds() {
    #expect(error("a") { engine, _ in engine.maximumSamples = 201 } == .tooManySamples(limit: 201))
    #expect(error("a") { engine, _ in engine.maximumSamples = 1000 } == nil)
  }

  @Test func aggregationHoldsItsGroupsAndOneSeriesAtATime() {
    #expect(error("sum(rate(a[5m]))") { engine, _ in engine.maximumSamples = 350 } == nil)
  }

  @Test(arguments: [
    #"count_values("v", a + on(k) a * 1e-3)"#, "a + on(k) a",
    #"label_replace(a, "x", "y", "", "")"#,
    "quantile(0.5, a)", "topk(2, a)", "sum_over_time(a[10m])",
    #"histogram_quantiles(label_replace(a, "le", "+Inf", "", ""), "q", time())"#,
    "vector(time() + (time() + time()))",
  ])
  func operatorsCountWhatTheyHold(_ query: String) {
    #expect(
      error(query) { engine, _ in engine.maximumSamples = 150 } == .tooManySamples(limit: 150))
  }

  @Test func cancelledQueryEnds() {
    let cancellation = QueryCancellation()
    #expect(error("a") { _, query in query.cancellation = cancellation } == nil)
    cancellation.cancel()
    #expect(error("a") { _, query in query.cancellation = cancellation } == .canceled)
  }

  @Test func lateQueryEnds() {
    #expect(error("a") { engine, _ in engine.timeout = .zero } == .timeout)
    #expect(error("a") { _, query in query.timeout = .zero } == .timeout)
  }

  @Test func lookbackIsSetByTheQuery() throws {
    let result = try Engine().instantQuery(
      "a", at: .minutes(103), over: store,
      options: QueryOptions(lookbackDeltaMilliseconds: 120_000))
    guard case .vector(let elements) = result.value else {
      Issue.record("no vector")
      return
    }
    #expect(elements.isEmpty)
  }

  @Test(arguments: ["a[5m]", #""text""#])
  func rangeQueryTakesOnlyScalarsAndVectors(_ query: String) {
    guard case .parse(let message)? = error(query, { _, _ in }) else {
      Issue.record("no parse error")
      return
    }
    #expect(message.hasSuffix("for range query, must be Scalar or instant Vector"))
  }

  @Test(arguments: [
    ("a[0s]", "duration must be greater than 0"), ("a offset (1 / 0)", "division by zero"),
    ("a[1000y]", "duration out of range"),
  ])
  func impossibleDurationIsRefused(_ query: String, _ reason: String) {
    do {
      _ = try Engine().instantQuery(query, at: .minutes(0), over: store)
      Issue.record("no error")
    } catch {
      #expect(error.description.contains(reason), "\(error)")
    }
  }

  @Test func timesAtTheEdgesOfTheClockAreAnswered() throws {
    for time in [Timestamp.earliest, .latest] {
      let result = try Engine().instantQuery(
        "sum_over_time(a[5m:1m] offset -5m) or a offset 1h or vector(range())", at: time,
        over: store)
      _ = try Engine().instantQuery("predict_linear(a[1h] @ 300, 1)", at: time, over: store)
      guard case .vector(let elements) = result.value else { continue }
      #expect(elements.count == 1)
    }
  }

  @Test func sharedSelectorIsReadOnce() throws {
    let result = try Engine().instantQuery(
      "a / on() group_left sum(a)", at: .minutes(4), over: store)
    #expect(result.statistics.samplesRead == 10)
  }

  @Test func statisticsCountWhatWasRead() throws {
    let result = try Engine().instantQuery("a", at: .minutes(4), over: store)
    #expect(result.statistics.seriesCount == 2)
    #expect(result.statistics.samplesRead == 10)
    #expect(result.statistics.peakSamples > 0)
  }

  @Test(arguments: ["h", "sum(h)", "h + h", "h[5m]", "last_over_time(h[1m])", "-h"])
  func histogramsCountByTheirSize(_ query: String) throws {
    // One bucket in one span: 192 bytes at 16 a sample.
    let store = try InMemoryStore(seriesEveryMinute: "h {{count=1 sum=1 p=1:1}}")
    var options = EngineOptions()
    options.maximumSamples = 11
    #expect(throws: QueryError.tooManySamples(limit: 11)) {
      try Engine(options: options).instantQuery(query, at: .minutes(0), over: store)
    }
    options.maximumSamples = 100
    let result = try Engine(options: options).instantQuery(query, at: .minutes(0), over: store)
    #expect(result.statistics.samplesQueried % 12 == 0)
    #expect(result.statistics.samplesQueried > 0)
  }
}
