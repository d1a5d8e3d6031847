import Compression
import HTTPServer
import Instrumentation
import Pushing
import Scraping
import SeriesModel
import TSDB

/// Everything that the routes of a server lead to.
package struct Services: Sendable {
  /// The database that is queried.
  package let database: Database
  /// The time that requests see.
  package let clock: @Sendable () -> Timestamp
  /// Scrapes targets.
  package let scraping: ScrapeManager
  /// Takes remote writes.
  package let remoteWrite: RemoteWriteReceiver
  /// Keeps pushed groups.
  package let pushGateway: PushGateway
  /// Holds the metrics of the server itself.
  package let registry: Registry
  /// Knows how the server was started.
  package let status: ServerStatus
  /// Reloads and stops the server.
  package let lifecycle: Lifecycle
  /// Keeps other web pages out.
  package let requestGuard: RequestGuard
  /// Whether `/api/v1/admin/` is let through.
  package let isAdminAPIEnabled: Bool
  /// Knows the queries.
  package let queries: QuerySupervision

  /// Collects the services.
  package init(
    database: Database, clock: @escaping @Sendable () -> Timestamp, scraping: ScrapeManager,
    remoteWrite: RemoteWriteReceiver, pushGateway: PushGateway, registry: Registry,
    status: ServerStatus, lifecycle: Lifecycle, requestGuard: RequestGuard,
    isAdminAPIEnabled: Bool, queries: QuerySupervision = QuerySupervision()
  ) {
    self.database = database
    self.clock = clock
    self.scraping = scraping
    self.remoteWrite = remoteWrite
    self.pushGateway = pushGateway
    self.registry = registry
    self.status = status
    self.lifecycle = lifecycle
    self.requestGuard = requestGuard
    self.isAdminAPIEnabled = isAdminAPIEnabled
    self.queries = queries
  }
}

