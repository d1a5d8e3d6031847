import SeriesModel
import Synchronization
import TestSupport
import Testing

@testable import Storage

/// The free space of a disk, as a test says it is.
private final class FakeDisk: Sendable {
  struct State {
    var freeByteCount: Int?
    var questionCount = 0
  }

  let state: Mutex<State>

  init(freeByteCount: Int) {
    state = Mutex(State(freeByteCount: freeByteCount))
  }

  var freeByteCount: Int? {
    get { state.withLock { $0.freeByteCount } }
    set { state.withLock { $0.freeByteCount = newValue } }
  }

  var options: StoreOptions {
    var options = StoreOptions()
    options.minimumFreeByteCount = 100 << 20
    options.freeByteCount = { [self] _ in
      state.withLock { state in
        state.questionCount += 1
        return state.freeByteCount
      }
    }
    return options
  }
}

@Suite struct StoreDiskGuardTests {
  private let directory = TemporaryDirectory("guard")
  private let disk = FakeDisk(freeByteCount: 1 << 30)
  private let labels: Labels = ["__name__": "m"]

  private func open() throws -> Store {
    try Store.open(directory: directory.path("data"), options: disk.options)
  }

  private func maintain(_ store: Store) throws {
    try store.maintain(now: Timestamp(milliseconds: 0))
  }

  private func isRefused(_ store: Store) -> Bool {
    do {
      try store.append(labels, [(1, 1)])
      return false
    } catch StorageError.diskFull {
      return true
    } catch {
      Issue.record(error)
      return true
    }
  }

  @Test func scarceSpaceRefusesAppendsUntilThereIsEnoughAgain() throws {
    let store = try open()
    try store.append(labels, [(1, 1)])
    struct Step {
      let mebibyteCount: Int?
      let isRefused: Bool
    }
    // The way back needs a quarter more than the way there.
    let steps = [
      Step(mebibyteCount: 100, isRefused: false), Step(mebibyteCount: 99, isRefused: true),
      Step(mebibyteCount: 100, isRefused: true), Step(mebibyteCount: 124, isRefused: true),
      Step(mebibyteCount: 125, isRefused: false), Step(mebibyteCount: 100, isRefused: false),
      Step(mebibyteCount: 0, isRefused: true), Step(mebibyteCount: nil, isRefused: true),
      Step(mebibyteCount: 1000, isRefused: false), Step(mebibyteCount: nil, isRefused: false),
    ]
    for step in steps {
      disk.freeByteCount = step.mebibyteCount.map { $0 << 20 }
      try maintain(store)
      #expect(isRefused(store) == step.isRefused, "\(step)")
      #expect((store.statistics.suspension != nil) == step.isRefused, "\(step)")
      #expect(store.statistics.failure == nil)
      #expect(try store.samples() == [labels: samples([(1, 1)])])
    }
    try store.close()
  }

  @Test func newSeriesAreNotMadeMeanwhile() throws {
    let store = try open()
    disk.freeByteCount = 0
    try maintain(store)
    #expect(throws: StorageError.self) { try store.seriesID(for: ["__name__": "new"]) }
    #expect(store.statistics.headSeriesCount == 0)
    try store.close()
  }

  @Test func refusalTellsWhatIsThereAndWhatIsNeeded() throws {
    disk.freeByteCount = 1 << 19
    let store = try open()
    let error = #expect(throws: StorageError.self) { try store.append(labels, [(1, 1)]) }
    #expect(
      error?.description == "512 KiB are free on the disk of \"\(directory.path("data"))\", "
        + "of which 100 MiB are needed, those that --storage.min-free-space keeps included")
    #expect(
      error?.hint == "free space on the disk, which needs no restart, or lower the minimum with "
        + "--storage.min-free-space")
    try store.close()
  }

  /// What has been taken before goes to the tables, and what is too old goes.
  @Test func checkpointsAndRetentionGoOnMeanwhile() throws {
    var options = disk.options
    options.checkpointThresholdBytes = 1
    options.retentionMilliseconds = 1000
    let store = try Store.open(directory: directory.path("data"), options: options)
    try store.append(labels, [(1, 1)])
    try store.sealEverything()
    try store.append(labels, (0..<2000).map { (100_000_000 + Int64($0), Double($0)) })
    disk.freeByteCount = 1 << 20
    let before = store.statistics.checkpointCount
    try maintain(store)
    #expect(store.statistics.checkpointCount == before + 1)
    #expect(store.statistics.deletedWindowCount == 1)
    #expect(isRefused(store))
    try store.close()
  }

  @Test func appendsAskForTheSpaceOnlyWhenTheJournalGrows() throws {
    let store = try open()
    let atStart = disk.state.withLock { $0.questionCount }
    for index in 0..<100 { try store.append(labels, [(Int64(index), 1)]) }
    #expect(disk.state.withLock { $0.questionCount } == atStart)
    // 10 MB of samples take three steps of 4 MiB, of which one is there.
    disk.freeByteCount = 0
    try store.append(labels, (0..<1_000_000).map { (Int64(1000 + $0), Double($0)) })
    #expect(disk.state.withLock { $0.questionCount } == atStart + 1)
    #expect(isRefused(store))
    try store.close()
  }
}

@Suite struct DiscardedRecordTests {
  /// A series that was new in a record that never came to be is new again.
  @Test func seriesOfADiscardedRecordIsRecordedAgain() throws {
    var head = Head(hashSeed: 1)
    head.insertSeries(SeriesID(7), labels: ["__name__": "m"], flags: [])
    var batch = SampleBatch()
    batch.add(SeriesID(7), timestampMilliseconds: 1, value: 1)
    let first = head.stage(batch, rules: .permissive)
    #expect(first.record.newSeries.map(\.id) == [SeriesID(7)])
    head.discardStaged([first.record])
    let second = head.stage(batch, rules: .permissive)
    #expect(second.record.newSeries.map(\.id) == [SeriesID(7)])
    #expect(second.result.acceptedCount == 1)
    head.applyStaged()
    let third = head.stage(batch, rules: .permissive)
    #expect(third.record.newSeries.isEmpty)
  }

  @Test func sequenceNumbersOfDiscardedRecordsAreUsedAgain() {
    let header = SegmentHeader(kind: .log, number: 1, salt: 5)
    var buffer = RecordBuffer(segment: header, firstSequence: 3)
    buffer.startNextWrite()
    buffer.appendRecord(.batch) { $0.append(1) }
    buffer.startNextWrite()
    buffer.appendRecord(.batch) { $0.append(2) }
    buffer.appendRecord(.batch) { $0.append(3) }
    buffer.discardRecords()
    #expect(buffer.nextSequence == 4)
    #expect(buffer.bytes.isEmpty)
    buffer.appendRecord(.batch) { $0.append(4) }
    let record = RecordHeader(in: buffer.bytes.span, at: 0, salt: 5)
    #expect(record?.sequence == 4)
    // Nothing was synced yet: the group is as old as the segment.
    #expect(record?.groupStart == 3)
  }
}
