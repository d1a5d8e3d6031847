import HTTPServer
import SeriesModel
import TSDB

extension AdminEndpoints {
  /// Copies the database to a directory below its own, and answers the name.
  ///
  /// With `skip_head=true` open chunks are left out.
  func snapshot(_ request: Request) throws -> Response {
    try requireEnabled()
    let skipsHead = try request.boolean("skip_head")
    guard let path = database.path else {
      throw APIError(.unavailable, "a database in memory has no directory for snapshots")
    }
    let name = AdminEndpoints.snapshotName(at: clock())
    do {
      try database.snapshot(to: "\(path)/snapshots/\(name)", skipsHead: skipsHead)
    } catch {
      throw APIError(.internal, "create snapshot: \(error)")
    }
    return successResponse { json in
      json.object { json in json.member("name", name) }
    }
  }

  /// Such as `20261127T070102Z-2c3b1f0e5d4a6978`: the time, and what tells apart
  /// those of one second.
  private static func snapshotName(at time: Timestamp) -> String {
    let text = time.rfc3339.prefix { $0 != "." && $0 != "Z" }
      .filter { $0 != "-" && $0 != ":" }
    return "\(text)Z-" + String(UInt64.random(in: .min ... .max), radix: 16)
  }
}

extension Request {
  /// The parameter `name` as true or false, in the spellings that Prometheus
  /// takes; false when it is absent or empty.
  fileprivate func boolean(_ name: String) throws(APIError) -> Bool {
    switch parameters.first(name) ?? "" {
    case "1", "t", "T", "true", "TRUE", "True": true
    case "", "0", "f", "F", "false", "FALSE", "False": false
    case let text:
      throw APIError(
        .badData, "unable to parse boolean '\(name)' argument: \(text.quotedAsJSON)")
    }
  }
}
