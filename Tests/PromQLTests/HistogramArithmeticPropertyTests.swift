import SeriesModel
import TestSupport
import Testing

@testable import PromQL

/// What holds for the arithmetic of all histograms.
@Suite struct HistogramArithmeticPropertyTests {
  static let seeds: [UInt64] = Array(1...40)

  /// A histogram whose observations are known one by one.
  private struct Observed {
    var values: [Double]

    /// The bucket of each observation, found by comparing with the bounds.
    func histogram(schema: Int, zeroThreshold: Double) -> NativeHistogram {
      var positive: [Int32: Double] = [:]
      var negative: [Int32: Double] = [:]
      var histogram = NativeHistogram(schema: schema, zeroThreshold: zeroThreshold)
      for value in values {
        histogram.count += 1
        histogram.sum += value
        if value.magnitude <= zeroThreshold {
          histogram.zeroCount += 1
          continue
        }
        var index: Int32 = -40 << max(0, Int32(schema))
        while BucketBounds.exponential(index, schema: schema) < value.magnitude { index += 1 }
        if value > 0 { positive[index, default: 0] += 1 } else { negative[index, default: 0] += 1 }
      }
      for (index, count) in positive.sorted(by: { $0.key < $1.key }) {
        histogram.positiveBuckets.append(index: index, count: count)
      }
      for (index, count) in negative.sorted(by: { $0.key < $1.key }) {
        histogram.negativeBuckets.append(index: index, count: count)
      }
      return histogram
    }
  }

  private static func observed(_ generator: inout SeededGenerator) -> Observed {
    Observed(
      values: (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        Double(Int.random(in: -64...64, using: &generator)) / 8
      })
  }

  @Test(arguments: seeds)
  func additionMergesObservations(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let first = Self.observed(&generator)
    let second = Self.observed(&generator)
    let schemas = (0..<2).map { _ in Int.random(in: -2...3, using: &generator) }
    // Thresholds at bounds of every schema, which cut no bucket in two.
    let thresholds = [0, 0.25, 1].shuffled(using: &generator)
    let left = first.histogram(schema: schemas[0], zeroThreshold: 0)
    let right = second.histogram(schema: schemas[1], zeroThreshold: 0)
    let expected = Observed(values: first.values + second.values)
      .histogram(schema: min(schemas[0], schemas[1]), zeroThreshold: 0)
    #expect(left.adding(right)?.value.hasSameData(as: expected) == true)
    #expect(right.adding(left)?.value.hasSameData(as: expected) == true)
    // With schema 0, whose bounds are powers of two, zero buckets widen exactly.
    let wide = first.histogram(schema: 0, zeroThreshold: thresholds[0])
    let narrow = second.histogram(schema: 0, zeroThreshold: thresholds[1])
    let merged = Observed(values: first.values + second.values)
      .histogram(schema: 0, zeroThreshold: max(thresholds[0], thresholds[1]))
    #expect(wide.adding(narrow)?.value.hasSameData(as: merged) == true)
  }

  @Test(arguments: seeds)
  func reducingCommutesWithAdding(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let left = Self.observed(&generator).histogram(schema: 3, zeroThreshold: 0)
    let right = Self.observed(&generator).histogram(schema: 2, zeroThreshold: 0)
    let added = try #require(left.adding(right)).value
    let reduced = try #require(left.reduced(to: 0).adding(right.reduced(to: 0))).value
    #expect(added.reduced(to: 0) == reduced)
  }

  @Test(arguments: seeds)
  func subtractionUndoesAddition(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let left = Self.observed(&generator).histogram(schema: 1, zeroThreshold: 0)
    let right = Self.observed(&generator).histogram(schema: 1, zeroThreshold: 0)
    let sum = try #require(left.adding(right)).value
    #expect(try #require(sum.subtracting(right)).value.hasSameData(as: left))
    // A counter that takes in more observations is not reset, whatever its
    // resolution becomes; one that loses some is.
    #expect(sum.isReset(since: left) == false)
    #expect(sum.reduced(to: -1).isReset(since: left) == false)
    if right.count > 0 { #expect(left.isReset(since: sum)) }
  }

  @Test(arguments: seeds)
  func orderOfAdditionsDoesNotMatter(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    // Counts whose plain sum depends on the order.
    var histograms = (0..<6).map { _ in
      var histogram = Self.observed(&generator).histogram(schema: 0, zeroThreshold: 0)
      histogram.sum = [1e100, -1e100, 1, 3, 5].randomElement(using: &generator) ?? 0
      return histogram
    }
    func total() -> NativeHistogram {
      var sum = HistogramSum(histograms[0])
      for histogram in histograms.dropFirst() { _ = sum.add(histogram) }
      return sum.value
    }
    let expected = total()
    histograms.shuffle(using: &generator)
    #expect(total().hasSameData(as: expected))
  }

  @Test(arguments: seeds)
  func customBucketsMeetInCommonBounds(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    func histogram() -> NativeHistogram {
      var histogram = NativeHistogram(schema: NativeHistogram.customBoundsSchema)
      histogram.customBounds = [1, 2, 3, 4, 5].filter { _ in Bool.random(using: &generator) }
      for index in 0...histogram.customBounds.count {
        let count = Double(Int.random(in: 0...3, using: &generator))
        histogram.positiveBuckets.append(index: Int32(index), count: count)
        histogram.count += count
      }
      return histogram
    }
    func below(_ bound: Double, _ histogram: NativeHistogram) -> Double {
      histogram.ascendingBuckets.filter { $0.upper <= bound }.reduce(0) { $0 + $1.count }
    }
    let left = histogram()
    let right = histogram()
    let sum = try #require(left.adding(right))
    let common = left.customBounds.filter(right.customBounds.contains)
    #expect(sum.value.customBounds == common)
    #expect(sum.remarks.boundsDiffered == (left.customBounds != right.customBounds))
    for bound in common + [.infinity] {
      #expect(below(bound, sum.value) == below(bound, left) + below(bound, right))
    }
    #expect(sum.value.isReset(since: left) == false)
  }

  @Test(arguments: seeds)
  func fractionsInvertQuantiles(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let histogram = Self.observed(&generator).histogram(schema: 1, zeroThreshold: 0.125)
    guard histogram.count > 0 else { return }
    for rank in [0.1, 0.37, 0.5, 0.81] {
      let value = histogram.quantile(rank).value
      let share = histogram.fraction(from: -.infinity, through: value).value
      #expect((share - rank).magnitude < 1e-9, "\(rank)-quantile \(value) of \(histogram)")
    }
  }

  @Test(arguments: seeds)
  func trimsAreComplements(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let histogram = Self.observed(&generator).histogram(schema: 0, zeroThreshold: 0.125)
    for bound in [-3.0, -0.1, 0.05, 1, 2.7] {
      let below = histogram.trimmed(keeping: .below, of: bound)
      let above = histogram.trimmed(keeping: .above, of: bound)
      #expect((below.count + above.count - histogram.count).magnitude < 1e-9)
      #expect(below.ascendingBuckets.allSatisfy { $0.lower < bound })
      #expect(above.ascendingBuckets.allSatisfy { $0.upper > bound })
    }
  }

  @Test func meansOfHugeHistogramsStayFinite() {
    let huge = NativeHistogram(count: 1e308, sum: 1.5e308)
    var mean = HistogramMean(huge)
    for _ in 0..<4 { _ = mean.add(huge) }
    #expect((mean.value.count / 1e308 - 1).magnitude < 1e-12)
    #expect((mean.value.sum / 1.5e308 - 1).magnitude < 1e-12)
  }
}
