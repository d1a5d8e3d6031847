import Numbers
import PromQLSyntax
import SeriesModel

/// Lines and curves fitted to the samples in windows.
let trendFunctions: [FunctionDefinition] = [
  FunctionDefinition(
    "deriv", [.rangeVector], summary: "The slope of the line through the values, per second.",
    body: .window { series, _, values in
      try series.forEachWindow { window in
        guard window.samples.count > 1 else { return }
        // A time near those of the samples loses the least.
        let origin = series.samples.timestamps[window.samples.lowerBound]
        values[window.step] =
          RegressionLine(through: series.samples, window.samples, origin: origin).slope
      }
    }),
  FunctionDefinition(
    "predict_linear", [.rangeVector, .scalar], dependsOnTime: true,
    summary: "The value of the line through the values a number of seconds from now.",
    body: .window { series, arguments, values in
      try series.forEachWindow { window in
        guard window.samples.count > 1 else { return }
        let line = RegressionLine(through: series.samples, window.samples, origin: window.time)
        values[window.step] = line.slope * arguments.scalars[0][window.step] + line.intercept
      }
    }),
  FunctionDefinition(
    "double_exponential_smoothing", [.rangeVector, .scalar, .scalar], isExperimental: true,
    summary: "The values smoothed, with a smoothing factor and a trend factor in (0, 1).",
    body: .window { try smoothExponentially($0, $1, &$2) }),
]

/// A line by least squares.
private struct RegressionLine {
  /// The rise per second.
  let slope: Double
  /// The value at the origin.
  let intercept: Double

  /// Fits a line to the samples in `window`.
  ///
  /// - Parameter origin: The time, in milliseconds, from which seconds are
  ///   counted.
  init(through samples: SampleColumns, _ window: Range<Int>, origin: Int64) {
    let first = samples.values[window.lowerBound]
    var isConstant = true
    var sumX = CompensatedSum()
    var sumY = CompensatedSum()
    var sumXY = CompensatedSum()
    var sumXX = CompensatedSum()
    for index in window {
      let y = samples.values[index]
      if index > window.lowerBound, y != first { isConstant = false }
      let x = Double(saturatingSubtract(samples.timestamps[index], origin)) / 1000
      sumX.add(x)
      sumY.add(y)
      sumXY.add(x * y)
      sumXX.add(x * x)
    }
    if isConstant {
      slope = first.isInfinite ? .nan : 0
      intercept = first.isInfinite ? .nan : first
      return
    }
    let count = Double(window.count)
    let covariance = sumXY.value - sumX.value * sumY.value / count
    let variance = sumXX.value - sumX.value * sumX.value / count
    slope = covariance / variance
    intercept = sumY.value / count - slope * sumX.value / count
  }
}

private func smoothExponentially(
  _ series: WindowedSeries, _ arguments: WindowArguments, _ values: inout MutableSpan<Double>
) throws {
  let samples = series.samples.values
  try series.forEachWindow { window in
    let smoothing = arguments.scalars[0][window.step]
    let trendFactor = arguments.scalars[1][window.step]
    try checkFactor(smoothing, name: "smoothing")
    try checkFactor(trendFactor, name: "trend")
    guard window.samples.count > 1 else { return }
    let first = window.samples.lowerBound
    var beforeLast = 0.0
    var last = samples[first]
    var trend = samples[first + 1] - samples[first]
    for index in window.samples.dropFirst() {
      if index > first + 1 {
        trend = trendFactor * (last - beforeLast) + (1 - trendFactor) * trend
      }
      let next = smoothing * samples[index] + (1 - smoothing) * (last + trend)
      beforeLast = last
      last = next
    }
    values[window.step] = last
  }
}

private func checkFactor(_ factor: Double, name: String) throws {
  if factor <= 0 || factor >= 1 {
    let symbol = name == "smoothing" ? "sf" : "tf"
    throw QueryError.execution(
      "invalid \(name) factor. Expected: 0 < \(symbol) < 1, got: \(sixDecimals(factor))")
  }
}

/// The number with six decimals, as C's `%f` writes it.
private func sixDecimals(_ value: Double) -> String {
  guard value.magnitude < 1e12 else { return floatText(value, as: .decimal) }
  let millionths = Int64((value.magnitude * 1e6).rounded(.toNearestOrEven))
  let fraction = String(millionths % 1_000_000)
  return (value.sign == .minus ? "-" : "") + String(millionths / 1_000_000) + "."
    + String(repeating: "0", count: 6 - fraction.count) + fraction
}
