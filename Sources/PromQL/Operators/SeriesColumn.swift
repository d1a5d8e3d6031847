import SeriesModel

/// One series at every step of a grid.
struct SeriesColumn {
  /// The labels; the metric name is there even where ``dropsName`` holds.
  var labels: Labels
  /// True when the metric name, type and unit are to be left out of the result.
  ///
  /// They are kept until the query is done, or until the operator is where
  /// that matters, see ``Evaluator/withoutDroppedNames(_:of:on:)``.
  var dropsName: Bool
  /// The values, `values[step]`; ``Swift/Double/absent`` where there is none or
  /// a histogram, so that what reads numbers alone passes histograms over.
  var values: [Double]
  /// The histograms, `histograms[step]`; empty when there is none.
  var histograms: [NativeHistogram?] = []

  /// True when there is a number or a histogram at one step at least.
  var hasValues: Bool { values.span.hasValues || hasHistograms }

  /// True when there is a histogram at one step at least.
  var hasHistograms: Bool { histograms.contains { $0 != nil } }

  /// True when there is a number or a histogram at `step`.
  @inline(__always)
  func isPresent(at step: Int) -> Bool {
    values[step].isAbsent == false || histogram(at: step) != nil
  }

  /// The histogram at `step`; nil when there is none.
  @inline(__always)
  func histogram(at step: Int) -> NativeHistogram? {
    histograms.isEmpty ? nil : histograms[step]
  }

  /// Leaves a step without number and histogram.
  mutating func removeValue(at step: Int) {
    values[step] = .absent
    if histograms.isEmpty == false { histograms[step] = nil }
  }

  /// Leaves out every histogram.
  ///
  /// - Returns: False when nothing is left.
  mutating func dropHistograms() -> Bool {
    if histograms.isEmpty { return true }
    histograms = []
    return hasValues
  }

  /// Puts a histogram in the place of whatever is at `step`.
  mutating func set(_ histogram: NativeHistogram, at step: Int) {
    if histograms.isEmpty { histograms = Array(repeating: nil, count: values.count) }
    histograms[step] = histogram
    values[step] = .absent
  }

  /// Calls `body` with every step that has a number or a histogram.
  @inline(__always)
  func forEachPresentStep(_ body: (Int) throws -> Void) rethrows {
    for step in values.indices where values[step].isAbsent == false { try body(step) }
    for step in histograms.indices where histograms[step] != nil { try body(step) }
  }

  /// How many samples the column holds as against limits.
  var sampleCost: Int {
    histograms.reduce(values.count) { $0 + ($1?.sampleCost ?? 0) }
  }

  /// The labels as the result shows them.
  var resultLabels: Labels {
    dropsName ? labels.removing(SeriesColumn.metadataLabels) : labels
  }

  /// The labels that describe the metric rather than the series.
  static let metadataLabels = LabelNameSet(metadataNames)
  /// The names of these labels.
  static let metadataNames = [LabelName.metricName, LabelName.type, LabelName.unit]
}

extension Double {
  /// Stands for no value in columns.
  ///
  /// The stale marker serves: selectors take it out of what they read, and no
  /// arithmetic gives its bits, so that every other NaN is a value.
  static var absent: Double { StaleMarker.value }

  /// True for ``absent``.
  var isAbsent: Bool { isStaleMarker }
}

extension Span<Double> {
  /// True when there is a number at one step at least.
  var hasValues: Bool {
    for step in indices where self[step].isAbsent == false { return true }
    return false
  }
}

extension Array where Element == Double {
  /// A column without values.
  static func absent(count: Int) -> [Double] {
    Array(repeating: .absent, count: count)
  }
}
