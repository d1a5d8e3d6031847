import SeriesModel
import Synchronization
import TestSupport
import Testing

@testable import Storage

/// The clock that maintenance is told may be set back, or jump.
@Suite struct StoreClockTests {
  private let directory = TemporaryDirectory("clock")
  private let labels: Labels = ["__name__": "m"]
  private let hour: Int64 = 3_600_000

  @Test func clockStandsStillWhileItIsSetBack() {
    var state = MaintenanceState()
    var clocks: [Int64] = []
    for now in [1000, 1500, 400, 400, 410, .min, .max, 5, 6] as [Int64] {
      state.advanceClock(to: now)
      clocks.append(state.clock)
    }
    #expect(clocks == [1000, 1500, 1500, 1500, 1510, 1510, .max, .max, .max])
    var early = MaintenanceState()
    early.advanceClock(to: -5)
    #expect(early.clock == 0)
  }

  /// What is sealed after ten idle minutes does not wait until the clock has come
  /// to where it was.
  @Test func idleStoreIsSealedAfterTheClockWasSetBack() throws {
    let store = try Store.open(directory: directory.path("data"))
    try store.append(labels, [(1, 1)])
    try store.maintain(now: Timestamp(milliseconds: 1000 * hour))
    for minutes in 0..<10 as Range<Int64> {
      try store.maintain(now: Timestamp(milliseconds: minutes * 60_000))
      #expect(store.statistics.checkpointCount == 0)
    }
    try store.maintain(now: Timestamp(milliseconds: 10 * 60_000))
    #expect(store.statistics.sealedChunkCount == 1)
    try store.close()
  }

  /// A checkpoint that lacked space is tried again some seconds later.
  @Test func putOffCheckpointIsMadeAfterTheClockWasSetBack() throws {
    let store = try Store.open(directory: directory.path("data"))
    try store.append(labels, [(1, 1)])
    let opened = try store.opened()
    opened.maintenance.withLock { state in
      state.advanceClock(to: 1000 * hour)
      state.lastLackOfSpace = state.clock
      state.pendingCheckpoint = PendingCheckpoint(
        frozen: opened.contents.head.withLock { head in
          head.freeze(SealPlan(sequence: 1, closesWindowsEndingAt: .max, sealsSmallBuffers: true))
        }, scope: .everything, start: 0)
    }
    try store.maintain(now: Timestamp(milliseconds: 0))
    try store.maintain(now: Timestamp(milliseconds: 9_000))
    #expect(store.statistics.checkpointCount == 0)
    try store.maintain(now: Timestamp(milliseconds: 10_000))
    #expect(store.statistics.checkpointCount == 1)
    try store.close()
  }
}
