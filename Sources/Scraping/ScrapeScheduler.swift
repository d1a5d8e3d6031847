import Configuration
import HTTPClient
import SeriesModel

/// Scrapes every target in its time; ``ScrapeManager`` runs it on a thread.
///
/// A turn begins the scrapes that are due, waits for answers until the next
/// one is, and stores what came in one append. Belongs to the thread that made
/// the fetcher.
package final class ScrapeScheduler {
  /// What was done so far.
  package private(set) var statistics = ScrapeStatistics()

  private var scrapers: [TargetScraper] = []
  /// What ``takeStatusChanges()`` tells next.
  private var changes = StatusChanges()
  private let appender: any Appender
  private let fetcher: Fetcher
  private let clock: any ScrapeClock
  private let logger: any ScrapeLogger
  private let userAgent: String
  private var queue = DueQueue<DueItem>()
  private var fetching: [UInt64: TargetScraper] = [:]
  private var nextToken: UInt64 = 1
  private var isStoreFailing = false

  private enum DueItem {
    case scrape(TargetScraper, scheduleNumber: Int)
    /// A target that was removed, and the time its stale markers get.
    case end(TargetScraper, at: Timestamp)
  }

  /// Creates a scheduler without targets.
  ///
  /// - Parameter userAgent: Sent with each request.
  package init(
    appender: any Appender, fetcher: Fetcher, clock: any ScrapeClock, logger: any ScrapeLogger,
    userAgent: String
  ) {
    self.appender = appender
    self.fetcher = fetcher
    self.clock = clock
    self.logger = logger
    self.userAgent = userAgent
  }

  /// The targets and their last scrapes, in the order of the configuration.
  package var statuses: [TargetStatus] { scrapers.map(\.status) }

  /// What changed in ``statuses`` since the last call.
  func takeStatusChanges() -> StatusChanges {
    defer { changes = StatusChanges() }
    return changes
  }

  /// Whether a fetch is under way.
  package var isFetching: Bool { fetching.isEmpty == false }

  /// Takes a configuration: targets that stay keep their series and their
  /// place in the schedule, others begin or end.
  package func apply(_ configuration: ServerConfiguration) {
    let now = clock.now()
    let uptime = clock.uptime()
    var known: [JobTarget: TargetScraper] = [:]
    for scraper in scrapers { known[JobTarget(scraper.target)] = scraper }
    var kept: [TargetScraper] = []
    for job in configuration.scrapeConfigurations {
      let (targets, failures) = ScrapeTarget.targets(of: job)
      for failure in failures {
        logger.log(
          .error, "target can't be scraped",
          [("job", job.jobName), ("target", failure.address), ("reason", failure.reason)])
      }
      for target in targets {
        if let scraper = known[JobTarget(target)], target.keepsSeries(of: scraper.target) {
          known[JobTarget(target)] = nil
          let keepsPlace = scraper.target.interval == target.interval
          scraper.update(target)
          if keepsPlace == false { schedule(scraper, now, uptime) }
          kept.append(scraper)
        } else {
          let scraper = TargetScraper(target)
          schedule(scraper, now, uptime)
          kept.append(scraper)
        }
      }
    }
    for scraper in known.values { end(scraper, now, uptime) }
    scrapers = kept
    for index in scrapers.indices { scrapers[index].index = index }
    changes.all = statuses
    changes.some.removeAll()
  }

  private struct JobTarget: Hashable {
    var jobName: String
    var identity: ScrapeTarget.Identity

    init(_ target: ScrapeTarget) {
      jobName = target.configuration.jobName
      identity = target.identity
    }
  }

  /// Begins what is due, waits, and stores what came.
  ///
  /// - Parameter maximumWaitMilliseconds: How long to wait at most, should no
  ///   scrape fall due before.
  package func runTurn(maximumWaitMilliseconds: Int) {
    var finished = startDue()
    var wait = maximumWaitMilliseconds
    if let due = queue.nextDue {
      let rest = max(.zero, due - clock.uptime())
      wait = min(wait, Int((rest / .milliseconds(1)).rounded(.up)))
    }
    if finished.isEmpty == false { wait = 0 }
    for completion in fetcher.poll(timeoutMilliseconds: wait) {
      guard let scraper = fetching.removeValue(forKey: completion.token) else { continue }
      let text = Result { () throws(ScrapeError) -> [UInt8] in
        try scrapedText(of: completion.result, scraper.target)
      }
      finished.append((scraper, text))
    }
    store(finished)
  }
}

extension ScrapeScheduler {
  private typealias EndedTarget = (scraper: TargetScraper, timestamp: Timestamp)
  private typealias Finished = (scraper: TargetScraper, text: Result<[UInt8], ScrapeError>)

