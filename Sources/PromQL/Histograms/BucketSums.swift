import SeriesModel

/// Buckets whose counts are running sums that carry their rounding errors
/// along.
///
/// Shape: `sums[i]` is the count of the bucket `indices[i]`. A sum may be zero,
/// since its correction may not be.
struct BucketSums {
  /// The indices, strictly ascending.
  private(set) var indices: [Int32] = []
  /// The counts.
  private(set) var sums: [CompensatedSum] = []

  /// Starts with `buckets`.
  init(_ buckets: HistogramBuckets) {
    indices = buckets.indices
    sums = buckets.counts.map { CompensatedSum($0) }
  }

  /// Starts with no bucket.
  init() {}

  private mutating func append(_ index: Int32, _ sum: CompensatedSum) {
    indices.append(index)
    sums.append(sum)
  }

  /// Adds buckets of the same schema.
  ///
  /// - Parameter sign: 1 to add and -1 to subtract.
  mutating func add(_ other: BucketSums, sign: Double) {
    if other.indices.isEmpty { return }
    if indices == other.indices {
      for position in sums.indices { sums[position].add(other.sums[position], sign: sign) }
      return
    }
    var merged = BucketSums()
    merged.indices.reserveCapacity(indices.count + other.indices.count)
    merged.sums.reserveCapacity(indices.count + other.indices.count)
    var position = 0
    for (otherPosition, index) in other.indices.enumerated() {
      while position < indices.count, indices[position] < index {
        merged.append(indices[position], sums[position])
        position += 1
      }
      let otherSum = other.sums[otherPosition]
      if position < indices.count, indices[position] == index {
        var sum = sums[position]
        sum.add(otherSum, sign: sign)
        merged.append(index, sum)
        position += 1
      } else {
        merged.append(
          index, CompensatedSum(sign * otherSum.sum, correction: sign * otherSum.correction))
      }
    }
    while position < indices.count {
      merged.append(indices[position], sums[position])
      position += 1
    }
    self = merged
  }

  /// Merges buckets into those of a coarser schema.
  func reduced(from schema: Int, to target: Int) -> BucketSums {
    if schema == target { return self }
    var merged = BucketSums()
    for (position, index) in indices.enumerated() {
      let reduced = BucketBounds.reduced(index, from: schema, to: target)
      if merged.indices.last == reduced {
        merged.sums[merged.sums.count - 1].add(sums[position], sign: 1)
      } else {
        merged.append(reduced, sums[position])
      }
    }
    return merged
  }

  /// The buckets without the lowest ones, those for which `isDropped` holds.
  func droppingLowest(while isDropped: (Int32) -> Bool) -> BucketSums {
    let first = indices.firstIndex { isDropped($0) == false } ?? indices.count
    if first == 0 { return self }
    var kept = BucketSums()
    kept.indices = Array(indices[first...])
    kept.sums = Array(sums[first...])
    return kept
  }

  /// Moves each bucket between `bounds` to the bucket between fewer bounds that
  /// holds it.
  ///
  /// - Parameter target: Some of `bounds`.
  func moved(from bounds: [Double], to target: [Double]) -> BucketSums {
    var merged = BucketSums()
    var next = 0
    for (position, index) in indices.enumerated() {
      if index < 0 {
        next = 0
      } else if Int(index) < bounds.count {
        while next < target.count, target[next] < bounds[Int(index)] { next += 1 }
      } else {
        next = target.count
      }
      if let last = merged.indices.last, Int(last) == next {
        merged.sums[merged.sums.count - 1].add(sums[position], sign: 1)
      } else {
        merged.append(Int32(next), sums[position])
      }
    }
    return merged
  }

  /// Changes every number.
  mutating func map(_ transform: (Double) -> Double) {
    for position in sums.indices { sums[position].map(transform) }
  }

  /// Removes every bucket.
  mutating func removeAll() { self = BucketSums() }

  /// The buckets with their counts.
  var buckets: HistogramBuckets {
    var buckets = HistogramBuckets()
    buckets.reserveCapacity(indices.count)
    for position in indices.indices {
      buckets.append(index: indices[position], count: sums[position].value)
    }
    return buckets
  }
}

extension CompensatedSum {
  /// Adds another sum, its correction included.
  mutating func add(_ other: CompensatedSum, sign: Double) {
    add(sign * other.sum)
    if other.correction != 0 { add(sign * other.correction) }
  }

  /// Changes the sum and its correction.
  mutating func map(_ transform: (Double) -> Double) {
    sum = transform(sum)
    correction = transform(correction)
  }
}
