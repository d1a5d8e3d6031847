import PromQL
import SeriesModel
import TestSupport
import Testing
import Threading

/// Series that several threads compute, against one thread.
@Suite struct SpreadTests {
  private static let times = Array(stride(from: Int64(-10_000), through: 1_400_000, by: 47_000))

  private static func engine(
    threadCount: Int, seriesCount: Int, maximumSamples: Int? = nil
  ) -> Engine {
    var options = EngineOptions()
    if let maximumSamples { options.maximumSamples = maximumSamples }
    options.spread.threadCount = threadCount
    options.spread.seriesCount = seriesCount
    options.spread.worthwhile = .zero
    return Engine(options: options)
  }

  private static func evaluate(
    _ text: String, _ store: any Queryable, threadCount: Int, seriesCount: Int,
    maximumSamples: Int? = nil, options: QueryOptions = QueryOptions()
  ) -> Result<QueryResult, QueryError> {
    let engine = engine(
      threadCount: threadCount, seriesCount: seriesCount, maximumSamples: maximumSamples)
    do throws(QueryError) {
      return .success(
        try engine.rangeQuery(
          text, from: Timestamp(milliseconds: times[0]),
          through: Timestamp(milliseconds: times[times.count - 1]),
          stepMilliseconds: times[1] - times[0], over: store, options: options))
    } catch {
      return .failure(error)
    }
  }

  private static let queries =
    EquivalencePropertyTests.queries + [
      "abs(-a_total) * 2", "rate(b[1m]) > 0.1", "sum(deriv({k=~\".+\"}[2m]))",
      "rate(b[1m]) / on(k) rate(a_total[1m])", "sum(mixed)", "rate(mixed[3m])",
      "histogram_avg(mixed)", "year(b)",
    ]

  @Test(arguments: queries)
  func threadsChangeNothing(_ query: String) throws {
    for seed in UInt64(1)...2 {
      let store = EquivalencePropertyTests.randomStore(seed: seed)
      store.appendMixedSeries(seed: seed)
      let alone = try Self.evaluate(query, store, threadCount: 1, seriesCount: 1).get()
      for (threadCount, seriesCount) in [(2, 1), (3, 1), (2, 2), (4, 3)] {
        let spread = try Self.evaluate(
          query, store, threadCount: threadCount, seriesCount: seriesCount
        ).get()
        for time in Self.times {
          #expect(spread.value.samples(at: time) == alone.value.samples(at: time))
        }
        #expect(spread.warnings == alone.warnings && spread.infos == alone.infos)
        #expect(spread.statistics.samplesRead == alone.statistics.samplesRead)
        #expect(spread.statistics.samplesQueried == alone.statistics.samplesQueried)
      }
    }
  }

  @Test func longQueriesAreSpread() throws {
    let store = CountingStore(
      EquivalencePropertyTests.randomStore(seed: 3), waitsForHelperAtSeries: 1)
    _ = try Self.evaluate("sum(rate(b[1m]))", store, threadCount: 2, seriesCount: 1).get()
    #expect(store.cursorCount == 2)
    #expect(store.readCountOfHelpers > 0)
  }

  @Test(arguments: ["b", "sum(rate(b[1m]))"])
  func shortQueriesAreNotSpread(_ query: String) throws {
    let store = CountingStore(EquivalencePropertyTests.randomStore(seed: 3))
    _ = try Engine().instantQuery(query, at: Timestamp(milliseconds: 600_000), over: store)
    _ = try Self.evaluate(query, store, threadCount: 2, seriesCount: 4).get()
    #expect(store.cursorCount == 2)
  }

