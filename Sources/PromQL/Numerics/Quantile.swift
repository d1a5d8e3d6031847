/// The `rank`-quantile of `values`, interpolated between the two nearest.
///
/// NaN counts as smaller than every number. `values` is left sorted.
///
/// - Returns: NaN for no values or a NaN rank; infinity of either sign for a
///   rank outside 0...1.
func quantile(_ rank: Double, of values: inout [Double]) -> Double {
  values.sort(by: precedesInQuantile)
  return quantile(rank, ofSorted: values)
}

/// The `rank`-quantile of `values`, which ``precedesInQuantile(_:_:)`` has
/// sorted.
///
/// - Returns: As ``quantile(_:of:)``.
func quantile(_ rank: Double, ofSorted values: [Double]) -> Double {
  guard values.isEmpty == false, rank.isNaN == false else { return .nan }
  if rank < 0 { return -.infinity }
  if rank > 1 { return .infinity }
  let last = Double(values.count - 1)
  let position = rank * last
  let lower = max(0, position.rounded(.down))
  let upper = min(last, lower + 1)
  let weight = position - position.rounded(.down)
  return values[Int(lower)] * (1 - weight) + values[Int(upper)] * weight
}

/// True when the first value comes before the second in the order of which
/// quantiles are taken.
@inline(__always)
func precedesInQuantile(_ left: Double, _ right: Double) -> Bool {
  left < right || (left.isNaN && right.isNaN == false)
}

/// The median of the distances from the median.
///
/// - Returns: NaN for no values, or when one of them is NaN.
func medianAbsoluteDeviation(of values: [Double]) -> Double {
  var sorted = values
  let median = quantile(0.5, of: &sorted)
  for index in sorted.indices {
    sorted[index] = (sorted[index] - median).magnitude
  }
  return quantile(0.5, of: &sorted)
}
