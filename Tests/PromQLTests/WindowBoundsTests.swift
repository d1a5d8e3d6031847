import SeriesModel
import TestSupport
import Testing

@testable import PromQL

/// Windows over series whose samples have the same times, as those of one scrape
/// target, and over others between them.
@Suite struct WindowBoundsTests {
  private static let geometry = WindowGeometry(
    grid: StepGrid(start: 100, through: 400, step: 100), referenceTime: .sliding(offset: 0),
    rangeMilliseconds: 150, modifier: nil, lookbackDelta: 0)

  @Test func windowsHoldTheSamplesBehindTheirLeftEdgeUpToTheirRight() {
    let bounds = WindowBounds(over: [-50, -49, 100, 150, 250], Self.geometry)
    #expect(bounds.samples == [1..<3, 2..<4, 4..<5, 5..<5])
    #expect(bounds.sampleCount == 5)
  }

  @Test func boundsServeSamplesAtTheSameTimesOnly() {
    let bounds = WindowBounds(over: [10, 20, 30], Self.geometry)
    #expect(bounds.areBounds(over: [10, 20, 30]))
    #expect(bounds.areBounds(over: [10, 20, 31]) == false)
    #expect(bounds.areBounds(over: [10, 21, 30]) == false)
    #expect(bounds.areBounds(over: [9, 20, 30]) == false)
    #expect(bounds.areBounds(over: [10, 20]) == false)
    #expect(bounds.areBounds(over: [10, 20, 30, 40]) == false)
    #expect(bounds.areBounds(over: []) == false)
    #expect(WindowBounds(over: [], Self.geometry).areBounds(over: []))
  }

  @Test func aSeriesTakesOverBoundsThatAreItsOwn() {
    func windows(over times: [Int64], reusing known: WindowBounds?) -> WindowedSeries {
      var samples = SampleColumns()
      for time in times { samples.append(timestampMilliseconds: time, value: 1) }
      return WindowedSeries(
        labels: Labels(), samples: samples, geometry: Self.geometry, context: .alone,
        reusing: known)
    }
    let first = windows(over: [10, 20], reusing: nil)
    #expect(windows(over: [10, 20], reusing: first.bounds).bounds === first.bounds)
    let other = windows(over: [10, 21], reusing: first.bounds)
    #expect(other.bounds !== first.bounds)
    #expect(other.bounds.areBounds(over: [10, 21]))
  }

  /// Beyond 200,000 steps each window's factor is found by itself.
  @Test func ratesAreTheSameOverVeryManySteps() throws {
    let store = InMemoryStore()
    let samples = (0..<300).map { Sample(milliseconds: $0 * 1000, value: Double($0 % 17)) }
    store.append(samples, to: ["__name__": "a_total"])
    func evaluate(from start: Int64, through end: Int64) throws -> [UInt64] {
      let result = try Engine().rangeQuery(
        "rate(a_total[10s])", from: Timestamp(milliseconds: start),
        through: Timestamp(milliseconds: end), stepMilliseconds: 1, over: store)
      return bits(of: result.value).values.flatMap { $0[($0.count / 2)...] }
    }
    let halves = try evaluate(from: 0, through: 149_999) + evaluate(from: 150_000, through: 299_999)
    #expect(try evaluate(from: 0, through: 299_999) == halves)
  }

  @Test func lengtheningsOfVeryManyStepsAreNotKept() {
    var geometry = Self.geometry
    geometry.grid = StepGrid(start: 1, through: 200_000, step: 1)
    #expect(WindowBounds(over: [10, 20], geometry).lengthenings?.count == 200_000)
    geometry.grid = StepGrid(start: 0, through: 200_000, step: 1)
    #expect(WindowBounds(over: [10, 20], geometry).lengthenings == nil)
  }

