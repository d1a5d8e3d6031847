import PromQL
import SeriesModel
import TestSupport
import Testing
import Threading

/// Series that several threads compute, against one thread.
@Suite struct SpreadTests {
  private static let times = Array(stride(from: Int64(-10_000), through: 1_400_000, by: 47_000))

  private static func engine(threadCount: Int, seriesCount: Int) -> Engine {
    var options = EngineOptions()
    options.spread.threadCount = threadCount
    options.spread.seriesCount = seriesCount
    options.spread.worthwhile = .zero
    return Engine(options: options)
  }

  private static func evaluate(
    _ text: String, _ store: any Queryable, threadCount: Int, seriesCount: Int,
    options: QueryOptions = QueryOptions()
  ) -> Result<QueryResult, QueryError> {
    do throws(QueryError) {
      return .success(
        try engine(threadCount: threadCount, seriesCount: seriesCount).rangeQuery(
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
    let store = CountingStore(EquivalencePropertyTests.randomStore(seed: 3))
    _ = try Self.evaluate("sum(rate(b[1m]))", store, threadCount: 2, seriesCount: 1).get()
    // A helper that comes late makes its cursor all the same.
    store.waitForCursors(count: 2)
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

/// A store that counts the cursors made, and may fail.
private final class CountingStore: Queryable {
  private let base: InMemoryStore
  private let failsAtSeries: Int?
  private let cursors = Monitor(0)

  init(_ base: InMemoryStore, failsAtSeries: Int? = nil) {
    self.base = base
    self.failsAtSeries = failsAtSeries
  }

  var cursorCount: Int { cursors.withLock { $0 } }

  func waitForCursors(count: Int) {
    #expect(cursors.wait(timeout: .seconds(60)) { $0 >= count ? () : nil } != nil)
  }

  func snapshot(of selections: [SeriesSelection]) throws -> any QuerySnapshot {
    let snapshot = try base.snapshot(of: selections)
    return Snapshot(
      seriesSets: snapshot.seriesSets.map {
        CountingSet(base: $0, failsAtSeries: failsAtSeries) { self.cursors.change { $0 += 1 } }
      })
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

private struct CountingSet: SeriesSet {
  let base: any SeriesSet
  let failsAtSeries: Int?
  let noteCursor: @Sendable () -> Void

  var count: Int { base.count }

  func labels(at index: Int) -> Labels { base.labels(at: index) }

  func makeCursor() throws -> any SampleCursor {
    noteCursor()
    return Cursor(base: try base.makeCursor(), failsAtSeries: failsAtSeries)
  }

  private struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private final class Cursor: SampleCursor {
    let base: any SampleCursor
    let failsAtSeries: Int?

    init(base: any SampleCursor, failsAtSeries: Int?) {
      self.base = base
      self.failsAtSeries = failsAtSeries
    }

    func read(seriesAt index: Int, into columns: inout SampleColumns) throws {
      if index == failsAtSeries { throw Failure(description: "series \(index) can't be read") }
      try base.read(seriesAt: index, into: &columns)
    }
  }
}
