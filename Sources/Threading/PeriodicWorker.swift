/// Does something at an interval, on a thread of its own.
package final class PeriodicWorker: Sendable {
  /// True once the worker is to end.
  private let isStopping: Monitor<Bool>
  private let thread: WorkerThread

  /// Starts the thread; the first turn comes after one interval.
  ///
  /// - Parameter work: One turn. The next one begins an interval after its end.
  package init(
    every interval: Duration, _ work: @escaping @Sendable () -> Void
  ) throws(ThreadError) {
    let isStopping = Monitor(false)
    self.isStopping = isStopping
    thread = try WorkerThread {
      while isStopping.wait(timeout: interval, for: { $0 ? true : nil }) == nil { work() }
    }
  }

  /// Ends the worker and waits for a turn under way; later calls do nothing.
  package func stop() {
    let wasRunning = isStopping.change { isStopping in
      defer { isStopping = true }
      return isStopping == false
    }
    if wasRunning { thread.join() }
  }
}
