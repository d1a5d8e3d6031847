/// Does something at an interval, and when asked to, on a thread of its own.
package final class PeriodicWorker: Sendable {
  private struct State: Sendable {
    /// True once the worker is to end.
    var isStopping = false
    /// True when a turn is wanted before the interval has passed.
    var isWanted = false
  }

  private let state: Monitor<State>
  private let thread: WorkerThread

  /// Starts the thread; the first turn comes after one interval.
  ///
  /// - Parameter work: One turn. The next one begins an interval after its end.
  package init(
    every interval: Duration, _ work: @escaping @Sendable () -> Void
  ) throws(ThreadError) {
    let state = Monitor(State())
    self.state = state
    thread = try WorkerThread {
      while true {
        let isStopping = state.wait(timeout: interval) { state -> Bool? in
          guard state.isStopping || state.isWanted else { return nil }
          state.isWanted = false
          return state.isStopping
        }
        if isStopping == true { return }
        work()
      }
    }
  }

  /// Asks for a turn now, or for another one behind the turn under way.
  package func wake() {
    state.change { $0.isWanted = true }
  }

  /// Ends the worker and waits for a turn under way; later calls do nothing.
  package func stop() {
    let wasRunning = state.change { state in
      defer { state.isStopping = true }
      return state.isStopping == false
    }
    if wasRunning { thread.join() }
  }
}
