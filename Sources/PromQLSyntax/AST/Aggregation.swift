/// An aggregation operator.
public enum AggregationOperator: String, Hashable, Sendable, CaseIterable {
  case sum, avg, min, max, group, count, stddev, stdvar
  case topK = "topk"
  case bottomK = "bottomk"
  case quantile
  case countValues = "count_values"
  case limitK = "limitk"
  case limitRatio = "limit_ratio"
}

/// Which labels make the groups of an aggregation.
public enum Grouping: Hashable, Sendable {
  /// `by (names)`: these labels make a group; `by ()`, or nothing at all, puts
  /// every series into one group.
  case by([String])
  /// `without (names)`: all labels but these and the metric name make a group.
  case without([String])
}

/// An aggregation: `sum by (job) (x)`.
public struct Aggregation: Hashable, Sendable {
  /// The operator.
  public var aggregator: AggregationOperator
  /// `k`, the quantile, the ratio or the label name, where the operator takes
  /// one.
  public var parameter: Expression?
  /// What is aggregated.
  public var operand: Expression
  /// The grouping.
  public var grouping: Grouping
  /// Where the aggregation stands.
  public var sourceRange: SourceRange

  /// Creates an aggregation.
  public init(
    aggregator: AggregationOperator, parameter: Expression?, operand: Expression,
    grouping: Grouping, sourceRange: SourceRange
  ) {
    self.aggregator = aggregator
    self.parameter = parameter
    self.operand = operand
    self.grouping = grouping
    self.sourceRange = sourceRange
  }
}
