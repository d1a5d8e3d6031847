import HTTPServer
import SeriesModel

/// `status/active_queries`: what is running, and an end to it.
struct ActiveQueryEndpoints: Sendable {
  let active: ActiveQueries
  /// Whether queries may be cancelled.
  let isCancellingEnabled: Bool

  func list(_ request: Request) -> Response {
    successResponse { json in
      json.array { json in
        for query in active.all { json.write(query) }
      }
    }
  }

  /// Asks the query `{id}` to end; it answers its own client with an error.
  func cancel(_ request: Request) throws -> Response {
    guard isCancellingEnabled else { throw APIError(.unavailable, "admin APIs disabled") }
    let text = request.captures["id"] ?? ""
    guard let id = Int(text), active.cancel(id) else {
      throw APIError(.notFound, "no query \(text.quotedAsJSON) is running")
    }
    return Response(status: 204)
  }
}

extension JSONWriter {
  fileprivate mutating func write(_ query: ActiveQueries.Query) {
    object { json in
      json.member("id", query.id)
      json.member("query", query.text)
      switch query.time {
      case .instant(let time):
        json.member("time", time.rfc3339)
      case .range(let from, let through, let stepMilliseconds):
        json.member("start", from.rfc3339)
        json.member("end", through.rfc3339)
        json.member("step", number: Double(stepMilliseconds) / 1000)
      }
      json.member("client", query.client)
      json.member("since", query.start.rfc3339)
      let (seconds, attoseconds) = query.elapsed.components
      json.member("seconds", number: Double(seconds) + Double(attoseconds) / 1e18)
      json.member("samples", query.samplesRead)
    }
  }
}
