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
    /// Nobody wants what would be done behind the gate any more.
    case abandoned
  }

  /// One that waits: true once it has a place, false once the gate is closed.
  private typealias Waiter = Monitor<Bool?>

  private struct State: Sendable {
    var takenCount = 0
    /// In the order in which they came.
    var waiters: [Waiter] = []
    var isClosed = false
  }

  /// How often one that waits is asked whether it is still wanted.
  private static let pollInterval = Duration.milliseconds(250)

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
  ///
  /// - Parameter isAbandoned: Asked now and then while this waits, and when a place
  ///   is had after a wait; true to wait no longer.
  func enter(unless isAbandoned: () -> Bool) -> Entry {
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
    guard let waiter else { return entry ?? .closed }
    return wait(for: waiter, unless: isAbandoned)
  }

  private func wait(for waiter: Waiter, unless isAbandoned: () -> Bool) -> Entry {
    let arrival = ContinuousClock.now
    while true {
      let hasPlace = waiter.wait(timeout: Gate.pollInterval) { $0 }
      if hasPlace == false { return .closed }
      let isAbandoned = isAbandoned()
      switch (hasPlace != nil, isAbandoned) {
      case (true, false):
        return .entered(waitingTime: ContinuousClock.now - arrival)
      case (true, true):
        leave()
        return .abandoned
      case (false, true):
        // Unless its turn has just come.
        if withdraw(waiter) { return .abandoned }
      case (false, false):
        break
      }
    }
  }

  /// Takes one that waits out of the queue; false when it is not there any more.
  private func withdraw(_ waiter: Waiter) -> Bool {
    state.withLock { state in
      guard let index = state.waiters.firstIndex(where: { $0 === waiter }) else { return false }
      state.waiters.remove(at: index)
      return true
    }
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
