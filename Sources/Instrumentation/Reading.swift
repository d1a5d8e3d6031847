/// A metric whose value a function returns each time it is written.
///
/// Register one with ``MetricDescriptor/gauge(_:help:reading:)`` or
/// ``MetricDescriptor/counter(_:help:reading:)``.
public final class Reading: Sendable {
  private let read: @Sendable () -> Double
  private let linePrefix: [UInt8]

  init(_ name: SeriesName, read: @escaping @Sendable () -> Double) {
    self.read = read
    linePrefix = name.linePrefix()
  }

  /// What the function returns now.
  public var value: Double { read() }
}

extension Reading: RegisteredMetric {
  func appendSamples(to output: inout [UInt8]) {
    ExpositionText.appendLine(linePrefix, read(), to: &output)
  }
}
