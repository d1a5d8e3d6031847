import LMDB
import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// A damaged window costs what is damaged; checkpoints, merges and retention go
/// on.
@Suite struct StoreDamagedWindowTests {
  private let directory = TemporaryDirectory("damage")
  private var path: String { directory.path("data") }
  private let hour: Int64 = 3_600_000
  private let labels: [Labels] = (0..<3).map { ["__name__": "m", "n": "\($0)"] }

  private func window(_ number: Int64) -> Window {
    Window(
      containing: number * 2 * hour, lengthMilliseconds: Window.shortLengthMilliseconds)
  }

  /// Appends some samples of each series at the beginning of windows.
  private func append(
    toWindows numbers: ClosedRange<Int64>, offset: Int64 = 0, of store: Store,
    expected: inout SamplesByLabels
  ) throws {
    for number in numbers {
      for one in labels {
        let pairs = (0..<5).map { (number * 2 * hour + offset + $0, Double(number) + 0.5) }
        #expect(try store.append(one, pairs).rejections.isEmpty)
        let all = (expected[one] ?? []) + samples(pairs)
        expected[one] = all.sorted { $0.timestamp < $1.timestamp }
      }
    }
  }

  private func makeStore(windows: ClosedRange<Int64>) throws -> SamplesByLabels {
    var expected: SamplesByLabels = [:]
    let store = try Store.open(directory: path)
    try append(toWindows: windows, of: store, expected: &expected)
    try store.sealEverything()
    try store.close()
    return expected
  }

  private func entries(
    of name: String, startingWith prefix: [UInt8]
  ) throws -> [(key: [UInt8], value: [UInt8])] {
    let schema = try Schema(directory: path)
    return try schema.environment.read { view throws(StorageError) in
      var entries: [(key: [UInt8], value: [UInt8])] = []
      var cursor = try view.walk(schema.environment.table(name))
      var isOnEntry = try cursor.move(toOrAfter: prefix)
      while isOnEntry, cursor.key.starts(with: prefix) {
        entries.append((Array(copying: cursor.key), Array(copying: cursor.value)))
        isOnEntry = try cursor.advance()
      }
      return entries
    }
  }

  /// Flips a bit in the last byte of the first value under a prefix.
  private func damage(_ name: String, _ prefix: [UInt8]) throws {
    var (key, value) = try #require(try entries(of: name, startingWith: prefix).first)
    value[value.count - 1] ^= 1
    let schema = try Schema(directory: path)
    try schema.environment.write { transaction throws(StorageError) in
      try transaction.store(value, under: key, in: schema.environment.table(name))
    }
  }

  @Test(arguments: [0, 1] as [UInt8])
  func sealToADamagedRowOrListMakesItAnew(kind: UInt8) throws {
    var expected = try makeStore(windows: 0...3)
    try damage("windows", [kind] + window(2).keyBytes)
    var store = try Store.open(directory: path)
    try append(toWindows: 1...4, offset: 10, of: store, expected: &expected)
    for hours in 0..<3 as Range<Int64> {
      try store.maintain(now: Timestamp(milliseconds: hours * hour))
    }
    #expect(store.statistics.failure == nil)
    #expect(store.statistics.openChunkCount == 0)
    #expect(store.statistics.quarantinedChunkCount == 1)
    let warnings = store.warnings.filter { $0.contains("was taken from its chunks anew") }
    #expect(warnings.count == 1)
    #expect(try store.samples() == expected)
    try store.close()
    #expect(try IntegrityCheck.run(directory: path).findings == [])
    store = try Store.open(directory: path)
    #expect(store.warnings.isEmpty)
    #expect(try store.samples() == expected)
    try store.close()
  }

  /// Nothing is known of the window then but its chunks' keys.
  @Test func partNumbersAreTakenFromTheChunksWhereTheRowIsDamaged() throws {
    var expected = try makeStore(windows: 0...1)
    do {
      let schema = try Schema(directory: path)
      try schema.environment.write { transaction throws(StorageError) in
        try schema.removeMetaValue(.nextPart, in: &transaction)
      }
    }
    try damage("windows", [0] + window(0).keyBytes)
    let store = try Store.open(directory: path)
    try append(toWindows: 0...0, offset: 10, of: store, expected: &expected)
    try store.sealEverything()
    #expect(try store.samples() == expected)
    try store.close()
    #expect(try IntegrityCheck.run(directory: path).findings == [])
  }

  @Test(arguments: ["windows", "chunks"])
  func retentionDeletesDamagedWindows(table: String) throws {
    var expected = try makeStore(windows: 0...3)
    let prefix: [UInt8] = table == "windows" ? [0] : []
    try damage(table, prefix + window(1).keyBytes)
    var options = StoreOptions()
    options.retentionMilliseconds = 2 * hour
    let store = try Store.open(directory: path, options: options)
    try append(toWindows: 8...8, of: store, expected: &expected)
    for _ in 0..<3 { try store.maintain(now: Timestamp(milliseconds: 0)) }
    #expect(store.statistics.failure == nil)
    #expect(store.statistics.deletedWindowCount == 4)
    #expect(try store.samples() == expected.mapValues { $0.suffix(5) })
    try store.close()
    for number in 0..<4 as Range<Int64> {
      #expect(try entries(of: "chunks", startingWith: window(number).keyBytes).isEmpty)
      #expect(try entries(of: "windows", startingWith: [0] + window(number).keyBytes).isEmpty)
      #expect(try entries(of: "windows", startingWith: [1] + window(number).keyBytes).isEmpty)
    }
  }

