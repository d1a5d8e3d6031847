import PromQLSyntax
import SeriesModel

private func counterOrGauge(
  _ name: String, _ summary: String, allowsModifiers: Bool = true,
  _ body: @escaping @Sendable (WindowedSeries, WindowArguments, inout [Double]) throws -> Void
) -> FunctionDefinition {
  FunctionDefinition(
    name, [.rangeVector], rangeModifiers: allowsModifiers ? [.anchored, .smoothed] : [],
    summary: summary, body: .window(body))
}

/// Changes of counters and gauges over windows.
let rateFunctions: [FunctionDefinition] = [
  counterOrGauge("rate", "The increase of a counter per second, extrapolated to the window.") {
    series, arguments, values in
    try ExtrapolatedChange(isCounter: true, isRate: true).evaluate(series, into: &values)
    informAboutName(of: series, values, arguments)
  },
  counterOrGauge("increase", "The increase of a counter, extrapolated to the window.") {
    series, arguments, values in
    try ExtrapolatedChange(isCounter: true, isRate: false).evaluate(series, into: &values)
    informAboutName(of: series, values, arguments)
  },
  counterOrGauge("delta", "The change of a gauge, extrapolated to the window.") {
    series, _, values in
    try ExtrapolatedChange(isCounter: false, isRate: false).evaluate(series, into: &values)
  },
  counterOrGauge(
    "irate", "The increase of a counter per second between the last two samples.",
    allowsModifiers: false
  ) { series, _, values in
    try lastChange(of: series, isCounter: true, into: &values)
  },
  counterOrGauge(
    "idelta", "The change between the last two samples.", allowsModifiers: false
  ) { series, _, values in
    try lastChange(of: series, isCounter: false, into: &values)
  },
  FunctionDefinition(
    "resets", [.rangeVector], rangeModifiers: [.anchored],
    summary: "How often a counter fell.",
    body: .window { series, _, values in
      try countTransitions(of: series, into: &values) { previous, value in value < previous }
    }),
  FunctionDefinition(
    "changes", [.rangeVector], rangeModifiers: [.anchored],
    summary: "How often a value changed.",
    body: .window { series, _, values in
      try countTransitions(of: series, into: &values) { previous, value in
        value != previous && (value.isNaN && previous.isNaN) == false
      }
    }),
]

