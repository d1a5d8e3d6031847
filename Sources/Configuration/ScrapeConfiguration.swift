import SeriesModel

/// A format in which targets expose their samples, by its configured name.
package enum ScrapeProtocol: String, Hashable, Sendable, CaseIterable {
  case protobuf = "PrometheusProto"
  case openMetrics0 = "OpenMetricsText0.0.1"
  case openMetrics1 = "OpenMetricsText1.0.0"
  case text0 = "PrometheusText0.0.4"
  case text1 = "PrometheusText1.0.0"

  /// Whether scrapes can be read in this format.
  package var isServed: Bool {
    self == .text0 || self == .text1
  }
}

/// Bounds on a scrape; one that exceeds any of them fails as a whole.
package struct ScrapeLimits: Hashable, Sendable {
  /// The most bytes of a body after decompression; nil for no limit.
  package var bodyByteCount: Int?
  /// The most samples; nil for no limit.
  package var sampleCount: Int?
  /// The most targets of a job, else all of them fail; nil for no limit.
  package var targetCount: Int?
  /// The most labels of a series, its metric name included; nil for no limit.
  package var labelCount: Int?
  /// The longest label name in bytes; nil for no limit.
  package var labelNameByteCount: Int?
  /// The longest label value in bytes; nil for no limit.
  package var labelValueByteCount: Int?

  /// Creates limits that bound nothing.
  package init() {}
}

/// Targets that are written down, with the labels they share.
package struct TargetGroup: Hashable, Sendable {
  /// Addresses such as `localhost:9100`; the port may be missing.
  package var addresses: [String]
  /// Labels of all the targets. Those whose names start with two underscores
  /// steer the scrape and are not stored.
  package var labels: Labels

  /// Creates a group.
  package init(addresses: [String], labels: Labels = Labels()) {
    self.addresses = addresses
    self.labels = labels
  }
}

/// How the targets of one job are scraped, with all defaults filled in.
package struct ScrapeConfiguration: Hashable, Sendable {
  /// The label `job` of the targets; unique among the jobs.
  package var jobName: String
  /// The time between two scrapes of a target; positive.
  package var scrapeInterval: Duration
  /// How long a scrape may take; positive, at most the interval.
  package var scrapeTimeout: Duration
  /// Whether labels of a scraped series win over those of its target.
  package var honorsLabels = false
  /// Whether times given by the target are kept.
  package var honorsTimestamps = true
  /// Whether series with times given by the target get stale markers.
  package var tracksTimestampStaleness = false
  /// URL parameters.
  package var parameters: [String: [String]] = [:]
  /// The path of the URL; begins with a slash.
  package var metricsPath = "/metrics"
  /// `http` or `https`.
  package var scheme = "http"
  /// Whether targets may answer compressed.
  package var allowsCompression = true
  /// Whether redirects are followed.
  package var followsRedirects = true
  /// The formats that targets are to be asked for, best first.
  package var protocols: [ScrapeProtocol] = ScrapeConfiguration.defaultProtocols
  /// The format of answers whose media type is missing or unknown; nil when
  /// such a scrape fails.
  package var fallbackProtocol: ScrapeProtocol?
  /// Bounds on each scrape.
  package var limits = ScrapeLimits()
  /// The targets.
  package var staticTargets: [TargetGroup] = []

  /// The formats asked for when nothing is configured.
  package static let defaultProtocols: [ScrapeProtocol] = [
    .openMetrics1, .openMetrics0, .text1, .text0,
  ]

  /// Creates the configuration of a job without targets, all else by default.
  package init(
    jobName: String, scrapeInterval: Duration = .seconds(60),
    scrapeTimeout: Duration = .seconds(10)
  ) {
    self.jobName = jobName
    self.scrapeInterval = scrapeInterval
    self.scrapeTimeout = min(scrapeTimeout, scrapeInterval)
  }
}
