/// Why a metric could not be registered.
@nonexhaustive
public enum InstrumentationError: Error, Equatable, Sendable {
  /// The metric name is not `[a-zA-Z_:][a-zA-Z0-9_:]*`.
  case invalidMetricName(String)
  /// A label name of `metric` is not `[a-zA-Z_][a-zA-Z0-9_]*`, begins with
  /// two underscores, or means something to this kind of metric.
  case invalidLabelName(String, metric: String)
  /// A label name of `metric` is there twice.
  case duplicateLabelName(String, metric: String)
  /// A family of metrics needs at least one label name.
  case missingLabelNames(metric: String)
  /// The bucket bounds of `metric` do not rise, or one of them is no number.
  case invalidBuckets(metric: String)
  /// The registry holds another metric, `existing`, that writes samples of the
  /// same name.
  case alreadyRegistered(String, existing: String)
}

extension InstrumentationError: CustomStringConvertible {
  /// What is wrong and what to do about it.
  public var description: String {
    switch self {
    case .invalidMetricName(let name):
      "metric name \"\(name)\" is not valid; use letters, digits, underscores and colons, "
        + "without a digit at the start"
    case .invalidLabelName(let name, let metric):
      "label name \"\(name)\" of metric \"\(metric)\" is not valid or reserved; use letters, "
        + "digits and underscores, without a digit or two underscores at the start"
    case .duplicateLabelName(let name, let metric):
      "label name \"\(name)\" of metric \"\(metric)\" is there twice"
    case .missingLabelNames(let metric):
      "metric family \"\(metric)\" has no label names; register a single metric instead"
    case .invalidBuckets(let metric):
      "bucket bounds of histogram \"\(metric)\" must rise strictly and be numbers"
    case .alreadyRegistered(let name, let existing):
      "metric \"\(name)\" clashes with the registered metric \"\(existing)\", which differs in "
        + "kind, help, labels or buckets; choose another name or another registry"
    }
  }
}
