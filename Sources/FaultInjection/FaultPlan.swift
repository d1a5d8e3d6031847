#if TSDB_FAULTS
  import Synchronization

  /// Makes chosen calls of the database library and of the file system fail,
  /// and tells of each step, for tests.
  ///
  /// A plan holds for what its task calls inside `FaultPlan.$current.withValue`,
  /// so tests that run beside it see nothing of it. It is compiled with
  /// `TSDB_FAULTS` only, which release builds don't define.
  package final class FaultPlan: Sendable {
    /// The calls that a fault can hit.
    package enum CallKind: Sendable {
      /// Calls of LMDB but those that commit.
      case database
      /// Calls of LMDB that commit a transaction.
      case commit
      /// Calls on files and directories.
      case file
    }

    /// A call that fails.
    package struct Fault: Sendable {
      /// The calls that count.
      package var kind: CallKind
      /// Which of them fails, counted from 1.
      package var number: Int
      /// The code it fails with: an `errno`, or a code of LMDB.
      package var code: Int32
      /// True when all calls after it fail as well.
      package var isLasting = false
      /// True when a call that writes does so before it fails: a write its
      /// first half, a sync and a commit all.
      package var writesFirst = false

      /// Creates a fault of one call.
      package init(
        _ kind: CallKind, number: Int, code: Int32, isLasting: Bool = false,
        writesFirst: Bool = false
      ) {
        self.kind = kind
        self.number = number
        self.code = code
        self.isLasting = isLasting
        self.writesFirst = writesFirst
      }
    }

    /// The plan of the running task, or nil.
    @TaskLocal package static var current: FaultPlan?

    private let fault: Fault?
    private let onStep: @Sendable (String) -> Void
    private let calls = Atomic<Int>(0)
    private let faults = Atomic<Int>(0)

    /// Plans at most one fault.
    ///
    /// - Parameter onStep: Called with the name of each step that is reached,
    ///   see ``FaultPoint``; a test may kill its process there.
    package init(_ fault: Fault? = nil, onStep: @escaping @Sendable (String) -> Void = { _ in }) {
      self.fault = fault
      self.onStep = onStep
    }

    /// How many calls failed.
    package var faultCount: Int { faults.load(ordering: .relaxed) }

    /// The fault that hits this call of the running task, or nil.
    ///
    /// For the files that make the calls, once for each call.
    package static func nextFault(in kind: CallKind) -> Fault? {
      guard let plan = current, let fault = plan.fault, fault.kind == kind else { return nil }
      let number = plan.calls.add(1, ordering: .relaxed).newValue
      guard number == fault.number || (fault.isLasting && number > fault.number) else {
        return nil
      }
      plan.faults.add(1, ordering: .relaxed)
      return fault
    }

    fileprivate static func didReach(_ step: String) {
      current?.onStep(step)
    }
  }
#endif

/// Names the places between two steps of what must survive a crash at any
/// moment, so that tests can stop there.
package enum FaultPoint {
  /// Says that everything before is done and nothing after it is.
  ///
  /// In a release build this is nothing at all, which takes `@inlinable`.
  @inlinable
  package static func reached(_ step: StaticString) {
    #if TSDB_FAULTS
      report(step)
    #endif
  }

  #if TSDB_FAULTS
    @usableFromInline
    package static func report(_ step: StaticString) {
      FaultPlan.didReach("\(step)")
    }
  #endif
}
