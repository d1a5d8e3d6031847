import Synchronization
import Threading

/// Bounds how many handlers of a kind run at a time, and how many may wait.
///
/// Those that wait pass in the order in which they came.
final class Gate: Sendable {
  /// What became of an attempt to enter.
  enum Entry: Sendable, Equatable {
    /// A place was had, after a wait; ``leave()`` gives it back.
    case entered(waitingTime: Duration)
    /// All places are taken, and as many wait as may.
    case full
    /// The gate is closed.
    case closed
  }

  /// One that waits: true once it has a place, false once the gate is closed.
  private typealias Waiter = Monitor<Bool?>

  private struct State: Sendable {
    var takenCount = 0
    /// In the order in which they came.
    var waiters: [Waiter] = []
    var isClosed = false
  }

  private let limit: Int
  private let queueCapacity: Int
  private let state = Mutex(State())

  /// Creates a gate.
  ///
  /// - Parameters:
  ///   - limit: Places.
  ///   - queueCapacity: How many may wait for one.
  /// - Precondition: `limit` is positive.
  init(limit: Int, queueCapacity: Int) {
    precondition(limit > 0, "nobody could ever enter")
    self.limit = limit
    self.queueCapacity = queueCapacity
  }

  /// The number of those that wait.
  var waitingCount: Int {
    state.withLock { $0.waiters.count }
  }

  /// Takes a place, and waits for one if need be.
  func enter() -> Entry {
    var waiter: Waiter?
    let entry: Entry? = state.withLock { state in
      if state.isClosed { return .closed }
      if state.takenCount < limit {
        state.takenCount += 1
        return .entered(waitingTime: .zero)
      }
      guard state.waiters.count < queueCapacity else { return .full }
      let newWaiter = Waiter(nil)
      state.waiters.append(newWaiter)
      waiter = newWaiter
      return nil
    }
    if let entry { return entry }
    let arrival = ContinuousClock.now
    let hasPlace = waiter?.wait { $0 } ?? false
    return hasPlace ? .entered(waitingTime: ContinuousClock.now - arrival) : .closed
  }

  /// Gives a place back, to the one that has waited longest if any waits.
  func leave() {
    let next: Waiter? = state.withLock { state in
      guard state.waiters.isEmpty else { return state.waiters.removeFirst() }
      state.takenCount -= 1
      return nil
    }
    next?.change { $0 = true }
  }

  /// Lets nobody in any more, and sends those away that wait.
  func close() {
    let waiters = state.withLock { state in
      state.isClosed = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.change { $0 = false } }
  }
}
