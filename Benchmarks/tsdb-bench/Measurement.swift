/// One figure that a benchmark found.
struct Measurement: Codable {
  /// The benchmark's name, and a part after a dot when it has several figures.
  var name: String
  /// What the numbers count, such as `ns/sample`.
  var unit: String
  /// The smallest of the repetitions.
  var minimum: Double
  /// The median of the repetitions.
  var median: Double
  /// The largest of the repetitions.
  var maximum: Double
  /// How many repetitions, or observations, the numbers come from.
  var repetitionCount: Int
  /// Allocations for each operation that the unit names; nil when they were
  /// not counted.
  var allocationsPerOperation: Double?
  /// The largest median that is good enough; nil when there is no goal.
  var goal: Double?

  /// Creates a measurement from repetitions.
  ///
  /// - Precondition: There is at least one repetition.
  init(
    _ name: String, unit: String, repetitions: [Double], allocationsPerOperation: Double? = nil,
    goal: Double? = nil
  ) {
    let sorted = repetitions.sorted()
    self.name = name
    self.unit = unit
    minimum = sorted[0]
    median = percentile(50, of: sorted)
    maximum = sorted[sorted.count - 1]
    repetitionCount = sorted.count
    self.allocationsPerOperation = allocationsPerOperation
    self.goal = goal
  }

  /// Creates a measurement from one number, drawn from `observationCount`.
  init(
    _ name: String, unit: String, value: Double, observationCount: Int = 1, goal: Double? = nil
  ) {
    self.init(name, unit: unit, repetitions: [value], goal: goal)
    repetitionCount = observationCount
  }

  /// True when the median is above the goal.
  var missesGoal: Bool { goal.map { median > $0 } ?? false }
}

extension Measurement {
  /// The median, the 99th percentile and the largest of some latencies.
  ///
  /// - Parameter latencies: Milliseconds; at least one.
  static func latencies(
    _ name: String, milliseconds latencies: [Double], goal99: Double? = nil
  ) -> [Measurement] {
    let sorted = latencies.sorted()
    return [("p50", 50.0, nil), ("p99", 99.0, goal99), ("max", 100.0, nil)].map {
      suffix, rank, goal in
      Measurement(
        "\(name).\(suffix)", unit: "ms", value: percentile(rank, of: sorted),
        observationCount: sorted.count, goal: goal)
    }
  }
}

/// The nearest-rank percentile.
///
/// - Parameter sorted: Ascending; not empty.
func percentile(_ rank: Double, of sorted: [Double]) -> Double {
  let position = (rank / 100 * Double(sorted.count)).rounded(.up)
  return sorted[min(max(Int(position) - 1, 0), sorted.count - 1)]
}
