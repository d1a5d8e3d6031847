import Synchronization

/// An HTTP/1.1 server: listening sockets, and a thread for each connection.
///
/// It is made in two steps, so that a program learns that its port is taken
/// before it does anything else: `init` binds, ``start(routing:)`` serves.
/// Connections made between the two wait in the kernel.
///
/// A request is routed when it is complete, and its handler runs on the thread
/// of its connection: a request changes no threads, and a handler may block.
/// How many handlers run at a time is bounded for each kind of work, see
/// ``Route/Work``. The server does no TLS, no authentication and no compression.
package final class Server: Sendable {
  /// Where to listen, and the limits.
  package struct Configuration: Sendable {
    /// The addresses; port 0 lets the system choose one.
    package var listenAddresses: [ListenAddress]
    /// Connections at a time, each with a thread; more wait in the kernel.
    package var connectionLimit = 512
    /// Stack of a connection's thread, on which handlers run. Memory is used
    /// for what was touched of it.
    package var stackBytes = 8 << 20
    /// Memory per connection, which bounds the size of a request's head.
    package var connectionMemoryBytes = 64 << 10
    /// How long a connection may be silent; whole seconds. Time in a handler
    /// doesn't count.
    package var idleTimeout = Duration.seconds(120)
    /// The largest request body, as sent; beyond it 413.
    package var bodyLimitBytes = 32 << 20
    /// Handlers of brief work that run at a time, see ``Route/Work``.
    package var handlerLimit = 8
    /// Handlers of long work that run at a time.
    package var longHandlerLimit = 8
    /// Requests that may wait for their turn, of either kind of work; beyond it
    /// 503.
    package var queueCapacity = 128

    var idleTimeoutSeconds: UInt32 {
      UInt32(clamping: idleTimeout.components.seconds)
    }

    /// Creates a configuration with the default limits.
    package init(listenAddresses: [ListenAddress]) {
      self.listenAddresses = listenAddresses
    }
  }

  /// What the server is doing and has refused.
  package struct Statistics: Sendable, Equatable {
    /// Connections that are open.
    package let openConnectionCount: Int
    /// Requests between their first line and the end of their answer.
    package let activeRequestCount: Int
    /// Requests that wait for their turn.
    package let queuedRequestCount: Int
    /// Requests answered 503 since the start, because the queue was full.
    package let refusedRequestCount: Int
    /// Requests answered 413 since the start.
    package let refusedBodyCount: Int
  }

  private enum State {
    case bound([ListeningSocket])
    case serving([Acceptor], Daemon, ServerCore)
    case stopped
  }

  /// Where the server listens, with the ports that were chosen for port 0.
  package let addresses: [ListenAddress]

  private let configuration: Configuration
  private let state: Mutex<State>

  /// Binds all addresses and listens on them.
  ///
  /// - Throws: ``HTTPServerError`` when one of them can't be had; then none is
  ///   kept.
  package init(_ configuration: Configuration) throws(HTTPServerError) {
    var sockets: [ListeningSocket] = []
    for address in configuration.listenAddresses {
      sockets.append(try ListeningSocket(address))
    }
    self.configuration = configuration
    addresses = sockets.map(\.address)
    state = Mutex(.bound(sockets))
  }

  deinit {
    shutdown(deadline: .zero)
  }

  /// Begins to serve requests.
  ///
  /// - Throws: ``HTTPServerError/cannotStart(errorNumber:)`` when threads or
  ///   descriptors ran out; the server is stopped then.
  /// - Precondition: Called once, and not after ``shutdown(deadline:)``.
  package func start(routing router: Router) throws(HTTPServerError) {
    try state.withLock { (state: inout sending State) throws(HTTPServerError) in
      guard case .bound(let sockets) = state else {
        preconditionFailure("the server was started or shut down before")
      }
      state = .stopped
      state = try Self.serve(
        sockets, ServerCore(configuration: configuration, router: router))
    }
  }

  private static func serve(
    _ sockets: [ListeningSocket], _ core: ServerCore
  ) throws(HTTPServerError) -> sending State {
    let daemon = try Daemon(core: core)
    var acceptors: [Acceptor] = []
    do throws(HTTPServerError) {
      for socket in sockets {
        acceptors.append(try Acceptor(socket, admission: core.admission, daemon: daemon))
      }
    } catch {
      stop(acceptors, daemon, core, deadline: .zero)
      throw error
    }
    return .serving(acceptors, daemon, core)
  }

  /// Stops listening at once, lets the requests under way finish, then closes
  /// all connections.
  ///
  /// Past the deadline, requests that wait for their turn are answered 503, and
  /// the handlers that run see that the client is gone. This function waits
  /// until they return, however long that takes: long handlers have to ask. One
  /// that was told is answered for with 503, the answer of another is sent.
  ///
  /// Clients that are silent, or don't read their answer, are not waited for
  /// beyond the deadline. Further calls do nothing; none may come from a handler.
  package func shutdown(deadline: Duration) {
    let previous = state.withLock { state in
      let previous = state
      state = .stopped
      return previous
    }
    guard case .serving(let acceptors, let daemon, let core) = previous else { return }
    Self.stop(acceptors, daemon, core, deadline: deadline)
  }

  private static func stop(
    _ acceptors: [Acceptor], _ daemon: Daemon, _ core: ServerCore, deadline: Duration
  ) {
    core.beginDraining()
    for acceptor in acceptors { acceptor.stop() }
    core.drain(deadline: deadline)
    daemon.stop()
  }

  /// What the server is doing and has refused; all zero unless it serves.
  package var statistics: Statistics {
    state.withLock { state in
      guard case .serving(_, _, let core) = state else {
        return Statistics(
          openConnectionCount: 0, activeRequestCount: 0, queuedRequestCount: 0,
          refusedRequestCount: 0, refusedBodyCount: 0)
      }
      return core.statistics
    }
  }
}
