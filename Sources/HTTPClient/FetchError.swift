/// Why no answer arrived.
///
/// Each `detail` is libcurl's own account of it; host names and URLs may be in
/// it.
package enum FetchError: Error, Equatable, CustomStringConvertible {
  /// The URL, the method or a header can't be sent.
  case invalidRequest(detail: String)
  /// The URL, or that of a redirect, is neither `http` nor `https`.
  case unsupportedProtocol(detail: String)
  /// The host name has no address.
  case cannotResolveHost(detail: String)
  /// Nobody listens at the address.
  case connectionRefused(detail: String)
  /// The address can't be reached for another reason.
  case cannotConnect(detail: String)
  /// The connection broke before the answer was complete.
  case connectionLost(detail: String)
  /// The time was over.
  case timedOut(afterMilliseconds: Int)
  /// The body, decompressed, is larger than the request allows.
  case bodyTooLarge(limit: Int)
  /// The header is larger than any sensible one.
  case headersTooLarge(limit: Int)
  /// The redirects don't end.
  case tooManyRedirects(limit: Int)
  /// The body's compression is unknown or broken.
  case badContentEncoding(detail: String)
  /// The server's certificate or the encryption failed.
  case tls(detail: String)
  /// The answer is not HTTP.
  case malformedAnswer(detail: String)
  /// Anything else.
  case other(code: Int, detail: String)

  package var description: String {
    switch self {
    case .invalidRequest(let detail): "invalid request: \(detail)"
    case .unsupportedProtocol(let detail): "unsupported protocol: \(detail)"
    case .cannotResolveHost(let detail): "couldn't resolve the host: \(detail)"
    case .connectionRefused(let detail): "connection refused: \(detail)"
    case .cannotConnect(let detail): "couldn't connect: \(detail)"
    case .connectionLost(let detail): "connection lost: \(detail)"
    case .timedOut(let milliseconds): "timed out after \(milliseconds) ms"
    case .bodyTooLarge(let limit): "the body is larger than the limit of \(limit) bytes"
    case .headersTooLarge(let limit): "the header is larger than the limit of \(limit) bytes"
    case .tooManyRedirects(let limit): "more than \(limit) redirects"
    case .badContentEncoding(let detail): "unsupported or broken content encoding: \(detail)"
    case .tls(let detail): "TLS failed: \(detail)"
    case .malformedAnswer(let detail): "the answer is not HTTP: \(detail)"
    case .other(let code, let detail): "request failed (\(code)): \(detail)"
    }
  }
}