  /// Begins the scrapes that are due; returns those that ended at once.
  private func startDue() -> [Finished] {
    var finished: [Finished] = []
    var ended: [EndedTarget] = []
    let uptime = clock.uptime()
    while let item = queue.popDue(at: uptime) {
      switch item {
      case .scrape(let scraper, let number):
        guard scraper.scheduleNumber == number else { continue }
        let now = clock.now()
        schedule(scraper, now, uptime, isFollowing: true)
        guard scraper.fetch == nil else {
          statistics.skippedScrapeCount += 1
          continue
        }
        scraper.fetch = (nextToken, scraper.target.alignedTime(now), uptime)
        if let error = scraper.target.forcedError {
          finished.append((scraper, .failure(ScrapeError(error))))
        } else {
          fetching[nextToken] = scraper
          fetcher.add(request(for: scraper.target), token: nextToken)
        }
        nextToken += 1
      case .end(let scraper, let timestamp):
        ended.append((scraper, timestamp))
      }
    }
    if ended.isEmpty == false { markEnds(of: ended, uptime) }
    return finished
  }

  private func schedule(
    _ scraper: TargetScraper, _ now: Timestamp, _ uptime: Duration, isFollowing: Bool = false
  ) {
    // After a scrape comes the next interval's, also when the scrape began a
    // little early.
    let pause = isFollowing ? scraper.target.timeTolerance + .milliseconds(1) : .zero
    let from = Timestamp(milliseconds: now.milliseconds + Int64(pause / .milliseconds(1)))
    scraper.due = uptime + pause + scraper.target.delay(from: from)
    scraper.scheduleNumber += 1
    queue.add(.scrape(scraper, scheduleNumber: scraper.scheduleNumber), due: scraper.due)
  }

  /// Stops scraping a target, and plans its stale markers.
  ///
  /// They are written two intervals and a bit later, so that a target that
  /// comes back, or series that another target has by then, see none. Targets
  /// that end together are due together, so that the series of those that stay
  /// are gone through once.
  private func end(_ scraper: TargetScraper, _ now: Timestamp, _ uptime: Duration) {
    scraper.scheduleNumber += 1
    if let fetch = scraper.fetch {
      fetcher.cancel(token: fetch.token)
      fetching[fetch.token] = nil
      scraper.fetch = nil
    }
    guard scraper.wasScraped else { return }
    let delay = max(.zero, scraper.due - uptime)
    let timestamp = Timestamp(
      milliseconds: now.milliseconds + Int64(delay / .milliseconds(1)))
    let interval = scraper.target.interval
    queue.add(.end(scraper, at: timestamp), due: uptime + interval * 2 + interval / 10)
  }

  /// Appends the stale markers of targets that are gone, or plans to do so an
  /// interval later when the store fails.
  private func markEnds(of ended: [EndedTarget], _ uptime: Duration) {
    var markers: [SeriesID: Int64] = [:]
    for (scraper, timestamp) in ended {
      markers.merge(scraper.finalMarkers(at: timestamp), uniquingKeysWith: max)
    }
    for scraper in scrapers { scraper.removeLiveSeries(from: &markers) }
    guard markers.isEmpty == false else { return }
    var batch = SampleBatch()
    batch.reserveCapacity(markers.count)
    for (id, milliseconds) in markers {
      batch.add(id, timestampMilliseconds: milliseconds, value: StaleMarker.value)
    }
    guard append([batch]) == nil else { return }
    for (scraper, timestamp) in ended {
      queue.add(.end(scraper, at: timestamp), due: uptime + scraper.target.interval)
    }
  }

  private func request(for target: ScrapeTarget) -> FetchRequest {
    var request = FetchRequest(url: target.url)
    let configuration = target.configuration
    request.headers = [
      ("Accept", "text/plain;version=0.0.4;q=1,*/*;q=0.1"),
      ("X-Prometheus-Scrape-Timeout-Seconds", target.timeoutText),
    ]
    if configuration.allowsCompression == false {
      request.headers.append(("Accept-Encoding", "identity"))
    }
    // A scrape that hangs is over before the next one is due.
    let interval = Int(target.interval / .milliseconds(1))
    request.timeoutMilliseconds = max(
      1, min(Int(target.timeout / .milliseconds(1)), interval - min(20, interval / 10)))
    request.maximumBodyBytes =
      configuration.limits.bodyByteCount ?? ScrapeScheduler.defaultBodyByteLimit
    request.acceptsGzip = configuration.allowsCompression
    request.followsRedirects = configuration.followsRedirects
    request.userAgent = userAgent
    return request
  }

  /// The largest body where the configuration sets no limit: memory is bounded
  /// whatever a target sends.
  private static let defaultBodyByteLimit = 64 << 20
}

