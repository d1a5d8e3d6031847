import SeriesModel
import TestSupport
import Testing

@testable import Storage

@Suite struct StoreSizeRetentionTests {
  private let directory = TemporaryDirectory("size")
  private let hour: Int64 = 3_600_000

  /// Appends noise to some series in a window of two hours, and seals it.
  private func fill(window: Int, of store: Store) throws {
    var generator = SeededGenerator(seed: UInt64(window))
    for series in 0..<20 {
      let pairs = (0..<400).map { index in
        (
          Int64(window) * 2 * hour + Int64(index) * 17_000,
          Double.random(in: 0...1, using: &generator)
        )
      }
      try store.append(["__name__": "m", "series": "\(series)"], pairs)
    }
    try store.append(["__name__": "of", "window": "\(window)"], [(Int64(window) * 2 * hour, 1)])
    try store.sealEverything()
  }

  private func used(_ store: Store) throws -> Int {
    try store.opened().contents.usedTableByteCount()
  }

  private func oldestHour(_ store: Store) throws -> Int64? {
    try store.samples().values.compactMap(\.first?.timestamp.milliseconds).min().map { $0 / hour }
  }

  @Test func oldestWindowsGoUntilTheRestFits() throws {
    var store = try Store.open(directory: directory.path("data"))
    for window in 0..<8 { try fill(window: window, of: store) }
    let all = try used(store)
    try store.close()

    var options = StoreOptions()
    options.retentionByteCount = all / 2
    store = try Store.open(directory: directory.path("data"), options: options)
    try store.maintain(now: Timestamp(milliseconds: 0))
    // One window at a turn, so that its space is known before the next goes.
    #expect(store.statistics.windowCount == 7)
    #expect(try oldestHour(store) == 2)
    #expect(store.oldestTimestamp == Timestamp(milliseconds: 2 * hour))
    // In these hours, series that nobody uses leave memory.
    for turn in 0..<20 { try store.maintain(now: Timestamp(milliseconds: Int64(turn) * hour)) }
    let left = store.statistics.windowCount
    #expect((2...5).contains(left))
    #expect(store.statistics.sizeDeletedWindowCount == 8 - left)
    #expect(try used(store) <= all / 2)
    #expect((1...all / 2).contains(store.statistics.usedByteCount))
    #expect(try oldestHour(store) == Int64(8 - left) * 2)
    // What only the deleted windows had has left the index.
    #expect(
      try store.labelValues(of: "window", in: []) == ((8 - left)..<8).map { "\($0)" })
    try store.close()
  }

  @Test func newestWindowStaysWhateverItsSize() throws {
    var options = StoreOptions()
    options.retentionByteCount = 1
    let store = try Store.open(directory: directory.path("data"), options: options)
    for window in 0..<3 { try fill(window: window, of: store) }
    for _ in 0..<10 { try store.maintain(now: Timestamp(milliseconds: 0)) }
    #expect(store.statistics.windowCount == 1)
    #expect(try oldestHour(store) == 4)
    try store.close()
  }

  @Test func withoutALimitNothingGoes() throws {
    let store = try Store.open(directory: directory.path("data"))
    for window in 0..<3 { try fill(window: window, of: store) }
    for _ in 0..<5 { try store.maintain(now: Timestamp(milliseconds: 0)) }
    #expect(store.statistics.windowCount == 3)
    #expect(store.statistics.sizeDeletedWindowCount == 0)
    try store.close()
  }

  /// What is in memory alone counts as what is left too.
  @Test func oldestTimestampIsThatOfWhatIsLeft() throws {
    var options = StoreOptions()
    options.retentionByteCount = 1
    let store = try Store.open(directory: directory.path("data"), options: options)
    for window in 0..<3 { try fill(window: window, of: store) }
    let late: Labels = ["__name__": "late"]
    try store.append(late, [(hour, 1)])
    #expect(store.oldestTimestamp == Timestamp(milliseconds: 0))
    for _ in 0..<10 { try store.maintain(now: Timestamp(milliseconds: 0)) }
    #expect(store.statistics.windowCount == 1)
    #expect(try store.samples()[late]?.count == 1)
    #expect(store.oldestTimestamp == Timestamp(milliseconds: hour))
    try store.close()
  }
}