/// Says that a metric does not look like a counter.
private func informAboutName(
  of series: WindowedSeries, _ values: [Double], _ arguments: WindowArguments
) {
  guard let name = series.labels.metricName,
    values.contains(where: { $0.isAbsent == false })
  else { return }
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

/// The change over a window, as `rate`, `increase` and `delta` see it.
private struct ExtrapolatedChange {
  let isCounter: Bool
  let isRate: Bool

  func evaluate(_ series: WindowedSeries, into values: inout [Double]) throws {
    if series.geometry.modifier == nil {
      try evaluateExtrapolated(series, into: &values)
    } else {
      try series.forEachWindow { window in
        if let change = changeBetweenEdges(of: window, in: series) { values[window.step] = change }
      }
    }
  }

  // MARK: Without modifiers

  private func evaluateExtrapolated(
    _ series: WindowedSeries, into values: inout [Double]
  ) throws {
    // The indices of the samples that are lower than the one before. Windows
    // move forward, so each reset is passed once at either edge.
    let resets = isCounter ? series.samples.resetIndices : []
    var firstReset = 0
    try series.forEachWindow { window in
      let samples = window.samples
      guard samples.count > 1 else { return }
      while firstReset < resets.count, resets[firstReset] <= samples.lowerBound { firstReset += 1 }
      let first = samples.lowerBound
      let last = samples.upperBound - 1
      var change = series.samples.values[last] - series.samples.values[first]
      var reset = firstReset
      while reset < resets.count, resets[reset] <= last {
        change += series.samples.values[resets[reset] - 1]
        reset += 1
      }
      values[window.step] = extrapolate(change, over: window, in: series)
    }
  }

  /// Extends a change from the samples to the window's edges.
  ///
  /// An edge that is nearer than 1.1 times the average distance of samples is
  /// taken for part of the series; otherwise the series is taken to begin or
  /// end half an average distance beyond its samples. A counter is not extended
  /// to before it was zero.
  private func extrapolate(
    _ change: Double, over window: WindowedSeries.Window, in series: WindowedSeries
  ) -> Double {
    let timestamps = series.samples.timestamps
    let firstTime = timestamps[window.samples.lowerBound]
    let lastTime = timestamps[window.samples.upperBound - 1]
    let sampled = Double(lastTime - firstTime) / 1000
    let average = sampled / Double(window.samples.count - 1)
    var toStart = Double(firstTime - window.start) / 1000
    var toEnd = Double(window.end - lastTime) / 1000
    let threshold = average * 1.1
    if toStart >= threshold { toStart = average / 2 }
    if isCounter {
      let first = series.samples.values[window.samples.lowerBound]
      var toZero = toStart
      if change > 0, first >= 0 { toZero = sampled * (first / change) }
      if toZero < toStart { toStart = toZero }
    }
    if toEnd >= threshold { toEnd = average / 2 }
    var factor = (sampled + toStart + toEnd) / sampled
    if isRate { factor /= series.rangeSeconds }
    return change * factor
  }

  // MARK: With modifiers

  /// The change from the left edge to the right one, whose values are those of
  /// the samples before them (`anchored`) or lie on the line between samples
  /// (`smoothed`).
  private func changeBetweenEdges(
    of window: WindowedSeries.Window, in series: WindowedSeries
  ) -> Double? {
    let samples = series.samples
    guard let edges = EdgeValues(of: window, in: series, asCounter: isCounter) else { return nil }
    var change = edges.right - edges.left
    if isCounter {
      // The values at the edges account for resets around them already.
      var previous = edges.left
      for index in edges.inner {
        if samples.values[index] < previous { change += previous }
        previous = samples.values[index]
      }
      if edges.right < previous { change += previous }
    }
    return isRate ? change / series.rangeSeconds : change
  }
}

/// The values at the edges of a window with a modifier.
struct EdgeValues {
  /// The value at the left edge.
  let left: Double
  /// The value at the right edge.
  let right: Double
  /// The samples between the edges, without those on them.
  let inner: Range<Int>

  /// Finds the values; nil when no sample lies within the window or around it.
  init?(of window: WindowedSeries.Window, in series: WindowedSeries, asCounter: Bool) {
    let samples = series.samples
    let timestamps = samples.timestamps
    let isSmoothed = series.geometry.modifier == .smoothed
    var last = window.samples.upperBound - 1
    // The last sample at or before the left edge, or else the first of all.
    var first = max(
      window.samples.lowerBound,
      window.samples.firstIndex(upTo: last) { timestamps[$0] > window.start } - 1)
    if isSmoothed {
      last = window.samples.firstIndex(upTo: last) { timestamps[$0] >= window.end }
    }
    guard timestamps[last] > window.start, timestamps[first] <= window.end else { return nil }
    left =
      isSmoothed && timestamps[first] < window.start
      ? samples.interpolatedValue(at: window.start, between: first, asCounter: asCounter)
      : samples.values[first]
    right =
      isSmoothed && last > window.samples.lowerBound && timestamps[last] > window.end
      ? samples.interpolatedValue(at: window.end, between: last - 1, asCounter: asCounter)
      : samples.values[last]
    if timestamps[first] <= window.start { first += 1 }
    if timestamps[last] >= window.end { last -= 1 }
    inner = first..<max(first, last + 1)
  }
}

extension Range<Int> {
  /// The first index below `limit` that satisfies `predicate`, which holds for
  /// all behind it too; `limit` when there is none.
  fileprivate func firstIndex(upTo limit: Int, where predicate: (Int) -> Bool) -> Int {
    var low = lowerBound
    var high = limit
    while low < high {
      let middle = (low + high) / 2
      if predicate(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension SampleColumns {
  /// The indices of the samples that are lower than the one before.
  fileprivate var resetIndices: [Int] {
    var indices: [Int] = []
    for index in values.indices.dropFirst() where values[index] < values[index - 1] {
      indices.append(index)
    }
    return indices
  }
}

/// The change between the last two samples of each window; of a counter per
/// second, and after a reset from zero.
private func lastChange(
  of series: WindowedSeries, isCounter: Bool, into values: inout [Double]
) throws {
  let samples = series.samples
  try series.forEachWindow { window in
    guard window.samples.count > 1 else { return }
    let last = window.samples.upperBound - 1
    let isReset = isCounter && samples.values[last] < samples.values[last - 1]
    let change = isReset ? samples.values[last] : samples.values[last] - samples.values[last - 1]
    let interval = samples.timestamps[last] - samples.timestamps[last - 1]
    values[window.step] = isCounter ? change / (Double(interval) / 1000) : change
  }
}

/// How many pairs of neighbouring samples in each window satisfy `predicate`;
/// with `anchored`, the first pair begins at the sample before the window.
private func countTransitions(
  of series: WindowedSeries, into values: inout [Double],
  where predicate: (_ previous: Double, _ value: Double) -> Bool
) throws {
  let samples = series.samples
  // transitions[i]: how many of the pairs that end at a sample up to i.
  var transitions = [Int](repeating: 0, count: samples.count)
  for index in samples.values.indices.dropFirst() {
    transitions[index] =
      transitions[index - 1]
      + (predicate(samples.values[index - 1], samples.values[index]) ? 1 : 0)
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
