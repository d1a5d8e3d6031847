import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// Where the stored sample is when another one comes at its time.
private enum StoredPlace: CaseIterable, Sendable {
  case sameBatch, openChunk, closedChunk, buffer, sealedShortWindow, sealedDayWindow
  case carriedBuffer, openChunkAfterRestart, journalAfterRestart, sealedAfterRestart
}

@Suite struct StoreDuplicateTests {
  private let directory = TemporaryDirectory("duplicates")
  private let labels: Labels = ["__name__": "m"]
  private static let hour: Int64 = 3_600_000
  /// A time in the middle of a day.
  private static let base: Int64 = 1_700_000_000_000 / 3_600_000 * 3_600_000
  private static let timestamp = base + 60_000

  private func open(_ policy: DuplicatePolicy) throws -> Store {
    var options = StoreOptions()
    options.duplicatePolicy = policy
    return try Store.open(directory: directory.path("data"), options: options)
  }

  private func reopened(_ store: Store, _ policy: DuplicatePolicy) throws -> Store {
    try store.close()
    return try open(policy)
  }

  /// The last value counts, whether the sample before it is staged or the last
  /// one of a chunk that was closed.
  @Test func replacedSampleMayGetItsFirstValueAgain() throws {
    let store = try open(.replace)
    try store.append(labels, [(1, 1), (1, 2), (1, 1)])
    #expect(try store.samples()[labels] == samples([(1, 1)]))
    let closing = (2...240).map { (Int64($0), Double($0)) }
    try store.append(labels, closing)
    #expect(store.statistics.openChunkCount == 0)
    try store.append(labels, [(240, -1)])
    try store.append(labels, [(240, 240)])
    #expect(try store.samples()[labels] == samples([(1, 1)] + closing))
    try store.close()
  }

  /// Brings the sample with value 1 to a place, and returns the store.
  private func prepare(_ place: StoredPlace, _ policy: DuplicatePolicy) throws -> Store {
    let store = try open(policy)
    let steps = (0..<5).map { (Self.base + $0 * 30_000, Double($0)) }
    let original = (Self.timestamp, 1.0)
    let inOrder = steps.map { $0.0 == Self.timestamp ? original : $0 }
    switch place {
    case .sameBatch:
      break
    case .openChunk:
      try store.append(labels, inOrder)
    case .closedChunk:
      try store.append(
        labels,
        inOrder
          + (5..<300).map { (Self.base + $0 * 10_000, 0.0) }.filter {
            $0.0 > inOrder[4].0
          })
      #expect(store.statistics.closedChunkCount > 0)
    case .buffer:
      try store.append(labels, [(Self.base + 100_000, 3), original])
    case .carriedBuffer:
      // A window that ends closes the open chunk, and leaves the buffer.
      try store.maintain(now: Timestamp(milliseconds: 0))
      try store.append(labels, [(Self.base + 100_000, 3), original])
      try store.maintain(now: Timestamp(milliseconds: 0))
      try store.append(["__name__": "other"], [(Self.base + 5 * Self.hour, 0)])
      try store.maintain(now: Timestamp(milliseconds: 0))
      #expect(store.statistics.sealedChunkCount == 1)
    case .sealedShortWindow:
      try store.append(labels, inOrder)
      try store.sealEverything()
    case .sealedDayWindow:
      try store.append(labels, [(Self.base + 40 * Self.hour, 9)])
      try store.append(labels, inOrder)
      try store.sealEverything()
    case .openChunkAfterRestart:
      try store.append(labels, inOrder)
      return try reopened(store, policy)
    case .journalAfterRestart:
      try store.append(labels, inOrder)
      return store
    case .sealedAfterRestart:
      try store.append(labels, inOrder)
      try store.sealEverything()
      return try reopened(store, policy)
    }
    return store
  }

  private func value(at timestamp: Int64, in store: some Queryable) throws -> [Double] {
    try store.samples(from: timestamp, through: timestamp)[labels]?.map(\.value) ?? []
  }

  @Test(arguments: StoredPlace.allCases, DuplicatePolicy.allCases)
  fileprivate func policyHoldsWhereverTheStoredSampleIs(
    place: StoredPlace, policy: DuplicatePolicy
  ) throws {
    var store = try prepare(place, policy)
    let before = store.statistics
    var batch: [(Int64, Double)] = [(Self.timestamp, 1), (Self.timestamp, 2)]
    if place == .sameBatch { batch.insert((Self.base + 90_000, 0), at: 0) }
    let result = try store.append(labels, batch)
    let expected: Double
    switch policy {
    case .reject:
      #expect(result.rejections.map(\.reason) == [.duplicateTimestamp])
      #expect(result.rejections.first?.sample == Sample(milliseconds: Self.timestamp, value: 2))
      #expect(result.rejections.first?.labels == labels)
      expected = 1
    case .keep:
      #expect(result.rejections.isEmpty)
      #expect(store.statistics.droppedDuplicateCount == before.droppedDuplicateCount + 1)
      expected = 1
    case .replace:
      #expect(result.rejections.isEmpty)
      #expect(store.statistics.replacedSampleCount == before.replacedSampleCount + 1)
      expected = 2
    }
    #expect(result.acceptedCount == batch.count - result.rejections.count)
    let all = try store.samples()
    #expect(try value(at: Self.timestamp, in: store) == [expected])
    // The journal alone, as after a crash, tells the same.
    let copy = directory.path("copy")
    try copyDirectory(directory.path("data"), to: copy)
    #expect(try StoreReader.open(directory: copy).samples() == all)
    // And what is sealed afterwards.
    try store.sealEverything()
    #expect(try store.samples() == all)
    store = try reopened(store, policy)
    #expect(try store.samples() == all)
    #expect(try store.append(labels, [(Self.timestamp, expected)]).acceptedCount == 1)
    #expect(try store.samples() == all)
    try store.close()
  }

