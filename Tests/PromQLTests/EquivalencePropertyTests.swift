import PromQL
import SeriesModel
import TestSupport
import Testing

/// Ways of evaluating that must agree, over random series.
@Suite struct EquivalencePropertyTests {
  /// Series with gaps, stale markers, resets, NaN and fractions.
  static func randomStore(seed: UInt64) -> InMemoryStore {
    var generator = SeededGenerator(seed: seed)
    let store = InMemoryStore()
    for name in ["a_total", "b"] {
      for series in 0..<4 {
        let labels: Labels = ["__name__": name, "k": "\(series)", "g": "\(series % 2)"]
        let isWhole = Bool.random(using: &generator)
        var samples: [Sample] = []
        var time = Int64.random(in: 0..<60_000, using: &generator)
        var value = 0.0
        for _ in 0..<80 {
          time += Int64.random(in: 5_000...20_000, using: &generator)
          switch Int.random(in: 0..<24, using: &generator) {
          case 0: samples.append(Sample(milliseconds: time, value: StaleMarker.value))
          case 1: samples.append(Sample(milliseconds: time, value: .nan))
          case 2: time += 200_000
          case 3: value = 0
          default:
            let rise = Double.random(in: -1...9, using: &generator)
            value += isWhole ? rise.rounded() : rise
            samples.append(Sample(milliseconds: time, value: value))
          }
        }
        store.append(samples, to: labels)
      }
    }
    return store
  }

  static let queries = [
    "a_total", "a_total offset 35s", "a_total smoothed", "-b", "b > 20", "b > bool 20",
    "rate(a_total[1m])", "increase(a_total[45s])", "delta(b[2m])", "irate(a_total[1m])",
    "rate(a_total[1m] anchored)", "increase(a_total[1m] smoothed)", "changes(b[1m] anchored)",
    "sum_over_time(b[77s])", "avg_over_time(b[77s])", "min_over_time(b[77s])",
    "max_over_time(b[77s])", "ts_of_max_over_time(b[77s])", "ts_of_min_over_time(b[77s])",
    "stddev_over_time(b[77s])", "quantile_over_time(0.3, b[77s])", "mad_over_time(b[77s])",
    "changes(b[2m])", "resets(b[2m])", "deriv(b[2m])", "predict_linear(b[2m], 60)",
    "double_exponential_smoothing(b[2m], 0.3, 0.6)", "last_over_time(b[1m])",
    "count_over_time(b[1m])", "absent_over_time(b[10s])", "absent(b)", "scalar(b{k=\"1\"})",
    "sum by (g) (rate(a_total[1m]))", "avg(b)", "quantile by (g) (0.4, b)", "stddev(b)",
    "topk by (g) (1, b)", "bottomk(3, b)", "limitk(2, b)", "limit_ratio(0.5, b)",
    "count_values(\"v\", round(b))", "max without (k) (b)", "a_total + on(k) b",
    "b * on(g) group_left sum by (g) (a_total)", "a_total - on(k) fill(1) b{g=\"0\"}",
    "b and on(k) a_total > 10", "b or a_total", "b unless on(k) a_total{g=\"1\"}",
    "max_over_time(rate(a_total[1m])[2m:20s])", "sum_over_time(b[1m:7s] offset 13s)",
    "b @ 300 + on(k) group_left b", "timestamp(b)", "hour(b * 1000)", "time() * 2",
    "histogram_quantile(0.5, label_replace(b, \"le\", \"$1\", \"k\", \"(.*)\"))",
    "label_join(b, \"n\", \"-\", \"k\", \"g\")", "clamp(b, 5, time() / 20)",
  ]

  @Test(arguments: queries)
  func rangeQueryEqualsInstantQueriesAtItsSteps(_ query: String) throws {
    let engine = Engine()
    for seed in UInt64(1)...3 {
      let store = Self.randomStore(seed: seed)
      let range = try engine.rangeQuery(
        query, from: Timestamp(milliseconds: -10_000), through: Timestamp(milliseconds: 1_400_000),
        stepMilliseconds: 47_000, over: store)
      for time in stride(from: Int64(-10_000), through: 1_400_000, by: 47_000) {
        let instant = try engine.instantQuery(
          query, at: Timestamp(milliseconds: time), over: store)
        #expect(
          range.value.samples(at: time) == instant.value.samples(at: time),
          "seed \(seed), time \(time)")
      }
    }
  }

  @Test(arguments: queries)
  func widerStepsGiveTheSameValues(_ query: String) throws {
    let engine = Engine()
    let store = Self.randomStore(seed: 7)
    func evaluate(step: Int64) throws -> QueryValue {
      try engine.rangeQuery(
        query, from: Timestamp(milliseconds: 60_000), through: Timestamp(milliseconds: 1_260_000),
        stepMilliseconds: step, over: store
      ).value
    }
    let narrow = try evaluate(step: 10_000)
    let wide = try evaluate(step: 120_000)
    for time in stride(from: Int64(60_000), through: 1_260_000, by: 120_000) {
      #expect(narrow.samples(at: time) == wide.samples(at: time), "time \(time)")
    }
  }
}

extension QueryValue {
  /// The bits of the values at `time`, by labels.
  func samples(at time: Int64) -> [Labels: UInt64] {
    switch self {
    case .scalar(let sample): return [Labels(): sample.value.bitsWithOneNaN]
    case .string: return [:]
    case .vector(let elements):
      return Dictionary(
        uniqueKeysWithValues: elements.map { ($0.labels, $0.sample.value.bitsWithOneNaN) })
    case .matrix(let matrix):
      var found: [Labels: UInt64] = [:]
      for series in matrix {
        if let index = series.samples.timestamps.firstIndex(of: time) {
          found[series.labels] = series.samples.values[index].bitsWithOneNaN
        }
      }
      return found
    }
  }
}

extension Double {
  /// The bits, all NaN being one: which of two NaN a sum keeps is up to the
  /// processor.
  var bitsWithOneNaN: UInt64 { isNaN ? Double.nan.bitPattern : bitPattern }
}
