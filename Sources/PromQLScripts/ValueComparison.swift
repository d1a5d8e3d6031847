import SeriesModel

/// When a value counts as the one that was expected.
enum ValueComparison {
  /// The largest relative difference that rounding may make.
  private static let tolerance = 0.000_001

  /// Whether two numbers differ by rounding at most; a NaN equals every NaN of
  /// its kind, stale or not.
  static func areClose(_ left: Double, _ right: Double) -> Bool {
    if left.isNaN, right.isNaN { return left.isStaleMarker == right.isStaleMarker }
    if left == right { return true }
    guard left.isFinite, right.isFinite else { return false }
    let magnitude = left.magnitude + right.magnitude
    let difference = (left - right).magnitude
    if left == 0 || right == 0 || magnitude < Double.leastNormalMagnitude {
      return difference < tolerance * Double.leastNormalMagnitude
    }
    return difference / min(magnitude, .greatestFiniteMagnitude) < tolerance
  }

  /// Whether a step has what was expected of it.
  static func areClose(_ expected: NotedValue?, _ found: NotedValue?) -> Bool {
    switch (expected, found) {
    case (nil, nil): true
    case (.number(let expected), .number(let found)): areClose(expected, found)
    case (.histogram(let expected, let tellsHint), .histogram(let found, _)):
      areClose(expected, found)
        && (tellsHint == false || agree(expected.counterResetHint, found.counterResetHint))
    default: false
    }
  }

  /// Whether a hint is the expected one. A histogram that leaves open whether
  /// its counter began anew says so to whoever compares it with the one before:
  /// that is no contradiction.
  private static func agree(
    _ expected: NativeHistogram.CounterResetHint, _ found: NativeHistogram.CounterResetHint
  ) -> Bool {
    expected == found || (found == .unknown && expected != .gauge)
  }

  /// Whether two histograms have the same layout and nearly the same
  /// observations.
  private static func areClose(_ left: NativeHistogram, _ right: NativeHistogram) -> Bool {
    left.schema == right.schema && left.customBounds == right.customBounds
      && left.zeroThreshold == right.zeroThreshold && areClose(left.zeroCount, right.zeroCount)
      && areClose(left.count, right.count) && areClose(left.sum, right.sum)
      && areClose(left.positiveBuckets, right.positiveBuckets)
      && areClose(left.negativeBuckets, right.negativeBuckets)
  }

  private static func areClose(_ left: HistogramBuckets, _ right: HistogramBuckets) -> Bool {
    left.indices == right.indices && zip(left.counts, right.counts).allSatisfy(areClose)
  }
}
