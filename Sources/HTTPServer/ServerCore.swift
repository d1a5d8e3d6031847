import Synchronization
import Threading

/// What the connections and the server share.
final class ServerCore: Sendable {
  private struct Activity: Sendable {
    /// Exchanges that began and did not end.
    var exchangeCount = 0
    /// Requests whose handler runs, or waits for its turn.
    var handlerCount = 0
    /// Whether no handler may begin any more.
    var isClosed = false
  }

  let configuration: Server.Configuration
  let admission: Admission
  /// Given when the handlers that still run are to give up.
  let notice = ShutdownNotice()
  private let router: Router
  private let gate: Gate
  private let longGate: Gate
  private let activity = Monitor(Activity())
  private let draining = Atomic(false)
  private let openConnectionCount = Atomic(0)
  private let refusedRequestCount = Atomic(0)
  private let refusedBodyCount = Atomic(0)

  init(configuration: Server.Configuration, router: Router) {
    self.configuration = configuration
    self.router = router
    admission = Admission(limit: configuration.connectionLimit)
    gate = Gate(limit: configuration.handlerLimit, queueCapacity: configuration.queueCapacity)
    longGate = Gate(
      limit: configuration.longHandlerLimit, queueCapacity: configuration.queueCapacity)
  }

  /// Whether connections are closed after their next answer.
  var isDraining: Bool {
    draining.load(ordering: .relaxed)
  }

  var statistics: Server.Statistics {
    Server.Statistics(
      openConnectionCount: openConnectionCount.load(ordering: .relaxed),
      activeRequestCount: activity.withLock { $0.exchangeCount },
      queuedRequestCount: gate.waitingCount + longGate.waitingCount,
      refusedRequestCount: refusedRequestCount.load(ordering: .relaxed),
      refusedBodyCount: refusedBodyCount.load(ordering: .relaxed))
  }

  func connectionBegan() {
    openConnectionCount.add(1, ordering: .relaxed)
  }

  func connectionEnded() {
    openConnectionCount.subtract(1, ordering: .relaxed)
    admission.release()
  }

  func exchangeBegan() {
    activity.withLock { $0.exchangeCount += 1 }
  }

  func exchangeEnded() {
    activity.change { $0.exchangeCount -= 1 }
  }

  func countRefusedBody() {
    refusedBodyCount.add(1, ordering: .relaxed)
  }

  /// Runs the handler of a request on the calling thread, when its turn has
  /// come; or answers in its place.
  func respond(to request: Request) -> Response {
    let isOpen = activity.withLock { activity in
      if activity.isClosed { return false }
      activity.handlerCount += 1
      return true
    }
    guard isOpen else { return .shuttingDown }
    defer { activity.change { $0.handlerCount -= 1 } }
    var resolution = router.resolve(request)
    guard let gate = gate(for: resolution.work) else {
      return resolution.handler(resolution.request)
    }
    switch gate.enter(unless: { request.isClientGone }) {
    case .entered(let waitingTime):
      defer { gate.leave() }
      resolution.request.waitingTime = waitingTime
      return resolution.handler(resolution.request)
    case .full:
      refusedRequestCount.add(1, ordering: .relaxed)
      return .unavailable("too many requests are waiting")
    case .closed:
      return .shuttingDown
    case .abandoned:
      // For a client that has closed one half of its connection only.
      return .unavailable("the client closed the connection while its request waited")
    }
  }

  private func gate(for work: Route.Work) -> Gate? {
    switch work {
    case .brief: gate
    case .long: longGate
    case .immediate: nil
    }
  }

  /// Lets no connection in any more, and closes each after its next answer.
  func beginDraining() {
    draining.store(true, ordering: .relaxed)
    admission.close()
  }

  /// Waits for all exchanges to end. Past the deadline those that wait for
  /// their turn are sent away, and those that run are told to give up.
  ///
  /// No handler runs afterwards.
  func drain(deadline: Duration) {
    let closeIfIdle: (inout Activity) -> Void? = { activity in
      guard activity.exchangeCount == 0 else { return nil }
      activity.isClosed = true
      return ()
    }
    if activity.wait(timeout: deadline, for: closeIfIdle) != nil { return }
    activity.withLock { $0.isClosed = true }
    notice.give()
    gate.close()
    longGate.close()
    _ = activity.wait { $0.handlerCount == 0 ? () : nil }
    // A moment for the answers to reach those who read; the others are cut off.
    _ = activity.wait(timeout: .milliseconds(250), for: closeIfIdle)
  }
}
