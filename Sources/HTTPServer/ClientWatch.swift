import Synchronization

/// Whether the server has run out of time for the handlers that still run.
final class ShutdownNotice: Sendable {
  private let given = Atomic(false)

  var isGiven: Bool { given.load(ordering: .relaxed) }

  func give() {
    given.store(true, ordering: .relaxed)
  }
}

/// Tells a running handler whether its client still waits.
final class ClientWatch: Sendable {
  private struct State {
    /// The connection's socket while it is sure to be ours.
    var socket: Int32?
    var isGone = false
    /// Whether the handler was told so because the server stops.
    var hasToldOfShutdown = false
  }

  private let notice: ShutdownNotice
  private let state: Mutex<State>

  init(socket: Int32, notice: ShutdownNotice) {
    self.notice = notice
    state = Mutex(State(socket: socket))
  }

  var isGone: Bool {
    state.withLock { state in
      guard !state.isGone, let socket = state.socket else { return state.isGone }
      state.hasToldOfShutdown = notice.isGiven
      state.isGone = state.hasToldOfShutdown || isClosedByPeer(socket: socket)
      return state.isGone
    }
  }

  /// Stops looking at the socket, whose number may soon belong to another one.
  ///
  /// - Returns: Whether the handler was told to give up because the server
  ///   stops, so that its answer may be none.
  func finish() -> Bool {
    state.withLock { state in
      state.socket = nil
      return state.hasToldOfShutdown
    }
  }
}
