import Synchronization

/// Counts the samples that a query holds in memory against a limit.
final class SampleBudget: Sendable {
  /// The most samples that may be held at once.
  let limit: Int
  private let current = Atomic<Int>(0)
  private let highest = Atomic<Int>(0)

  /// Creates a budget of `limit` samples.
  init(limit: Int) {
    self.limit = limit
  }

  /// The most samples held at once so far.
  var peak: Int { highest.load(ordering: .relaxed) }

  /// The most samples held at once since this was called last.
  func takePeak() -> Int {
    highest.exchange(current.load(ordering: .relaxed), ordering: .relaxed)
  }

  /// Makes a reservation of no samples yet.
  func reservation() -> Reservation {
    Reservation(Share(budget: self))
  }

  fileprivate func take(_ count: Int) throws {
    let total = current.add(count, ordering: .relaxed).newValue
    highest.max(total, ordering: .relaxed)
    if total > limit { throw QueryError.tooManySamples(limit: limit) }
  }

  fileprivate func giveBack(_ count: Int) {
    current.subtract(count, ordering: .relaxed)
  }

  /// A number of samples in memory; given back once the last copy is gone.
  struct Reservation {
    private let share: Share

    fileprivate init(_ share: Share) {
      self.share = share
    }

    /// Counts `count` further samples.
    ///
    /// - Throws: ``QueryError/tooManySamples(limit:)``.
    mutating func extend(by count: Int) throws {
      share.count += count
      try share.budget.take(count)
    }
  }

  fileprivate final class Share {
    let budget: SampleBudget
    var count = 0

    init(budget: SampleBudget) {
      self.budget = budget
    }

    deinit {
      budget.giveBack(count)
    }
  }
}
