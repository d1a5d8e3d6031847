import Glibc
import SeriesModel

/// One bucket of a native histogram, with its bounds.
package struct HistogramBucket {
  /// The lower bound.
  package var lower: Double
  /// The upper bound.
  package var upper: Double
  /// True when an observation of exactly ``lower`` is in the bucket.
  package var includesLower: Bool
  /// True when an observation of exactly ``upper`` is in the bucket.
  package var includesUpper: Bool
  /// The observations in the bucket.
  package var count: Double
}

/// The bounds of buckets, as the schema of a histogram lays them out.
///
/// Any index is answered: indices come from the network, and the last ones wrap.
enum BucketBounds {
  /// `fractions[schema][i]` is 2^(i / 2^schema) / 2.
  private static let fractions: [[Double]] = (0...8).map { schema in
    let count = 1 << schema
    return (0..<count).map { exp2(Double($0) / Double(count)) / 2 }
  }

  /// The upper bound, by absolute value, of the bucket `index` of an
  /// exponential schema.
  ///
  /// The bucket before that of infinity ends at the largest number, so that
  /// only infinity itself is beyond.
  static func exponential(_ index: Int32, schema: Int) -> Double {
    guard schema <= 8 else { return exp2(scalbn(Double(index), Int32(clamping: -schema))) }
    let index = Int(index)
    if schema < 0 {
      let exponent = index << -schema
      return exponent == 1024 ? .greatestFiniteMagnitude : scalbn(1, Int32(clamping: exponent))
    }
    let table = fractions[schema]
    let fraction = table[index & (table.count - 1)]
    let exponent = (index >> schema) + 1
    if fraction == 0.5, exponent == 1025 { return .greatestFiniteMagnitude }
    return scalbn(fraction, Int32(clamping: exponent))
  }

  /// The upper bound of the bucket `index` between bounds of a histogram's own.
  static func custom(_ index: Int32, bounds: [Double]) -> Double {
    if index < 0 { return -.infinity }
    return Int(index) < bounds.count ? bounds[Int(index)] : .infinity
  }

  /// The index, in a coarser schema, of the bucket that holds the bucket
  /// `index`.
  static func reduced(_ index: Int32, from schema: Int, to target: Int) -> Int32 {
    ((index &- 1) >> Int32(schema - target)) &+ 1
  }
}

extension NativeHistogram {
  /// The buckets that have observations, from the lowest bound to the highest,
  /// the zero bucket among them.
  ///
  /// Where a bucket reaches into the zero bucket, it ends there.
  package var ascendingBuckets: [HistogramBucket] {
    var buckets: [HistogramBucket] = []
    buckets.reserveCapacity(positiveBuckets.count + negativeBuckets.count + 1)
    for position in negativeBuckets.indices.indices.reversed() {
      var bucket = negativeBucket(at: position)
      if bucket.upper < 0, bucket.upper > -zeroThreshold { bucket.upper = -zeroThreshold }
      buckets.append(bucket)
    }
    if zeroCount > 0 { buckets.append(zeroBucket) }
    for position in positiveBuckets.indices.indices {
      var bucket = positiveBucket(at: position)
      if bucket.lower > 0, bucket.lower < zeroThreshold { bucket.lower = zeroThreshold }
      buckets.append(bucket)
    }
    return buckets
  }

  /// The bucket around zero.
  var zeroBucket: HistogramBucket {
    HistogramBucket(
      lower: -zeroThreshold, upper: zeroThreshold, includesLower: true, includesUpper: true,
      count: zeroCount)
  }

  /// The bucket at a position of ``positiveBuckets``.
  func positiveBucket(at position: Int) -> HistogramBucket {
    let index = positiveBuckets.indices[position]
    let count = positiveBuckets.counts[position]
    if hasCustomBounds {
      return HistogramBucket(
        lower: BucketBounds.custom(index &- 1, bounds: customBounds),
        upper: BucketBounds.custom(index, bounds: customBounds), includesLower: index == 0,
        includesUpper: true, count: count)
    }
    return HistogramBucket(
      lower: BucketBounds.exponential(index &- 1, schema: schema),
      upper: BucketBounds.exponential(index, schema: schema), includesLower: false,
      includesUpper: true, count: count)
  }

  /// The bucket at a position of ``negativeBuckets``.
  func negativeBucket(at position: Int) -> HistogramBucket {
    let index = negativeBuckets.indices[position]
    return HistogramBucket(
      lower: -BucketBounds.exponential(index, schema: schema),
      upper: -BucketBounds.exponential(index &- 1, schema: schema), includesLower: true,
      includesUpper: false, count: negativeBuckets.counts[position])
  }

  /// How many samples the histogram counts as against limits: one for each 16
  /// bytes that Prometheus would need for it.
  var sampleCost: Int {
    let runs = positiveBuckets.runCount + negativeBuckets.runCount
    let numbers = positiveBuckets.count + negativeBuckets.count + customBounds.count
    return (176 + 8 * (runs + numbers)) / 16
  }
}

extension HistogramBuckets {
  /// How often buckets without a gap between them begin.
  fileprivate var runCount: Int {
    guard var last = indices.first else { return 0 }
    var count = 1
    for index in indices.dropFirst() {
      if index != last + 1 { count += 1 }
      last = index
    }
    return count
  }

  /// The buckets with each count changed; those left without observations are
  /// gone.
  func mapCounts(_ transform: (Double) -> Double) -> HistogramBuckets {
    var buckets = HistogramBuckets()
    buckets.reserveCapacity(count)
    for position in indices.indices {
      buckets.append(index: indices[position], count: transform(counts[position]))
    }
    return buckets
  }
}
