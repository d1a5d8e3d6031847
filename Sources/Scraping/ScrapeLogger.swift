/// How much a message matters.
package enum ScrapeLogLevel: String, Hashable, Sendable {
  case info, warning, error
}

/// Takes what scraping has to say.
package protocol ScrapeLogger: Sendable {
  /// Takes one message; may be called on the scrape thread, so it must not
  /// wait for anything.
  func log(
    _ level: ScrapeLogLevel, _ message: String, _ fields: [(name: String, value: String)])
}
