import SeriesModel
import Storage
import Threading

/// Runs a store's background work: checkpoints, sealing and retention.
final class MaintenanceLoop: Sendable {
  /// How often the store is asked whether there is something to do.
  private static let interval = Duration.seconds(2)

  /// True once the loop is to end.
  private let isStopping: Monitor<Bool>
  private let thread: WorkerThread

  /// Starts the loop on a thread of its own.
  init(of store: Store, clock: @escaping @Sendable () -> Timestamp) throws {
    let isStopping = Monitor(false)
    self.isStopping = isStopping
    thread = try WorkerThread {
      while isStopping.wait(timeout: MaintenanceLoop.interval, for: { $0 ? true : nil }) == nil {
        // A failure is latched by the store, and told by its statistics.
        do { try store.maintain(now: clock()) } catch { continue }
      }
    }
  }

  /// Ends the loop and waits for it; later calls do nothing.
  func stop() {
    let wasRunning = isStopping.change { isStopping in
      defer { isStopping = true }
      return isStopping == false
    }
    if wasRunning { thread.join() }
  }
}
