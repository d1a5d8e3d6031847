import HTTPServer

/// A refusal as the Prometheus API reports it.
package struct APIError: Error, Equatable {
  /// The kind of an error: the API's word and the status code it comes with.
  package enum Kind: String, Sendable {
    /// A parameter is missing or malformed.
    case badData = "bad_data"
    /// The query is sound and failed while it ran.
    case execution
    /// The client went away.
    case canceled
    /// The query took too long.
    case timeout
    /// Something broke on this side.
    case `internal`
    /// The feature is switched off, or the store is not ready.
    case unavailable
    /// There is no such thing.
    case notFound = "not_found"

    /// The HTTP status code.
    package var status: Int {
      switch self {
      case .badData: 400
      case .execution: 422
      case .canceled: 499
      case .timeout: 503
      case .internal, .unavailable: 500
      case .notFound: 404
      }
    }
  }

  /// What kind of error it is.
  package let kind: Kind
  /// What is wrong, in a sentence without a full stop.
  package let message: String

  /// Creates an error.
  package init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  /// A parameter that can't be used.
  package static func invalidParameter(_ name: String, _ problem: String) -> APIError {
    APIError(.badData, "invalid parameter \(name.quotedAsJSON): \(problem)")
  }

  /// The error as the envelope `{"status":"error",...}`.
  func response() -> Response {
    var json = JSONWriter()
    json.object { json in
      json.member("status", "error")
      json.member("errorType", kind.rawValue)
      json.member("error", message)
    }
    return Response(status: kind.status, contentType: "application/json", body: json.bytes)
  }
}