  /// Series of two targets in random order, with stale markers, histograms,
  /// start timestamps, or a sample more or less in some.
  private static func randomSeries(seed: UInt64) -> [(labels: Labels, samples: SampleColumns)] {
    var generator = SeededGenerator(seed: seed)
    let targets = (0..<2).map { _ -> [Int64] in
      var time = Int64.random(in: 0..<20_000, using: &generator)
      return (0..<90).map { _ in
        time += Int64.random(in: 9_000...11_000, using: &generator)
        return time
      }
    }
    return (0..<40).map { number in
      var times = targets[Int.random(in: 0..<2, using: &generator)]
      let kind = Int.random(in: 0..<8, using: &generator)
      if kind == 0 { times.removeLast() }
      if kind == 1 { times[times.count - 1] += 1 }
      var samples = SampleColumns()
      var value = 0.0
      for (index, time) in times.enumerated() {
        let isGauge = number % 2 == 0
        value += Double.random(in: isGauge ? -5...5 : 0...5, using: &generator)
        if kind == 2, index % 11 == 5 {
          samples.append(timestampMilliseconds: time, value: StaleMarker.value)
        } else if kind == 3 && index > 40 || kind == 4 {
          samples.append(
            timestampMilliseconds: time,
            histogram: NativeHistogram(count: Double(index), sum: value))
        } else {
          samples.append(
            timestampMilliseconds: time, value: value,
            startTimestampMilliseconds: kind == 5 && index > 50 ? times[49] + 100 : 0)
        }
        if Int.random(in: 0..<60, using: &generator) == 0 { value = 0 }
      }
      return (["__name__": "a_total", "k": "\(100 + number)"], samples)
    }
  }

  @Test(arguments: [
    "rate(a_total[1m])", "increase(a_total[95s] offset 7s)", "delta(a_total[1m])",
    "rate(a_total[1m] anchored)", "increase(a_total[1m] smoothed)", "irate(a_total[1m])",
    "resets(a_total[2m])", "changes(a_total[2m] anchored)", "sum_over_time(a_total[77s])",
    "avg_over_time(a_total[77s])", "max_over_time(a_total[1m])", "count_over_time(a_total[33s])",
    "last_over_time(a_total[1m])", "stddev_over_time(a_total[1m])", "deriv(a_total[2m])",
    "predict_linear(a_total[2m], 60)", "quantile_over_time(0.3, a_total[1m])",
    "rate(a_total[1m] @ 300)", "max_over_time(rate(a_total[1m])[2m:20s])",
  ])
  func aSeriesAmongOthersGivesWhatItGivesAlone(_ query: String) throws {
    func evaluate(_ series: [(labels: Labels, samples: SampleColumns)]) throws -> QueryResult {
      let store = InMemoryStore()
      for (labels, samples) in series { store.append(samples, to: labels) }
      return try Engine().rangeQuery(
        query, from: Timestamp(milliseconds: 0), through: Timestamp(milliseconds: 1_100_000),
        stepMilliseconds: 17_000, over: store)
    }
    for seed in UInt64(1)...3 {
      let series = Self.randomSeries(seed: seed)
      let together = try evaluate(series)
      var samplesQueried = 0
      var found: [Labels: [UInt64]] = [:]
      for one in series {
        let alone = try evaluate([one])
        samplesQueried += alone.statistics.samplesQueried
        found.merge(bits(of: alone.value)) { first, _ in first }
      }
      #expect(bits(of: together.value) == found, "seed \(seed)")
      #expect(together.statistics.samplesQueried == samplesQueried, "seed \(seed)")
    }
  }

  /// Times and values of each series, a histogram standing for its sum.
  private func bits(of value: QueryValue) -> [Labels: [UInt64]] {
    guard case .matrix(let matrix) = value else { return [:] }
    return Dictionary(
      uniqueKeysWithValues: matrix.map { series in
        let samples = series.samples
        return (
          series.labels,
          samples.timestamps.map { UInt64(bitPattern: $0) } + samples.values.map(\.bitsWithOneNaN)
            + samples.histograms.map { $0?.count.bitPattern ?? 0 }
        )
      })
  }
}
