import PromQLSyntax
import SeriesModel

/// A change over each window, extrapolated to its edges.
private func change(
  _ name: String, _ summary: String, isCounter: Bool = true, isRate: Bool = false
) -> FunctionDefinition {
  let change = WindowChange(isCounter: isCounter, isRate: isRate)
  return FunctionDefinition(
    name, [.rangeVector], rangeModifiers: [.anchored, .smoothed], summary: summary,
    body: .window(
      { series, arguments, values in
        try change.evaluate(numbersOf: series, arguments, into: &values)
        if isCounter, values.span.hasValues { informAboutName(of: series, arguments) }
      },
      mixed: { series, arguments, column in
        try change.evaluate(series, arguments, into: &column)
        if isCounter, column.values.span.hasValues { informAboutName(of: series, arguments) }
      }))
}

/// A change between the last two samples of each window.
private func lastChange(_ name: String, _ summary: String, isCounter: Bool) -> FunctionDefinition {
  let change = LastChange(isCounter: isCounter)
  return FunctionDefinition(
    name, [.rangeVector], summary: summary,
    body: .window(
      { series, _, values in try change.evaluate(numbersOf: series, into: &values) },
      mixed: { series, arguments, column in
        try change.evaluate(series, arguments, into: &column)
      }))
}

/// How many pairs of neighbouring samples in each window satisfy `predicate`.
private func transitions(
  _ name: String, _ summary: String,
  where predicate: @escaping @Sendable (SampleColumns, _ index: Int) -> Bool
) -> FunctionDefinition {
  FunctionDefinition(
    name, [.rangeVector], rangeModifiers: [.anchored], summary: summary,
    body: .window(
      { series, _, values in
        try countTransitions(of: series, into: &values, where: predicate)
      },
      mixed: { series, _, column in
        var values = column.values.mutableSpan
        try countTransitions(of: series, into: &values, where: predicate)
      }))
}

/// Changes of counters and gauges over windows.
let rateFunctions: [FunctionDefinition] = [
  change(
    "rate", "The increase of a counter per second, extrapolated to the window.", isRate: true),
  change("increase", "The increase of a counter, extrapolated to the window."),
  change("delta", "The change of a gauge, extrapolated to the window.", isCounter: false),
  lastChange(
    "irate", "The increase of a counter per second between the last two samples.",
    isCounter: true),
  lastChange("idelta", "The change between the last two samples.", isCounter: false),
  transitions("resets", "How often a counter fell or began anew.") { samples, index in
    samples.isReset(at: index) || samples.changesType(at: index)
  },
  transitions("changes", "How often a value changed.") { samples, index in
    if samples.changesType(at: index) { return true }
    if let histogram = samples.histogram(at: index),
      let previous = samples.histogram(at: index - 1)
    {
      return histogram.hasSameData(as: previous) == false
    }
    let previous = samples.values[index - 1]
    let value = samples.values[index]
    return value != previous && (value.isNaN && previous.isNaN) == false
  },
]

/// Says that a metric does not look like a counter.
private func informAboutName(of series: WindowedSeries, _ arguments: WindowArguments) {
  guard let name = series.labels.metricName else { return }
  let message: String
  if let type = series.labels[LabelName.type] {
    if type == "counter" || type == "histogram" { return }
    message =
      "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\","
      + " got \(type.quotedForPromQL): \(name.quotedForPromQL)"
  } else {
    if ["_total", "_sum", "_count", "_bucket"].contains(where: name.hasSuffix) { return }
    message =
      "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:"
      + " \(name.quotedForPromQL)"
  }
  arguments.context.inform(message, at: arguments.argumentRanges[0])
}

/// How many pairs of neighbouring samples in each window satisfy `predicate`;
/// with `anchored`, the first pair begins at the sample before the window.
///
/// - Parameter predicate: Asked of the later sample of a pair.
private func countTransitions(
  of series: WindowedSeries, into values: inout MutableSpan<Double>,
  where predicate: (SampleColumns, _ index: Int) -> Bool
) throws {
  let samples = series.samples
  // transitions[i]: how many of the pairs that end at a sample up to i.
  var transitions = [Int](repeating: 0, count: samples.count)
  for index in samples.values.indices.dropFirst() {
    transitions[index] = transitions[index - 1] + (predicate(samples, index) ? 1 : 0)
  }
  try series.forEachWindow { window in
    var first = window.samples.lowerBound
    let last = window.samples.upperBound - 1
    if series.geometry.modifier == .anchored {
      guard samples.timestamps[last] > window.start else { return }
      first = max(
        first,
        window.samples.firstIndex(upTo: last) { samples.timestamps[$0] > window.start } - 1)
    }
    values[window.step] = Double(transitions[last] - transitions[first])
  }
}

extension SampleColumns {
  /// True when one of the sample at `index` and that before it is a histogram.
  fileprivate func changesType(at index: Int) -> Bool {
    histograms.isEmpty == false && (histograms[index] == nil) != (histograms[index - 1] == nil)
  }
}
