import Configuration
import HTTPClient
import SeriesModel
import Threading

/// Scrapes targets on a thread of its own and writes what they say through an
/// ``Appender``.
///
/// Every target is scraped at its own moment of the interval. The samples of a
/// scrape, its report series (`up` and others) and the stale markers of series
/// that are gone make one batch. May be used from any thread. A manager that
/// was started lives until ``stop()``.
package final class ScrapeManager: Sendable {
  private let appender: any Appender
  private let logger: any ScrapeLogger
  private let clock: any ScrapeClock
  private let userAgent: String
  private let alignment: TimestampAlignment
  /// Everything that the scrape thread and its callers share; locked for
  /// copies alone.
  private let state = Monitor(State())

  private struct State: Sendable {
    var thread: WorkerThread?
    /// The configuration that the thread has not taken yet.
    var configuration: ServerConfiguration?
    /// How many configurations were given, and how many are in force.
    var givenCount = 0
    var appliedCount = 0
    var isStopping = false
    /// True once the thread scrapes no more, or never could.
    var isEnded = false
    var waker: Fetcher.Waker?
    var statuses: [TargetStatus] = []
    var statistics = ScrapeStatistics()
  }

  /// Creates a manager that scrapes nothing yet.
  ///
  /// - Parameters:
  ///   - userAgent: Sent with each request, such as `tsdb/1.0`.
  ///   - alignment: Which times the scrapes have.
  package init(
    appender: any Appender, logger: any ScrapeLogger, clock: any ScrapeClock = SystemClock(),
    userAgent: String, alignment: TimestampAlignment = TimestampAlignment()
  ) {
    self.appender = appender
    self.logger = logger
    self.clock = clock
    self.userAgent = userAgent
    self.alignment = alignment
  }

  /// The targets and their last scrapes, in the order of the configuration.
  package var targets: [TargetStatus] {
    state.withLock { $0.statuses }
  }

  /// What was done so far.
  package var statistics: ScrapeStatistics {
    state.withLock { $0.statistics }
  }

  /// Starts scraping the targets of `configuration`.
  ///
  /// - Throws: ``ThreadError`` when no thread can be started.
  /// - Precondition: Called once.
  package func start(_ configuration: ServerConfiguration) throws(ThreadError) {
    let targets = configuration.scrapeConfigurations.flatMap {
      ScrapeTarget.targets(of: $0).targets
    }
    state.withLock {
      $0.configuration = configuration
      $0.givenCount += 1
      $0.statuses = targets.map { TargetStatus(target: $0) }
    }
    let thread = try WorkerThread { [self] in run() }
    state.withLock {
      precondition($0.thread == nil, "scraping is started once")
      $0.thread = thread
    }
  }

  /// Goes over to another configuration.
  ///
  /// A target that stays keeps its series, its place in the schedule and its
  /// status. The series of a target that goes get stale markers a little more
  /// than two intervals later, unless another target has them by then.
  ///
  /// Returns when ``targets`` shows the new ones, mostly within a millisecond;
  /// when a slow store holds up the thread, after two seconds, and the
  /// configuration then comes into force as soon as the thread is free.
  package func reload(_ configuration: ServerConfiguration) {
    let count = state.change { state in
      state.configuration = configuration
      state.givenCount += 1
      state.waker?.wakeup()
      return state.givenCount
    }
    _ = state.wait(timeout: .seconds(2)) { state in
      state.appliedCount >= count || state.isEnded ? true : nil
    }
  }

  /// Ends scraping and returns when the thread is gone.
  ///
  /// Scrapes under way are dropped. No stale markers are written: the targets
  /// are still there, only nobody looks.
  package func stop() {
    let thread = state.withLock { state in
      state.isStopping = true
      state.waker?.wakeup()
      defer { state.thread = nil }
      return state.thread
    }
    thread?.join()
  }

  private func run() {
    defer { state.change { $0.isEnded = true } }
    let fetcher: Fetcher
    do {
      fetcher = try Fetcher()
    } catch {
      logger.log(.error, "nothing can be scraped", [("reason", error.description)])
      return
    }
    state.withLock { $0.waker = fetcher.waker }
    let scheduler = ScrapeScheduler(
      appender: appender, fetcher: fetcher, clock: clock, logger: logger, userAgent: userAgent,
      alignment: alignment, gatheringTime: ScrapeManager.gatheringTime)
    while true {
      let (isStopping, configuration, count) = state.withLock { state in
        defer { state.configuration = nil }
        return (state.isStopping, state.configuration, state.givenCount)
      }
      if isStopping {
        scheduler.storeWaiting()
        return
      }
      if let configuration { scheduler.apply(configuration) }
      publish(scheduler, appliedCount: count)
      scheduler.runTurn(maximumWaitMilliseconds: 60_000)
    }
  }

  /// Many targets share a sync, and their samples are seen hardly later.
  private static let gatheringTime = Duration.milliseconds(100)

  private func publish(_ scheduler: ScrapeScheduler, appliedCount: Int) {
    let changes = scheduler.takeStatusChanges()
    let statistics = scheduler.statistics
    state.change {
      changes.apply(to: &$0.statuses)
      $0.statistics = statistics
      $0.appliedCount = appliedCount
    }
  }
}
