import Instrumentation
import SeriesModel

/// What a gateway says about itself.
struct PushGatewayMetrics: Sendable {
  let requests: Family<Counter>
  let groupCount: Gauge
  private let refused: Family<Counter>

  init(_ registry: Registry) throws(InstrumentationError) {
    requests = try registry.register(
      .counters(
        "pushgateway_http_requests_total",
        help: "Requests to push or delete metrics, by the status code of the answer.",
        labels: "handler", "method", "code"))
    groupCount = try registry.register(
      .gauge("tsdb_pushgateway_groups", help: "Groups of pushed metrics that are kept."))
    refused = try registry.register(
      .counters(
        "tsdb_pushgateway_refused_samples_total",
        help: "Samples of pushed groups that the store has refused.", labels: "reason"))
  }

  func count(_ rejections: [Rejection]) {
    for rejection in rejections { refused[rejection.reason.rawValue].increment() }
  }
}
