import PromQLSyntax
import SeriesModel

/// The wording of remarks on native histograms.
enum HistogramRemark {
  /// What was being done.
  enum Operation: String {
    case addition
    case subtraction
    case aggregation
  }

  static func hintsCollide(in operation: Operation) -> String {
    "conflicting counter resets during histogram \(operation.rawValue)"
  }

  static func boundsDiffered(in operation: Operation) -> String {
    "mismatched custom buckets were reconciled during \(operation.rawValue)"
  }

  static func mixedSchemas(ofMetric name: String) -> String {
    "vector contains a mix of histograms with exponential and custom buckets schemas for metric"
      + " name \(name.quotedForPromQL)"
  }

  static func mixedTypes(ofMetric name: String) -> String {
    "encountered a mix of histograms and floats for metric name \(name.quotedForPromQL)"
  }

  static func ignoredInMixedRange(ofMetric name: String) -> String {
    "ignored histograms in a range containing both floats and histograms for metric name"
      + " \(name.quotedForPromQL)"
  }

  static func isNoCounter(_ name: String) -> String {
    "this native histogram metric is not a counter: \(name.quotedForPromQL)"
  }

  static func isNoGauge(_ name: String) -> String {
    "this native histogram metric is not a gauge: \(name.quotedForPromQL)"
  }

  static func startTimesOverlap(_ name: String) -> String {
    "sample has start time that overlaps with previous sample timestamp for metric"
      + " \(name.quotedForPromQL)"
  }
}

extension EvaluationContext {
  /// Makes the remarks on additions of histograms that are part of one larger
  /// operation.
  func remark(
    on remarks: HistogramSum.Remarks, in operation: HistogramRemark.Operation,
    at range: SourceRange
  ) {
    if remarks.hintsCollide { warn(HistogramRemark.hintsCollide(in: operation), at: range) }
    if remarks.boundsDiffered { inform(HistogramRemark.boundsDiffered(in: operation), at: range) }
  }

  /// Says that an aggregation of numbers left a histogram out.
  func informIgnoredHistogram(by aggregator: AggregationOperator, at range: SourceRange) {
    inform("ignored histogram in \(aggregator.rawValue) aggregation", at: range)
  }
}
