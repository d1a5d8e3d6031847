import Synchronization

/// A value that only rises, and starts at 0 with the process.
///
/// Adding takes one atomic instruction and no lock.
public final class Counter: Sendable {
  /// The sum of the whole amounts, apart from the others because one
  /// instruction adds to it.
  private let whole = Atomic<UInt64>(0)
  private let fractional = AtomicDouble()
  private let linePrefix: [UInt8]

  init(_ name: SeriesName) {
    linePrefix = name.linePrefix()
  }

  /// Adds `amount`.
  ///
  /// - Precondition: `amount` is not negative and a number; traps otherwise.
  public func increment(by amount: Double = 1) {
    precondition(amount >= 0, "a counter never falls")
    if let wholeAmount = UInt64(exactly: amount) {
      whole.wrappingAdd(wholeAmount, ordering: .relaxed)
    } else {
      fractional.add(amount)
    }
  }

  /// The sum of all amounts added.
  public var value: Double {
    Double(whole.load(ordering: .relaxed)) + fractional.value
  }
}

extension Counter: RegisteredMetric {
  func appendSamples(to output: inout [UInt8]) {
    ExpositionText.appendLine(linePrefix, value, to: &output)
  }
}
