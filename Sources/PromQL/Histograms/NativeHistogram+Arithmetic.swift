import SeriesModel

extension NativeHistogram {
  /// The histogram with every number multiplied; by a negative one it is no
  /// counter any more.
  func multiplied(by factor: Double) -> NativeHistogram {
    var result = mapNumbers { $0 * factor }
    if factor < 0 { result.counterResetHint = .gauge }
    return result
  }

  /// The histogram with every number divided; division by zero leaves no
  /// buckets.
  func divided(by divisor: Double) -> NativeHistogram {
    var result = mapNumbers { $0 / divisor }
    if divisor == 0 {
      result.positiveBuckets = HistogramBuckets()
      result.negativeBuckets = HistogramBuckets()
    } else if divisor < 0 {
      result.counterResetHint = .gauge
    }
    return result
  }

  private func mapNumbers(_ transform: (Double) -> Double) -> NativeHistogram {
    var result = self
    result.zeroCount = transform(zeroCount)
    result.count = transform(count)
    result.sum = transform(sum)
    result.positiveBuckets = positiveBuckets.mapCounts(transform)
    result.negativeBuckets = negativeBuckets.mapCounts(transform)
    return result
  }

  /// The sum of the two; nil when only one has custom bounds.
  func adding(_ other: NativeHistogram) -> (value: NativeHistogram, remarks: HistogramSum.Remarks)?
  {
    var sum = HistogramSum(self)
    guard let remarks = sum.add(other) else { return nil }
    return (sum.value, remarks)
  }

  /// The difference of the two; nil when only one has custom bounds.
  func subtracting(
    _ other: NativeHistogram
  ) -> (value: NativeHistogram, remarks: HistogramSum.Remarks)? {
    var sum = HistogramSum(self)
    guard let remarks = sum.subtract(other) else { return nil }
    return (sum.value, remarks)
  }

  /// True when the two have the same observations in the same layout; what is
  /// known of the counter does not matter.
  func hasSameData(as other: NativeHistogram) -> Bool {
    var other = other
    other.counterResetHint = counterResetHint
    return self == other
  }

  /// The histogram with its buckets merged into those of a coarser schema.
  func reduced(to target: Int) -> NativeHistogram {
    if target == schema { return self }
    var result = self
    result.schema = target
    result.positiveBuckets =
      BucketSums(positiveBuckets).reduced(from: schema, to: target).buckets
    result.negativeBuckets =
      BucketSums(negativeBuckets).reduced(from: schema, to: target).buckets
    return result
  }

  /// A histogram without observations in the layout of this one.
  var emptied: NativeHistogram {
    NativeHistogram(schema: schema, customBounds: customBounds)
  }
}

// MARK: Counter resets

extension NativeHistogram {
  /// True when the counter began anew since `previous`.
  ///
  /// The hint decides if there is one. Otherwise any count that is lower says
  /// so, and so does a finer layout, which can't come from adding observations.
  func isReset(since previous: NativeHistogram) -> Bool {
    switch counterResetHint {
    case .reset: true
    case .notReset: false
    case .unknown, .gauge: hasFallen(since: previous)
    }
  }

  private func hasFallen(since previous: NativeHistogram) -> Bool {
    if count < previous.count { return true }
    if hasCustomBounds {
      guard previous.hasCustomBounds else { return true }
      return hasFallenBetweenCommonBounds(since: previous)
    }
    // No exponential histogram follows one with custom bounds.
    if previous.hasCustomBounds || schema > previous.schema { return true }
    if zeroThreshold < previous.zeroThreshold { return true }
    if schema == previous.schema, zeroThreshold == previous.zeroThreshold,
      previous.hasBucketsWithinZeroBucket == false
    {
      return zeroCount < previous.zeroCount
        || positiveBuckets.hasFallen(since: previous.positiveBuckets)
        || negativeBuckets.hasFallen(since: previous.negativeBuckets)
    }
    var previousPositive = BucketSums(previous.positiveBuckets)
    var previousNegative = BucketSums(previous.negativeBuckets)
    var previousZero = ZeroBucket(
      threshold: previous.zeroThreshold, count: CompensatedSum(previous.zeroCount))
    if zeroThreshold != previous.zeroThreshold {
      previousZero = previousZero.widened(
        to: zeroThreshold, over: previousPositive, previousNegative, schema: previous.schema)
      // No observation can leave a bucket for the zero bucket.
      if previousZero.threshold != zeroThreshold { return true }
    }
    if zeroCount < previousZero.count.value { return true }
    previousPositive = previousPositive.reduced(from: previous.schema, to: schema)
    previousNegative = previousNegative.reduced(from: previous.schema, to: schema)
    if zeroThreshold > 0 {
      let isWithin = { [schema, zeroThreshold] (index: Int32) in
        BucketBounds.exponential(index, schema: schema) <= zeroThreshold
      }
      previousPositive = previousPositive.droppingLowest(while: isWithin)
      previousNegative = previousNegative.droppingLowest(while: isWithin)
    }
    return positiveBuckets.hasFallen(since: previousPositive.buckets)
      || negativeBuckets.hasFallen(since: previousNegative.buckets)
  }

  /// True when a bucket ends within the zero bucket, of which its observations
  /// are part.
  private var hasBucketsWithinZeroBucket: Bool {
    [positiveBuckets, negativeBuckets].contains { buckets in
      buckets.indices.first.map {
        BucketBounds.exponential($0, schema: schema) <= zeroThreshold
      } ?? false
    }
  }

  private func hasFallenBetweenCommonBounds(since previous: NativeHistogram) -> Bool {
    if customBounds == previous.customBounds {
      return positiveBuckets.hasFallen(since: previous.positiveBuckets)
    }
    let common = customBounds.commonValues(with: previous.customBounds)
    let buckets = BucketSums(positiveBuckets).moved(from: customBounds, to: common).buckets
    let previousBuckets = BucketSums(previous.positiveBuckets)
      .moved(from: previous.customBounds, to: common).buckets
    return buckets.hasFallen(since: previousBuckets)
  }
}

extension HistogramBuckets {
  /// True when a bucket has fewer observations than before.
  fileprivate func hasFallen(since previous: HistogramBuckets) -> Bool {
    var position = 0
    for (previousPosition, index) in previous.indices.enumerated() {
      while position < count, indices[position] < index { position += 1 }
      let isThere = position < count && indices[position] == index
      let before = previous.counts[previousPosition]
      if isThere ? counts[position] < before : before != 0 { return true }
    }
    return false
  }
}