  /// Exact duplicates of sealed samples write nothing.
  @Test func backfillAgainIsFree() throws {
    let store = try open(.reject)
    let samples = (0..<1000).map { (Self.base + $0 * 15_000, Double($0 % 7)) }
    try store.append(labels, samples)
    try store.sealEverything()
    let journalBytes = store.statistics.journalBytes
    #expect(try store.append(labels, samples.reversed()).acceptedCount == 1000)
    #expect(store.statistics.journalBytes == journalBytes)
    #expect(try store.samples()[labels]?.count == 1000)
    try store.close()
  }

  /// Any time within the retention is accepted, whatever came before.
  @Test func oldTimesAreAccepted() throws {
    var options = StoreOptions()
    options.retentionMilliseconds = .max
    let store = try Store.open(directory: directory.path("data"), options: options)
    #expect(try store.append(labels, [(0, 1), (-5, 2)]).rejections.isEmpty)
    try store.sealEverything()
    #expect(try store.append(labels, [(Self.base, 3), (1, 4), (0, 1)]).rejections.isEmpty)
    #expect(try store.append(labels, [(0, 7), (2, 5)]).rejections.count == 1)
    #expect(
      try store.samples()[labels]?.map(\.value) == [2, 1, 4, 5, 3])
    try store.close()
  }

  /// A series without an open chunk is not in the checkpoint, and its last
  /// sample is found in the tables all the same.
  @Test func checkpointHasOnlySeriesWithAnOpenChunk() throws {
    var store = try open(.reject)
    var batch = SampleBatch()
    for number in 0..<1000 {
      batch.add(
        try store.seriesID(for: ["__name__": "m", "n": "\(number)"]),
        timestampMilliseconds: Self.base, value: 1)
    }
    _ = try store.append(batch)
    try store.sealEverything()
    #expect(store.statistics.journalBytes < 1000)
    store = try reopened(store, .reject)
    #expect(store.statistics.headSeriesCount == 0)
    #expect(try store.samples().count == 1000)
    let one: Labels = ["__name__": "m", "n": "7"]
    let result = try store.append(
      one, [(Self.base, 1), (Self.base, 2), (Self.base - 1, 3), (Self.base + 1, 4)])
    #expect(result.rejections.map(\.batchIndex) == [1])
    #expect(try store.samples()[one]?.map(\.value) == [3, 1, 4])
    try store.close()
  }

  /// A series that comes back from the tables with an old sample: those between
  /// that one and its last sealed one are compared, sample by sample and in one
  /// batch.
  @Test(arguments: [false, true])
  func backfillInOrderAfterRestartMeetsSealedSamples(isOneBatch: Bool) throws {
    var store = try open(.reject)
    let stored = (0..<10).map { (Self.base + $0 * 30_000, Double($0)) }
    try store.append(labels, stored)
    try store.append(["__name__": "ahead"], [(Self.base + Self.hour, 1)])
    try store.sealEverything()
    store = try reopened(store, .reject)
    let backfill = (0..<30).map { (Self.base - 15_000 + $0 * 15_000, Double(100 + $0)) }
    var refused: [Int64] = []
    for batch in isOneBatch ? [backfill] : backfill.map({ [$0] }) {
      refused += try store.append(labels, batch).rejections.map(\.sample.timestamp.milliseconds)
    }
    #expect(refused == stored.map(\.0))
    let expected = Dictionary(uniqueKeysWithValues: backfill)
      .merging(stored, uniquingKeysWith: { $1 })
    #expect(
      try store.samples()[labels]
        == samples(expected.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
    try store.close()
  }

  /// An open chunk that a backfill left is saved and restored; there are later
  /// samples in the tables all the same.
  @Test func restoredOpenChunkMayBeOlderThanSealedSamples() throws {
    var store = try open(.reject)
    try store.append(labels, [(Self.base + 30_000, 1), (Self.base + Self.hour, 2)])
    try store.sealEverything()
    store = try reopened(store, .reject)
    try store.append(labels, [(Self.base, 0)])
    store = try reopened(store, .reject)
    #expect(store.statistics.openChunkCount == 1)
    let result = try store.append(
      labels, [(Self.base + 10_000, 5), (Self.base + 30_000, 9), (Self.base + Self.hour, 9)])
    #expect(result.rejections.map(\.batchIndex) == [1, 2])
    try store.close()
  }
}
