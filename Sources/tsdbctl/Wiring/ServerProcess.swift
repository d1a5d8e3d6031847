import Configuration
import Glibc
import HTTPServer
import Instrumentation
import PrometheusAPI
import Pushing
import Scraping
import SeriesModel
import TSDB
import Threading

/// The running server: its parts, wired together.
final class ServerProcess: Sendable {
  private let options: ServerOptions
  private let database: Database
  private let server: Server
  private let scraping: ScrapeManager
  /// Stores pushed groups anew, so that they don't go stale.
  private let restamping: PeriodicWorker
  private let reloader: Reloader
  private let startTime: Timestamp

  /// Starts everything; when something fails the database is closed, and the
  /// caller ends the process.
  ///
  /// The sockets come first: a port in use is found out before anything else
  /// is touched.
  init(_ options: ServerOptions) throws {
    let clock: @Sendable () -> Timestamp = { .now }
    startTime = clock()
    self.options = options
    let configuration = try Reloader.load(options)
    server = try ServerProcess.listen(options)
    database = try ServerProcess.openDatabase(options, clock: clock)
    do {
      let registry = Registry()
      try registry.registerProcessMetrics()
      try database.registerMetrics(in: registry)
      let destination = PushDestination(
        appender: database, secondsToWait: ServerProcess.secondsToWait)
      let pushGateway = try PushGateway(
        directory: options.dataDirectory + "/pushgateway", destination: destination,
        registry: registry, clock: clock)
      let remoteWrite = try RemoteWriteReceiver(
        destination: destination, registry: registry, clock: clock)
      scraping = ScrapeManager(
        appender: database, logger: options.logger,
        userAgent: "tsdb/\(BuildInformation.version)", alignment: options.timestampAlignment)
      let status = ServerStatus(
        startTime: startTime, flags: options.flags, retention: options.storage.retentionText,
        configuration: configuration.publicText)
      let queries = QuerySupervision(maximumByteCount: options.maximumQueryLength)
      reloader = try Reloader(
        options: options, scraping: scraping, status: status, queryLog: queries.log,
        configuration: configuration)
      if let problem = options.storage.retentionProblem { options.logger.log(.warn, problem) }
      for problem in pushGateway.loadProblems + database.openingWarnings {
        options.logger.log(.warn, problem)
      }
      restamping = try ServerProcess.restamp(pushGateway, options, clock: clock)
      try ServerProcess.registerMetrics(of: server, in: registry)
      try ServerProcess.registerMetrics(of: queries, in: registry)
      let services = Services(
        database: database, clock: clock, scraping: scraping, remoteWrite: remoteWrite,
        pushGateway: pushGateway, registry: registry, status: status,
        lifecycle: ServerProcess.lifecycle(options, reloader, database),
        requestGuard: ServerProcess.requestGuard(options),
        isAdminAPIEnabled: options.isAdminAPIEnabled, queries: queries)
      try server.start(routing: Routes.router(for: services))
      try scraping.start(reloader.withSelf(configuration, at: server.addresses))
    } catch {
      try database.close()
      throw error
    }
    logStart(configuration)
  }

  /// A queue is soon empty; a full disk takes somebody who makes space.
  @Sendable private static func secondsToWait(after error: any Error) -> Int? {
    switch error {
    case TSDBError.Code.overloaded: 1
    case TSDBError.Code.diskFull: 30
    default: nil
    }
  }

  /// Serves until a signal asks to stop.
  func run() -> ExitStatus {
    while true {
      switch Signals.next() {
      case .reload:
        reloader.reloadAndLog()
      case .stop(let name):
        options.logger.log(.info, "stopping", ["signal": name])
        return stop()
      }
    }
  }

  /// Ends everything in the order in which samples flow, so that nothing
  /// acknowledged is left behind.
  private func stop() -> ExitStatus {
    server.shutdown(deadline: .seconds(10))
    scraping.stop()
    restamping.stop()
    let failure = database.failure
    do {
      try database.close()
    } catch {
      options.logger.log(.error, "closing the store failed", ["error": "\(error)"])
      return .failure
    }
    if let failure {
      options.logger.log(.error, "stopped after the store had failed", ["error": failure])
      return .failure
    }
    options.logger.log(.info, "stopped")
    return .success
  }

  private static func restamp(
    _ gateway: PushGateway, _ options: ServerOptions, clock: @escaping @Sendable () -> Timestamp
  ) throws(ThreadError) -> PeriodicWorker {
    try PeriodicWorker(every: options.restampInterval) {
      do {
        try gateway.restamp(now: clock())
      } catch {
        options.logger.log(.error, "storing pushed groups failed", ["error": "\(error)"])
      }
    }
  }

  private static func registerMetrics(
    of server: Server, in registry: Registry
  ) throws(InstrumentationError) {
    try registry.register(
      .gauge("tsdb_http_open_connections", help: "Connections that are open.") {
        Double(server.statistics.openConnectionCount)
      })
    try registry.register(
      .gauge("tsdb_http_queued_requests", help: "Requests that wait for their turn.") {
        Double(server.statistics.queuedRequestCount)
      })
    try registry.register(
      .counter("tsdb_http_refused_requests_total", help: "Requests answered 503, queue full.") {
        Double(server.statistics.refusedRequestCount)
      })
    try registry.register(
      .counter("tsdb_http_refused_bodies_total", help: "Requests answered 413, body too large.") {
        Double(server.statistics.refusedBodyCount)
      })
  }

