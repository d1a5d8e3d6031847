import HTTPServer
import PromQL
import SeriesModel
import TSDB

/// `query`, `query_range` and `query_exemplars`.
struct QueryEndpoints: Sendable {
  let database: Database
  let clock: @Sendable () -> Timestamp

  /// The most points a range query may return of one series.
  private static let maximumPoints: Int64 = 11_000
  /// The most annotations of each kind that an answer lists.
  private static let maximumAnnotations = 10

  func instant(_ request: Request) throws -> Response {
    let time = try request.timestamp("time") ?? clock()
    let limit = try request.limit()
    let options = try queryOptions(of: request)
    let result = try run {
      try database.query(query(of: request), at: time, options: options)
    }
    return response(to: result, limit: limit, statistics: request.parameters.first("stats"))
  }

  func range(_ request: Request) throws -> Response {
    let start = try request.requiredTimestamp("start")
    let end = try request.requiredTimestamp("end")
    guard start <= end else {
      throw APIError.invalidParameter("end", "end timestamp must not be before start time")
    }
    guard let step = try request.milliseconds("step") else {
      throw APIError.invalidParameter("step", "cannot parse \"\" to a valid duration")
    }
    guard step > 0 else {
      throw APIError.invalidParameter(
        "step",
        "zero or negative query resolution step widths are not accepted. Try a positive integer")
    }
    let (span, overflow) = end.milliseconds.subtractingReportingOverflow(start.milliseconds)
    guard overflow == false, span / step <= QueryEndpoints.maximumPoints else {
      throw APIError(
        .badData,
        "exceeded maximum resolution of 11,000 points per timeseries. "
          + "Try decreasing the query resolution (?step=XX)")
    }
    let limit = try request.limit()
    let options = try queryOptions(of: request)
    let result = try run {
      try database.query(
        query(of: request), from: start, through: end, stepMilliseconds: step, options: options)
    }
    return response(to: result, limit: limit, statistics: request.parameters.first("stats"))
  }

  func exemplars(_ request: Request) throws -> Response {
    let start = try request.timestamp("start") ?? .earliest
    let end = try request.timestamp("end") ?? .latest
    guard start <= end else {
      throw APIError.invalidParameter("end", "end timestamp must not be before start time")
    }
    let found = try run {
      try database.exemplars(query(of: request), from: start, through: end)
    }
    return successResponse { json in
      json.array { json in
        for series in found { json.write(series) }
      }
    }
  }

  private func query(of request: Request) -> String {
    request.parameters.first("query") ?? ""
  }

  private func queryOptions(of request: Request) throws(APIError) -> QueryOptions {
    var options = QueryOptions()
    if let timeout = try request.milliseconds("timeout") {
      options.timeout = .milliseconds(timeout)
    }
    options.lookbackDeltaMilliseconds = try request.milliseconds("lookback_delta")
    options.cancellation = QueryCancellation(probe: { request.isClientGone })
    return options
  }

  /// Runs a query and turns its errors into the API's.
  private func run<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as QueryError {
      throw APIError(error)
    }
  }

  private func response(to result: QueryResult, limit: Int?, statistics: String?) -> Response {
    var warnings = QueryEndpoints.listed(result.warnings, "warning")
    let (value, isTruncated) = result.value.prefix(limit)
    if isTruncated { warnings.append(truncationWarning) }
    return successResponse(
      warnings: warnings, infos: QueryEndpoints.listed(result.infos, "info")
    ) { json in
      json.object { json in
        json.write(value)
        if let statistics, statistics.isEmpty == false {
          json.write(result.statistics)
        }
      }
    }
  }

  private static func listed(_ annotations: [Annotation], _ kind: String) -> [String] {
    var texts = annotations.prefix(maximumAnnotations).map(\.description)
    let omitted = annotations.count - texts.count
    if omitted > 0 { texts.append("\(omitted) more \(kind) annotations omitted") }
    return texts
  }
}

extension APIError {
  /// A failed query as the API reports it.
  init(_ error: QueryError) {
    switch error {
    case .parse: self = .invalidParameter("query", "\(error)")
    case .execution, .tooManySamples: self.init(.execution, "\(error)")
    case .timeout: self.init(.timeout, "\(error)")
    case .canceled: self.init(.canceled, "\(error)")
    case .storage: self.init(.internal, "\(error)")
    }
  }
}

extension QueryValue {
  /// The first `limit` series, and whether that left any out.
  fileprivate func prefix(_ limit: Int?) -> (QueryValue, isTruncated: Bool) {
    guard let limit else { return (self, false) }
    switch self {
    case .scalar, .string: return (self, false)
    case .vector(let elements):
      return (.vector(Array(elements.prefix(limit))), elements.count > limit)
    case .matrix(let series):
      return (.matrix(Array(series.prefix(limit))), series.count > limit)
    }
  }
}
