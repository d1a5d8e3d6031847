import HTTPServer

/// `GET /`: where a person who opens the address in a browser is told what
/// there is.
enum Welcome {
  static let page: Handler = { request in
    let host = request.headers["Host"] ?? "127.0.0.1:9090"
    return .text(
      200,
      """
      tsdb \(BuildInformation.version): a time-series database that speaks Prometheus.

      The HTTP API is Prometheus's:
        http://\(host)/api/v1/query?query=up
        http://\(host)/api/v1/targets
        http://\(host)/metrics
      Add http://\(host) to Grafana as a Prometheus data source.

      At the command line:
        tsdbctl query --url http://\(host) 'rate(prometheus_http_requests_total[5m])'
        tsdbctl query --help

      Send samples:
        remote write to  http://\(host)/api/v1/write
        push groups to   http://\(host)/metrics/job/NAME
      """)
  }
}
