import Configuration
import SeriesModel

/// What is known of a target's health.
package enum TargetHealth: String, Hashable, Sendable {
  /// It was not scraped yet.
  case unknown
  /// The last scrape succeeded.
  case up
  /// The last scrape failed.
  case down
}

/// A target and its last scrape, as the API shows them.
package struct TargetStatus: Hashable, Sendable {
  /// The target.
  package var target: ScrapeTarget
  /// Its health.
  package var health = TargetHealth.unknown
  /// Why the last scrape failed; empty when it did not.
  package var lastError = ""
  /// When the last scrape began; nil before the first one.
  package var lastScrape: Timestamp?
  /// How long the last scrape took.
  package var lastScrapeDuration: Duration = .zero

  /// The name of the target's scrape pool: that of its job.
  package var scrapePool: String { target.configuration.jobName }
}

/// Changes of a list of statuses: a long list is copied whole only when other
/// targets stand in it.
struct StatusChanges {
  /// The whole list, when it is another one.
  var all: [TargetStatus]?
  /// Statuses of the list that changed since, with their places.
  var some: [(index: Int, status: TargetStatus)] = []

  /// Brings a list up to date.
  func apply(to statuses: inout [TargetStatus]) {
    if let all { statuses = all }
    for (index, status) in some { statuses[index] = status }
  }
}

/// What scraping did since it began.
package struct ScrapeStatistics: Hashable, Sendable {
  /// Scrapes that ended, well or not.
  package var scrapeCount = 0
  /// Scrapes that failed.
  package var failedScrapeCount = 0
  /// Samples that were read.
  package var sampleCount = 0
  /// Samples that the store accepted, report series and stale markers included.
  package var acceptedSampleCount = 0
  /// Samples that stood twice in a scrape, of which the first is kept.
  package var duplicateSampleCount = 0
  /// Samples that the store refused, by reason.
  package var rejectedSampleCounts: [RejectionReason: Int] = [:]
  /// Scrapes left out because the one before was still under way.
  package var skippedScrapeCount = 0
  /// Batches that the store failed to take.
  package var failedAppendCount = 0

  /// Creates statistics of nothing.
  package init() {}
}
