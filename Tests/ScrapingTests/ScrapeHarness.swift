import Configuration
import HTTPClient
import HTTPServer
import Scraping
import SeriesModel
import Synchronization
import Testing

/// A store that remembers what it was given.
final class RecordingAppender: Appender {
  struct StoreFailure: Error {}

  private struct State {
    var ids: [Labels: SeriesID] = [:]
    var labels: [SeriesID: Labels] = [:]
    var samples: [String: [Sample]] = [:]
    var metadata: [[String: MetricMetadata]] = []
    var batchCount = 0
    var appendCount = 0
    var latestAccepted = Timestamp.latest
    var isFailing = false
    var refused: RejectionReason?
    var waiters: [@Sendable (Int) -> Void] = []
  }

  private let state = Mutex(State())

  func seriesID(for labels: Labels) throws -> SeriesID {
    try state.withLock { state in
      if state.isFailing { throw StoreFailure() }
      if let id = state.ids[labels] { return id }
      let id = SeriesID(UInt64(state.labels.count + 1))
      state.ids[labels] = id
      state.labels[id] = labels
      return id
    }
  }

  func append(_ batches: [SampleBatch], options: AppendOptions) throws -> [AppendResult] {
    let (results, count, waiters) = try state.withLock { state in
      if state.isFailing { throw StoreFailure() }
      state.latestAccepted = options.latestAccepted
      state.appendCount += 1
      let results = batches.map { RecordingAppender.append($0, to: &state) }
      return (results, state.batchCount, state.waiters)
    }
    for waiter in waiters { waiter(count) }
    return results
  }

  private static func append(_ batch: SampleBatch, to state: inout State) -> AppendResult {
    state.batchCount += 1
    if batch.metadata.isEmpty == false { state.metadata.append(batch.metadata) }
    var result = AppendResult(acceptedCount: 0, rejections: [])
    for index in 0..<batch.count {
      let sample = Sample(milliseconds: batch.timestamps[index], value: batch.values[index])
      let labels = state.labels[batch.seriesIDs[index]]
      let isKnown = labels.map { state.ids[$0] == batch.seriesIDs[index] } ?? false
      guard let labels, isKnown, state.refused == nil else {
        result.rejections.append(
          Rejection(
            labels: labels ?? Labels(), sample: sample,
            reason: isKnown ? state.refused ?? .unknownSeries : .unknownSeries, batchIndex: index))
        continue
      }
      state.samples[labels.description, default: []].append(sample)
      result.acceptedCount += 1
    }
    return result
  }

  /// The samples of the series, written in the PromQL form.
  func samples(_ series: String) -> [Sample] {
    state.withLock { $0.samples[series] ?? [] }
  }

  /// The values of the series; the stale marker stands as `nil`.
  func values(_ series: String) -> [Double?] {
    samples(series).map { $0.value.isStaleMarker ? nil : $0.value }
  }

  /// Every series that was given a sample, but for the report series.
  var seriesNames: Set<String> {
    state.withLock { state in
      Set(
        state.samples.keys.filter {
          $0.hasPrefix("up{") == false && $0.hasPrefix("scrape_") == false
        })
    }
  }

  var metadata: [[String: MetricMetadata]] { state.withLock { $0.metadata } }
  var batchCount: Int { state.withLock { $0.batchCount } }
  var appendCount: Int { state.withLock { $0.appendCount } }
  var latestAccepted: Timestamp { state.withLock { $0.latestAccepted } }

  /// Forgets every id, as retention does.
  func forgetSeries() {
    state.withLock { $0.ids.removeAll() }
  }

  func setFailing(_ isFailing: Bool) {
    state.withLock { $0.isFailing = isFailing }
  }

  func refuseAll(_ reason: RejectionReason?) {
    state.withLock { $0.refused = reason }
  }

  /// Calls `body` with the number of batches after each append.
  func onAppend(_ body: @escaping @Sendable (Int) -> Void) {
    state.withLock { $0.waiters.append(body) }
  }
}

final class ManualClock: ScrapeClock {
  private let elapsed = Mutex(Duration.zero)
  private let start: Timestamp

  init(start: Int64 = 1_700_000_000_000) {
    self.start = Timestamp(milliseconds: start)
  }

  func timeOfDay() -> Duration {
    .milliseconds(start.milliseconds) + uptime()
  }

  func uptime() -> Duration { elapsed.withLock { $0 } }

  func advance(by duration: Duration) {
    elapsed.withLock { $0 += duration }
  }
}