  @Test func sizeRetentionDeletesTheOldestWindowThoughItsRowIsDamaged() throws {
    _ = try makeStore(windows: 0...3)
    try damage("windows", [0] + window(0).keyBytes)
    var options = StoreOptions()
    options.retentionByteCount = 1
    let store = try Store.open(directory: path, options: options)
    try store.maintain(now: Timestamp(milliseconds: 0))
    #expect(store.statistics.sizeDeletedWindowCount == 1)
    #expect(store.statistics.windowCount == 3)
    #expect(store.oldestTimestamp == Timestamp(milliseconds: 2 * hour))
    try store.close()
    #expect(try entries(of: "chunks", startingWith: window(0).keyBytes).isEmpty)
  }

  // MARK: Merging

  /// A window with damage stays as it is, and is named once; the rest of its day
  /// is merged.
  @Test(arguments: ["chunks", "row", "list"])
  func damagedWindowIsLeftOutOfMerges(what: String) throws {
    let expected = try makeStore(windows: 0...40)
    switch what {
    case "chunks": try damage("chunks", window(5).keyBytes)
    case "row": try damage("windows", [0] + window(5).keyBytes)
    default: try damage("windows", [1] + window(5).keyBytes)
    }
    let store = try Store.open(directory: path)
    for _ in 0..<20 { try store.maintain(now: Timestamp(milliseconds: 0)) }
    #expect(store.statistics.mergedWindowCount == 2)
    let warnings = store.warnings.filter { $0.contains("is not merged") }
    // A damaged part of a list may be one of the window before: its key is damaged.
    #expect(warnings.count == ["row": 0, "chunks": 1, "list": 2][what])
    #expect(store.statistics.failure == nil)
    let found = try store.samples()
    for (labels, samples) in expected {
      let lost = Set(samples).subtracting(found[labels] ?? [])
      #expect(lost.count == 0 || what != "list" && lost.count == 5)
      #expect(
        lost.allSatisfy {
          window(5).overlaps($0.timestamp.milliseconds...$0.timestamp.milliseconds)
        })
    }
    try store.close()
  }

  /// Begins the merge of a day, moves a series, damages a window of it in a way
  /// that only the move of the next one meets, and returns what the store had.
  private func interruptMerge() throws -> SamplesByLabels {
    let expected = try makeStore(windows: 0...40)
    do {
      let schema = try Schema(directory: path)
      let day = Window(containing: 0, lengthMilliseconds: Window.dayLengthMilliseconds)
      var merge = try WindowMerge.begin(
        (0..<12).map { window($0) }, into: day, in: schema)
      merge.batchSampleCount = 1
      #expect(try merge.moveSome(byteBudget: 1) == false)
    }
    try damage("chunks", window(5).keyBytes)
    return expected
  }

  @Test func mergeThatMeetsDamageEnds() throws {
    let expected = try interruptMerge()
    var options = StoreOptions()
    options.retentionMilliseconds = 11 * 24 * hour
    let store = try Store.open(directory: path, options: options)
    for _ in 0..<20 { try store.maintain(now: Timestamp(milliseconds: 0)) }
    #expect(store.statistics.failure == nil)
    #expect(store.warnings.filter { $0.contains("is not merged") }.count == 1)
    // The rest of the day, and the next day.
    #expect(store.statistics.mergedWindowCount == 2)
    let found = try store.samples()
    for (number, one) in labels.enumerated() {
      let lost = Set(expected[one] ?? []).subtracting(found[one] ?? [])
      #expect(lost.count == (number < 2 ? 0 : 5))
    }
    // Retention deletes the window as any other.
    try store.append(labels[0], [(13 * 24 * hour, 1)])
    for _ in 0..<3 { try store.maintain(now: Timestamp(milliseconds: 0)) }
    #expect(store.statistics.failure == nil)
    #expect(try store.samples(through: 24 * hour).isEmpty)
    try store.close()
    #expect(try entries(of: "chunks", startingWith: window(5).keyBytes).isEmpty)
  }

  @Test func mergeWhoseRecordIsDamagedEnds() throws {
    let expected = try interruptMerge()
    try damage("meta", Array("mergePlan".utf8))
    let store = try Store.open(directory: path)
    try store.maintain(now: Timestamp(milliseconds: 0))
    #expect(store.statistics.failure == nil)
    #expect(try store.samples()[labels[0]] == expected[labels[0]])
    try store.close()
    #expect(try entries(of: "meta", startingWith: Array("mergePlan".utf8)).isEmpty)
  }

  // MARK: Windows that are being deleted

  /// A deletion that was interrupted is finished before anything is sealed to the
  /// same window.
  @Test func checkpointSealsToAWindowThatWasBeingDeleted() throws {
    let old = try makeStore(windows: 0...2)
    do {
      let schema = try Schema(directory: path)
      try schema.environment.write { transaction throws(StorageError) in
        try WindowTable(schema).hide(window(1), in: &transaction)
      }
    }
    var expected = old.mapValues { samples in
      samples.filter {
        window(1).overlaps($0.timestamp.milliseconds...$0.timestamp.milliseconds) == false
      }
    }
    let store = try Store.open(directory: path)
    #expect(try store.samples() == expected)
    try append(toWindows: 1...1, offset: 100, of: store, expected: &expected)
    #expect(try store.samples() == expected)
    try store.sealEverything()
    #expect(store.statistics.openChunkCount == 0)
    #expect(try store.samples() == expected)
    try store.close()
    #expect(try IntegrityCheck.run(directory: path).findings == [])
    #expect(try StoreReader.open(directory: path).samples() == expected)
  }
}
