/// A sample's reference to something outside of the store, most often a trace.
public struct Exemplar: Hashable, Sendable {
  /// What it refers to, such as `trace_id`.
  public var labels: Labels
  /// The value that was observed; any bit pattern.
  public var value: Double
  /// When it was observed.
  public var timestamp: Timestamp

  /// Creates an exemplar.
  public init(labels: Labels, value: Double, timestamp: Timestamp) {
    self.labels = labels
    self.value = value
    self.timestamp = timestamp
  }
}

/// An exemplar on its way into a store.
public struct BatchExemplar: Hashable, Sendable {
  /// The series it belongs to, from ``Appender/seriesID(for:)``.
  public var seriesID: SeriesID
  /// The exemplar.
  public var exemplar: Exemplar

  /// Creates a pair.
  public init(seriesID: SeriesID, exemplar: Exemplar) {
    self.seriesID = seriesID
    self.exemplar = exemplar
  }
}

/// The exemplars of one series.
public struct SeriesExemplars: Hashable, Sendable {
  /// The series.
  public var seriesLabels: Labels
  /// Its exemplars, ascending in time; at least one.
  public var exemplars: [Exemplar]

  /// Creates a pair.
  public init(seriesLabels: Labels, exemplars: [Exemplar]) {
    self.seriesLabels = seriesLabels
    self.exemplars = exemplars
  }
}

/// Why an exemplar was refused; its series' samples don't suffer.
public enum ExemplarRefusal: String, Hashable, Sendable, CaseIterable {
  /// The series has a later exemplar.
  case outOfOrder = "out-of-order"
  /// The names and values of its labels have more than 128 characters.
  case labelsTooLong = "labels-too-long"
  /// It is older than the retention, or later than
  /// ``AppendOptions/latestAccepted``.
  case outsideOfTimeLimits = "outside-of-time-limits"
  /// The store does not know the series, or has no sample of it yet.
  case unknownSeries = "unknown-series"
}

/// Something that answers queries for exemplars.
public protocol ExemplarQueryable: Sendable {
  /// The exemplars of the series that any of `selections` selects, within its
  /// time range; sorted by labels.
  ///
  /// - Throws: When a regular expression is malformed, or the store can't be
  ///   read.
  func exemplars(of selections: [SeriesSelection]) throws -> [SeriesExemplars]
}