  /// The series at which reading fails is the one that decides.
  @Test(arguments: 0..<4)
  func failureOfOneThreadIsThatOfTheQuery(index: Int) {
    let store = CountingStore(
      EquivalencePropertyTests.randomStore(seed: 4), failsAtSeries: index)
    for (threadCount, seriesCount) in [(1, 1), (2, 1), (3, 1), (2, 2)] {
      for query in ["b", "sum(rate(b[1m]))", "a_total * on(k) b"] {
        let result = Self.evaluate(
          query, store, threadCount: threadCount, seriesCount: seriesCount)
        #expect(throws: QueryError.storage("series \(index) can't be read")) { try result.get() }
      }
    }
  }

  /// What a query has opened is closed when it returns, however it ends, so that
  /// a database can be closed and opened again.
  @Test(arguments: [nil, 5, 17, 39])
  func noCursorOutlivesTheQuery(failsAtSeries: Int?) {
    for _ in 0..<10 {
      let store = CountingStore(
        Self.storeOfManySeries(), failsAtSeries: failsAtSeries, waitsForHelperAtSeries: 2)
      let result = Self.evaluate("sum(rate(c[3m]))", store, threadCount: 3, seriesCount: 2)
      #expect((try? result.get()) == nil || failsAtSeries == nil)
      #expect(store.openCursorCount == 0)
      #expect(store.cursorCount > 1)
    }
  }

  @Test func samplesThatHelpersHoldFailNoQueryThatOneThreadCanDo() throws {
    let store = Self.storeOfManySeries()
    let query = "sum(quantile_over_time(0.5, c[10m]))"
    let alone = try Self.evaluate(query, store, threadCount: 1, seriesCount: 1).get()
    let peak = alone.statistics.peakSamples
    #expect(peak == 60 + Self.times.count)
    for threadCount in [1, 2, 4] {
      func evaluate(maximumSamples: Int) -> Result<QueryResult, QueryError> {
        Self.evaluate(
          query, store, threadCount: threadCount, seriesCount: 1, maximumSamples: maximumSamples)
      }
      let enough = try evaluate(maximumSamples: peak).get()
      #expect(enough.statistics.peakSamples == peak)
      #expect(throws: QueryError.tooManySamples(limit: peak - 1)) {
        try evaluate(maximumSamples: peak - 1).get()
      }
    }
  }

  @Test func seriesOfVeryManyStepsAreNotComputedAhead() throws {
    let store = CountingStore(EquivalencePropertyTests.randomStore(seed: 3))
    _ = try Self.engine(threadCount: 2, seriesCount: 1).instantQuery(
      "last_over_time(b[2001s:10ms])", at: Timestamp(milliseconds: 600_000), over: store)
    #expect(store.cursorCount == 1)
  }

  private static func storeOfManySeries() -> InMemoryStore {
    let store = InMemoryStore()
    for series in 0..<40 {
      let samples = (0..<60).map { Sample(milliseconds: $0 * 20_000, value: Double($0 % 7)) }
      store.append(samples, to: ["__name__": "c", "k": "\(series)"])
    }
    return store
  }

  @Test func limitsHoldForAllThreads() {
    let store = EquivalencePropertyTests.randomStore(seed: 5)
    var options = QueryOptions()
    let cancellation = QueryCancellation()
    cancellation.cancel()
    options.cancellation = cancellation
    let cancelled = Self.evaluate("sum(b)", store, threadCount: 2, seriesCount: 1, options: options)
    #expect(throws: QueryError.canceled) { try cancelled.get() }
    options = QueryOptions()
    options.timeout = .zero
    let late = Self.evaluate("sum(b)", store, threadCount: 2, seriesCount: 1, options: options)
    #expect(throws: QueryError.timeout) { try late.get() }
  }
}

extension InMemoryStore {
  /// Adds series of numbers, of histograms, and of both.
  fileprivate func appendMixedSeries(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for series in 0..<5 {
      var columns = SampleColumns()
      var histogram = NativeHistogram.random(using: &generator)
      for index in 0..<40 {
        let time = Int64(index) * 30_000
        if series == 0 || series == 1 && index % 7 == 0 {
          columns.append(timestampMilliseconds: time, value: Double(index))
        } else {
          histogram = histogram.grown(using: &generator)
          columns.append(timestampMilliseconds: time, histogram: histogram)
        }
      }
      append(columns, to: ["__name__": "mixed", "k": "\(series)"])
    }
  }
}

