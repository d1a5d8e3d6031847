import SeriesModel

/// A running sum of native histograms that carries the rounding errors of its
/// additions along.
///
/// Histograms of different layouts meet in what both can be brought to: the
/// coarser schema, the wider zero bucket, and the bounds that both have.
struct HistogramSum {
  /// What is worth a remark about an addition.
  struct Remarks {
    /// One histogram followed a reset of its counter and the other did not.
    var hintsCollide = false
    /// Custom bounds differed, and only those in both are left.
    var boundsDiffered = false

    /// Takes in what was found about another addition.
    mutating func merge(_ other: Remarks) {
      if other.hintsCollide { hintsCollide = true }
      if other.boundsDiffered { boundsDiffered = true }
    }
  }

  private var schema: Int
  private var counterResetHint: NativeHistogram.CounterResetHint
  private var zero: ZeroBucket
  private var count: CompensatedSum
  private var sum: CompensatedSum
  private var positive: BucketSums
  private var negative: BucketSums
  private var customBounds: [Double]

  /// Starts with `first`, which is taken as it is.
  init(_ first: NativeHistogram) {
    schema = first.schema
    counterResetHint = first.counterResetHint
    zero = ZeroBucket(
      threshold: first.zeroThreshold, count: CompensatedSum(first.zeroCount))
    count = CompensatedSum(first.count)
    sum = CompensatedSum(first.sum)
    positive = BucketSums(first.positiveBuckets)
    negative = BucketSums(first.negativeBuckets)
    customBounds = first.customBounds
  }

  /// Adds `other`.
  ///
  /// - Returns: What is remarkable; nil when only one of the two has custom
  ///   bounds, in which case nothing is added.
  mutating func add(_ other: NativeHistogram) -> Remarks? { combine(with: other, sign: 1) }

  /// Subtracts `other`.
  ///
  /// - Returns: As for ``add(_:)``.
  mutating func subtract(_ other: NativeHistogram) -> Remarks? { combine(with: other, sign: -1) }

  private var hasCustomBounds: Bool { schema == NativeHistogram.customBoundsSchema }

  private mutating func combine(with other: NativeHistogram, sign: Double) -> Remarks? {
    guard hasCustomBounds == other.hasCustomBounds else { return nil }
    var remarks = Remarks()
    remarks.hintsCollide = adoptHint(other.counterResetHint)
    count.add(sign * other.count)
    sum.add(sign * other.sum)
    if hasCustomBounds {
      remarks.boundsDiffered = combineCustom(with: other, sign: sign)
    } else {
      combineExponential(with: other, sign: sign)
    }
    return remarks
  }

  /// - Returns: True when the hints contradict each other.
  private mutating func adoptHint(_ other: NativeHistogram.CounterResetHint) -> Bool {
    switch (counterResetHint, other) {
    case (let own, let other) where own == other: break
    case (.gauge, _), (.unknown, .reset), (.unknown, .notReset): break
    case (_, .gauge): counterResetHint = .gauge
    case (_, .unknown): counterResetHint = .unknown
    default:
      counterResetHint = .unknown
      return true
    }
    return false
  }

  private mutating func combineCustom(with other: NativeHistogram, sign: Double) -> Bool {
    let buckets = BucketSums(other.positiveBuckets)
    if customBounds == other.customBounds {
      positive.add(buckets, sign: sign)
      return false
    }
    let common = customBounds.commonValues(with: other.customBounds)
    positive = positive.moved(from: customBounds, to: common)
    positive.add(buckets.moved(from: other.customBounds, to: common), sign: sign)
    customBounds = common
    return true
  }

  private mutating func combineExponential(with other: NativeHistogram, sign: Double) {
    var otherZero = ZeroBucket(
      threshold: other.zeroThreshold, count: CompensatedSum(other.zeroCount))
    var otherPositive = BucketSums(other.positiveBuckets)
    var otherNegative = BucketSums(other.negativeBuckets)
    if zero.threshold != otherZero.threshold {
      widenZeroBuckets(&otherZero, otherPositive, otherNegative, schema: other.schema)
    }
    zero.count.add(otherZero.count, sign: sign)

    let target = min(schema, other.schema)
    positive = positive.reduced(from: schema, to: target)
    negative = negative.reduced(from: schema, to: target)
    otherPositive = otherPositive.reduced(from: other.schema, to: target)
    otherNegative = otherNegative.reduced(from: other.schema, to: target)
    schema = target
    if zero.threshold > 0 {
      // These observations are part of the zero bucket already.
      let isWithin = { [threshold = zero.threshold] (index: Int32) in
        BucketBounds.exponential(index, schema: target) <= threshold
      }
      otherPositive = otherPositive.droppingLowest(while: isWithin)
      otherNegative = otherNegative.droppingLowest(while: isWithin)
    }
    positive.add(otherPositive, sign: sign)
    negative.add(otherNegative, sign: sign)
  }

