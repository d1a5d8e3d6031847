/// The distribution of observations at a moment, with buckets that the schema
/// lays out.
///
/// Counts are floating-point numbers, also where the source counted in integers:
/// those are exact up to 2^53. Equality is of bit patterns, so that a NaN equals
/// itself.
///
/// Source: the native histograms of Prometheus.
public struct NativeHistogram: Sendable {
  /// How bucket bounds follow from bucket indices.
  ///
  /// -4...8: the bucket with index `i` reaches from `2^((i-1)·2^-schema)`,
  /// exclusive, to `2^(i·2^-schema)`, inclusive. ``customBoundsSchema``: the
  /// bounds are ``customBounds``.
  public var schema: Int
  /// Whether the source counts up, and whether it began anew.
  public var counterResetHint: CounterResetHint
  /// Half the width of the zero bucket, which reaches from minus to plus this,
  /// both inclusive.
  public var zeroThreshold: Double
  /// The observations in the zero bucket.
  public var zeroCount: Double
  /// The observations in all.
  public var count: Double
  /// The sum of the observations; the stale marker where the series has ended.
  public var sum: Double
  /// The buckets of positive observations, or all buckets with custom bounds.
  public var positiveBuckets: HistogramBuckets
  /// The buckets of negative observations, by absolute value; empty with custom
  /// bounds.
  public var negativeBuckets: HistogramBuckets
  /// The inclusive upper bounds of custom buckets, strictly ascending, without
  /// infinity, which the last bucket has; empty with other schemas.
  public var customBounds: [Double]

  /// The schema of buckets with bounds of their own.
  public static let customBoundsSchema = -53
  /// The schemas whose bounds are powers.
  public static let exponentialSchemas = -4...8

  /// The most buckets and custom bounds together that a store takes.
  public static let largestBucketCount = 10_000

  /// What is known of the counter behind a histogram at this sample.
  public enum CounterResetHint: UInt8, Hashable, Sendable, CaseIterable {
    /// The samples must be compared to find out.
    case unknown
    /// The counter began anew since the sample before.
    case reset
    /// The counter did not begin anew since the sample before.
    case notReset
    /// The histogram goes up and down.
    case gauge
  }

  /// Creates a histogram.
  public init(
    schema: Int = 0, counterResetHint: CounterResetHint = .unknown, zeroThreshold: Double = 0,
    zeroCount: Double = 0, count: Double = 0, sum: Double = 0,
    positiveBuckets: HistogramBuckets = HistogramBuckets(),
    negativeBuckets: HistogramBuckets = HistogramBuckets(), customBounds: [Double] = []
  ) {
    self.schema = schema
    self.counterResetHint = counterResetHint
    self.zeroThreshold = zeroThreshold
    self.zeroCount = zeroCount
    self.count = count
    self.sum = sum
    self.positiveBuckets = positiveBuckets
    self.negativeBuckets = negativeBuckets
    self.customBounds = customBounds
  }

  /// The number of buckets and custom bounds together.
  public var bucketAndBoundCount: Int {
    positiveBuckets.count + negativeBuckets.count + customBounds.count
  }

  /// True when the bounds are ``customBounds``.
  public var hasCustomBounds: Bool { schema == NativeHistogram.customBoundsSchema }

  /// The histogram that says a series has ended.
  public static let stale = NativeHistogram(sum: StaleMarker.value)
}

extension NativeHistogram: Hashable {
  public static func == (left: NativeHistogram, right: NativeHistogram) -> Bool {
    left.schema == right.schema && left.counterResetHint == right.counterResetHint
      && left.scalarBits == right.scalarBits && left.positiveBuckets == right.positiveBuckets
      && left.negativeBuckets == right.negativeBuckets
      && left.customBounds.elementsEqual(right.customBounds) { $0.bitPattern == $1.bitPattern }
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(schema)
    hasher.combine(counterResetHint)
    hasher.combine(scalarBits)
    hasher.combine(positiveBuckets)
    hasher.combine(negativeBuckets)
    for bound in customBounds { hasher.combine(bound.bitPattern) }
  }

  private var scalarBits: SIMD4<UInt64> {
    SIMD4(
      zeroThreshold.bitPattern, zeroCount.bitPattern, count.bitPattern, sum.bitPattern)
  }
}

/// The buckets of a native histogram that have observations.
///
/// Shape: `counts[i]` observations are in the bucket `indices[i]`.
public struct HistogramBuckets: Sendable {
  /// The indices of the buckets, strictly ascending.
  ///
  /// With custom bounds, index `i` is the bucket that ends at the bound `i`,
  /// counted from 0; the last one ends at infinity.
  public private(set) var indices: [Int32] = []
  /// The observations in each bucket; never 0.
  public private(set) var counts: [Double] = []

  /// Creates no buckets.
  public init() {}

  /// Creates buckets of columns that were checked: as many of one as of the
  /// other, the indices strictly ascending, no count 0.
  package init(checkedIndices: [Int32], counts: [Double]) {
    indices = checkedIndices
    self.counts = counts
  }

  /// The number of buckets that have observations.
  public var count: Int { indices.count }

  /// True when no bucket has an observation.
  public var isEmpty: Bool { indices.isEmpty }

  /// Appends a bucket; one without observations is left out.
  ///
  /// - Precondition: `index` is higher than every index before.
  public mutating func append(index: Int32, count: Double) {
    if let last = indices.last { precondition(last < index, "indices ascend") }
    guard count != 0 else { return }
    indices.append(index)
    counts.append(count)
  }

  /// Makes room for `count` buckets in all.
  public mutating func reserveCapacity(_ count: Int) {
    indices.reserveCapacity(count)
    counts.reserveCapacity(count)
  }
}

extension HistogramBuckets: Hashable {
  public static func == (left: HistogramBuckets, right: HistogramBuckets) -> Bool {
    left.indices == right.indices
      && left.counts.elementsEqual(right.counts) { $0.bitPattern == $1.bitPattern }
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(indices)
    for count in counts { hasher.combine(count.bitPattern) }
  }
}
