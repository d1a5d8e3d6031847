import HTTPServer

/// Refuses requests that a web page tricked a browser into sending.
///
/// A server on the loopback address is reached by every page that the user
/// opens. Two checks keep pages out: the `Host` must be a name of this server,
/// which defeats DNS rebinding; and a request that may change something must
/// not come from another origin.
package struct RequestGuard: Sendable {
  /// Host names, without port and in lower case, that are served.
  private let allowedNames: Set<String>
  /// True when a listener is open to the network: any IP address is then
  /// a possible name of this machine.
  private let allowsAnyAddress: Bool

  /// Creates the guard of a server.
  ///
  /// - Parameters:
  ///   - listenHosts: The hosts listened on, as configured.
  ///   - machineNames: Names of this machine, accepted when it listens on more
  ///     than the loopback address.
  ///   - additionalNames: Names given by `--web.allowed-host`.
  package init(listenHosts: [String], machineNames: [String], additionalNames: [String]) {
    let isOpen = listenHosts.contains { RequestGuard.isLoopback($0) == false }
    var names = Set(["localhost"])
    names.formUnion(additionalNames.map { $0.lowercased() })
    names.formUnion(listenHosts.filter { $0.isEmpty == false }.map { $0.lowercased() })
    if isOpen { names.formUnion(machineNames.map { $0.lowercased() }) }
    allowedNames = names
    allowsAnyAddress = isOpen
  }

  /// The refusal, or nil when the request may go on.
  package func refusal(of request: Request) -> Response? {
    if let host = request.headers["Host"], isAllowed(host: host) == false {
      return .text(
        403,
        "the host \"\(host)\" is not served here; name it with --web.allowed-host if it should be")
    }
    let isReading = [.get, .head, .options].contains(request.method)
    if isReading == false, isCrossOrigin(request) {
      return .text(403, "requests from other origins may not change anything here")
    }
    return nil
  }

  private func isAllowed(host: String) -> Bool {
    let name = RequestGuard.hostName(host).lowercased()
    return allowedNames.contains(name) || RequestGuard.isLoopback(name)
      || (allowsAnyAddress && RequestGuard.isAddress(name))
  }

  private func isCrossOrigin(_ request: Request) -> Bool {
    if let origin = request.headers["Origin"] {
      guard let separator = origin.utf8.firstRange(of: "://".utf8) else { return true }
      return String(origin[separator.upperBound...]).lowercased()
        != request.headers["Host"]?.lowercased()
    }
    return request.headers["Sec-Fetch-Site"] == "cross-site"
  }

  /// The host without port and brackets.
  private static func hostName(_ host: String) -> String {
    if host.hasPrefix("[") {
      return String(host.dropFirst().prefix { $0 != "]" })
    }
    // More than one colon without brackets is a bare IPv6 address.
    if host.utf8.count(where: { $0 == UInt8(ascii: ":") }) > 1 { return host }
    return String(host.prefix { $0 != ":" })
  }

  private static func isLoopback(_ name: String) -> Bool {
    name.lowercased() == "localhost" || name == "::1" || (isIPv4(name) && name.hasPrefix("127."))
  }

  private static func isAddress(_ name: String) -> Bool {
    isIPv4(name)
      || (name.contains(":") && name.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." })
  }

  private static func isIPv4(_ name: String) -> Bool {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
  }
}
