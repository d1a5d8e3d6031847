/// A running sum that carries the rounding error of its additions along.
///
/// Source: Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation
/// endlicher Summen", ZAMM 54 (1974); differs from it in forgetting the
/// correction once the sum is infinite, so that infinity stays infinity.
struct CompensatedSum {
  /// The sum without the correction.
  var sum: Double
  /// What has to be added to ``sum``.
  var correction: Double

  /// Starts with `first`, which is taken as it is.
  init(_ first: Double = 0, correction: Double = 0) {
    sum = first
    self.correction = correction
  }

  /// Adds `value`.
  @inline(__always)
  mutating func add(_ value: Double) {
    let total = sum + value
    if total.isInfinite {
      correction = 0
    } else if sum.magnitude >= value.magnitude {
      correction += (sum - total) + value
    } else {
      correction += (value - total) + sum
    }
    sum = total
  }

  /// The sum with its correction.
  var value: Double { sum + correction }
}

/// A running mean.
///
/// It divides the compensated sum by the count as long as the sum is finite,
/// which is the most accurate way, and goes over to moving the mean value by
/// value once the sum would overflow.
struct CompensatedMean {
  private var total: CompensatedSum
  private var count: Double
  private var isIncremental = false

  /// Starts with `first`, which is taken as it is.
  init(_ first: Double) {
    total = CompensatedSum(first)
    count = 1
  }

  /// Adds `value`.
  mutating func add(_ value: Double) {
    count += 1
    if isIncremental == false {
      var next = total
      next.add(value)
      if next.sum.isInfinite == false {
        total = next
        return
      }
      isIncremental = true
      total.sum /= count - 1
      total.correction /= count - 1
    }
    let weight = (count - 1) / count
    total = CompensatedSum(weight * total.sum, correction: weight * total.correction)
    total.add(value / count)
  }

  /// The mean of the values so far.
  var value: Double {
    isIncremental ? total.value : total.sum / count + total.correction / count
  }
}

/// The variance of a whole population, value by value, compensated.
///
/// Source: Welford, "Note on a method for calculating corrected sums of
/// squares and products", Technometrics 4 (1962).
struct CompensatedVariance {
  private var count = 0.0
  private var mean = CompensatedSum()
  private var squares = CompensatedSum()

  /// Adds `value`.
  mutating func add(_ value: Double) {
    count += 1
    let delta = value - mean.value
    mean.add(delta / count)
    squares.add(delta * (value - mean.value))
  }

  /// The variance of the values so far; NaN when there is none.
  var value: Double { squares.value / count }
}
