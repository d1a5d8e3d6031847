import LMDB
import SeriesModel
import Synchronization
import TestSupport
import Testing

@testable import Storage

/// Deleting series from a store.
@Suite struct StoreDeletionTests {
  private let directory = TemporaryDirectory("deletion")
  private var path: String { directory.path("data") }
  private let a: Labels = ["__name__": "m", "job": "a"]
  private let b: Labels = ["__name__": "m", "job": "b"]
  private let onlyA = [[Matcher("job", .equal, "a")]]
  private let minute: Int64 = 60_000
  private let hour: Int64 = 3_600_000

  private func time(_ milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds) }

  /// A store with a sample a minute of two series, over some hours.
  private func makeStore(hours: Int64 = 5) throws -> Store {
    let store = try Store.open(directory: path)
    for labels in [a, b] {
      try store.append(labels, (0..<hours * 60).map { ($0 * minute, Double($0)) })
    }
    return store
  }

  private func reopened(_ store: Store) throws -> Store {
    try store.close()
    return try Store.open(directory: path)
  }

  private func minutes(_ samples: [Sample]?) -> [Int64] {
    (samples ?? []).map { $0.timestamp.milliseconds / minute }
  }

  @Test func deletedSamplesAreGoneAtOnceAndAfterARestart() throws {
    var store = try makeStore()
    let summary = try store.delete(
      matching: onlyA, from: time(10 * minute), through: time(200 * minute))
    #expect(summary.seriesCount == 1)
    #expect(summary.sampleCount >= 191)
    let expected = Array(0..<10) + Array(201..<300)
    for _ in 0..<2 {
      #expect(try minutes(store.samples()[a]) == expected.map(Int64.init))
      #expect(try store.samples()[b]?.count == 300)
      #expect(
        try minutes(store.samples(from: 150 * minute, through: 210 * minute)[a])
          == Array(201...210))
      store = try reopened(store)
    }
    #expect(try StoreReader.open(directory: copy()).samples()[a]?.count == 109)
    try store.close()
  }

  private func copy() throws -> String {
    let copy = directory.path("copy")
    try copyDirectory(path, to: copy)
    return copy
  }

  @Test func dryRunCountsAndDeletesNothing() throws {
    let store = try makeStore()
    let everything = (from: Timestamp.earliest, through: Timestamp.latest)
    let before = try store.delete(
      matching: onlyA, from: everything.from, through: everything.through, isDryRun: true)
    #expect(before.seriesCount == 1)
    #expect(before.sampleCount == 300)
    #expect(try store.samples()[a]?.count == 300)
    let deleted = try store.delete(
      matching: onlyA, from: everything.from, through: everything.through)
    #expect(deleted == before)
    #expect(
      try store.delete(
        matching: onlyA, from: everything.from, through: everything.through, isDryRun: true)
        == DeletionSummary())
    try store.close()
  }

  @Test func seriesWithoutAnythingLeftIsNotListed() throws {
    let store = try makeStore()
    _ = try store.delete(matching: onlyA, from: .earliest, through: .latest)
    let selection = SeriesSelection(
      matchers: [Matcher("__name__", .equal, "m")], start: .earliest, end: .latest)
    #expect(try store.series(of: [selection]) == [b])
    #expect(try store.series(of: []) == [b])
    #expect(try store.labelValues(of: "job", in: [selection]) == ["b"])
    #expect(try store.labelNames(of: [selection]) == ["__name__", "job"])
    #expect(try store.snapshot(of: [selection]).seriesSets[0].count == 1)
    try store.close()
  }

  @Test func seriesIsListedWhereItHasSamples() throws {
    let store = try makeStore(hours: 6)
    // The second window and half of the third.
    _ = try store.delete(matching: onlyA, from: time(2 * hour), through: time(5 * hour))
    func listed(_ start: Int64, _ end: Int64) throws -> [Labels] {
      try store.series(
        of: [SeriesSelection(matchers: [], start: time(start), end: time(end))])
    }
    #expect(try listed(0, hour) == [a, b])
    #expect(try listed(2 * hour, 3 * hour) == [b])
    // The chunk reaches further, but what is asked for of it is deleted.
    #expect(try listed(4 * hour, 5 * hour) == [b])
    #expect(try listed(4 * hour, 6 * hour) == [a, b])
    try store.close()
  }

  /// A row: when samples are appended again, and how.
  struct Again: Sendable, CustomTestStringConvertible {
    let id: String
    let minutes: Range<Int64>
    let value: Double

    var testDescription: String { id }
  }

  @Test(arguments: [
    Again(id: "the newest sample as it was", minutes: 299..<300, value: 299),
    Again(id: "the newest sample, another value", minutes: 299..<300, value: 7),
    Again(id: "an old sample", minutes: 20..<21, value: 20),
    Again(id: "a whole window", minutes: 120..<240, value: 5),
    Again(id: "everything", minutes: 0..<300, value: 1),
    Again(id: "later", minutes: 300..<303, value: 1),
  ])
  func whatIsAppendedAgainIsNew(again: Again) throws {
    var store = try makeStore()
    _ = try store.delete(matching: onlyA, from: .earliest, through: .latest)
    #expect(try store.samples()[a] == nil)
    let result = try store.append(a, again.minutes.map { ($0 * minute, again.value) })
    #expect(result.acceptedCount == again.minutes.count)
    let expected = again.minutes.map { Sample(milliseconds: $0 * minute, value: again.value) }
    #expect(try store.samples()[a] == expected)
    store = try reopened(store)
    #expect(try store.samples()[a] == expected)
    try store.sealEverything()
    #expect(try store.samples()[a] == expected)
    // Deleted once more, it is gone once more.
    _ = try store.delete(matching: onlyA, from: .earliest, through: .latest)
    store = try reopened(store)
    #expect(try store.samples()[a] == nil)
    #expect(try store.samples()[b]?.count == 300)
    try store.close()
  }

  @Test func restartAfterADeletionTakesTheLastSampleAgain() throws {
    var store = try makeStore()
    _ = try store.delete(matching: onlyA, from: .earliest, through: .latest)
    store = try reopened(store)
    try store.append(a, [(299 * minute, 299)])
    #expect(try minutes(store.samples()[a]) == [299])
    try store.close()
  }

  @Test func otherSeriesStillRefuseDuplicates() throws {
    let store = try makeStore()
    _ = try store.delete(matching: onlyA, from: .earliest, through: .latest)
    let result = try store.append(b, [(299 * minute, -1)])
    #expect(result.rejections.map(\.reason) == [.duplicateTimestamp])
    try store.close()
  }

  @Test func bufferedOldSamplesAreDeletedToo() throws {
    let store = try makeStore()
    try store.append(a, [(30, 1), (40, 2), (90 * minute + 1, 3)])
    _ = try store.delete(matching: onlyA, from: time(35), through: time(100 * minute))
    let expected = [0, 30] + (101..<300).map { Int64($0) * minute }
    #expect(try store.samples()[a]?.map(\.timestamp.milliseconds) == expected)
    try store.close()
  }

  /// What a crash leaves between the seal and the tombstones is the store as
  /// it was.
  @Test func crashBeforeTheTombstonesDeletesNothing() throws {
    let store = try makeStore()
    let opened = try store.opened()
    try opened.maintenance.withLock { state throws(StorageError) in
      try opened.checkpoint(.everything, state: &state)
    }
    let copied = try Store.open(directory: copy())
    #expect(try copied.samples()[a]?.count == 300)
    #expect(try copied.append(a, [(299 * minute, 299), (300 * minute, 1)]).acceptedCount == 2)
    #expect(try copied.samples()[a]?.count == 301)
    try copied.close()
    try store.close()
  }

  @Test func aSnapshotThatIsOlderKeepsWhatItHad() throws {
    let store = try makeStore()
    let snapshot = try store.snapshot(
      of: [SeriesSelection(matchers: [], start: .earliest, end: .latest)])
    let reader = try StoreReader.open(directory: copy())
    _ = try store.delete(matching: onlyA, from: .earliest, through: .latest)
    #expect(try snapshot.samples(ofSelection: 0)[a]?.count == 300)
    #expect(try reader.samples()[a]?.count == 300)
    #expect(try store.samples()[a] == nil)
    try store.close()
  }

  @Test func retentionTakesTombstonesAlong() throws {
    var options = StoreOptions()
    options.retentionMilliseconds = 4 * hour
    let store = try Store.open(directory: path, options: options)
    try store.append(a, (0..<180).map { ($0 * minute, 1) })
    try store.append(b, (0..<180).map { ($0 * minute, 1) })
    _ = try store.delete(matching: onlyA, from: .earliest, through: .latest)
    #expect(try tombstoneRowCount(store) == 2)
    try store.append(b, [(6 * hour, 1)])
    try store.maintain(now: time(0))
    #expect(try tombstoneRowCount(store) == 1)
    try store.append(b, [(20 * hour, 1)])
    try store.maintain(now: time(0))
    #expect(try tombstoneRowCount(store) == 0)
    #expect(try store.samples() == [b: [Sample(milliseconds: 20 * hour, value: 1)]])
    try store.close()
  }

  private func tombstoneRowCount(_ store: Store) throws -> Int {
    let schema = try store.opened().contents.schema
    return try schema.environment.read { view throws(StorageError) in
      var count = 0
      try TombstoneTable(schema).forEachRow(in: view) { _ in count += 1 }
      return count
    }
  }

  /// Written anew without what was deleted, windows have no tombstones, and what
  /// has nothing left is in no table.
  @Test func cleaningGivesTheSpaceBack() throws {
    var store = try makeStore(hours: 6)
    _ = try store.delete(matching: onlyA, from: .earliest, through: .latest)
    _ = try store.delete(
      matching: [[Matcher("job", .equal, "b")]], from: time(hour), through: time(3 * hour))
    try store.append(a, [(5, 5)])
    let expected = try store.samples()
    #expect(expected[a]?.count == 1)
    #expect(expected[b]?.count == 360 - 121)
    try store.cleanTombstones()
    for _ in 0..<20 { try store.maintain(now: time(0)) }
    #expect(try tombstoneRowCount(store) == 0)
    #expect(try store.samples() == expected)
    store = try reopened(store)
    #expect(try store.samples() == expected)
    try store.close()
    let report = try IntegrityCheck.run(directory: path)
    #expect(report.findings == [])
    #expect(report.sampleCount == 240)
  }

  @Test func cleanedSeriesLeavesTheIndex() throws {
    let store = try makeStore()
    _ = try store.delete(matching: onlyA, from: .earliest, through: .latest)
    #expect(try store.labelValues(of: "job", in: []) == ["b"])
    try store.cleanTombstones()
    for hours in 0..<4 { try store.maintain(now: time(Int64(hours) * hour)) }
    #expect(try tombstoneRowCount(store) == 0)
    #expect(try store.labelValues(of: "job", in: []) == ["b"])
    let schema = try store.opened().contents.schema
    let count = try schema.environment.read { view throws(StorageError) in
      try StoredPostings(schema, in: view).allPostings().count
    }
    #expect(count == 1)
    try store.close()
  }

  /// What is deleted before windows are merged, or meanwhile, is deleted from
  /// the parts that were moved and from those that were not, and stays so.
  @Test(arguments: [0, 1, 2])
  func mergeLeavesOutWhatIsDeleted(stepsBefore: Int) throws {
    let store = try makeStore(hours: 6)
    try store.sealEverything()
    let schema = try store.opened().contents.schema
    let rows = try schema.environment.read { view throws(StorageError) in
      try WindowTable(schema).rows(in: view)
    }
    let day = Window(containing: 0, lengthMilliseconds: Window.dayLengthMilliseconds)
    func delete() throws {
      _ = try store.delete(
        matching: [[Matcher("__name__", .equal, "m")]], from: time(hour), through: time(5 * hour))
    }
    if stepsBefore == 0 { try delete() }
    var merge = try WindowMerge.begin(rows.map(\.window), into: day, in: schema)
    merge.batchSampleCount = 1
    // Each step moves one of the two series.
    for step in 0..<stepsBefore {
      #expect(try merge.moveSome(byteBudget: 1) == (step == 1))
    }
    if stepsBefore > 0 { try delete() }
    try store.append(a, [(2 * hour, -1)])
    func check() throws {
      let samples = try store.samples()
      #expect(samples[a]?.count == 60 + 59 + 1)
      #expect(samples[b]?.count == 60 + 59)
      #expect(samples[a]?.contains(Sample(milliseconds: 2 * hour, value: -1)) == true)
    }
    try check()
    while try merge.moveSome(byteBudget: 1) == false { try check() }
    try merge.finish()
    try check()
    try store.sealEverything()
    try check()
    try store.cleanTombstones()
    for _ in 0..<20 { try store.maintain(now: time(0)) }
    try check()
    #expect(try tombstoneRowCount(store) == 0)
    #expect(try IntegrityCheck.run(directory: copy()).findings == [])
    try store.close()
  }

  /// What a merge has moved is deleted where it came from too: blocks that hold it
  /// beside others are read again when the merge is abandoned.
  @Test func deletedSamplesStayDeletedWhenAMergeIsAbandoned() throws {
    let store = try makeStore(hours: 6)
    try store.sealEverything()
    let schema = try store.opened().contents.schema
    let rows = try schema.environment.read { view throws(StorageError) in
      try WindowTable(schema).rows(in: view)
    }
    let day = Window(containing: 0, lengthMilliseconds: Window.dayLengthMilliseconds)
    var merge = try WindowMerge.begin(rows.map(\.window), into: day, in: schema)
    merge.batchSampleCount = 1
    #expect(try merge.moveSome(byteBudget: 1) == false)
    let summary = try store.delete(matching: onlyA, from: time(hour), through: time(5 * hour))
    #expect(summary.seriesCount == 1)
    #expect(try WindowMerge.abandon(in: schema).count == 3)
    #expect(try minutes(store.samples()[a]) == Array(0..<60) + Array(301..<360))
    #expect(try store.samples()[b]?.count == 360)
    try store.close()
  }

  @Test func malformedExpressionDeletesNothing() throws {
    let store = try makeStore()
    #expect(throws: StorageError.self) {
      try store.delete(
        matching: [[Matcher("job", .matchesRegex, "(")]], from: .earliest, through: .latest)
    }
    #expect(try store.delete(matching: onlyA, from: time(2), through: time(1)).seriesCount == 0)
    #expect(try store.samples()[a]?.count == 300)
    try store.close()
  }
}
