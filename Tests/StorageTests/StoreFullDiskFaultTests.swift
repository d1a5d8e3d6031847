import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// What a store does on a disk that is really full.
@Suite(.enabled(if: SmallDisk.isAvailable, "needs mount namespaces"))
struct StoreFullDiskFaultTests {
  private let disk: SmallDisk
  private let copies = TemporaryDirectory("copies")
  private var options = StoreOptions()

  init() throws {
    disk = try SmallDisk(mebibyteCount: 64)
    options.minimumFreeByteCount = 0
  }

  private var path: String { disk.path + "/data" }

  private static func labels(_ round: Int, _ member: Int) -> Labels {
    ["__name__": "m", "round": "\(round)", "member": "\(member)"]
  }

  /// Appends a sample each to series that are new.
  private func append(round: Int, to store: Store, expected: inout SamplesByLabels) throws {
    var batch = SampleBatch()
    for member in 0..<2000 {
      batch.add(
        try store.seriesID(for: Self.labels(round, member)),
        timestampMilliseconds: Int64(round), value: Double(member))
    }
    _ = try store.append(batch)
    for member in 0..<2000 {
      expected[Self.labels(round, member)] = samples([(Int64(round), Double(member))])
    }
  }

  /// The journal could not be extended: nothing was written, so the same batch
  /// must be stored later, and its series with it, although they had been
  /// recorded once, in a record that never came to be.
  @Test func batchWithoutRoomIsRefusedAndStoredLater() throws {
    let store = try Store.open(directory: path, options: options)
    var expected: SamplesByLabels = [:]
    try disk.leave(byteCount: 1 << 20)
    var round = 0
    var refusal: StorageError?
    while refusal == nil {
      do {
        try append(round: round, to: store, expected: &expected)
        round += 1
      } catch let error as StorageError {
        refusal = error
      }
    }
    guard case .diskFull = refusal else {
      Issue.record("\(String(describing: refusal))")
      return
    }
    #expect(round > 0)
    #expect(store.statistics.failure == nil)
    #expect(store.statistics.suspension != nil)
    #expect(try store.samples() == expected)
    #expect(throws: StorageError.self) {
      try append(round: round, to: store, expected: &expected)
    }
    try disk.release()
    try store.maintain(now: Timestamp(milliseconds: 0))
    #expect(store.statistics.suspension == nil)
    try append(round: round, to: store, expected: &expected)
    #expect(try store.samples() == expected)
    try copyDirectory(path, to: copies.path("after"))
    let reopened = try Store.open(directory: copies.path("after"))
    #expect(reopened.warnings.isEmpty)
    #expect(try reopened.samples() == expected)
    try reopened.close()
    try store.close()
  }

  /// A checkpoint that runs out of space at any of its steps is gone on with
  /// once there is some; whatever was reached, a crash meanwhile costs nothing.
  ///
  /// The log and the segment of the checkpoint take 4 MiB each while they are
  /// written; what is left behind them is for the tables.
  @Test(arguments: [0, 3000, 5000, 7900, 8192, 8300, 8600, 16_000])
  func checkpointWithoutRoomIsFinishedLater(kibibyteCount: Int) throws {
    var options = options
    options.checkpointThresholdBytes = 1
    let store = try Store.open(directory: path, options: options)
    var expected: SamplesByLabels = [:]
    for round in 0..<3 { try append(round: round, to: store, expected: &expected) }
    for series in 0..<100 {
      let labels: Labels = ["__name__": "long", "series": "\(series)"]
      let pairs = (0..<1000).map { (Int64($0) * 1000, Double(($0 * 7919 + series) % 1009) / 7) }
      try store.append(labels, pairs)
      expected[labels] = samples(pairs)
    }
    try disk.leave(byteCount: kibibyteCount << 10)
    try store.maintain(now: Timestamp(milliseconds: 0))
    #expect(store.statistics.failure == nil)
    #expect(try store.samples() == expected)
    let isPending = store.statistics.checkpointCount == 0
    if kibibyteCount < 8000 { #expect(isPending) }
    if kibibyteCount > 10_000 { #expect(isPending == false) }
    if isPending {
      #expect(store.statistics.suspension != nil)
      try store.maintain(now: Timestamp(milliseconds: 11_000))
      #expect(store.statistics.checkpointCount == 0)
    }
    try copyDirectory(path, to: copies.path("before"))
    let crashed = try Store.open(directory: copies.path("before"))
    #expect(crashed.warnings.isEmpty)
    #expect(try crashed.samples() == expected)
    try crashed.close()
    try disk.release()
    try store.maintain(now: Timestamp(milliseconds: 22_000))
    #expect(store.statistics.checkpointCount == 1)
    #expect(store.statistics.closedChunkCount == 0)
    #expect(store.statistics.suspension == nil)
    try append(round: 9, to: store, expected: &expected)
    #expect(try store.samples() == expected)
    try store.close()
    try copyDirectory(path, to: copies.path("after"))
    let reopened = try Store.open(directory: copies.path("after"))
    #expect(reopened.warnings.isEmpty)
    #expect(try reopened.samples() == expected)
    try reopened.close()
  }
}
