import Glibc
import SeriesModel

/// An estimate from buckets.
struct HistogramEstimate {
  /// The estimate.
  var value: Double
  /// What observations that are no numbers do to it.
  var effectOfNaN = EffectOfNaN.none

  enum EffectOfNaN {
    case none
    /// They count as the highest observations, so the estimate is too high.
    case skews
    /// They leave no estimate.
    case decides
    /// They are in no bucket and so in no share.
    case isLeftOut
  }
}

extension NativeHistogram {
  /// The mean of the observations.
  var mean: Double { sum / count }

  /// The `rank`-quantile of the observations.
  ///
  /// Within exponential buckets observations are taken to lie evenly on a
  /// logarithmic scale, within the zero bucket and custom buckets on a linear
  /// one.
  func quantile(_ rank: Double) -> HistogramEstimate {
    if rank < 0 { return HistogramEstimate(value: -.infinity) }
    if rank > 1 { return HistogramEstimate(value: .infinity) }
    if count == 0 || rank.isNaN { return HistogramEstimate(value: .nan) }
    // Observations that are no numbers are in `count` but in no bucket, so that
    // only the way up meets the right bucket.
    let goesUp = sum.isNaN || rank < 0.5
    let buckets = ascendingBuckets
    var wanted = (goesUp ? rank : 1 - rank) * count
    var passed = 0.0
    var rest = 0.0
    var found: HistogramBucket?
    for position in buckets.indices {
      let bucket = buckets[goesUp ? position : buckets.count - 1 - position]
      if found != nil, passed >= wanted {
        rest += bucket.count
        continue
      }
      guard bucket.count != 0 else { continue }
      found = bucket
      passed += bucket.count
    }
    guard var bucket = hasCustomBounds ? found : found.map(narrowedByEmptySide) else {
      if wanted == 0 { return HistogramEstimate(value: .nan) }
      return sum.isNaN
        ? HistogramEstimate(value: .nan, effectOfNaN: .decides) : HistogramEstimate(value: 0)
    }
    if hasCustomBounds {
      if bucket.lower == -.infinity {
        if bucket.upper <= 0 { return HistogramEstimate(value: bucket.upper) }
        bucket.lower = 0
      } else if bucket.upper == .infinity {
        return HistogramEstimate(value: bucket.lower)
      }
    }
    passed = min(passed, count)
    if passed < wanted {
      return sum.isNaN
        ? HistogramEstimate(value: .nan, effectOfNaN: .decides)
        : HistogramEstimate(value: bucket.upper)
    }
    wanted = goesUp ? wanted - (passed - bucket.count) : passed - wanted
    return HistogramEstimate(
      value: bucket.value(atShare: wanted / bucket.count, isLinear: hasCustomBounds),
      effectOfNaN: sum.isNaN && passed + rest < count ? .skews : .none)
  }

  /// The share of the observations between `lower` and `upper`, estimated as by
  /// ``quantile(_:)``.
  func fraction(from lower: Double, through upper: Double) -> HistogramEstimate {
    if count == 0 || lower.isNaN || upper.isNaN { return HistogramEstimate(value: .nan) }
    if lower >= upper { return HistogramEstimate(value: 0) }
    var below = 0.0
    var lowerRank: Double?
    var upperRank: Double?
    let buckets = ascendingBuckets
    for bucket in buckets {
      let bucket = narrowedByEmptySide(bucket)
      for (bound, isLower) in [(lower, true), (upper, false)] {
        if (isLower ? lowerRank : upperRank) != nil { continue }
        var rank: Double?
        if bucket.lower >= bound {
          rank = below
        } else if bucket.upper > bound {
          rank = below + bucket.count(below: bound, isLinear: hasCustomBounds)
        }
        if isLower { lowerRank = rank } else { upperRank = rank }
      }
      if lowerRank != nil, upperRank != nil { break }
      below += bucket.count
    }
    let inBuckets = sum.isNaN ? buckets.reduce(0) { $0 + $1.count } : count
    let lowest = min(lowerRank ?? inBuckets, inBuckets)
    let highest = min(upperRank ?? inBuckets, inBuckets)
    return HistogramEstimate(
      value: (highest - lowest) / count,
      effectOfNaN: sum.isNaN && inBuckets < count ? .isLeftOut : .none)
  }

  /// The variance of the observations, each taken for the middle of its bucket.
  var variance: Double {
    let mean = mean
    var variance = CompensatedSum()
    for bucket in ascendingBuckets {
      let middle: Double
      if hasCustomBounds {
        middle = (bucket.upper + bucket.lower) / 2
      } else if bucket.lower <= 0, bucket.upper >= 0 {
        middle = 0
      } else {
        let magnitude = (bucket.upper * bucket.lower).squareRoot()
        middle = bucket.upper < 0 ? -magnitude : magnitude
      }
      let distance = middle - mean
      variance.add(bucket.count * distance * distance)
    }
    return variance.value / count
  }

  /// The bucket, cut at zero when it reaches over zero and there are
  /// observations on one side only; custom buckets are all on the positive one.
  private func narrowedByEmptySide(_ bucket: HistogramBucket) -> HistogramBucket {
    guard bucket.lower <= 0, bucket.upper >= 0 else { return bucket }
    var bucket = bucket
    if negativeBuckets.isEmpty, positiveBuckets.isEmpty == false { bucket.lower = 0 }
    if positiveBuckets.isEmpty, negativeBuckets.isEmpty == false { bucket.upper = 0 }
    return bucket
  }
}

extension HistogramBucket {
  private var holdsZero: Bool { lower <= 0 && upper >= 0 }

  /// The value below which a share of the bucket's observations lies.
  fileprivate func value(atShare share: Double, isLinear: Bool) -> Double {
    if isLinear || holdsZero { return lower + (upper - lower) * share }
    let logLower = log2(lower.magnitude)
    let logUpper = log2(upper.magnitude)
    if lower > 0 { return exp2(logLower + (logUpper - logLower) * share) }
    return -exp2(logUpper + (logLower - logUpper) * (1 - share))
  }

  /// The observations in the bucket below `bound`, which lies within it.
  func count(below bound: Double, isLinear: Bool) -> Double {
    if isLinear || holdsZero {
      // Nothing is known of the inside of a bucket without a lower end.
      return lower == -.infinity ? count : count * (bound - lower) / (upper - lower)
    }
    let logLower = log2(lower.magnitude)
    let logUpper = log2(upper.magnitude)
    let logBound = log2(bound.magnitude)
    let share =
      bound > 0
      ? (logBound - logLower) / (logUpper - logLower)
      : 1 - (logBound - logUpper) / (logLower - logUpper)
    return count * share
  }
}
