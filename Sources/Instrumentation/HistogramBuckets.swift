/// The upper bounds of a histogram's buckets, each bound inclusive.
///
/// A last bucket without a bound, `+Inf`, is always there and need not be
/// named. The bounds must rise; a registry refuses them otherwise.
public struct HistogramBuckets: Hashable, Sendable, ExpressibleByArrayLiteral {
  /// The bounds, without `+Inf`.
  let finiteBounds: [Double]

  /// Bounds for the seconds a request over the network takes: 5 ms to 10 s.
  public static let `default`: HistogramBuckets = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
  ]

  /// Creates buckets with these bounds.
  public init(_ bounds: some Sequence<Double>) {
    var bounds = Array(bounds)
    if bounds.last == .infinity { bounds.removeLast() }
    finiteBounds = bounds
  }

  /// Creates buckets with these bounds.
  public init(arrayLiteral bounds: Double...) {
    self.init(bounds)
  }

  /// Creates `count` buckets, the first bound being `start` and each further
  /// one `width` higher.
  public static func linear(from start: Double, width: Double, count: Int) -> HistogramBuckets {
    HistogramBuckets((0..<max(0, count)).map { start + Double($0) * width })
  }

  /// Creates `count` buckets, the first bound being `start` and each further
  /// one `factor` times as high.
  public static func exponential(
    from start: Double, factor: Double, count: Int
  ) -> HistogramBuckets {
    var bound = start
    return HistogramBuckets(
      (0..<max(0, count)).map { _ in
        defer { bound *= factor }
        return bound
      })
  }

  /// True when the bounds are numbers and rise strictly.
  var isValid: Bool {
    finiteBounds.allSatisfy(\.isFinite) && zip(finiteBounds, finiteBounds.dropFirst()).allSatisfy(<)
  }
}
