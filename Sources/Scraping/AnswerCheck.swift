import Compression
import Configuration
import HTTPClient

/// Why a scrape failed.
struct ScrapeError: Error, Equatable, CustomStringConvertible {
  var description: String

  init(_ description: String) {
    self.description = description
  }
}

/// The text of an answer, decompressed, if it is one that can be read.
///
/// - Throws: When there is no answer, its status is not 200, or its media type
///   is missing or not that of a served format, unless the job names a format
///   to fall back on. The empty body is read whatever its media type.
func scrapedText(
  of result: Result<FetchResponse, FetchError>, _ target: ScrapeTarget,
  _ decompressor: borrowing GzipDecompressor
) throws(ScrapeError) -> [UInt8] {
  let response: FetchResponse
  switch result {
  case .success(let answer): response = answer
  case .failure(.bodyTooLarge): throw bodyTooLarge(target)
  case .failure(.timedOut):
    throw ScrapeError("timed out after \(configuredDurationText(target.timeout))")
  case .failure(let error): throw ScrapeError(error.description)
  }
  guard response.status == 200 else {
    throw ScrapeError("server returned HTTP status \(statusText(response.status))")
  }
  let text = try decompressedBody(of: response, target, decompressor)
  if text.isEmpty == false {
    try checkMediaType(response.contentType ?? "", target.configuration.fallbackProtocol)
  }
  return text
}

private func bodyTooLarge(_ target: ScrapeTarget) -> ScrapeError {
  let remedy =
    target.configuration.limits.bodyByteCount == nil
    ? " (\(target.bodyByteLimit) bytes; set body_size_limit to allow more)" : ""
  return ScrapeError("body size limit exceeded\(remedy)")
}

private func decompressedBody(
  of response: FetchResponse, _ target: ScrapeTarget, _ decompressor: borrowing GzipDecompressor
) throws(ScrapeError) -> [UInt8] {
  guard let encoding = response.remainingEncoding, response.body.isEmpty == false else {
    return response.body
  }
  guard target.configuration.allowsCompression, encoding.lowercased() == "gzip" else {
    throw ScrapeError("server sent the content encoding \"\(encoding)\" without being asked to")
  }
  var text: [UInt8] = []
  do {
    // Safety: bytes have no padding that could be left unset.
    try decompressor.decompress(
      unsafe response.body.span.bytes, limit: target.bodyByteLimit, into: &text)
  } catch CompressionError.limitExceeded {
    throw bodyTooLarge(target)
  } catch {
    throw ScrapeError("broken content encoding: \(error)")
  }
  return text
}

private func checkMediaType(
  _ contentType: String, _ fallback: ScrapeProtocol?
) throws(ScrapeError) {
  let mediaType = contentType.prefix { $0 != ";" }.trimmingBlanks.lowercased()
  if mediaType == "text/plain" { return }
  // Only served formats are accepted as fallback when the file is read.
  let isForeign =
    mediaType == "application/openmetrics-text" || mediaType == "application/vnd.google.protobuf"
  if isForeign {
    throw ScrapeError(
      "received Content-Type \"\(contentType)\", which can't be read yet, though text/plain was "
        + "asked for")
  }
  if fallback != nil { return }
  if mediaType.isEmpty {
    throw ScrapeError(
      "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol "
        + "specified for target")
  }
  throw ScrapeError(
    "received unsupported Content-Type \"\(contentType)\" and no fallback_scrape_protocol "
      + "specified for target")
}

extension Substring {
  fileprivate var trimmingBlanks: Substring {
    var rest = self.drop { $0 == " " || $0 == "\t" }
    while rest.last == " " || rest.last == "\t" { rest.removeLast() }
    return rest
  }
}

/// A status code with its usual reason, `500 Internal Server Error`.
private func statusText(_ status: Int) -> String {
  guard let reason = statusReasons[status] else { return String(status) }
  return "\(status) \(reason)"
}

private let statusReasons: [Int: String] = [
  201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
  300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other",
  304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect",
  400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
  405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict",
  410: "Gone", 413: "Request Entity Too Large", 414: "Request URI Too Long",
  415: "Unsupported Media Type", 418: "I'm a teapot", 421: "Misdirected Request",
  422: "Unprocessable Entity", 426: "Upgrade Required", 429: "Too Many Requests",
  431: "Request Header Fields Too Large", 500: "Internal Server Error", 501: "Not Implemented",
  502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
]
