import Threading

/// Bounds the connections of a server, whatever address they come to.
final class Admission: Sendable {
  private struct State: Sendable {
    /// Connections that were let in and are not closed, and those that
    /// acceptors wait for.
    var count = 0
    var isClosed = false
  }

  private let limit: Int
  private let state = Monitor(State())

  init(limit: Int) {
    self.limit = limit
  }

  /// Waits until another connection may come in, and counts it.
  ///
  /// - Returns: `false` when no more are wanted.
  func admit() -> Bool {
    let isAdmitted: Bool? = state.wait { [limit] state in
      if state.isClosed { return false }
      guard state.count < limit else { return nil }
      state.count += 1
      return true
    }
    return isAdmitted ?? false
  }

  /// Counts a connection out.
  func release() {
    state.change { $0.count -= 1 }
  }

  /// Lets nobody in any more.
  func close() {
    state.change { $0.isClosed = true }
  }

  /// Waits that time, or shorter if no more connections are wanted.
  func pause(_ duration: Duration) {
    _ = state.wait(timeout: duration) { $0.isClosed ? () : nil }
  }
}

/// Accepts the connections to one address, on a thread of its own.
///
/// Clients beyond the limit wait in the kernel, as do all before the start.
final class Acceptor: Sendable {
  private let socket: ListeningSocket
  private let thread: WorkerThread

  /// Starts the thread. ``stop()`` must be called before `daemon` is stopped.
  init(
    _ socket: ListeningSocket, admission: Admission, daemon: Daemon
  ) throws(HTTPServerError) {
    self.socket = socket
    do throws(ThreadError) {
      thread = try WorkerThread { Self.run(socket, admission, daemon) }
    } catch {
      throw .cannotStart(errorNumber: error.errorNumber)
    }
  }

  /// Refuses clients from now on; called once.
  ///
  /// - Precondition: The admission is closed.
  func stop() {
    socket.stopListening()
    thread.join()
  }

  private static func run(_ socket: ListeningSocket, _ admission: Admission, _ daemon: Daemon) {
    while admission.admit() {
      do throws(ErrorNumber) {
        if daemon.add(try socket.accept()) { continue }
      } catch {
        // Descriptors or memory are short, which only time can mend; or the
        // socket was told to stop, and then the pause is none.
        admission.pause(.milliseconds(50))
      }
      admission.release()
    }
  }
}
