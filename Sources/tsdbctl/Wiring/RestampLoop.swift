import Pushing
import SeriesModel
import Threading

/// Stores pushed groups anew at an interval, so that they don't go stale.
final class RestampLoop: Sendable {
  /// True once the loop is to end.
  private let isStopping: Monitor<Bool>
  private let thread: WorkerThread

  /// Starts the loop on a thread of its own.
  init(
    _ gateway: PushGateway, interval: Duration, clock: @escaping @Sendable () -> Timestamp,
    logger: Logger
  ) throws {
    let isStopping = Monitor(false)
    self.isStopping = isStopping
    thread = try WorkerThread {
      while isStopping.wait(timeout: interval, for: { $0 ? true : nil }) == nil {
        do {
          try gateway.restamp(now: clock())
        } catch {
          logger.log(.error, "storing pushed groups failed", ["error": "\(error)"])
        }
      }
    }
  }

  /// Ends the loop and waits for it.
  func stop() {
    isStopping.change { $0 = true }
    thread.join()
  }
}