/// The only table of routes.
package enum Routes {
  /// The routes that read a database and need nothing else.
  package static func queries(
    database: Database, clock: @escaping @Sendable () -> Timestamp,
    supervision: QuerySupervision = QuerySupervision()
  ) -> [Route] {
    let query = QueryEndpoints(database: database, clock: clock, supervision: supervision)
    let series = SeriesEndpoints(database: database)
    // What reads samples or series may take long, and must not hold up pushes.
    func reading(
      _ methods: [Method], _ pattern: String,
      _ answer: @escaping @Sendable (Request) throws -> Response
    ) -> Route {
      Route(methods, pattern, work: .long, handler: answering(answer))
    }
    return [
      reading([.get, .post], "/api/v1/query", query.instant),
      reading([.get, .post], "/api/v1/query_range", query.range),
      reading([.get, .post], "/api/v1/query_exemplars", query.exemplars),
      Route([.get, .post], "/api/v1/format_query", handler: answering(query.format)),
      Route([.get, .post], "/api/v1/parse_query", handler: answering(query.parse)),
      reading([.get, .post], "/api/v1/series", series.series),
      reading([.get, .post], "/api/v1/labels", series.labelNames),
      reading([.get], "/api/v1/label/{name}/values", series.labelValues),
      Route([.get], "/api/v1/metadata", handler: answering(series.metadata)),
    ]
  }

  /// The router of a server: every route, counted, compressed when asked, and
  /// closed to other web pages.
  package static func router(for services: Services) throws -> Router {
    let metrics = try RequestMetrics(services.registry)
    let refusal = services.requestGuard.refusal
    let all =
      queries(
        database: services.database, clock: services.clock, supervision: services.queries)
      + server(services)
    let routes = all.map { route in
      let handler = metrics.measuring(route.pattern, compressing(route.handler))
      return Route(route.methods, route.pattern, work: route.work) { request in
        var response = refusal(request) ?? handler(request)
        // What a pushed label says must not be taken for a page.
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
      }
    }
    return Router(routes) { request in
      refusal(request) ?? .text(404, "404 page not found: \(request.rawPath)")
    }
  }

  private static func server(_ services: Services) -> [Route] {
    let status = StatusEndpoints(status: services.status, clock: services.clock)
    let active = ActiveQueryEndpoints(
      active: services.queries.active, isCancellingEnabled: services.isAdminAPIEnabled)
    let lifecycle = LifecycleEndpoints(lifecycle: services.lifecycle)
    let targets = TargetEndpoints(scraping: services.scraping)
    let push = PushEndpoints(
      remoteWrite: services.remoteWrite, pushGateway: services.pushGateway)
    let admin = AdminEndpoints(
      database: services.database, isEnabled: services.isAdminAPIEnabled, clock: services.clock)
    let exposition = ExpositionEndpoint(registry: services.registry)
    return [
      Route([.get], "/", work: .immediate, handler: Welcome.page),
      Route([.get], "/metrics", handler: exposition.metrics),
      Route([.get], "/api/v1/targets", handler: answering(targets.targets)),
      Route([.get], "/api/v1/scrape_pools", handler: answering(targets.scrapePools)),
      Route([.get], "/api/v1/status/buildinfo", handler: status.buildInformation),
      Route([.get], "/api/v1/status/runtimeinfo", handler: status.runtimeInformation),
      Route([.get], "/api/v1/status/flags", handler: status.flags),
      Route([.get], "/api/v1/status/config", handler: status.configuration),
      Route(
        [.get], "/api/v1/status/tsdb", work: .long,
        handler: answering(StatisticsEndpoint(database: services.database).statistics)),
      Route([.get], "/api/v1/status/active_queries", handler: active.list),
      Route(
        [.delete], "/api/v1/status/active_queries/{id}", handler: answering(active.cancel)),
      Route(
        [.post, .put], "/api/v1/admin/tsdb/delete_series", work: .long,
        handler: answering(admin.deleteSeries)),
      Route(
        [.post, .put], "/api/v1/admin/tsdb/clean_tombstones", work: .long,
        handler: answering(admin.cleanTombstones)),
      Route(
        [.post, .put], "/api/v1/admin/tsdb/snapshot", work: .long,
        handler: answering(admin.snapshot)),
      Route([.post], "/api/v1/write", handler: push.remoteWrite),
      Route([.put, .post, .delete], "/metrics/{group...}", handler: push.group),
      Route([.get], "/-/healthy", work: .immediate, handler: lifecycle.healthy),
      Route([.get], "/-/ready", work: .immediate, handler: lifecycle.ready),
      Route([.post, .put], "/-/reload", handler: lifecycle.reload),
      Route([.post, .put], "/-/quit", handler: lifecycle.quit),
    ]
  }

  /// Bodies below this many bytes are not worth compressing.
  private static let compressionThreshold = 1024

  /// A handler whose answers are gzip when the client accepts it.
  private static func compressing(_ handler: @escaping Handler) -> Handler {
    { request in
      var response = handler(request)
      guard response.body.count >= compressionThreshold,
        response.headers["Content-Encoding"] == nil
      else { return response }
      response.headers["Vary"] = "Accept-Encoding"
      guard request.acceptsGzip else { return response }
      var compressed: [UInt8] = []
      do throws(CompressionError) {
        try Gzip.compress(unsafe response.body.span.bytes, appendingTo: &compressed)
      } catch {
        return response
      }
      response.body = compressed
      response.headers["Content-Encoding"] = "gzip"
      return response
    }
  }
}

extension Request {
  /// True when `Accept-Encoding` names gzip without refusing it by `q=0`.
  fileprivate var acceptsGzip: Bool {
    headers.all("Accept-Encoding").joined(separator: ",").lowercased().split(separator: ",")
      .contains { entry in
        let parts = entry.split(separator: ";").map { $0.filter { $0 != " " } }
        return parts.first == "gzip"
          && parts.dropFirst().contains { $0.hasPrefix("q=") && Double($0.dropFirst(2)) == 0 }
            == false
      }
  }
}
