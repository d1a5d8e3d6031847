/// What a handler answers.
package struct Response: Sendable {
  /// The status code, 100 to 599.
  package var status: Int
  /// The header fields; `Date`, `Content-Length` and `Connection` are added
  /// when the response is sent.
  package var headers: Headers
  /// The body; it is not sent in answer to `HEAD`, but its length is.
  package var body: [UInt8]

  /// Creates a response.
  package init(status: Int = 200, headers: Headers = Headers(), body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// Creates a response of one content type.
  package init(status: Int = 200, contentType: String, body: [UInt8]) {
    self.init(
      status: status, headers: Headers([(name: "Content-Type", value: contentType)]), body: body)
  }

  /// Creates a plain-text response; the text gets a line end.
  package static func text(_ status: Int, _ text: String) -> Response {
    Response(
      status: status, contentType: "text/plain; charset=utf-8", body: Array("\(text)\n".utf8))
  }
}

extension Response {
  static let notFound = text(404, "404 page not found")
  static let malformedPath = text(400, "bad percent-encoding in the path")
  static let shuttingDown = unavailable("the server is shutting down")

  static func methodNotAllowed(_ allowed: [Method]) -> Response {
    var response = text(405, "method not allowed")
    response.headers["Allow"] = allowed.map(\.name).joined(separator: ", ")
    return response
  }

  static func bodyTooLarge(limit: Int) -> Response {
    text(413, "the request body is larger than the limit of \(limit) bytes")
  }

  static func unavailable(_ reason: String) -> Response {
    var response = text(503, reason)
    response.headers["Retry-After"] = "1"
    return response
  }
}
