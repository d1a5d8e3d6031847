import Synchronization
import Threading

/// An HTTP/1.1 server: listening sockets, connection threads, and two pools of
/// workers that run the handlers, one for quick work and one for long.
///
/// It is made in two steps, so that a program learns that its port is taken
/// before it does anything else: `init` binds, ``start(routing:)`` serves.
/// Connections made between the two wait in the kernel.
///
/// A request is routed when it is complete. Its connection is then suspended,
/// a worker runs the handler, and the connection sends the answer. The server
/// does no TLS, no authentication and no compression.
package final class Server: Sendable {
  /// Where to listen, and the limits.
  package struct Configuration: Sendable {
    /// The addresses; port 0 lets the system choose one.
    package var listenAddresses: [ListenAddress]
    /// Connections at a time; more wait in the kernel.
    package var connectionLimit = 512
    /// Threads that read and write; each listen address has one more.
    package var connectionThreadCount = 2
    /// Memory per connection, which bounds the size of a request's head.
    package var connectionMemoryBytes = 64 << 10
    /// How long a connection may be silent; whole seconds. Time in a handler
    /// doesn't count.
    package var idleTimeout = Duration.seconds(120)
    /// The largest request body, as sent; beyond it 413.
    package var bodyLimitBytes = 32 << 20
    /// Threads that run handlers.
    package var workerCount = 8
    /// Threads that run handlers of long work, see ``Route/Execution``.
    package var longWorkerCount = 8
    /// Requests that may wait for a worker of either kind; beyond it 503.
    package var queueCapacity = 128

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
    /// Requests that wait for a worker.
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
  /// Requests that are not answered at the deadline are answered 503, and their
  /// handlers see that the client is gone; this function doesn't wait for
  /// those handlers to return. Further calls do nothing.
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
    core.workers.stop()
    core.longWorkers.stop()
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

/// What the connections, the workers and the server share.
final class ServerCore: Sendable {
  private struct Activity: Sendable {
    /// Exchanges that began and did not end.
    var exchangeCount = 0
    /// Those that wait for a worker's answer.
    var suspended: [ObjectIdentifier: Exchange] = [:]
    /// Whether no exchange may be suspended any more.
    var isClosed = false
  }

  let configuration: Server.Configuration
  let router: Router
  let workers: WorkerPool
  let longWorkers: WorkerPool
  let admission: Admission
  private let activity = Monitor(Activity())
  private let draining = Atomic(false)
  private let refusedRequestCount = Atomic(0)
  private let refusedBodyCount = Atomic(0)

  init(configuration: Server.Configuration, router: Router) throws(HTTPServerError) {
    self.configuration = configuration
    self.router = router
    admission = Admission(limit: configuration.connectionLimit)
    workers = try WorkerPool(
      threadCount: configuration.workerCount, queueCapacity: configuration.queueCapacity)
    longWorkers = try WorkerPool(
      threadCount: configuration.longWorkerCount, queueCapacity: configuration.queueCapacity)
  }

  /// Whether connections are closed after their next answer.
  var isDraining: Bool {
    draining.load(ordering: .relaxed)
  }

  var statistics: Server.Statistics {
    Server.Statistics(
      openConnectionCount: admission.openCount,
      activeRequestCount: activity.withLock { $0.exchangeCount },
      queuedRequestCount: workers.queuedCount + longWorkers.queuedCount,
      refusedRequestCount: refusedRequestCount.load(ordering: .relaxed),
      refusedBodyCount: refusedBodyCount.load(ordering: .relaxed))
  }

  /// The workers that run a handler; nil for none of them.
  func pool(for execution: Route.Execution) -> WorkerPool? {
    switch execution {
    case .worker: workers
    case .longWorker: longWorkers
    case .connectionThread: nil
    }
  }

  func exchangeBegan() {
    activity.change { $0.exchangeCount += 1 }
  }

  func exchangeEnded() {
    activity.change { $0.exchangeCount -= 1 }
  }

  /// - Returns: `false` when the server is past its deadline.
  func rememberSuspended(_ exchange: Exchange) -> Bool {
    activity.change { activity in
      if activity.isClosed { return false }
      activity.suspended[ObjectIdentifier(exchange)] = exchange
      return true
    }
  }

  func forgetSuspended(_ exchange: Exchange) {
    activity.change { _ = $0.suspended.removeValue(forKey: ObjectIdentifier(exchange)) }
  }

  func countRefusedRequest() {
    refusedRequestCount.add(1, ordering: .relaxed)
  }

  func countRefusedBody() {
    refusedBodyCount.add(1, ordering: .relaxed)
  }

  /// Lets no connection in any more, and closes each after its next answer.
  func beginDraining() {
    draining.store(true, ordering: .relaxed)
    admission.close()
  }

  /// Waits for all exchanges to end, and ends those that are late. None is
  /// suspended afterwards.
  func drain(deadline: Duration) {
    let closeIfIdle: (inout Activity) -> Void? = { activity in
      guard activity.exchangeCount == 0 else { return nil }
      activity.isClosed = true
      return ()
    }
    if activity.wait(timeout: deadline, for: closeIfIdle) != nil { return }
    let late = activity.change { activity in
      activity.isClosed = true
      return Array(activity.suspended.values)
    }
    for exchange in late { exchange.abandon() }
    // Those that had their answer are being resumed by their workers.
    _ = activity.wait { $0.suspended.isEmpty ? () : nil }
    // A moment for the answers to reach those who read; the others are cut off.
    _ = activity.wait(timeout: .milliseconds(250), for: closeIfIdle)
  }
}
