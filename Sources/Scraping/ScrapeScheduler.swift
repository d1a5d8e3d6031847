import Compression
import Configuration
import Exposition
import HTTPClient
import SeriesModel

/// Scrapes every target in its time; ``ScrapeManager`` runs it on a thread.
///
/// A turn begins the scrapes that are due, and waits for answers until the next
/// one is. What came is stored in one append, for which it waits a moment when
/// more is to come: each append costs a sync. Belongs to the thread that made
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
  private let alignment: TimestampAlignment
  private let gatheringTime: Duration
  private let decompressor = GzipDecompressor()
  private var parsed = ParsedScrape()
  /// Memory of compressed bodies, for those to come.
  private var spareBodies: [[UInt8]] = []
  /// The scrapes that wait to be stored, and when that is to happen.
  private var waiting: [(scraper: TargetScraper, scrape: PreparedScrape)] = []
  private var storeDue: Duration = .zero
  /// How far that may be put off.
  private var latestStoreDue: Duration = .zero
  private var waitingSampleCount = 0
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
  /// - Parameters:
  ///   - userAgent: Sent with each request.
  ///   - alignment: Which times the scrapes have.
  ///   - gatheringTime: How long a scrape waits for others, to be stored with
  ///     them; twice as long if scrapes fall due so densely that a sync would
  ///     make one late.
  package init(
    appender: any Appender, fetcher: Fetcher, clock: any ScrapeClock, logger: any ScrapeLogger,
    userAgent: String, alignment: TimestampAlignment = TimestampAlignment(),
    gatheringTime: Duration = .zero
  ) {
    self.appender = appender
    self.fetcher = fetcher
    self.clock = clock
    self.logger = logger
    self.userAgent = userAgent
    self.alignment = alignment
    self.gatheringTime = gatheringTime
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
    storeWaiting()
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
          if keepsPlace == false { schedule(scraper) }
          kept.append(scraper)
        } else {
          let scraper = TargetScraper(target)
          schedule(scraper)
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
    let nextDue = waiting.isEmpty ? queue.nextDue : min(queue.nextDue ?? storeDue, storeDue)
    if let nextDue {
      let rest = max(.zero, nextDue - clock.uptime())
      wait = min(wait, Int((rest / .milliseconds(1)).rounded(.up)))
    }
    if finished.isEmpty == false { wait = 0 }
    for completion in fetcher.poll(timeoutMilliseconds: wait) {
      guard let scraper = fetching.removeValue(forKey: completion.token) else { continue }
      let text = Result { () throws(ScrapeError) -> [UInt8] in
        try scrapedText(of: completion.result, scraper.target, decompressor)
      }
      finished.append((scraper, text))
      keepBody(of: completion.result)
    }
    prepare(finished)
    if isTimeToStore() { storeWaiting() }
  }

  /// Keeps the memory of a body that was decompressed; of another one, the
  /// text of the scrape is that memory.
  private func keepBody(of result: Result<FetchResponse, FetchError>) {
    guard case .success(let response) = result, response.remainingEncoding != nil,
      response.body.capacity <= 1 << 16, spareBodies.count < 16
    else { return }
    spareBodies.append(response.body)
  }

  /// Stores what was scraped and waits for more to be stored with it.
  package func storeWaiting() {
    guard waiting.isEmpty == false else { return }
    let stored = waiting
    waiting.removeAll(keepingCapacity: true)
    waitingSampleCount = 0
    for (scraper, _) in stored { scraper.isWaiting = false }
    store(stored)
  }

  /// Whether the scrapes that wait are to be stored now; puts it off otherwise.
  private func isTimeToStore() -> Bool {
    guard waiting.isEmpty == false else { return false }
    let uptime = clock.uptime()
    guard let nextDue = queue.nextDue else { return uptime >= storeDue || fetching.isEmpty }
    // Waiting is in vain when nothing will come.
    guard uptime >= storeDue else { return fetching.isEmpty && nextDue >= storeDue }
    // A sync would make a scrape late that falls due meanwhile: that one first.
    if nextDue < min(uptime + ScrapeScheduler.syncTime, latestStoreDue) {
      storeDue = nextDue
      return false
    }
    return true
  }

  /// How long most syncs take at most.
  private static let syncTime = Duration.milliseconds(5)
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
        schedule(scraper, isFollowing: true)
        guard scraper.fetch == nil else {
          statistics.skippedScrapeCount += 1
          continue
        }
        scraper.fetch = (nextToken, alignment.timestamp(of: scraper.target, at: now), uptime)
        if let error = scraper.target.forcedError {
          finished.append((scraper, .failure(ScrapeError(error))))
        } else {
          fetching[nextToken] = scraper
          fetcher.add(
            scraper.request(userAgent: userAgent), token: nextToken,
            reusing: spareBodies.popLast() ?? [])
        }
        nextToken += 1
      case .end(let scraper, let timestamp):
        ended.append((scraper, timestamp))
      }
    }
    if ended.isEmpty == false { markEnds(of: ended, uptime) }
    return finished
  }

  private func schedule(_ scraper: TargetScraper, isFollowing: Bool = false) {
    let uptime = clock.uptime()
    let timeOfDay = clock.timeOfDay()
    // After a scrape comes the next interval's, also when the clock was set
    // back a little, so that the scrape began early.
    let pause =
      isFollowing ? min(.milliseconds(5), scraper.target.interval / 100) + .milliseconds(1) : .zero
    let from = timeOfDay + pause
    let milliseconds = Int64(from / .milliseconds(1))
    let delay = scraper.target.delay(from: Timestamp(milliseconds: milliseconds))
    // What the clock is beyond the whole millisecond does not add up.
    let excess = from - .milliseconds(milliseconds)
    scraper.due = uptime + pause + max(.zero, delay - excess)
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
}

extension ScrapeScheduler {
  /// So many samples gain little from waiting for more, and take memory.
  private static let waitingSampleLimit = 100_000

  /// Makes the scrapes that ended ready to be stored.
  private func prepare(_ finished: [Finished]) {
    for (scraper, text) in finished {
      guard let fetch = scraper.fetch else { continue }
      scraper.fetch = nil
      // A scrape must know what became of the one before.
      if scraper.isWaiting { storeWaiting() }
      do {
        let scrape = try scraper.prepare(
          text, at: fetch.timestamp, appender, using: &parsed,
          duration: { clock.uptime() - fetch.start })
        report(scrape, of: scraper, began: fetch)
        if waiting.isEmpty {
          storeDue = clock.uptime() + gatheringTime
          latestStoreDue = storeDue + gatheringTime
        }
        waiting.append((scraper, scrape))
        scraper.isWaiting = true
        waitingSampleCount += scrape.batch.count
        if waitingSampleCount >= ScrapeScheduler.waitingSampleLimit { storeWaiting() }
      } catch {
        noteStoreFailure(error)
      }
    }
  }

  private func store(_ prepared: [(scraper: TargetScraper, scrape: PreparedScrape)]) {
    guard let results = append(prepared.map(\.scrape.batch)) else { return }
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
    let latest = Timestamp(
      milliseconds: clock.now().milliseconds + AppendOptions.futureToleranceMilliseconds)
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
      scraper.logFields + [
        ("count", "\(refused.count)"), ("reason", first.reason.rawValue), ("first", "\(first)"),
      ])
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
