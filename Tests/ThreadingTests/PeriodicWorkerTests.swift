import Testing
import Threading

@Suite struct PeriodicWorkerTests {
  @Test func workIsDoneAgainAndAgainUntilStopped() throws {
    let turns = Monitor(0)
    let worker = try PeriodicWorker(every: .milliseconds(1)) { turns.change { $0 += 1 } }
    #expect(turns.wait { $0 >= 3 ? true : nil } == true)
    worker.stop()
    let count = turns.withLock { $0 }
    worker.stop()
    #expect(turns.withLock { $0 } == count)
  }

  @Test func stoppingDoesNotWaitForTheInterval() throws {
    let worker = try PeriodicWorker(every: .seconds(3600)) {}
    worker.stop()
  }

  @Test func wakingDoesNotWaitForTheInterval() throws {
    let turns = Monitor(0)
    let worker = try PeriodicWorker(every: .seconds(3600)) { turns.change { $0 += 1 } }
    for count in 1...3 {
      worker.wake()
      #expect(turns.wait { $0 >= count ? true : nil } == true)
    }
    worker.stop()
  }
}
