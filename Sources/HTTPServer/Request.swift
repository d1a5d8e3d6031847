/// A request method such as `GET`; methods are case-sensitive.
package struct Method: Hashable, Sendable, CustomStringConvertible {
  /// The name as sent.
  package let name: String

  /// Creates a method from its name.
  package init(_ name: String) {
    self.name = name
  }

  package var description: String { name }

  /// `GET`.
  package static let get = Method("GET")
  /// `HEAD`.
  package static let head = Method("HEAD")
  /// `POST`.
  package static let post = Method("POST")
  /// `PUT`.
  package static let put = Method("PUT")
  /// `PATCH`.
  package static let patch = Method("PATCH")
  /// `DELETE`.
  package static let delete = Method("DELETE")
  /// `OPTIONS`.
  package static let options = Method("OPTIONS")
}

/// A complete request: head and body have arrived.
package struct Request: Sendable {
  /// The method.
  package let method: Method
  /// The path as it was sent, not decoded and without the query string.
  package let rawPath: String
  /// The query string as it was sent, without the `?`; empty when there is none.
  package let rawQuery: String
  /// The header fields.
  package let headers: Headers
  /// The body as it was sent: chunks are joined, content encodings remain.
  package let body: [UInt8]
  /// The client's address as `host:port`, or `[host]:port` for IPv6; empty when
  /// it is not known.
  package let remoteAddress: String
  /// The parameters of form body and query string.
  package let parameters: Parameters
  /// The parts of the path that the route's pattern captured, by name.
  ///
  /// Single segments are percent-decoded; a rest (`{name...}`) is as sent.
  package internal(set) var captures: [String: String] = [:]

  /// How long the request has waited for its turn.
  package internal(set) var waitingTime: Duration = .zero

  private let client: ClientWatch?

  /// Creates a request; the parameters are decoded at once.
  ///
  /// - Parameters:
  ///   - target: Path and query string as in the request line, not decoded; an
  ///     absolute URL counts from its path on.
  package init(
    method: Method = .get,
    target: String,
    headers: Headers = Headers(),
    body: [UInt8] = [],
    remoteAddress: String = ""
  ) {
    self.init(
      method: method, target: target, headers: headers, body: body,
      remoteAddress: remoteAddress, client: nil)
  }

  init(
    method: Method, target: String, headers: Headers, body: [UInt8], remoteAddress: String,
    client: ClientWatch?
  ) {
    self.method = method
    self.headers = headers
    self.body = body
    self.remoteAddress = remoteAddress
    self.client = client
    (rawPath, rawQuery) = Self.split(target)
    parameters = Parameters(
      form: Self.hasFormBody(method, headers) ? String(decoding: body, as: UTF8.self) : "",
      query: rawQuery)
  }

  /// The path percent-decoded, or `nil` when it holds a bad `%` sequence.
  package var path: String? {
    PercentDecoding.text(rawPath, plusIsSpace: false)
  }

  /// Whether nobody waits for the answer any more: the client has closed its
  /// connection, or the server stops and waits for the handler to return.
  ///
  /// Long handlers ask now and then and give up. Each call while the handler
  /// runs is one system call; after the answer was given the value is frozen.
  package var isClientGone: Bool {
    client?.isGone ?? false
  }

  /// Cuts a target into path and query, and an absolute URL's scheme and
  /// authority off.
  private static func split(_ target: String) -> (path: String, query: String) {
    var target = target[...]
    for scheme in ["http://", "https://"] where target.hasPrefix(scheme) {
      let authority = target.dropFirst(scheme.count)
      target = authority.firstIndex { $0 == "/" || $0 == "?" }.map { authority[$0...] } ?? "/"
    }
    guard let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) else {
      return (String(target), "")
    }
    return (String(target[..<mark]), String(target[target.utf8.index(after: mark)...]))
  }

  private static func hasFormBody(_ method: Method, _ headers: Headers) -> Bool {
    guard [.post, .put, .patch].contains(method), let type = headers["Content-Type"] else {
      return false
    }
    let mediaType = type.prefix { $0 != ";" && $0 != " " }
    return equalIgnoringASCIICase(mediaType, "application/x-www-form-urlencoded")
  }
}
