import HTTPServer

/// What the lifecycle endpoints may do to the server.
package struct Lifecycle: Sendable {
  /// Whether `/-/reload` and `/-/quit` are let through.
  package let isEnabled: Bool
  /// Loads the configuration again; throws, and keeps the old one, when the
  /// new one is bad.
  package let reload: @Sendable () throws -> Void
  /// Asks the server to stop; returns at once.
  package let quit: @Sendable () -> Void
  /// Why the server can't do its work, or nil when it can.
  package let failure: @Sendable () -> String?
  /// Why the server takes no samples at the moment, or nil when it does: it
  /// answers queries, goes on by itself, and gains nothing by a restart.
  package let suspension: @Sendable () -> String?

  /// Creates a lifecycle.
  package init(
    isEnabled: Bool, reload: @escaping @Sendable () throws -> Void,
    quit: @escaping @Sendable () -> Void, failure: @escaping @Sendable () -> String?,
    suspension: @escaping @Sendable () -> String? = { nil }
  ) {
    self.isEnabled = isEnabled
    self.reload = reload
    self.quit = quit
    self.failure = failure
    self.suspension = suspension
  }
}

/// `/-/healthy`, `/-/ready`, `/-/reload` and `/-/quit`.
struct LifecycleEndpoints: Sendable {
  let lifecycle: Lifecycle

  func healthy(_ request: Request) -> Response {
    if let failure = lifecycle.failure() {
      return .text(503, "The server is not healthy: \(failure)")
    }
    return .text(200, "Prometheus Server is Healthy." + suspensionNote)
  }

  func ready(_ request: Request) -> Response {
    if let failure = lifecycle.failure() {
      return .text(503, "The server takes no samples: \(failure)")
    }
    return .text(200, "Prometheus Server is Ready." + suspensionNote)
  }

  /// Empty, or what to add to the answer that all is well.
  private var suspensionNote: String {
    lifecycle.suspension().map { "\nIt takes no samples at the moment: \($0)" } ?? ""
  }

  func reload(_ request: Request) -> Response {
    guard lifecycle.isEnabled else { return LifecycleEndpoints.disabled }
    do {
      try lifecycle.reload()
      return Response(status: 200)
    } catch {
      return .text(500, "failed to reload config: \(error)")
    }
  }

  func quit(_ request: Request) -> Response {
    guard lifecycle.isEnabled else { return LifecycleEndpoints.disabled }
    lifecycle.quit()
    return .text(200, "Requesting termination... Goodbye!")
  }

  private static let disabled = Response.text(403, "Lifecycle API is not enabled.")
}
