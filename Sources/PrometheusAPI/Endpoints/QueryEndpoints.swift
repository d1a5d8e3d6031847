import HTTPServer
import PromQL
import PromQLSyntax
import SeriesModel
import TSDB

/// `query`, `query_range`, `query_exemplars`, `format_query` and `parse_query`.
struct QueryEndpoints: Sendable {
  let database: Database
  let clock: @Sendable () -> Timestamp
  let supervision: QuerySupervision

  /// The most points a range query may return of one series.
  private static let maximumPoints: Int64 = 11_000
  /// The most annotations of each kind that an answer lists.
  private static let maximumAnnotations = 10

  func instant(_ request: Request) throws -> Response {
    let time = try request.timestamp("time") ?? clock()
    let limit = try request.limit()
    let result = try supervised(request, .instant(time)) { text, options in
      try database.query(text, at: time, options: options)
    }
    return response(to: result, of: request, limit: limit)
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
    let time = ActiveQueries.Time.range(from: start, through: end, stepMilliseconds: step)
    let result = try supervised(request, time) { text, options in
      try database.query(
        text, from: start, through: end, stepMilliseconds: step, options: options)
    }
    return response(to: result, of: request, limit: limit)
  }

  func exemplars(_ request: Request) throws -> Response {
    let start = try request.timestamp("start") ?? .earliest
    let end = try request.timestamp("end") ?? .latest
    guard start <= end else {
      throw APIError.invalidParameter("end", "end timestamp must not be before start time")
    }
    let text = try query(of: request)
    let found = try run { try database.exemplars(text, from: start, through: end) }
    return successResponse { json in
      json.array { json in
        for series in found { json.write(series) }
      }
    }
  }

  /// Lays a query out over lines.
  func format(_ request: Request) throws -> Response {
    let text = try query(of: request)
    let expression = try run { try database.parse(text) }
    return successResponse { json in json.string(expression.prettyDescription) }
  }

  /// Answers the syntax tree of a query.
  func parse(_ request: Request) throws -> Response {
    let text = try query(of: request)
    let expression = try run { try database.parse(text) }
    return successResponse { json in json.write(expression) }
  }

  private func query(of request: Request) throws(APIError) -> String {
    let text = request.parameters.first("query") ?? ""
    let byteCount = text.utf8.count
    guard byteCount <= supervision.maximumByteCount else {
      throw .invalidParameter(
        "query",
        "the text has \(byteCount) bytes, and \(supervision.maximumByteCount) are allowed: "
          + "shorten it, or raise --query.max-length")
    }
    return text
  }

  /// Runs a query that can be listed and cancelled meanwhile, and logs it.
  private func supervised(
    _ request: Request, _ time: ActiveQueries.Time,
    _ body: (String, QueryOptions) throws -> QueryResult
  ) throws -> QueryResult {
    let text = try query(of: request)
    var options = try queryOptions(of: request)
    options.countsSteps = request.parameters.first("stats") == "all"
    options.explains = request.parameters.first("explain") == "true"
    return try supervision.active.running(
      text, time, client: request.remoteAddress, start: clock(), options: options
    ) { query, options in
      func log(_ error: String?, _ statistics: QueryStatistics?) {
        supervision.log.write(
          query, at: clock(), method: request.method.name, path: request.rawPath, error: error,
          statistics: statistics, waitingTime: request.waitingTime)
      }
      do {
        let result = try run { try body(text, options) }
        log(nil, result.statistics)
        return result
      } catch {
        log((error as? APIError)?.message ?? "\(error)", nil)
        throw error
      }
    }
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

  private func response(to result: QueryResult, of request: Request, limit: Int?) -> Response {
    let wantsStatistics = request.parameters.first("stats").map { $0.isEmpty == false } ?? false
    var warnings = QueryEndpoints.listed(result.warnings, "warning")
    let (value, isTruncated) = result.value.prefix(limit)
    if isTruncated { warnings.append(truncationWarning) }
    return successResponse(
      warnings: warnings, infos: QueryEndpoints.listed(result.infos, "info")
    ) { json in
      json.object { json in
        json.write(value)
        if wantsStatistics {
          json.write(result.statistics, waitingTime: request.waitingTime)
        }
        if result.explanation.isEmpty == false {
          json.name("explanation")
          json.array { json in
            for operation in result.explanation { json.write(operation) }
          }
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
