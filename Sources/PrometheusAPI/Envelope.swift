import HTTPServer

/// Answers `{"status":"success","data":...}`.
///
/// - Parameters:
///   - warnings: What the reader should know, the more serious kind.
///   - infos: The less serious kind.
///   - writeData: Writes exactly one value.
func successResponse(
  warnings: [String] = [], infos: [String] = [], _ writeData: (inout JSONWriter) throws -> Void
) rethrows -> Response {
  var json = JSONWriter()
  try json.object { json in
    json.member("status", "success")
    json.name("data")
    try writeData(&json)
    if warnings.isEmpty == false { json.member("warnings", warnings) }
    if infos.isEmpty == false { json.member("infos", infos) }
  }
  return Response(status: 200, contentType: "application/json", body: json.bytes)
}

/// What a list cut short by `limit` says of it.
let truncationWarning = "results truncated due to limit"

/// A handler whose errors become API errors; parameters that can't be decoded
/// are an error before it runs.
func answering(_ body: @escaping @Sendable (Request) throws -> Response) -> Handler {
  { request in
    if let part = request.parameters.firstMalformedPart {
      return APIError(
        .badData,
        "error parsing form values: \(String(part.prefix(60)).quotedAsJSON) is badly encoded, or "
          + "one parameter too many"
      ).response()
    }
    do {
      return try body(request)
    } catch let error as APIError {
      return error.response()
    } catch {
      return APIError(.internal, "\(error)").response()
    }
  }
}
