/// Names and explains a metric, and says of which kind it is.
///
/// A descriptor is made by one of the factories below and given to
/// ``Registry/register(_:)``, which checks it and makes the metric:
///
/// ```swift
/// let requests = try registry.register(
///   .counter("http_requests_total", help: "Requests answered."))
/// let answers = try registry.register(
///   .counters("http_answers_total", help: "Answers by status.", labels: "code"))
///
/// requests.increment()
/// answers["200"].increment()
/// ```
///
/// ## Topics
/// ### Single metrics
/// - ``counter(_:help:)``
/// - ``gauge(_:help:)``
/// - ``histogram(_:help:buckets:)``
/// ### Families, one metric for each combination of label values
/// - ``counters(_:help:labels:)``
/// - ``gauges(_:help:labels:)``
/// - ``histograms(_:help:labels:buckets:)``
/// ### Values that are asked for when they are needed
/// - ``counter(_:help:reading:)``
/// - ``gauge(_:help:reading:)``
public struct MetricDescriptor<Metric: AnyObject & Sendable>: Sendable {
  /// The name of the metric family, such as `http_requests_total`.
  public let name: String
  /// One sentence for people who meet the metric; may be empty.
  public let help: String
  /// The names of the labels that tell the metrics of a family apart.
  public let labelNames: [String]

  let kind: MetricKind
  let isFamily: Bool
  let buckets: HistogramBuckets?
  let make: @Sendable (SeriesName) -> any RegisteredMetric

  init(
    _ name: String, help: String, labelNames: [String]? = nil, kind: MetricKind,
    buckets: HistogramBuckets? = nil,
    make: @escaping @Sendable (SeriesName) -> any RegisteredMetric
  ) {
    self.name = name
    self.help = help
    self.labelNames = labelNames ?? []
    self.kind = kind
    self.isFamily = labelNames != nil
    self.buckets = buckets
    self.make = make
  }
}

extension MetricDescriptor<Counter> {
  /// Describes a value that only rises.
  ///
  /// - Parameters:
  ///   - name: Should end in `_total`; it is written as it is given.
  ///   - help: One sentence.
  public static func counter(_ name: String, help: String) -> Self {
    Self(name, help: help, kind: .counter) { Counter($0) }
  }
}

extension MetricDescriptor<Gauge> {
  /// Describes a value that rises and falls.
  public static func gauge(_ name: String, help: String) -> Self {
    Self(name, help: help, kind: .gauge) { Gauge($0) }
  }
}

extension MetricDescriptor<Histogram> {
  /// Describes a distribution of observed values.
  ///
  /// - Parameters:
  ///   - name: Should name the unit, such as `http_request_duration_seconds`.
  ///   - help: One sentence.
  ///   - buckets: The upper bounds of the buckets.
  public static func histogram(
    _ name: String, help: String, buckets: HistogramBuckets = .default
  ) -> Self {
    Self(name, help: help, kind: .histogram, buckets: buckets) {
      Histogram($0, bounds: buckets.finiteBounds)
    }
  }
}

extension MetricDescriptor<Family<Counter>> {
  /// Describes counters that share a name and differ in their label values.
  public static func counters(_ name: String, help: String, labels: String...) -> Self {
    Self(name, help: help, labelNames: labels, kind: .counter) { family in
      Family<Counter>(family, labelNames: labels) { Counter($0) }
    }
  }
}

extension MetricDescriptor<Family<Gauge>> {
  /// Describes gauges that share a name and differ in their label values.
  public static func gauges(_ name: String, help: String, labels: String...) -> Self {
    Self(name, help: help, labelNames: labels, kind: .gauge) { family in
      Family<Gauge>(family, labelNames: labels) { Gauge($0) }
    }
  }
}

extension MetricDescriptor<Family<Histogram>> {
  /// Describes histograms that share a name and buckets and differ in their
  /// label values.
  public static func histograms(
    _ name: String, help: String, labels: String..., buckets: HistogramBuckets = .default
  ) -> Self {
    Self(name, help: help, labelNames: labels, kind: .histogram, buckets: buckets) { family in
      Family<Histogram>(family, labelNames: labels) {
        Histogram($0, bounds: buckets.finiteBounds)
      }
    }
  }
}

extension MetricDescriptor<Reading> {
  /// Describes a rising value that `read` returns whenever it is asked.
  ///
  /// - Parameter read: Called on the thread that writes the exposition; keep it
  ///   quick, and do not use the registry in it.
  public static func counter(
    _ name: String, help: String, reading read: @escaping @Sendable () -> Double
  ) -> Self {
    Self(name, help: help, kind: .counter) { Reading($0, read: read) }
  }

  /// Describes a rising and falling value that `read` returns whenever it is
  /// asked.
  ///
  /// - Parameter read: As for ``counter(_:help:reading:)``.
  public static func gauge(
    _ name: String, help: String, reading read: @escaping @Sendable () -> Double
  ) -> Self {
    Self(name, help: help, kind: .gauge) { Reading($0, read: read) }
  }
}

/// The kinds of metric family, as the text format names them.
enum MetricKind: String, Sendable {
  case counter
  case gauge
  case histogram

  /// The label names that this kind of metric writes itself.
  var reservedLabelNames: [String] { self == .histogram ? ["le"] : [] }

  /// The names of the samples that a family called `name` writes.
  func sampleNames(of name: String) -> [String] {
    switch self {
    case .counter, .gauge: [name]
    case .histogram: [name, name + "_bucket", name + "_sum", name + "_count"]
    }
  }
}
