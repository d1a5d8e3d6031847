/// Why a server can't be started.
package enum HTTPServerError: Error, Equatable, CustomStringConvertible {
  /// The text is not `host:port`.
  case invalidAddress(String, reason: String)
  /// The host of a listen address has no IP address.
  case cannotResolve(ListenAddress, detail: String)
  /// The address is taken, is not ours, or needs more rights.
  case cannotListen(ListenAddress, errorNumber: Int32)
  /// Threads or descriptors ran out while the server was starting.
  case cannotStart(errorNumber: Int32)

  package var description: String {
    switch self {
    case .invalidAddress(let text, let reason):
      "invalid listen address \"\(text)\": \(reason), expected host:port"
    case .cannotResolve(let address, let detail):
      "can't resolve the host of the listen address \(address): \(detail)"
    case .cannotListen(let address, let errorNumber):
      "can't listen on \(address): \(errorText(errorNumber))"
    case .cannotStart(let errorNumber):
      "can't start the HTTP server: \(errorText(errorNumber))"
    }
  }
}
