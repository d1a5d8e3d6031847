import Numbers
import SeriesModel

extension NativeHistogram {
  /// The histogram as Prometheus writes it:
  /// `{count:3, sum:4.5, [-0.001,0.001]:1, (1,2]:2}`.
  var promQLText: String {
    var parts = ["count:" + floatText(count, as: .compact), "sum:" + floatText(sum, as: .compact)]
    var buckets = negativeBuckets.indices.indices.reversed().map { negativeBucket(at: $0) }
    if zeroCount != 0 { buckets.append(zeroBucket) }
    buckets += positiveBuckets.indices.indices.map { positiveBucket(at: $0) }
    for bucket in buckets {
      parts.append(
        (bucket.includesLower ? "[" : "(") + floatText(bucket.lower, as: .compact) + ","
          + floatText(bucket.upper, as: .compact) + (bucket.includesUpper ? "]" : ")") + ":"
          + floatText(bucket.count, as: .compact))
    }
    return "{" + parts.joined(separator: ", ") + "}"
  }
}