final class RecordingLogger: ScrapeLogger {
  private let lines = Mutex<[String]>([])

  func log(
    _ level: ScrapeLogLevel, _ message: String, _ fields: [(name: String, value: String)]
  ) {
    let reason = fields.first { $0.name == "reason" }.map { ": \($0.value)" } ?? ""
    lines.withLock { $0.append("\(level.rawValue) \(message)\(reason)") }
  }

  /// What was logged since the last call.
  func takeLines() -> [String] {
    lines.withLock { lines in
      defer { lines = [] }
      return lines
    }
  }
}

/// A target whose answer the test sets.
final class FakeTarget: Sendable {
  private let server: Server
  private let response: Mutex<Response>
  private let requests = Mutex<[Request]>([])

  init(_ text: String = "") throws {
    response = Mutex(FakeTarget.answer(text))
    server = try Server(
      Server.Configuration(listenAddresses: [ListenAddress(host: "127.0.0.1", port: 0)]))
    try server.start(
      routing: Router(
        [],
        fallback: { [weak self] request in
          guard let self else { return .text(503, "gone") }
          requests.withLock { $0.append(request) }
          return self.response.withLock { $0 }
        }))
  }

  deinit {
    server.shutdown(deadline: .zero)
  }

  var address: String { "127.0.0.1:\(server.addresses[0].port)" }
  var lastRequest: Request? { requests.withLock { $0.last } }
  var requestCount: Int { requests.withLock { $0.count } }

  private static func answer(_ text: String) -> Response {
    Response(contentType: "text/plain; version=0.0.4; charset=utf-8", body: Array(text.utf8))
  }

  func set(_ text: String) {
    response.withLock { $0 = FakeTarget.answer(text) }
  }

  func set(_ answer: Response) {
    response.withLock { $0 = answer }
  }
}

/// A scheduler on a clock that the test moves.
final class ScrapeHarness {
  let appender = RecordingAppender()
  let clock = ManualClock()
  let logger = RecordingLogger()
  let target: FakeTarget
  let scheduler: ScrapeScheduler
  var configuration = ServerConfiguration()

  init(
    _ text: String = "", alignment: TimestampAlignment = TimestampAlignment(),
    gatheringTime: Duration = .zero, _ configure: (inout ScrapeConfiguration) -> Void = { _ in }
  ) throws {
    target = try FakeTarget(text)
    scheduler = ScrapeScheduler(
      appender: appender, fetcher: try Fetcher(), clock: clock, logger: logger,
      userAgent: "tsdb/test", alignment: alignment, gatheringTime: gatheringTime)
    configuration.scrapeConfigurations = [job(configure)]
    scheduler.apply(configuration)
  }

  /// A job `j` with the one target, whose label `instance` is `i`.
  func job(_ configure: (inout ScrapeConfiguration) -> Void = { _ in }) -> ScrapeConfiguration {
    var job = ScrapeConfiguration(jobName: "j", scrapeInterval: .seconds(10))
    job.staticTargets = [TargetGroup(addresses: [target.address], labels: ["instance": "i"])]
    configure(&job)
    return job
  }

  func reload(_ jobs: [ScrapeConfiguration]) {
    configuration.scrapeConfigurations = jobs
    scheduler.apply(configuration)
  }

  /// Lets the time pass until `count` more scrapes have ended.
  func scrape(
    _ text: String? = nil, count: Int = 1, step: Duration = .milliseconds(100),
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    if let text { target.set(text) }
    let wanted = scheduler.statistics.scrapeCount + count
    for _ in 0..<10_000 where scheduler.statistics.scrapeCount < wanted {
      clock.advance(by: step)
      finishFetches()
    }
    #expect(scheduler.statistics.scrapeCount == wanted, sourceLocation: sourceLocation)
  }

  /// Lets that much time pass.
  func pass(_ duration: Duration) {
    let end = clock.uptime() + duration
    while clock.uptime() < end {
      clock.advance(by: .milliseconds(100))
      finishFetches()
    }
  }

  private func finishFetches() {
    scheduler.runTurn(maximumWaitMilliseconds: 0)
    while scheduler.isFetching { scheduler.runTurn(maximumWaitMilliseconds: 1000) }
  }

  func values(_ series: String) -> [Double?] { appender.values(series) }

  /// The values of a report series of the target.
  func report(_ name: String) -> [Double?] {
    values("\(name){instance=\"i\", job=\"j\"}")
  }
}
