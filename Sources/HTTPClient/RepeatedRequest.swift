/// A request that is sent again and again.
///
/// Belongs to one ``Fetcher`` and its thread. The fetcher keeps what it has set
/// up for the request, which takes some 20 kB, for a bounded number of them.
package final class RepeatedRequest {
  /// The request.
  package let request: FetchRequest
  /// A handle that is set up for the request and serves no other.
  private(set) var handle: EasyHandle?
  private var budget: HandleBudget?

  /// Creates a repeated request.
  package init(_ request: FetchRequest) {
    self.request = request
  }

  deinit {
    budget?.count -= 1
  }

  /// Keeps the handle if the budget allows one more.
  func keep(_ handle: EasyHandle, within budget: HandleBudget) {
    guard self.handle == nil, budget.count < budget.limit else { return }
    budget.count += 1
    self.budget = budget
    self.handle = handle
    handle.isKept = true
  }
}

/// How many handles are kept for requests that are repeated.
final class HandleBudget {
  let limit: Int
  var count = 0

  init(limit: Int) {
    self.limit = limit
  }
}
