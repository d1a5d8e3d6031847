/// The course of a series in one line of text.
struct Sparkline {
  /// The most columns of a line.
  static let maximumWidth = 60

  private static let bars: [Character] = Array("▁▂▃▄▅▆▇█")

  /// The columns: the mean of the finite values of a span of time each; nil
  /// where there are none.
  private let means: [Double?]

  /// - Parameters:
  ///   - samples: Times in seconds, ascending, with their values.
  ///   - start: The time of the first step.
  ///   - step: The distance of the steps, in seconds; positive.
  ///   - stepCount: The number of steps; positive.
  init(
    _ samples: [(time: Double, value: Double)], start: Double, step: Double, stepCount: Int
  ) {
    let width = min(stepCount, Sparkline.maximumWidth)
    var sums = Array(repeating: 0.0, count: width)
    var counts = Array(repeating: 0, count: width)
    for (time, value) in samples where value.isFinite {
      let index = ((time - start) / step).rounded()
      guard index >= 0, index < Double(stepCount) else { continue }
      let column = Int(index) * width / stepCount
      sums[column] += value
      counts[column] += 1
    }
    means = zip(sums, counts).map { $1 == 0 ? nil : $0 / Double($1) }
  }

  /// The line; a blank where there is no value.
  var text: String {
    let known = means.compactMap(\.self)
    guard let lowest = known.min(), let highest = known.max() else {
      return String(repeating: " ", count: means.count)
    }
    return String(
      means.map { mean in
        guard let mean else { return " " }
        // What does not change is a line at the bottom.
        let share = highest > lowest ? (mean - lowest) / (highest - lowest) : 0
        let last = Sparkline.bars.count - 1
        return Sparkline.bars[share.isFinite ? Int((share * Double(last)).rounded()) : last]
      })
  }
}
