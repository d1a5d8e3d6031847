/// A host and a port to listen on, or to be reached at.
package struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
  /// A name or a numeric address without brackets; empty means all addresses of
  /// the machine, IPv6 and IPv4.
  package let host: String
  /// The port; 0 lets the system choose one.
  package let port: UInt16

  /// Creates an address.
  package init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Parses `host:port`, `:port` or `[IPv6 address]:port`.
  ///
  /// - Throws: ``HTTPServerError/invalidAddress(_:reason:)``.
  package init(parsing text: String) throws(HTTPServerError) {
    guard let colon = text.lastIndex(of: ":") else {
      throw .invalidAddress(text, reason: "the port is missing")
    }
    let digits = text[text.index(after: colon)...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let port = UInt16(digits)
    else {
      throw .invalidAddress(text, reason: "the port is not a number from 0 to 65535")
    }
    var host = text[..<colon]
    if host.hasPrefix("[") {
      guard host.hasSuffix("]"), host.count > 2 else {
        throw .invalidAddress(text, reason: "the brackets don't match")
      }
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      throw .invalidAddress(text, reason: "an IPv6 address needs brackets")
    }
    self.init(host: String(host), port: port)
  }

  /// The address as `host:port`, IPv6 hosts in brackets.
  package var description: String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}