  private static func registerMetrics(
    of queries: QuerySupervision, in registry: Registry
  ) throws(InstrumentationError) {
    try registry.register(
      .gauge("prometheus_engine_queries", help: "Queries that are running.") {
        Double(queries.active.all.count)
      })
    try registry.register(
      .gauge("prometheus_engine_query_log_enabled", help: "Whether queries are logged.") {
        queries.log.isOpen ? 1 : 0
      })
    try registry.register(
      .counter(
        "prometheus_engine_query_log_failures_total",
        help: "Lines of the query log that could not be written."
      ) {
        Double(queries.log.failureCount)
      })
  }

  private static func listen(_ options: ServerOptions) throws(CommandFailure) -> Server {
    var configuration = Server.Configuration(listenAddresses: options.listenAddresses)
    // More than the pushes that may wait for each other, so that they leave room.
    configuration.handlerLimit = 32
    configuration.longHandlerLimit = options.maximumQueryConcurrency
    do throws(HTTPServerError) {
      return try Server(configuration)
    } catch {
      throw CommandFailure(
        "\(error)", hint: "choose another address with --web.listen-address=<host:port>")
    }
  }

  private static func openDatabase(
    _ options: ServerOptions, clock: @escaping @Sendable () -> Timestamp
  ) throws -> Database {
    var databaseOptions = DatabaseOptions()
    databaseOptions.duplicatePolicy = options.duplicatePolicy
    databaseOptions.maximumExemplars = options.maximumExemplars
    databaseOptions.retention = options.storage.retention
    databaseOptions.retentionByteCount = options.storage.retentionByteCount
    databaseOptions.durability = options.storage.durability
    databaseOptions.minimumFreeByteCount = options.storage.minimumFreeByteCount
    databaseOptions.onConditionChange = { ServerProcess.log($0, options.logger) }
    databaseOptions.onEvent = { event in
      options.logger.log(
        event.isDetail ? .debug : .info, event.message,
        fields: event.fields.map { (key: $0.name, value: $0.value) })
    }
    databaseOptions.lookbackDelta = options.lookbackDelta
    databaseOptions.queryTimeout = options.queryTimeout
    databaseOptions.maximumQuerySamples = options.maximumQuerySamples
    databaseOptions.usesExperimentalPromQL = options.usesExperimentalPromQL
    databaseOptions.clock = clock
    let directory = options.dataDirectory
    if unsafe access(directory + "/wal", F_OK) == 0,
      unsafe access(directory + "/data.mdb", F_OK) != 0
    {
      throw CommandFailure(
        "\"\(directory)\" holds the data of a Prometheus, which can't be read",
        hint: "choose another directory with --storage.tsdb.path=<dir>")
    }
    do {
      return try Database.open(at: options.dataDirectory, options: databaseOptions)
    } catch let error as TSDBError {
      throw CommandFailure(
        "can't use the data directory \"\(options.dataDirectory)\": \(error.message)",
        hint: error.hint ?? "choose another directory with --storage.tsdb.path=<dir>")
    }
  }

  private static func log(_ condition: DatabaseCondition, _ logger: Logger) {
    switch condition {
    case .working:
      logger.log(.info, "the store takes samples again")
    case .readOnly(let reason):
      logger.log(
        .error, "the disk is full: no samples are taken until there is space",
        ["reason": reason, "hint": "free space, or lower --storage.min-free-space"])
    case .failed(let reason):
      logger.log(
        .error, "the store failed: no samples are taken until a restart", ["reason": reason])
    }
  }

  private static func lifecycle(
    _ options: ServerOptions, _ reloader: Reloader, _ database: Database
  ) -> Lifecycle {
    Lifecycle(
      isEnabled: options.isLifecycleEnabled, reload: { try reloader.reload() },
      quit: { Signals.requestStop() }, failure: { database.failure },
      suspension: {
        guard case .readOnly(let reason) = database.condition else { return nil }
        return reason
      })
  }

  private static func requestGuard(_ options: ServerOptions) -> RequestGuard {
    RequestGuard(
      listenHosts: options.listenAddresses.map(\.host), machineNames: [Machine.hostName],
      additionalNames: options.allowedHosts)
  }

  private func logStart(_ configuration: ServerConfiguration) {
    let urls = server.addresses.map { "http://\($0)" }.joined(separator: ",")
    let targets = scraping.targets.map(\.target.url).joined(separator: ",")
    options.logger.log(
      .info, "ready",
      [
        "url": urls, "data": options.dataDirectory, "retention": options.storage.retentionText,
        "targets": targets.isEmpty ? "none" : targets,
        "took": "\((Timestamp.now.milliseconds - startTime.milliseconds))ms",
      ])
  }
}
