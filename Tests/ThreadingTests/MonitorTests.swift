import Synchronization
import Testing
import Threading

@Suite struct MonitorTests {
  @Test func waitersSeeTheChangeTheyWaitFor() throws {
    let monitor = Monitor(0)
    let thread = try WorkerThread {
      for _ in 0..<1000 { monitor.change { $0 += 1 } }
    }
    #expect(monitor.wait { $0 == 1000 ? $0 : nil } == 1000)
    thread.join()
  }

  @Test func waitingEndsWithTheTimeout() {
    let monitor = Monitor(false)
    #expect(monitor.wait(timeout: .milliseconds(1), for: { $0 ? true : nil }) == nil)
  }

  @Test func eachWaiterTakesWhatItWaitsFor() throws {
    let jobs = Monitor(0)
    let taken = Atomic(0)
    let threads = try (0..<4).map { _ in
      try WorkerThread {
        _ = jobs.wait { count -> Bool? in
          guard count > 0 else { return nil }
          count -= 1
          return true
        }
        taken.wrappingAdd(1, ordering: .relaxed)
      }
    }
    for _ in 0..<4 { jobs.change { $0 += 1 } }
    for thread in threads { thread.join() }
    #expect(taken.load(ordering: .relaxed) == 4)
    #expect(jobs.withLock { $0 } == 0)
  }

  @Test func errorsOfTheBodyArePassedOnAndTheLockIsFreed() {
    struct Failure: Error {}
    let monitor = Monitor(1)
    #expect(throws: Failure.self) {
      try monitor.change { (_: inout Int) throws(Failure) in throw Failure() }
    }
    #expect(monitor.withLock { $0 } == 1)
  }
}
