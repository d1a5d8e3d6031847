import Storage
import Synchronization

/// Tells each change of a database's condition once.
final class ConditionWatch: Sendable {
  private let report: @Sendable (DatabaseCondition) -> Void
  private let last = Mutex(DatabaseCondition.working)

  init(_ report: @escaping @Sendable (DatabaseCondition) -> Void) {
    self.report = report
  }

  /// Compares a condition with the last one; another reason for the same is no
  /// change.
  func note(_ condition: DatabaseCondition) {
    let isChange = last.withLock { last in
      defer { last = condition }
      return last.isAlike(condition) == false
    }
    if isChange { report(condition) }
  }
}

extension DatabaseCondition {
  init(_ statistics: StoreStatistics) {
    if let failure = statistics.failure {
      self = .failed(failure)
    } else if let suspension = statistics.suspension {
      self = .readOnly(suspension)
    } else {
      self = .working
    }
  }

  /// Equal but for the reason.
  fileprivate func isAlike(_ other: DatabaseCondition) -> Bool {
    switch (self, other) {
    case (.working, .working), (.readOnly, .readOnly), (.failed, .failed): true
    default: false
    }
  }
}
