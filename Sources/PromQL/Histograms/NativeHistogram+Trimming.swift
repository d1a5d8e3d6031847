import Glibc
import SeriesModel

extension NativeHistogram {
  /// The side of a bound whose observations a trim keeps.
  enum TrimSide {
    /// Those at or below the bound.
    case below
    /// Those above the bound.
    case above
  }

  /// The histogram with the observations on one side of `bound` alone.
  ///
  /// The bucket that holds the bound is cut, its observations taken to lie as
  /// for quantiles. If anything was removed, count and sum are estimated anew
  /// from the buckets.
  func trimmed(keeping side: TrimSide, of bound: Double) -> NativeHistogram {
    var trim = Trim(side: side, bound: bound, isLinear: hasCustomBounds)
    var result = self
    result.positiveBuckets = trim.keep(of: positiveBuckets) { positiveBucket(at: $0) }
    result.negativeBuckets = trim.keep(of: negativeBuckets) { negativeBucket(at: $0) }
    if zeroCount > 0 {
      var bucket = zeroBucket
      if positiveBuckets.isEmpty, negativeBuckets.isEmpty == false { bucket.upper = 0 }
      if negativeBuckets.isEmpty, positiveBuckets.isEmpty == false { bucket.lower = 0 }
      result.zeroCount = trim.keep(ofZeroBucket: bucket)
    }
    guard trim.hasRemoved else { return self }
    result.count = trim.count
    result.sum = trim.sum
    return result
  }
}

/// Adds up what a trim keeps.
private struct Trim {
  let side: NativeHistogram.TrimSide
  let bound: Double
  let isLinear: Bool
  var count = 0.0
  var sum = 0.0
  var hasRemoved = false

  /// What is left of buckets of one sign.
  mutating func keep(
    of buckets: HistogramBuckets, bucketAt: (_ position: Int) -> HistogramBucket
  ) -> HistogramBuckets {
    var kept = HistogramBuckets()
    for (position, index) in buckets.indices.enumerated() {
      kept.append(index: index, count: keep(of: bucketAt(position)))
    }
    return kept
  }

  private mutating func keep(of bucket: HistogramBucket) -> Double {
    let isKept = side == .below ? bucket.upper <= bound : bucket.lower >= bound
    if isKept {
      add(bucket.count, around: middle(from: bucket.lower, through: bucket.upper, of: bucket))
      return bucket.count
    }
    // A bound that is no number keeps nothing.
    let isCut = side == .below ? bucket.lower < bound : bucket.upper > bound
    guard isCut else {
      hasRemoved = true
      return 0
    }
    let (count, middle) = cut(bucket)
    add(count, around: middle)
    if count != bucket.count { hasRemoved = true }
    return count
  }

  /// What is left of the zero bucket.
  mutating func keep(ofZeroBucket bucket: HistogramBucket) -> Double {
    let width = bucket.upper - bucket.lower
    let kept: Double
    let middle: Double
    switch side {
    case .below where bound <= bucket.lower, .above where bound >= bucket.upper:
      kept = 0
      middle = 0
    case .below where bound >= bucket.upper, .above where bound <= bucket.lower:
      kept = bucket.count
      middle = (bucket.lower + bucket.upper) / 2
    case .below:
      kept = bucket.count * ((bound - bucket.lower) / width)
      middle = (bucket.lower + bound) / 2
    case .above:
      kept = bucket.count * ((bucket.upper - bound) / width)
      middle = (bound + bucket.upper) / 2
    }
    if kept != bucket.count { hasRemoved = true }
    add(kept, around: middle)
    return kept
  }

  private mutating func add(_ observations: Double, around middle: Double) {
    count += observations
    sum += middle * observations
  }

  private func cut(_ bucket: HistogramBucket) -> (count: Double, middle: Double) {
    if bucket.lower == -.infinity { return cutLowest(bucket) }
    if bucket.upper == .infinity { return cutHighest(bucket) }
    let below = bucket.countBelow(bound, isLinear: isLinear)
    switch side {
    case .below: return (below, middle(from: bucket.lower, through: bound, of: bucket))
    case .above:
      return (bucket.count - below, middle(from: bound, through: bucket.upper, of: bucket))
    }
  }

  /// Cuts a bucket without a lower end, of which nothing is known unless it can
  /// be taken to begin at zero.
  private func cutLowest(_ bucket: HistogramBucket) -> (count: Double, middle: Double) {
    let hasPositiveEnd = bucket.upper > 0 && bucket.upper != .infinity
    switch side {
    case .below:
      if bound >= bucket.upper { return (bucket.count, 0) }
      if bound > 0, hasPositiveEnd { return (bucket.count * bound / bucket.upper, bound / 2) }
      if bucket.upper <= 0 { return (bucket.count, bound) }
    case .above:
      if bound <= bucket.lower { return (bucket.count, 0) }
      if bound >= 0, bucket.upper > bound, hasPositiveEnd {
        return (bucket.count * (1 - bound / bucket.upper), (bound + bucket.upper) / 2)
      }
    }
    return (0, bucket.upper.isInfinite ? 0 : bucket.upper)
  }

  /// Cuts a bucket without an upper end, of which nothing is known.
  private func cutHighest(_ bucket: HistogramBucket) -> (count: Double, middle: Double) {
    if side == .above, bound >= bucket.lower { return (bucket.count, bound) }
    return (0, bucket.lower.isInfinite ? 0 : bucket.lower)
  }

  /// What observations between two values within a bucket are taken to be.
  private func middle(
    from lower: Double, through upper: Double, of bucket: HistogramBucket
  ) -> Double {
    if lower.isInfinite {
      if upper.isInfinite { return 0 }
      return upper > 0 ? upper / 2 : upper
    }
    if upper.isInfinite { return lower }
    if isLinear { return (lower + upper) / 2 }
    let magnitude = (lower * upper).magnitude.squareRoot()
    return bucket.lower < 0 ? -magnitude : magnitude
  }
}

extension HistogramBucket {
  /// The observations below `bound`, also where it lies at an end of the
  /// bucket.
  fileprivate func countBelow(_ bound: Double, isLinear: Bool) -> Double {
    if bound <= lower { return 0 }
    if bound >= upper { return count }
    return count(below: bound, isLinear: isLinear)
  }
}
