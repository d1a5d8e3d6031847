import SeriesModel

/// Why a native histogram is refused.
///
/// The sentences are those of Prometheus where it has one.
package enum HistogramProblem: Error, Equatable, Sendable {
  /// The schema is none that there is.
  case unknownSchema(Int32)
  /// There are more buckets and custom bounds than
  /// `NativeHistogram.largestBucketCount`.
  case tooManyBuckets
  /// A bucket's index does not fit 32 bits.
  case indexOutOfRange
  /// The spans of a side are of another number of buckets than there are counts.
  case spansMismatch(side: Side, spans: UInt64, counts: Int)
  /// A span, counted from 1, overlaps the one before.
  case negativeOffset(side: Side, span: Int, offset: Int32)
  /// A bucket, counted from 1, has a negative count.
  case negativeCount(side: Side, bucket: Int, count: Double)
  /// The zero bucket has a negative count.
  case negativeZeroCount(Double)
  /// The count of all observations is negative.
  case negativeTotal
  /// The count of all observations is less than those in the buckets; with a sum
  /// that is NaN, where some are in no bucket.
  case totalTooSmall(found: UInt64, total: UInt64)
  /// The count of all observations is not that of those in the buckets.
  case totalMismatch(found: UInt64, total: UInt64)
  /// A custom bound is NaN.
  case boundIsNaN
  /// A custom bound is not above the one before.
  case boundsNotAscending(Double, Double)
  /// The last custom bound is infinite.
  case boundIsInfinite
  /// The buckets reach beyond the last custom bound and the one after.
  case tooFewBounds(count: Int, needed: UInt64)
  /// A histogram with custom bounds has a zero bucket.
  case customWithZeroCount
  /// A histogram with custom bounds has a zero threshold.
  case customWithZeroThreshold
  /// A histogram with custom bounds has negative buckets.
  case customWithNegativeBuckets
  /// A histogram of another schema has custom bounds.
  case exponentialWithBounds

  /// Which buckets are meant.
  package enum Side: String, Sendable {
    /// Those of positive observations.
    case positive = "positive side"
    /// Those of negative observations.
    case negative = "negative side"
    /// Those with bounds of their own.
    case custom = "custom buckets"
  }
}

extension HistogramProblem: CustomStringConvertible {
  /// What is wrong, in words.
  package var description: String {
    switch self {
    case .unknownSchema(let schema):
      "histogram has an unknown schema, which must be between -4 and 8 for exponential buckets, "
        + "of which 9 to 52 are reduced to 8, or -53 for custom buckets, got schema \(schema)"
    case .tooManyBuckets:
      "histogram has more than \(NativeHistogram.largestBucketCount) buckets and custom bounds"
    case .indexOutOfRange:
      "histogram has a bucket whose index does not fit 32 bits"
    case .spansMismatch(let side, let spans, let counts):
      "\(side.rawValue): spans need \(spans) buckets, have \(counts) buckets: histogram spans "
        + "specify different number of buckets than provided"
    case .negativeOffset(let side, let span, let offset):
      "\(side.rawValue): span number \(span) with offset \(offset): histogram has a span whose "
        + "offset is negative"
    case .negativeCount(let side, let bucket, let count):
      "\(side.rawValue): bucket number \(bucket) has observation count of \(count): histogram has "
        + "a bucket whose observation count is negative"
    case .negativeZeroCount(let count):
      "zero bucket has observation count of \(count): histogram has a bucket whose observation "
        + "count is negative"
    case .negativeTotal:
      "histogram's observation count is negative"
    case .totalTooSmall(let found, let total):
      "\(found) observations found in buckets, but the Count field is \(total): histogram's "
        + "observation count should be at least the number of observations found in the buckets"
    case .totalMismatch(let found, let total):
      "\(found) observations found in buckets, but the Count field is \(total): histogram's "
        + "observation count should equal the number of observations found in the buckets "
        + "(in absence of NaN)"
    case .boundIsNaN:
      "custom buckets: histogram custom bounds must not be NaN"
    case .boundsNotAscending(let previous, let bound):
      "custom buckets: previous bound is \(previous) and current is \(bound): histogram custom "
        + "bounds must be in strictly increasing order"
    case .boundIsInfinite:
      "custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds "
        + "must be finite"
    case .tooFewBounds(let count, let needed):
      "custom buckets: only \(count) custom bounds defined which is insufficient to cover total "
        + "span length of \(needed): histogram custom bounds are too few"
    case .customWithZeroCount:
      "custom buckets: must have zero count of 0"
    case .customWithZeroThreshold:
      "custom buckets: must have zero threshold of 0"
    case .customWithNegativeBuckets:
      "custom buckets: must not have negative buckets"
    case .exponentialWithBounds:
      "histogram with exponential schema must not have custom bounds"
    }
  }
}
