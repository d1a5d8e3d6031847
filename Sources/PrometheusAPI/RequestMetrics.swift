import HTTPServer
import Instrumentation

/// Counts and times requests by route.
///
/// The `handler` label is the route's pattern, never a path as it was sent, so
/// that no client can make series without bound.
package struct RequestMetrics: Sendable {
  private let requests: Family<Counter>
  private let duration: Family<Histogram>

  /// Registers the metrics under Prometheus's own names.
  package init(_ registry: Registry) throws(InstrumentationError) {
    requests = try registry.register(
      .counters(
        "prometheus_http_requests_total", help: "Counter of HTTP requests.",
        labels: "code", "handler"))
    duration = try registry.register(
      .histograms(
        "prometheus_http_request_duration_seconds",
        help: "Histogram of latencies for HTTP requests.", labels: "handler",
        buckets: [0.001, 0.01, 0.1, 0.5, 1, 5, 30, 120]))
  }

  /// A handler that does the same as `handler` and is counted as `pattern`.
  func measuring(_ pattern: String, _ handler: @escaping Handler) -> Handler {
    let duration = duration[pattern]
    return { [requests] request in
      let response = duration.time { handler(request) }
      requests["\(response.status)", pattern].increment()
      return response
    }
  }
}
