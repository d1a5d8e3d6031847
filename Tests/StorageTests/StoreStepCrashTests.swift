#if TSDB_FAULTS
  import FaultInjection
  import Foundation
  import SeriesModel
  import Storage
  import Synchronization
  import TestSupport
  import Testing

  /// A store may be killed between any two of its steps.
  @Suite struct StoreStepCrashTests {
    static let steps = [
      "journal.written", "journal.synced", "close.begun", "checkpoint.segment", "checkpoint.frozen",
      "checkpoint.saved", "checkpoint.index", "checkpoint.chunks", "checkpoint.named",
      "checkpoint.deleted", "retention.hidden", "retention.chunks", "retention.forgotten",
      "retention.series", "merge.begun", "merge.moved", "merge.cleaned", "merge.settled",
    ]

    /// At each step the files are copied as they are, which is what a kill
    /// leaves, and the copy is opened.
    @Test func copyAtEachStepHoldsWhatWasAcknowledged() throws {
      let directory = TemporaryDirectory("steps")
      let path = directory.path("data")
      let ledger = try AppendLedger()
      let reached = Mutex<[String]>([])
      let plan = FaultPlan(onStep: { step in
        let number = reached.withLock { steps in
          steps.append(step)
          return steps.count
        }
        let copy = directory.path("copy")
        do {
          try FaultPlan.$current.withValue(nil) {
            try copyDirectory(path, to: copy)
            try FaultScenario.checkAfterwards(
              path: copy, ledger.copy(), "step \(number), \(step)")
            try removeDirectory(copy)
          }
        } catch {
          Issue.record(error, "step \(number), \(step)")
        }
      })
      var scenario = FaultScenario(path: path, ledger: ledger)
      FaultPlan.$current.withValue(plan) { scenario.run() }
      #expect(scenario.errors.isEmpty)
      #expect(Set(reached.withLock { $0 }) == Set(StoreStepCrashTests.steps))
    }

    @Test(arguments: steps)
    func processKilledAtStepLosesNothing(step: String) async throws {
      let directory = TemporaryDirectory("killed")
      let path = directory.path
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [path = path as String, step = step as String] in
        let ledger = try AppendLedger(notesPath: path + "/notes")
        let plan = FaultPlan(onStep: { if $0 == step { kill(getpid(), SIGKILL) } })
        var scenario = FaultScenario(path: path + "/data", ledger: ledger)
        FaultPlan.$current.withValue(plan) { scenario.run() }
      }
      let ledger = try AppendLedger(readingNotes: path + "/notes")
      try FaultScenario.checkAfterwards(path: path + "/data", ledger, step)
    }
  }
#endif