/// A store that counts cursors and what they read, and may fail.
private final class CountingStore: Queryable {
  private let base: InMemoryStore
  private let log: CursorLog

  /// - Parameters:
  ///   - failsAtSeries: The series that no cursor can read.
  ///   - waitsForHelperAtSeries: The series at which the first cursor, which is that
  ///     of the query's own thread, waits until another is about to read.
  init(_ base: InMemoryStore, failsAtSeries: Int? = nil, waitsForHelperAtSeries: Int? = nil) {
    self.base = base
    log = CursorLog(failsAtSeries: failsAtSeries, waitsForHelperAtSeries: waitsForHelperAtSeries)
  }

  var cursorCount: Int { log.state.withLock(\.cursorCount) }
  var openCursorCount: Int { log.state.withLock(\.openCursorCount) }
  var readCountOfHelpers: Int { log.state.withLock(\.readCountOfHelpers) }

  func snapshot(of selections: [SeriesSelection]) throws -> any QuerySnapshot {
    let snapshot = try base.snapshot(of: selections)
    return Snapshot(seriesSets: snapshot.seriesSets.map { CountingSet(base: $0, log: log) })
  }

  func labelNames(of selections: [SeriesSelection]) throws -> [String] { [] }

  func labelValues(of name: String, in selections: [SeriesSelection]) throws -> [String] { [] }

  func series(of selections: [SeriesSelection]) throws -> [Labels] { [] }

  private final class Snapshot: QuerySnapshot {
    let seriesSets: [any SeriesSet]
    let warnings: [String] = []

    init(seriesSets: [any SeriesSet]) {
      self.seriesSets = seriesSets
    }
  }
}

/// What the cursors of a store do, and at what they fail.
private final class CursorLog: Sendable {
  struct State: Sendable {
    var cursorCount = 0
    var openCursorCount = 0
    var readCountOfHelpers = 0
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  let state = Monitor(State())
  private let failsAtSeries: Int?
  private let waitsForHelperAtSeries: Int?

  init(failsAtSeries: Int?, waitsForHelperAtSeries: Int?) {
    self.failsAtSeries = failsAtSeries
    self.waitsForHelperAtSeries = waitsForHelperAtSeries
  }

  func willRead(seriesAt index: Int, isHelper: Bool) throws {
    if isHelper {
      state.change { $0.readCountOfHelpers += 1 }
    } else if let waitsForHelperAtSeries, index >= waitsForHelperAtSeries {
      _ = state.wait(timeout: .seconds(60)) { $0.readCountOfHelpers > 0 ? () : nil }
    }
    if index == failsAtSeries { throw Failure(description: "series \(index) can't be read") }
  }
}

private struct CountingSet: SeriesSet {
  let base: any SeriesSet
  let log: CursorLog

  var count: Int { base.count }

  func labels(at index: Int) -> Labels { base.labels(at: index) }

  func makeCursor() throws -> any SampleCursor {
    let number = log.state.change { state in
      state.openCursorCount += 1
      state.cursorCount += 1
      return state.cursorCount
    }
    return Cursor(base: try base.makeCursor(), log: log, isHelper: number > 1)
  }

  private final class Cursor: SampleCursor {
    let base: any SampleCursor
    let log: CursorLog
    let isHelper: Bool

    init(base: any SampleCursor, log: CursorLog, isHelper: Bool) {
      self.base = base
      self.log = log
      self.isHelper = isHelper
    }

    deinit {
      log.state.change { $0.openCursorCount -= 1 }
    }

    func read(seriesAt index: Int, into columns: inout SampleColumns) throws {
      try log.willRead(seriesAt: index, isHelper: isHelper)
      try base.read(seriesAt: index, into: &columns)
    }
  }
}
