/// A value that rises and falls.
///
/// Setting and adding take no lock.
public final class Gauge: Sendable {
  private let current = AtomicDouble()
  private let linePrefix: [UInt8]

  init(_ name: SeriesName) {
    linePrefix = name.linePrefix()
  }

  /// The value now; 0 until it is set.
  public var value: Double { current.value }

  /// Sets the value, which may be any double.
  public func set(to value: Double) {
    current.set(to: value)
  }

  /// Adds `amount`, which may be negative.
  public func increment(by amount: Double = 1) {
    current.add(amount)
  }

  /// Subtracts `amount`.
  public func decrement(by amount: Double = 1) {
    current.add(-amount)
  }
}

extension Gauge: RegisteredMetric {
  func appendSamples(to output: inout [UInt8]) {
    ExpositionText.appendLine(linePrefix, current.value, to: &output)
  }
}