extension ScrapeScheduler {
  /// Stores the scrapes that ended, in one append.
  private func store(_ finished: [Finished]) {
    var prepared: [(scraper: TargetScraper, scrape: PreparedScrape)] = []
    for (scraper, text) in finished {
      guard let fetch = scraper.fetch else { continue }
      scraper.fetch = nil
      do {
        let scrape = try scraper.prepare(text, at: fetch.timestamp, appender) {
          clock.uptime() - fetch.start
        }
        report(scrape, of: scraper, began: fetch)
        prepared.append((scraper, scrape))
      } catch {
        noteStoreFailure(error)
      }
    }
    guard prepared.isEmpty == false,
      let results = append(prepared.map(\.scrape.batch))
    else { return }
    var retries: [SampleBatch] = []
    for ((scraper, scrape), result) in zip(prepared, results) {
      noteRejections(result.rejections, of: scraper)
      do {
        if let batch = try scraper.finish(scrape, result, appender) { retries.append(batch) }
      } catch {
        noteStoreFailure(error)
      }
    }
    if retries.isEmpty == false { append(retries) }
  }

  /// Appends batches; nil when the store failed.
  @discardableResult
  private func append(_ batches: [SampleBatch]) -> [AppendResult]? {
    // As in Prometheus, a target's clock may be at most ten minutes ahead.
    let latest = Timestamp(milliseconds: clock.now().milliseconds + 600_000)
    do {
      let results = try appender.append(batches, options: AppendOptions(latestAccepted: latest))
      for result in results {
        statistics.acceptedSampleCount += result.acceptedCount
        for rejection in result.rejections {
          statistics.rejectedSampleCounts[rejection.reason, default: 0] += 1
        }
      }
      if isStoreFailing {
        isStoreFailing = false
        logger.log(.info, "the store takes scraped samples again", [])
      }
      return results
    } catch {
      statistics.failedAppendCount += batches.count
      noteStoreFailure(error)
      return nil
    }
  }

  private func noteStoreFailure(_ error: any Error) {
    guard isStoreFailing == false else { return }
    isStoreFailing = true
    logger.log(.error, "scraped samples can't be stored", [("reason", "\(error)")])
  }

  private func noteRejections(_ rejections: [Rejection], of scraper: TargetScraper) {
    let refused = rejections.filter { $0.reason != .unknownSeries }
    defer { scraper.hadRejections = refused.isEmpty == false }
    guard let first = refused.first, scraper.hadRejections == false else { return }
    logger.log(
      .warning, "the store refused samples of a target",
      scraper.logFields + [("count", "\(refused.count)"), ("reason", first.reason.rawValue)])
  }

  /// Updates the target's status and tells when it goes down or comes back.
  private func report(
    _ scrape: PreparedScrape, of scraper: TargetScraper,
    began fetch: (token: UInt64, timestamp: Timestamp, start: Duration)
  ) {
    statistics.scrapeCount += 1
    statistics.sampleCount += scrape.scrapedCount
    statistics.duplicateSampleCount += scrape.duplicateCount
    let wasDown = scraper.status.health == .down
    if let error = scrape.error {
      statistics.failedScrapeCount += 1
      if wasDown == false {
        logger.log(
          .warning, "target is down", scraper.logFields + [("reason", error.description)])
      }
    } else if wasDown {
      logger.log(.info, "target is up again", scraper.logFields)
    }
    scraper.status.health = scrape.error == nil ? .up : .down
    scraper.status.lastError = scrape.error?.description ?? ""
    scraper.status.lastScrape = fetch.timestamp
    scraper.status.lastScrapeDuration = clock.uptime() - fetch.start
    changes.some.append((scraper.index, scraper.status))
  }
}

extension TargetScraper {
  fileprivate var logFields: [(name: String, value: String)] {
    [("job", target.configuration.jobName), ("target", target.url)]
  }
}

extension ScrapeTarget {
  /// How far a scrape may be from its time and still be given that time: as
  /// even times take a tenth of the space.
  var timeTolerance: Duration {
    min(.milliseconds(5), .milliseconds(Int64(interval / .milliseconds(100))))
  }

  /// The time of a scrape that begins at `now`: the target's own time when it
  /// is as near as the tolerance.
  func alignedTime(_ now: Timestamp) -> Timestamp {
    let untilNext = Int64(delay(from: now) / .milliseconds(1))
    let sinceLast = Int64(interval / .milliseconds(1)) - untilNext
    let tolerance = Int64(timeTolerance / .milliseconds(1))
    if untilNext <= tolerance { return Timestamp(milliseconds: now.milliseconds + untilNext) }
    if sinceLast <= tolerance { return Timestamp(milliseconds: now.milliseconds - sinceLast) }
    return now
  }

  /// The timeout in seconds as a decimal number.
  fileprivate var timeoutText: String {
    let milliseconds = Int64(timeout / .milliseconds(1))
    let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1000)
    guard rest > 0 else { return "\(seconds)" }
    var digits = String(String(1000 + rest).dropFirst())
    while digits.hasSuffix("0") { digits.removeLast() }
    return "\(seconds).\(digits)"
  }
}
