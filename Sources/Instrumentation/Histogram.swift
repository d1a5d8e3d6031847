/// Counts observed values in buckets, and their sum.
///
/// Observing takes a search over the bounds and two atomic additions, and no
/// lock. The number of values written is always the sum of the buckets written;
/// the sum of the values may miss one that is being observed.
public final class Histogram: Sendable {
  private let bounds: [Double]
  /// One count for each bound and one for what lies above all of them.
  private let counts: AtomicCounts
  private let total = AtomicDouble()
  private let bucketLinePrefixes: [[UInt8]]
  private let sumLinePrefix: [UInt8]
  private let countLinePrefix: [UInt8]

  init(_ name: SeriesName, bounds: [Double]) {
    self.bounds = bounds
    counts = AtomicCounts(count: bounds.count + 1)
    let buckets = name.suffixed("_bucket")
    bucketLinePrefixes = (bounds + [.infinity]).map { bound in
      buckets.adding(labels: [("le", ExpositionText.float(bound))]).linePrefix()
    }
    sumLinePrefix = name.suffixed("_sum").linePrefix()
    countLinePrefix = name.suffixed("_count").linePrefix()
  }

  /// Counts `value` in the first bucket whose bound is not below it.
  ///
  /// NaN goes to the last bucket and makes the sum NaN.
  ///
  /// - Complexity: O(*b*) in the number of buckets.
  public func observe(_ value: Double) {
    var index = 0
    while index < bounds.count, (value <= bounds[index]) == false { index += 1 }
    counts.increment(at: index)
    total.add(value)
  }

  /// Counts `duration` in seconds.
  public func observe(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    observe(Double(seconds) + Double(attoseconds) * 1e-18)
  }

  /// Runs `body` and counts the seconds it took, also when it throws.
  public func time<Result: ~Copyable, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let start = ContinuousClock.now
    defer { observe(ContinuousClock.now - start) }
    return try body()
  }

  /// The number of values observed.
  public var count: UInt64 {
    (0...bounds.count).reduce(0) { $0 &+ counts[$1] }
  }

  /// The sum of the values observed.
  public var sum: Double { total.value }
}

extension Histogram: RegisteredMetric {
  func appendSamples(to output: inout [UInt8]) {
    var cumulative: UInt64 = 0
    for (index, linePrefix) in bucketLinePrefixes.enumerated() {
      cumulative &+= counts[index]
      ExpositionText.appendLine(linePrefix, Double(cumulative), to: &output)
    }
    ExpositionText.appendLine(sumLinePrefix, total.value, to: &output)
    ExpositionText.appendLine(countLinePrefix, Double(cumulative), to: &output)
  }
}
