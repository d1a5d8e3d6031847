import PromQLSyntax
import SeriesModel

/// The change between the last two samples of each window; of a counter per
/// second, and after a reset from zero.
struct LastChange: Sendable {
  let isCounter: Bool

  /// Evaluates a series of numbers.
  func evaluate(
    numbersOf series: WindowedSeries, into values: inout MutableSpan<Double>
  ) throws {
    try series.forEachWindow { window in
      if let change = numberChange(over: window, in: series.samples) {
        values[window.step] = change
      }
    }
  }

  /// Evaluates a series that has histograms.
  func evaluate(
    _ series: WindowedSeries, _ arguments: WindowArguments, into column: inout SeriesColumn
  ) throws {
    let samples = series.samples
    try series.forEachWindow { window in
      guard window.samples.count > 1 else { return }
      let last = window.samples.upperBound - 1
      switch (samples.histogram(at: last - 1), samples.histogram(at: last)) {
      case (nil, nil):
        column.values[window.step] = numberChange(over: window, in: samples) ?? .absent
      case (let previous?, let histogram?):
        let change = change(
          from: previous, to: histogram, isReset: isCounter && samples.isReset(at: last),
          of: series, arguments)
        guard let change else { return }
        let seconds = Double(samples.timestamps[last] - samples.timestamps[last - 1]) / 1000
        column.set(isCounter ? change.divided(by: seconds) : change, at: window.step)
      default:
        arguments.context.warn(
          HistogramRemark.mixedTypes(ofMetric: series.labels.metricName ?? ""),
          at: arguments.argumentRanges[0])
      }
    }
  }

  @inline(__always)
  private func numberChange(
    over window: WindowedSeries.Window, in samples: SampleColumns
  ) -> Double? {
    guard window.samples.count > 1 else { return nil }
    let last = window.samples.upperBound - 1
    let isReset = isCounter && samples.isReset(at: last)
    let change =
      isReset ? samples.values[last] : samples.values[last] - samples.values[last - 1]
    guard isCounter else { return change }
    return change / (Double(samples.timestamps[last] - samples.timestamps[last - 1]) / 1000)
  }

  private func change(
    from previous: NativeHistogram, to histogram: NativeHistogram, isReset: Bool,
    of series: WindowedSeries, _ arguments: WindowArguments
  ) -> NativeHistogram? {
    let name = series.labels.metricName ?? ""
    let range = arguments.argumentRanges[0]
    let gauges = [previous, histogram].count { $0.counterResetHint == .gauge }
    if isCounter, gauges > 0 {
      arguments.context.warn(HistogramRemark.isNoCounter(name), at: range)
    }
    if isCounter == false, gauges < 2 {
      arguments.context.warn(HistogramRemark.isNoGauge(name), at: range)
    }
    var change = histogram
    if isReset == false {
      guard let difference = histogram.subtracting(previous) else {
        arguments.context.warn(HistogramRemark.mixedSchemas(ofMetric: name), at: range)
        return nil
      }
      arguments.context.remark(
        on: HistogramSum.Remarks(boundsDiffered: difference.remarks.boundsDiffered),
        in: .subtraction, at: range)
      change = difference.value
    }
    change.counterResetHint = .gauge
    return change
  }
}
