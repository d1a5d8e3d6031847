import HTTPServer
import SeriesModel
import TSDB

/// `admin/tsdb/...`: what changes the stored data, or copies it.
struct AdminEndpoints: Sendable {
  let database: Database
  let isEnabled: Bool
  /// The time that is in the names of snapshots.
  var clock: @Sendable () -> Timestamp = { .now }

  /// Deletes the series that any `match[]` selects between `start` and `end`.
  ///
  /// With `dry_run=true`, which Prometheus does not have, it only counts, and
  /// answers how many series and at most how many samples there are.
  func deleteSeries(_ request: Request) throws -> Response {
    try requireEnabled()
    let selections = try request.selections(database)
    guard let first = selections.first else {
      throw APIError(.badData, "no match[] parameter provided")
    }
    let isDryRun = try request.isOn("dry_run")
    let deleted = try database.delete(
      matching: selections.map(\.matchers), from: first.start, through: first.end,
      isDryRun: isDryRun)
    guard isDryRun else { return Response(status: 204) }
    return successResponse { json in
      json.object { json in
        json.member("series", deleted.seriesCount)
        json.member("samples", deleted.sampleCount)
      }
    }
  }

  /// Begins to give the space of deleted samples back, in the background.
  func cleanTombstones(_ request: Request) throws -> Response {
    try requireEnabled()
    try database.reclaimDeletedSpace()
    return Response(status: 204)
  }

  func requireEnabled() throws(APIError) {
    guard isEnabled else { throw APIError(.unavailable, "admin APIs disabled") }
  }
}

extension Request {
  /// The parameter `name`, which is `true` or `false`, or absent.
  fileprivate func isOn(_ name: String) throws(APIError) -> Bool {
    switch parameters.first(name) ?? "" {
    case "true": true
    case "", "false": false
    case let text: throw .invalidParameter(name, "\(text.quotedAsJSON) is not true or false")
    }
  }
}
