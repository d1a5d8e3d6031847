#if TSDB_FAULTS
  import FaultInjection
  import Glibc
  import LMDB
  import SeriesModel
  import Storage
  import TestSupport
  import Testing

  /// Every call that can fail fails once.
  @Suite struct StoreCallFaultTests {
    struct Case: CustomTestStringConvertible, Sendable {
      let testDescription: String
      let kind: FaultPlan.CallKind
      let code: Int32
      var isLasting = false
      var writesFirst = false
      /// How many calls lie between those that are tried.
      var step = 1
    }

    static let cases = [
      Case(testDescription: "the database once", kind: .database, code: EIO),
      Case(
        testDescription: "the database from then on", kind: .database, code: ENOSPC,
        isLasting: true, step: 7),
      Case(testDescription: "commits once", kind: .commit, code: EIO),
      Case(
        testDescription: "commits that are on the disk", kind: .commit, code: EIO,
        writesFirst: true),
      Case(testDescription: "files once", kind: .file, code: EIO),
      Case(testDescription: "files from then on", kind: .file, code: ENOSPC, isLasting: true),
      Case(
        testDescription: "files after a part", kind: .file, code: ENOSPC, isLasting: true,
        writesFirst: true),
      Case(
        testDescription: "files after a part, once", kind: .file, code: EIO, writesFirst: true),
    ]

    @Test(arguments: cases)
    func storeKeepsWhatItAcknowledged(example: Case) throws {
      var number = 1 - example.step
      var plan: FaultPlan
      repeat {
        number += example.step
        plan = FaultPlan(
          FaultPlan.Fault(
            example.kind, number: number, code: example.code, isLasting: example.isLasting,
            writesFirst: example.writesFirst))
        try check(plan, "\(example.testDescription), call \(number)")
      } while plan.faultCount > 0
      #expect(number > 30)
    }

    private func check(_ plan: FaultPlan, _ comment: String) throws {
      let directory = TemporaryDirectory("fault")
      let path = directory.path("data")
      let ledger = try AppendLedger()
      var scenario = FaultScenario(path: path, ledger: ledger)
      FaultPlan.$current.withValue(plan) { scenario.run() }
      #expect(plan.faultCount > 0 || scenario.errors.isEmpty, "\(comment): \(scenario.errors)")
      try checkLiving(&scenario, comment)
      scenario = FaultScenario(path: path, ledger: ledger)
      try FaultScenario.checkAfterwards(path: path, ledger, comment)
    }

    /// The store may be unable to open or have been closed; otherwise it answers,
    /// and refuses everything and says why, or goes on.
    private func checkLiving(_ scenario: inout FaultScenario, _ comment: String) throws {
      guard let store = scenario.store, store.newestTimestamp != nil else { return }
      try FaultScenario.check(store, scenario.ledger, comment)
      let errorCount = scenario.errors.count
      scenario.append([(2, 288.75)])
      #expect((scenario.errors.count > errorCount) == (store.statistics.failure != nil))
      // What can't be saved any more is in the journal.
      _ = try? store.close()
    }
  }
#endif
