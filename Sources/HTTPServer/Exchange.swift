import Synchronization

/// Tells a running handler whether its client still waits.
final class ClientWatch: Sendable {
  private struct State {
    /// The connection's socket while it is sure to be ours.
    var socket: Int32?
    var isGone = false
  }

  private let state: Mutex<State>

  init(socket: Int32) {
    state = Mutex(State(socket: socket))
  }

  var isGone: Bool {
    state.withLock { state in
      if !state.isGone, let socket = state.socket {
        state.isGone = isClosedByPeer(socket: socket)
      }
      return state.isGone
    }
  }

  /// Stops looking at the socket, whose number may soon belong to another one.
  func finish() {
    state.withLock { $0.socket = nil }
  }

  /// Tells the handler to give up.
  func abandon() {
    state.withLock { $0 = State(socket: nil, isGone: true) }
  }
}

/// One request on its way through the server, from its first line to the last
/// byte of the answer.
///
/// The connection's thread receives; a worker answers while the connection is
/// suspended; then the connection's thread goes on. So each field but `answer`
/// has one user at a time, and the hand-overs are ordered by the locks of the
/// worker pool and of the library.
// Hence `@unchecked Sendable`.
final class Exchange: @unchecked Sendable {
  /// What the library is to do next.
  enum Step {
    /// Go on receiving.
    case receive
    /// Wait: the connection is suspended.
    case wait
    case reply(Response)
    case close
  }

  private enum Phase {
    case head
    case body
    /// The body is over the limit; the next bytes, so many, are thrown away.
    case refused(allowanceByteCount: Int)
    /// A worker has it.
    case dispatched
    case replied
  }

  private let core: ServerCore
  private let connection: Connection
  private let target: String
  private var phase = Phase.head
  private var method = Method.get
  private var headers = Headers()
  private var body: [UInt8] = []
  private let watch: ClientWatch
  /// The worker's answer, or that of a shutdown which did not wait for it.
  private let answer = Mutex<Response?>(nil)

  init(core: ServerCore, connection: Connection, target: String) {
    self.core = core
    self.connection = connection
    self.target = target
    watch = ClientWatch(socket: connection.socket)
    core.exchangeBegan()
  }

  /// Takes the next event of the request: its head, some bytes of the body, or
  /// its end (no bytes). Also called when the connection is resumed.
  func advance(method name: @autoclosure () -> String, received bytes: RawSpan) -> Step {
    switch phase {
    case .head:
      method = Method(name())
      headers = connection.headers()
      return headReceived()
    case .body:
      if bytes.isEmpty { return dispatch() }
      guard body.count + bytes.byteCount <= core.configuration.bodyLimitBytes else {
        return refuse(allowing: core.configuration.bodyLimitBytes)
      }
      unsafe bytes.withUnsafeBytes { unsafe body.append(contentsOf: $0) }
      return .receive
    case .refused(let allowanceByteCount):
      if bytes.isEmpty { return reply(.bodyTooLarge(limit: core.configuration.bodyLimitBytes)) }
      guard bytes.byteCount <= allowanceByteCount else { return .close }
      phase = .refused(allowanceByteCount: allowanceByteCount - bytes.byteCount)
      return .receive
    case .dispatched:
      return reply(answer.withLock { $0 } ?? .internalError)
    case .replied:
      return .close
    }
  }

  /// Gives the worker's answer, and lets the connection go on.
  ///
  /// The first answer counts.
  func finish(_ response: Response) {
    guard accept(response) else { return }
    watch.finish()
    proceed()
  }

  /// Answers in place of a handler that is still running, and tells it so.
  func abandon() {
    // In this order, or the handler might give up and answer first.
    guard accept(.unavailable("the server is shutting down")) else { return }
    watch.abandon()
    proceed()
  }

  private func accept(_ response: Response) -> Bool {
    answer.withLock { answer in
      if answer != nil { return false }
      answer = response
      return true
    }
  }

  private func proceed() {
    // In this order: what is forgotten is no longer suspended.
    connection.resume()
    core.forgetSuspended(self)
  }

  /// The answer is sent, or the connection broke.
  func completed() {
    watch.finish()
    core.exchangeEnded()
  }

  /// Refuses a body whose declared length is too large before it is sent.
  ///
  /// A client that sends its body without asking (`Expect`) can't be answered
  /// before: the connection would have to be closed on bytes not read, and the
  /// reset that follows may overtake the answer. So up to a second body limit
  /// is read and thrown away.
  private func headReceived() -> Step {
    let limit = core.configuration.bodyLimitBytes
    let declared = headers["Content-Length"].flatMap { Int($0) } ?? 0
    guard declared > limit else {
      // What a client declares isn't what it sends, so little is reserved.
      body.reserveCapacity(min(declared, 256 << 10))
      phase = .body
      return .receive
    }
    if headers["Expect"] != nil || declared - limit > limit {
      core.countRefusedBody()
      return reply(.bodyTooLarge(limit: limit))
    }
    return refuse(allowing: declared)
  }

  private func refuse(allowing allowanceByteCount: Int) -> Step {
    core.countRefusedBody()
    body = []
    phase = .refused(allowanceByteCount: allowanceByteCount)
    return .receive
  }

  private func dispatch() -> Step {
    let request = Request(
      method: method, target: target, headers: headers, body: body,
      remoteAddress: connection.clientAddress, client: watch)
    body = []
    let resolution = core.router.resolve(request)
    guard let workers = core.pool(for: resolution.execution) else {
      return reply(resolution.handler(resolution.request))
    }
    phase = .dispatched
    // Suspended first: the answer may come before this function returns.
    connection.suspend()
    guard core.rememberSuspended(self) else {
      finish(.unavailable("the server is shutting down"))
      return .wait
    }
    let arrival = ContinuousClock.now
    let isQueued = workers.submit {
      var request = resolution.request
      request.waitingTime = ContinuousClock.now - arrival
      self.finish(resolution.handler(request))
    }
    if !isQueued {
      core.countRefusedRequest()
      finish(.unavailable("too many requests are waiting"))
    }
    return .wait
  }

  private func reply(_ response: Response) -> Step {
    phase = .replied
    watch.finish()
    var response = response
    if core.isDraining { response.headers["Connection"] = "close" }
    return .reply(response)
  }
}
