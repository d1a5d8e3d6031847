/// The `rank`-quantile of `values`, interpolated between the two nearest.
///
/// NaN counts as smaller than every number. `values` is left sorted.
///
/// - Returns: NaN for no values or a NaN rank; infinity of either sign for a
///   rank outside 0...1.
func quantile(_ rank: Double, of values: inout [Double]) -> Double {
  guard values.isEmpty == false, rank.isNaN == false else { return .nan }
  if rank < 0 { return -.infinity }
  if rank > 1 { return .infinity }
  values.sort { left, right in
    left < right || (left.isNaN && right.isNaN == false)
  }
  let last = Double(values.count - 1)
  let position = rank * last
  let lower = max(0, position.rounded(.down))
  let upper = min(last, lower + 1)
  let weight = position - position.rounded(.down)
  return values[Int(lower)] * (1 - weight) + values[Int(upper)] * weight
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
