import PromQL
import SeriesModel
import TestSupport
import Testing

/// Functions that slide over samples against the same worked out for each
/// window by itself.
@Suite struct WindowPropertyTests {
  private struct Window {
    var start: Int64
    var end: Int64
    var samples: [Sample]
    var values: [Double] { samples.map(\.value) }
  }

  private static let oracles: [String: @Sendable (Window) -> Double?] = [
    "increase(a_total[1m])": { extrapolatedIncrease($0) },
    "irate(a_total[1m])": { window in
      guard let last = window.samples.last, window.samples.count > 1 else { return nil }
      let previous = window.samples[window.samples.count - 2]
      let seconds =
        Double(last.timestamp.milliseconds - previous.timestamp.milliseconds) / 1000
      return (last.value < previous.value ? last.value : last.value - previous.value) / seconds
    },
    "max_over_time(a_total[1m])": { window in
      let numbers = window.values.filter { $0.isNaN == false }
      return window.samples.isEmpty ? nil : numbers.max() ?? .nan
    },
    "min_over_time(a_total[1m])": { window in
      let numbers = window.values.filter { $0.isNaN == false }
      return window.samples.isEmpty ? nil : numbers.min() ?? .nan
    },
    "count_over_time(a_total[1m])": { window in
      window.samples.isEmpty ? nil : Double(window.samples.count)
    },
    "resets(a_total[1m])": { window in
      let pairs = zip(window.values, window.values.dropFirst())
      return window.samples.isEmpty ? nil : Double(pairs.count { $1 < $0 })
    },
    "last_over_time(a_total[1m])": { $0.values.last },
    "sum_over_time(a_total[1m])": { window in
      window.samples.isEmpty ? nil : neumaierSum(window.values)
    },
  ]

  @Test(arguments: oracles.keys.sorted())
  func slidingEqualsEachWindowByItself(_ query: String) throws {
    let oracle = try #require(Self.oracles[query])
    for seed in UInt64(1)...20 {
      let store = EquivalencePropertyTests.randomStore(seed: seed)
      let grid = stride(from: Int64(0), through: 1_500_000, by: 13_000)
      let value = try Engine().rangeQuery(
        query, from: Timestamp(milliseconds: 0), through: Timestamp(milliseconds: 1_500_000),
        stepMilliseconds: 13_000, over: store
      ).value
      for labels in try store.series(of: []) where labels.metricName == "a_total" {
        let samples = try store.samples(of: labels).filter { $0.value.isStaleMarker == false }
        for time in grid {
          let inside = samples.filter {
            (time - 59_999...time).contains($0.timestamp.milliseconds)
          }
          let window = Window(start: time - 60_000, end: time, samples: inside)
          let keepsName = query.hasPrefix("last")
          let found = value.samples(at: time)[keepsName ? labels : labels.withoutMetricName]
          #expect(found == oracle(window)?.bitsWithOneNaN, "seed \(seed), \(labels) at \(time)")
        }
      }
    }
  }

  private static func extrapolatedIncrease(_ window: Window) -> Double? {
    guard let first = window.samples.first, let last = window.samples.last,
      window.samples.count > 1
    else { return nil }
    var change = last.value - first.value
    for (previous, value) in zip(window.values, window.values.dropFirst())
    where value < previous {
      change += previous
    }
    let firstTime = first.timestamp.milliseconds
    let lastTime = last.timestamp.milliseconds
    let sampled = Double(lastTime - firstTime) / 1000
    let average = sampled / Double(window.samples.count - 1)
    var before = Double(firstTime - window.start) / 1000
    var after = Double(window.end - lastTime) / 1000
    if before >= average * 1.1 { before = average / 2 }
    if change > 0, first.value >= 0 { before = min(before, sampled * (first.value / change)) }
    if after >= average * 1.1 { after = average / 2 }
    return change * ((sampled + before + after) / sampled)
  }

  private static func neumaierSum(_ values: [Double]) -> Double {
    var sum = 0.0
    var correction = 0.0
    for value in values {
      let total = sum + value
      correction +=
        abs(sum) >= abs(value) ? (sum - total) + value : (value - total) + sum
      sum = total
    }
    return sum + correction
  }
}

extension InMemoryStore {
  /// All samples of one series.
  func samples(of labels: Labels) throws -> [Sample] {
    let matchers = labels.map { Matcher($0.name, .equal, $0.value) }
    let selection = SeriesSelection(matchers: matchers, start: .earliest, end: .latest)
    let set = try snapshot(of: [selection]).seriesSets[0]
    var columns = SampleColumns()
    for index in 0..<set.count where set.labels(at: index) == labels {
      try set.makeCursor().read(seriesAt: index, into: &columns)
    }
    return columns.timestamps.indices.map {
      Sample(milliseconds: columns.timestamps[$0], value: columns.values[$0])
    }
  }
}
