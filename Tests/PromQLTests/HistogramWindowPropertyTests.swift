import PromQL
import SeriesModel
import TestSupport
import Testing

/// Functions of windows of histograms against the same of their counts as
/// numbers.
@Suite struct HistogramWindowPropertyTests {
  /// A counter as numbers, `c_total`, and as a histogram with all observations
  /// in one bucket, `h`.
  private static func store(seed: UInt64) -> InMemoryStore {
    var generator = SeededGenerator(seed: seed)
    var numbers = SampleColumns()
    var histograms = SampleColumns()
    var time: Int64 = 600_000
    var count = 0.0
    let hasStarts = Bool.random(using: &generator)
    for _ in 0..<60 {
      time += Int64.random(in: 1...40, using: &generator) * 1000
      count += Double(Int.random(in: 0...9, using: &generator))
      if Int.random(in: 0...9, using: &generator) == 0 {
        count = Double(Int.random(in: 0...5, using: &generator))
      }
      let start =
        hasStarts && Int.random(in: 0...2, using: &generator) == 0
        ? time - Int64.random(in: 0...40, using: &generator) * 1000 : 0
      if Int.random(in: 0...14, using: &generator) == 0 {
        numbers.append(timestampMilliseconds: time, value: StaleMarker.value)
        histograms.append(timestampMilliseconds: time, histogram: .stale)
        continue
      }
      var histogram = NativeHistogram(count: count, sum: 2 * count)
      histogram.positiveBuckets.append(index: 1, count: count)
      numbers.append(
        timestampMilliseconds: time, value: count, startTimestampMilliseconds: start)
      histograms.append(
        timestampMilliseconds: time, histogram: histogram, startTimestampMilliseconds: start)
    }
    let store = InMemoryStore()
    store.append(numbers, to: ["__name__": "c_total"])
    store.append(histograms, to: ["__name__": "h"])
    return store
  }

  @Test(arguments: [
    "rate($[1m])", "increase($[1m])", "delta($[1m])", "irate($[1m])", "idelta($[1m])",
    "increase($[1m] anchored)", "increase($[1m] smoothed)", "delta($[1m] smoothed)",
    "sum_over_time($[1m])", "avg_over_time($[1m])", "last_over_time($[1m])",
    "increase($[2m:20s])", "sum($)", "avg($ + $)", "$ * 3 - $", "-$",
  ])
  func countsGoOnAsNumbersDo(_ template: String) throws {
    for seed in UInt64(1)...15 {
      let store = Self.store(seed: seed)
      let numbers = try Self.evaluate(template, of: "c_total", over: store)
      let histograms = try Self.evaluate("histogram_count(\(template))", of: "h", over: store)
      let buckets = try Self.evaluate(
        "histogram_fraction(1, 2, \(template)) * histogram_count(\(template))", of: "h",
        over: store)
      #expect(numbers.count == histograms.count, "seed \(seed)")
      for (number, histogram) in zip(numbers, histograms) {
        #expect(number.time == histogram.time, "seed \(seed)")
        #expect(
          (number.value - histogram.value).magnitude <= 1e-9 * max(1, number.value.magnitude),
          "seed \(seed) at \(number.time): \(number.value) and \(histogram.value)")
      }
      for (histogram, bucket) in zip(histograms, buckets) where histogram.value > 0 {
        #expect(
          (bucket.value - histogram.value).magnitude
            <= 1e-9 * max(1, histogram.value.magnitude), "seed \(seed) at \(histogram.time)")
      }
    }
  }

  @Test(arguments: [
    "resets($[1m])", "changes($[1m])", "resets($[1m] anchored)", "changes($[1m] anchored)",
    "count_over_time($[1m])", "present_over_time($[1m])", "absent_over_time($[1m])",
    "ts_of_first_over_time($[1m])", "ts_of_last_over_time($[1m])", "timestamp($)",
    "start_timestamp($)", "count($)", "group($)", "absent($)",
  ])
  func whatIsCountedIsTheSame(_ template: String) throws {
    for seed in UInt64(1)...15 {
      let store = Self.store(seed: seed)
      let numbers = try Self.evaluate(template, of: "c_total", over: store)
      let histograms = try Self.evaluate(template, of: "h", over: store)
      #expect(numbers == histograms, "seed \(seed)")
    }
  }

  private struct Point: Equatable {
    var time: Int64
    var value: Double
  }

  private static func evaluate(
    _ template: String, of metric: String, over store: InMemoryStore
  ) throws -> [Point] {
    let query = template.split(separator: "$", omittingEmptySubsequences: false)
      .joined(separator: metric)
    let value = try Engine().rangeQuery(
      query, from: Timestamp(milliseconds: 600_000), through: Timestamp(milliseconds: 2_100_000),
      stepMilliseconds: 17_000, over: store
    ).value
    guard case .matrix(let matrix) = value else { return [] }
    return matrix.flatMap { series in
      zip(series.samples.timestamps, series.samples.values).map { Point(time: $0, value: $1) }
    }
  }
}
