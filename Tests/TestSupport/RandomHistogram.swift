import SeriesModel

extension NativeHistogram {
  /// A histogram of any shape that a store takes, sound or not.
  package static func random(using generator: inout some RandomNumberGenerator) -> NativeHistogram {
    let hasCustomBounds = generator.number(below: 4) == 0
    let count: (inout SystemOrSeeded) -> Double =
      generator.flip()
      ? { Double($0.number(below: 1000) + 1) }
      : { $0.pick([0.5, -1, .nan, .infinity, 0x1p53, 1e300, Double($0.number(below: 99) + 1)]) }
    var source = SystemOrSeeded(&generator)
    var histogram = NativeHistogram(
      schema: hasCustomBounds ? customBoundsSchema : source.number(below: 13) - 4,
      counterResetHint: source.pick(CounterResetHint.allCases),
      zeroThreshold: source.pick([0, 1e-128, 0.001]),
      zeroCount: source.pick([0, -0.0, 3, 2.5]), count: count(&source),
      sum: source.pick([0, 12.5, -1, .nan, StaleMarker.value, Double(source.number(below: 999))]),
      positiveBuckets: buckets(
        from: hasCustomBounds ? 0 : source.number(below: 100) - 50, count: count, &source))
    if hasCustomBounds {
      histogram.customBounds = (0..<source.number(below: 30)).map { Double($0) / 8 }
    } else if source.flip() {
      histogram.negativeBuckets = buckets(
        from: source.pick([Int(Int32.min), 0, Int(Int32.max) - 200]), count: count, &source)
    }
    return histogram
  }

  private static func buckets(
    from first: Int, count: (inout SystemOrSeeded) -> Double, _ source: inout SystemOrSeeded
  ) -> HistogramBuckets {
    var buckets = HistogramBuckets()
    for index in first..<first + source.number(below: 40) where source.number(below: 5) > 0 {
      buckets.append(index: Int32(index), count: count(&source))
    }
    return buckets
  }

  /// What the histogram is some observations later.
  package func grown(using generator: inout some RandomNumberGenerator) -> NativeHistogram {
    var grown = self
    grown.positiveBuckets = HistogramBuckets()
    for (index, old) in zip(positiveBuckets.indices, positiveBuckets.counts) {
      let added = Double(generator.number(below: 4))
      grown.positiveBuckets.append(index: index, count: old + added)
      grown.count += added
      grown.sum += added * 0.125
    }
    return grown
  }
}

/// A generator that others are seeded from, so that closures can name its type.
private struct SystemOrSeeded: RandomNumberGenerator {
  private var seeded: SeededGenerator

  init(_ generator: inout some RandomNumberGenerator) {
    seeded = SeededGenerator(seed: generator.next())
  }

  mutating func next() -> UInt64 { seeded.next() }
}