  /// Brings both zero buckets to one width that cuts no bucket in two.
  private mutating func widenZeroBuckets(
    _ other: inout ZeroBucket, _ otherPositive: BucketSums, _ otherNegative: BucketSums,
    schema otherSchema: Int
  ) {
    let original = other
    // A threshold that is no number equals nothing.
    while other.threshold != zero.threshold, other.threshold.isNaN == false,
      zero.threshold.isNaN == false
    {
      if zero.threshold > other.threshold {
        other = original.widened(
          to: zero.threshold, over: otherPositive, otherNegative, schema: otherSchema)
      }
      if other.threshold > zero.threshold {
        zero = zero.widened(to: other.threshold, over: positive, negative, schema: schema)
        let isWithin = { [threshold = zero.threshold, schema] (index: Int32) in
          BucketBounds.exponential(index &- 1, schema: schema) < threshold
        }
        positive = positive.droppingLowest(while: isWithin)
        negative = negative.droppingLowest(while: isWithin)
      }
    }
  }

  /// Multiplies the sum.
  mutating func multiply(by factor: Double) {
    map { $0 * factor }
    if factor < 0 { counterResetHint = .gauge }
  }

  /// Divides the sum; division by zero leaves no buckets.
  mutating func divide(by divisor: Double) {
    map { $0 / divisor }
    if divisor == 0 {
      positive.removeAll()
      negative.removeAll()
    } else if divisor < 0 {
      counterResetHint = .gauge
    }
  }

  private mutating func map(_ transform: (Double) -> Double) {
    zero.count.map(transform)
    count.map(transform)
    sum.map(transform)
    positive.map(transform)
    negative.map(transform)
  }

  /// True when a number of the sum is infinite.
  var overflows: Bool {
    zero.count.sum.isInfinite || count.sum.isInfinite || sum.sum.isInfinite
      || positive.sums.contains(where: \.sum.isInfinite)
      || negative.sums.contains(where: \.sum.isInfinite)
      || customBounds.contains(where: \.isInfinite)
  }

  /// The sum with its corrections.
  var value: NativeHistogram {
    NativeHistogram(
      schema: schema, counterResetHint: counterResetHint, zeroThreshold: zero.threshold,
      zeroCount: zero.count.value, count: count.value, sum: sum.value,
      positiveBuckets: positive.buckets, negativeBuckets: negative.buckets,
      customBounds: customBounds)
  }
}

/// The bucket around zero.
struct ZeroBucket {
  /// Half its width.
  var threshold: Double
  /// The observations in it.
  var count: CompensatedSum

  /// The zero bucket with at least the width of `wanted`, and the observations
  /// that it takes in from the buckets next to it.
  ///
  /// Where `wanted` lies within a bucket that has observations, the zero bucket
  /// takes that in whole.
  func widened(
    to wanted: Double, over positive: BucketSums, _ negative: BucketSums, schema: Int
  ) -> ZeroBucket {
    var result = ZeroBucket(threshold: wanted, count: count)
    while true {
      result.count = count
      result.take(positive, schema: schema)
      // The positive side was wrong if the negative one needs more width.
      if result.take(negative, schema: schema) == false { return result }
    }
  }

  /// - Returns: True when the width had to grow.
  @discardableResult
  private mutating func take(_ buckets: BucketSums, schema: Int) -> Bool {
    for (position, index) in buckets.indices.enumerated() {
      if BucketBounds.exponential(index &- 1, schema: schema) >= threshold { return false }
      count.add(buckets.sums[position], sign: 1)
      let upper = BucketBounds.exponential(index, schema: schema)
      guard upper > threshold else { continue }
      guard buckets.sums[position].value != 0 else { return false }
      threshold = upper
      return true
    }
    return false
  }
}

extension [Double] {
  /// The values that are in both ascending lists.
  func commonValues(with other: [Double]) -> [Double] {
    var common: [Double] = []
    var next = 0
    for value in self {
      while next < other.count, other[next] < value { next += 1 }
      if next < other.count, other[next] == value { common.append(value) }
    }
    return common
  }
}

/// A running mean of native histograms.
///
/// As ``CompensatedMean``, it divides the sum as long as that is finite.
struct HistogramMean {
  private var total: HistogramSum
  private var count = 1.0
  private var isIncremental = false

  /// Starts with `first`, which is taken as it is.
  init(_ first: NativeHistogram) {
    total = HistogramSum(first)
  }

  /// Adds `histogram`.
  ///
  /// - Returns: As for ``HistogramSum/add(_:)``.
  mutating func add(_ histogram: NativeHistogram) -> HistogramSum.Remarks? {
    count += 1
    if isIncremental == false {
      var next = total
      guard let remarks = next.add(histogram) else { return nil }
      if next.overflows == false {
        total = next
        return remarks
      }
      isIncremental = true
      total.divide(by: count - 1)
    }
    total.multiply(by: (count - 1) / count)
    return total.add(histogram.divided(by: count))
  }

  /// The mean of the histograms so far.
  var value: NativeHistogram {
    if isIncremental { return total.value }
    var mean = total
    mean.divide(by: count)
    return mean.value
  }
}
