/// An answer that arrived completely, whatever its status.
package struct FetchResponse: Sendable {
  /// The status code.
  package let status: Int
  /// The header fields of the last answer, redirects left behind.
  package let headers: HeaderFields
  /// The body, decompressed if that was asked for.
  package let body: [UInt8]
  /// The time from the start to the last byte.
  package let duration: Duration
  /// The encoding that `body` still has: set when the server compressed without
  /// being asked to, or when the request says that the encoding is kept.
  package let remainingEncoding: String?

  /// The value of the first header of that name, compared without regard to
  /// ASCII case.
  package func header(_ name: String) -> String? {
    headers[name]
  }

  /// The `Content-Type`.
  package var contentType: String? {
    header("Content-Type")
  }
}
