import Glibc

/// Measures how long work takes.
enum Timing {
  /// A repetition runs its work as often as this many nanoseconds need.
  private static let shortestRepetitionNanoseconds = 50_000_000.0

  /// The processor time that all threads used so far, in nanoseconds.
  static var processorNanoseconds: Double {
    var time = timespec()
    // Safety: the call writes one `timespec`, which lives here.
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }

  /// The milliseconds that `body` takes by the clock on the wall.
  static func wallMilliseconds(_ body: () throws -> Void) rethrows -> Double {
    let (seconds, attoseconds) = try ContinuousClock().measure(body).components
    return Double(seconds) * 1e3 + Double(attoseconds) / 1e15
  }

  /// The processor time of `body` in nanoseconds.
  static func processorNanoseconds(of body: () throws -> Void) rethrows -> Double {
    let start = processorNanoseconds
    try body()
    return processorNanoseconds - start
  }

  /// Measures the processor time of short work, and counts its allocations.
  ///
  /// The first run warms up and tells how often a repetition runs the work.
  ///
  /// - Parameters:
  ///   - operationCount: How many operations one call of `body` does.
  ///   - operation: What an operation is, in the singular.
  static func measure(
    _ name: String, operationCount: Int, of operation: String = "sample",
    in context: BenchmarkContext, body: () throws -> Void
  ) rethrows -> Measurement {
    let warmUp = try processorNanoseconds(of: body)
    let runCount = max(1, Int(shortestRepetitionNanoseconds / max(warmUp, 1)))
    let allocationCount = try AllocationCounter.count(during: body)
    var repetitions: [Double] = []
    for _ in 0..<context.repetitionCount {
      let nanoseconds = try processorNanoseconds { for _ in 0..<runCount { try body() } }
      repetitions.append(nanoseconds / Double(runCount * operationCount))
    }
    return Measurement(
      name, unit: "ns/\(operation)", repetitions: repetitions,
      allocationsPerOperation: Double(allocationCount) / Double(operationCount))
  }
}
