/// The cumulative buckets of one classic histogram at one moment.
struct ClassicBuckets {
  /// One bucket.
  struct Bucket {
    /// The inclusive upper bound.
    var upperBound: Double
    /// The observations up to the bound.
    var count: Double
  }

  /// What had to be changed so that counts never fall towards higher bounds.
  struct Repair {
    /// The lowest bound whose count was raised.
    var lowestBound: Double
    /// The highest bound whose count was raised.
    var highestBound: Double
    /// The most that a count was raised by.
    var largestDifference: Double
  }

  /// Relative differences below this come from rounding and are no change.
  private static let tolerance = 1e-12

  private var buckets: [Bucket]

  /// Sorts the buckets and adds up those with equal bounds.
  ///
  /// - Precondition: `unsorted` is not empty.
  init(_ unsorted: [Bucket]) {
    let sorted = unsorted.sorted { $0.upperBound < $1.upperBound }
    buckets = []
    buckets.reserveCapacity(sorted.count)
    for bucket in sorted {
      if let last = buckets.indices.last, buckets[last].upperBound == bucket.upperBound {
        buckets[last].count += bucket.count
      } else {
        buckets.append(bucket)
      }
    }
  }

  private var hasInfiniteBound: Bool { buckets.last?.upperBound == .infinity }

  /// The `rank`-quantile, linear within its bucket.
  ///
  /// - Returns: NaN without observations, without a bucket for +Inf or with it
  ///   alone; and what was repaired first, if anything.
  mutating func quantile(_ rank: Double) -> (value: Double, repair: Repair?) {
    if rank.isNaN { return (.nan, nil) }
    if rank < 0 { return (-.infinity, nil) }
    if rank > 1 { return (.infinity, nil) }
    guard hasInfiniteBound else { return (.nan, nil) }
    let repair = makeMonotonic()
    let last = buckets.count - 1
    let observations = buckets[last].count
    guard last >= 1, observations != 0 else { return (.nan, nil) }

    var wanted = rank * observations
    // Counts rise, so the first that suffices is found by bisection; a NaN
    // never suffices.
    var low = 0
    var high = last
    while low < high {
      let middle = (low + high) / 2
      if buckets[middle].count >= wanted { high = middle } else { low = middle + 1 }
    }
    if low == last { return (buckets[last - 1].upperBound, repair) }
    if low == 0, buckets[0].upperBound <= 0 { return (buckets[0].upperBound, repair) }
    var start = 0.0
    var count = buckets[low].count
    if low > 0 {
      start = buckets[low - 1].upperBound
      count -= buckets[low - 1].count
      wanted -= buckets[low - 1].count
    }
    return (start + (buckets[low].upperBound - start) * (wanted / count), repair)
  }

  /// The share of the observations between `lower` and `upper`, linear within
  /// buckets.
  ///
  /// - Returns: NaN without observations or without a bucket for +Inf, or for
  ///   a NaN bound.
  func fraction(from lower: Double, through upper: Double) -> Double {
    guard hasInfiniteBound, let count = buckets.last?.count, count != 0,
      lower.isNaN == false, upper.isNaN == false
    else { return .nan }
    if lower >= upper { return 0 }
    return (rank(of: upper) - rank(of: lower)) / count
  }

  /// The number of observations below `bound`.
  private func rank(of bound: Double) -> Double {
    let total = buckets[buckets.count - 1].count
    var below = 0.0
    var start = buckets[0].upperBound <= 0 ? -Double.infinity : 0
    for bucket in buckets {
      if start >= bound { return min(below, total) }
      if bucket.upperBound > bound {
        // Nothing is known about the inside of a bucket without a lower end.
        let rank =
          start == -.infinity
          ? bucket.count
          : below + (bucket.count - below) * (bound - start) / (bucket.upperBound - start)
        return rank > total ? total : rank
      }
      below = bucket.count
      start = bucket.upperBound
    }
    return total
  }

  /// Raises every count that is below the one before it.
  private mutating func makeMonotonic() -> Repair? {
    var repair: Repair?
    var previous = buckets[0].count
    for index in buckets.indices.dropFirst() {
      let count = buckets[index].count
      if count == previous { continue }
      if FloatOperations.areAlmostEqual(previous, count, tolerance: Self.tolerance) {
        buckets[index].count = previous
      } else if count < previous {
        let bound = buckets[index].upperBound
        let difference = previous - count
        repair = Repair(
          lowestBound: repair?.lowestBound ?? bound, highestBound: bound,
          largestDifference: max(repair?.largestDifference ?? 0, difference))
        buckets[index].count = previous
      } else {
        previous = count
      }
    }
    return repair
  }
}
