import Dispatch
import Glibc
import SeriesModel
import Synchronization
import Testing

@testable import PromQL

/// Helpers and those who call them.
@Suite struct SpreadTeamTests {
  private static func chunk(_ number: Int) -> SpreadTeam.Chunk {
    var chunk = SpreadTeam.Chunk()
    chunk.append(SeriesColumn(labels: Labels(), dropsName: false, values: [Double(number)]))
    return chunk
  }

  @Test(arguments: [0, 1, 3])
  func chunksComeInTheirOrder(helperCount: Int) throws {
    let team = SpreadTeam(chunkCount: 50, beginningAt: 2, helperCount: helperCount) { _ in
      { Self.chunk($0) }
    }
    defer { team.dismiss() }
    for number in 2..<50 {
      let chunk = try team.chunk(number) { Self.chunk($0) }
      #expect(chunk.columns.map { $0?.values } == [[Double(number)]])
    }
  }

  @Test func helpersThatCannotBeginLeaveTheWorkToOthers() throws {
    let team = SpreadTeam(chunkCount: 5, beginningAt: 0, helperCount: 2) { _ in
      throw QueryError.canceled
    }
    defer { team.dismiss() }
    for number in 0..<5 {
      #expect(try team.chunk(number) { Self.chunk($0) }.columns.count == 1)
    }
  }

  @Test func helpersAreToldOfTheirDismissalAndWaitedFor() {
    let started = DispatchSemaphore(value: 0)
    let computed = Mutex<[Int]>([])
    let team = SpreadTeam(chunkCount: 9, beginningAt: 0, helperCount: 1) { dismissal in
      { number in
        started.signal()
        while dismissal.isCancelled == false { sched_yield() }
        computed.withLock { $0.append(number) }
        return Self.chunk(number)
      }
    }
    #expect(started.wait(timeout: .now() + 60) == .success)
    team.dismiss()
    #expect(computed.withLock { $0 } == [0])
    team.dismiss()
  }

  @Test func aHelpersContextEndsWithItsDismissal() throws {
    let dismissal = QueryCancellation()
    let context = EvaluationContext(EvaluationContext.alone.seed, dismissal: dismissal)
    try context.checkpoint()
    dismissal.cancel()
    #expect(throws: QueryError.canceled) { try context.checkpoint() }
  }

  @Test func aPeakThatIsTakenBeginsAnew() throws {
    let budget = SampleBudget(limit: 10)
    var held = budget.reservation()
    try held.extend(by: 2)
    do {
      var passing = budget.reservation()
      try passing.extend(by: 5)
    }
    #expect(budget.takePeak() == 7)
    #expect(budget.takePeak() == 2)
    try held.extend(by: 1)
    #expect(budget.peak == 3)
  }
}
