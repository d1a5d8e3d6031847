/// The kind of a metric family.
public enum MetricType: String, Hashable, Sendable, CaseIterable {
  case counter
  case gauge
  case histogram
  case gaugeHistogram = "gaugehistogram"
  case summary
  case info
  case stateSet = "stateset"
  case unknown
}

/// What a source says about a metric family beside its samples.
public struct MetricMetadata: Hashable, Sendable {
  /// The family's kind.
  public var type: MetricType
  /// The help text, unescaped; empty when there is none.
  public var help: String
  /// The unit, such as `seconds`; empty when there is none.
  public var unit: String

  /// Creates metadata.
  public init(type: MetricType = .unknown, help: String = "", unit: String = "") {
    self.type = type
    self.help = help
    self.unit = unit
  }
}
