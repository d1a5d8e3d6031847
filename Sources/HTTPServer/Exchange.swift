/// One request on its way through the server, from its first line to the last
/// byte of the answer; used on its connection's thread alone.
final class Exchange {
  /// What the library is to do next.
  enum Step {
    /// Go on receiving.
    case receive
    case reply(Response)
    case close
  }

  private enum Phase {
    case head
    case body
    /// The body is over the limit; the next bytes, so many, are thrown away.
    case refused(allowanceByteCount: Int)
    case replied
  }

  private let core: ServerCore
  private let connection: Connection
  private let target: String
  private var phase = Phase.head
  private var method = Method.get
  private var headers = Headers()
  private var body: [UInt8] = []

  init(core: ServerCore, connection: Connection, target: String) {
    self.core = core
    self.connection = connection
    self.target = target
    core.exchangeBegan()
  }

  /// Takes the next event of the request: its head, some bytes of the body, or
  /// its end (no bytes), at which the handler runs.
  func advance(method name: @autoclosure () -> String, received bytes: RawSpan) -> Step {
    switch phase {
    case .head:
      method = Method(name())
      headers = connection.headers()
      return headReceived()
    case .body:
      if bytes.isEmpty { return reply(answer()) }
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
    case .replied:
      return .close
    }
  }

  /// The answer is sent, or the connection broke.
  func completed() {
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

  /// Runs the handler.
  private func answer() -> Response {
    let watch = ClientWatch(socket: connection.socket, notice: core.notice)
    let request = Request(
      method: method, target: target, headers: headers, body: body,
      remoteAddress: connection.clientAddress, client: watch)
    body = []
    let response = core.respond(to: request)
    // Versions of the library differ in whether they take it for silence.
    connection.restartIdleTimer(seconds: core.configuration.idleTimeoutSeconds)
    return watch.finish() ? .shuttingDown : response
  }

  private func reply(_ response: Response) -> Step {
    phase = .replied
    var response = response
    if core.isDraining { response.headers["Connection"] = "close" }
    return .reply(response)
  }
}
