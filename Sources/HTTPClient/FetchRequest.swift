/// A request to send, and the limits of its answer.
package struct FetchRequest: Sendable {
  /// The URL; `http` or `https`.
  package var url: String
  /// The method.
  package var method = "GET"
  /// Header fields, sent as they are.
  ///
  /// `Host`, `Content-Length` and `Accept-Encoding` are added. `Authorization`
  /// and `Cookie` are dropped when a redirect leads to another host or port.
  package var headers: [(name: String, value: String)] = []
  /// The body, or `nil` for none.
  package var body: [UInt8]?
  /// Time from the start to the last byte, in milliseconds; redirects included.
  package var timeoutMilliseconds = 10_000
  /// The largest body in bytes, counted after decompression.
  package var maximumBodyBytes = 32 << 20
  /// Whether to ask for gzip; the body is then decompressed while it arrives.
  package var acceptsGzip = true
  /// Whether the body is handed over as it was sent, for the caller to
  /// decompress: ``FetchResponse/remainingEncoding`` then tells how it was
  /// compressed, and ``maximumBodyBytes`` counts what was sent.
  package var keepsEncoding = false
  /// Whether to follow redirects, ten at most.
  package var followsRedirects = true
  /// The `User-Agent`.
  package var userAgent = "swift-tsdb"

  /// Creates a GET request with the default limits.
  package init(url: String) {
    self.url = url
  }

  /// Whether the library decompresses the body.
  var isDecompressed: Bool { acceptsGzip && keepsEncoding == false }

  /// How many redirects are followed.
  static let redirectLimit = 10
}
