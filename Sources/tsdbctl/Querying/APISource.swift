import HTTPClient
import HTTPServer
import Numbers
import PrometheusAPI
import SeriesModel
import TSDB

/// Where the answers to API requests come from.
protocol APISource {
  /// Asks for `path` below `/api/v1/`.
  ///
  /// - Returns: The answer's JSON, whatever its status.
  func answer(to path: String, _ parameters: [(name: String, value: String)]) throws -> [UInt8]

  /// The newest sample's time, when the source can tell at no cost.
  var newestTimestamp: Timestamp? { get }
}

/// A server, asked over HTTP.
struct ServerSource: APISource {
  /// The server's address without a trailing slash.
  let base: String

  init(url: String) throws(UsageError) {
    let text = url.contains("://") ? url : "http://\(url)"
    guard text.hasPrefix("http://") || text.hasPrefix("https://") else {
      throw UsageError("--url=\(url): only http and https are understood")
    }
    base = String(text.reversed().drop { $0 == "/" }.reversed())
  }

  var newestTimestamp: Timestamp? { nil }

  func answer(to path: String, _ parameters: [(name: String, value: String)]) throws -> [UInt8] {
    var request = FetchRequest(url: "\(base)/api/v1/\(path)")
    request.method = "POST"
    request.headers = [("Content-Type", "application/x-www-form-urlencoded")]
    request.body = Array(FormEncoding.text(parameters).utf8)
    if path.hasPrefix("label/") {
      // Label values are served to GET alone.
      request = FetchRequest(url: "\(base)/api/v1/\(path)?\(FormEncoding.text(parameters))")
    }
    return try json(of: fetch(request))
  }

  /// Has the server do what `path` below `/api/v1/` stands for.
  ///
  /// - Returns: The answer's JSON, or nothing when the server has no more to
  ///   say than that it did.
  func command(_ path: String, _ parameters: [(name: String, value: String)]) throws -> [UInt8] {
    var request = FetchRequest(url: "\(base)/api/v1/\(path)")
    request.method = "POST"
    request.headers = [("Content-Type", "application/x-www-form-urlencoded")]
    request.body = Array(FormEncoding.text(parameters).utf8)
    let response = try fetch(request)
    return response.status == 204 ? [] : try json(of: response)
  }

  private func fetch(_ request: FetchRequest) throws -> FetchResponse {
    var request = request
    request.timeoutMilliseconds = 300_000
    request.maximumBodyBytes = 1 << 30
    do {
      return try Fetcher.fetch(request)
    } catch {
      throw CommandFailure(
        "can't ask \(base): \(error)",
        hint: "is a server running there? `tsdbctl serve` starts one, and --path=DIR uses a data "
          + "directory without a server")
    }
  }

  private func json(of response: FetchResponse) throws -> [UInt8] {
    guard response.contentType?.hasPrefix("application/json") == true else {
      let text = String(decoding: response.body.prefix(200), as: UTF8.self)
      let line = text.prefix { $0 != "\n" }
      throw CommandFailure("\(base) answered with status \(response.status): \(line)")
    }
    return response.body
  }
}

/// A data directory, read in this process, also beside a live server.
struct DirectorySource: APISource {
  private let database: Database
  private let router: Router

  init(path: String, options: DatabaseOptions) throws {
    database = try Database.openReadOnly(at: path, options: options)
    // Whoever runs the command may write as much as the grammar allows.
    let supervision = QuerySupervision(maximumByteCount: .max)
    router = Router(
      Routes.queries(database: database, clock: options.clock, supervision: supervision))
  }

  var newestTimestamp: Timestamp? { database.newestTimestamp }

  func answer(to path: String, _ parameters: [(name: String, value: String)]) throws -> [UInt8] {
    let target = "/api/v1/\(path)?\(FormEncoding.text(parameters))"
    return router.respond(to: Request(method: .get, target: target)).body
  }
}

/// Encodes parameters as `application/x-www-form-urlencoded`.
enum FormEncoding {
  static func text(_ parameters: [(name: String, value: String)]) -> String {
    parameters.map { "\(escaped($0.name))=\(escaped($0.value))" }.joined(separator: "&")
  }

  /// Percent-encodes everything but letters, digits and `-._~`.
  static func escaped(_ text: String) -> String {
    var escaped = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        escaped.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        escaped += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return escaped
  }
}
