import SeriesModel

/// One series at every step of a grid.
struct SeriesColumn {
  /// The labels; the metric name is there even where ``dropsName`` holds.
  var labels: Labels
  /// True when the metric name, type and unit are to be left out of the result.
  ///
  /// They are kept until the query is done, so that functions on the way can
  /// still read the name.
  var dropsName: Bool
  /// The values, `values[step]`; ``Swift/Double/absent`` where there is none.
  var values: [Double]

  /// True when there is a value at one step at least.
  var hasValues: Bool { values.contains { $0.isAbsent == false } }

  /// The labels as the result shows them.
  var resultLabels: Labels {
    dropsName ? labels.removing(SeriesColumn.metadataLabels) : labels
  }

  /// The labels that describe the metric rather than the series.
  static let metadataLabels = LabelNameSet([
    LabelName.metricName, LabelName.type, LabelName.unit,
  ])
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

extension Array where Element == Double {
  /// A column without values.
  static func absent(count: Int) -> [Double] {
    Array(repeating: .absent, count: count)
  }
}
