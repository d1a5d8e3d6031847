import LMDB
import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// One sample with everything that it has.
private struct Row: Equatable {
  var timestamp: Int64
  var bits: UInt64
  var histogram: NativeHistogram?
  var startTimestamp: Int64 = 0

  init(_ timestamp: Int64, _ value: Double, start: Int64 = 0) {
    self.timestamp = timestamp
    bits = value.bitPattern
    startTimestamp = start
  }

  init(_ timestamp: Int64, _ histogram: NativeHistogram, start: Int64 = 0) {
    self.init(timestamp, histogram.sum, start: start)
    self.histogram = histogram
  }

  init(_ columns: SampleColumns, at index: Int) {
    self.init(columns.timestamps[index], columns.values[index])
    histogram = columns.histogram(at: index)
    startTimestamp = columns.startTimestamp(at: index)
  }
}

/// Histograms and start timestamps, where the model test would find a fault late
/// or not at all.
@Suite struct StoreRichSamplesTests {
  private let directory = TemporaryDirectory("rich")
  private var path: String { directory.path("data") }
  private let labels: Labels = ["__name__": "h"]

  private func histogram(_ count: Double) -> NativeHistogram {
    var histogram = NativeHistogram(schema: 2, count: count + 3, sum: count / 8)
    histogram.positiveBuckets.append(index: -3, count: count)
    histogram.positiveBuckets.append(index: 4, count: 3)
    return histogram
  }

  private func batch(_ rows: [Row], in store: Store) throws -> SampleBatch {
    let id = try store.seriesID(for: labels)
    var batch = SampleBatch()
    for row in rows {
      if let histogram = row.histogram {
        batch.add(
          id, timestampMilliseconds: row.timestamp, histogram: histogram,
          startTimestampMilliseconds: row.startTimestamp)
      } else {
        batch.add(
          id, timestampMilliseconds: row.timestamp, value: Double(bitPattern: row.bits),
          startTimestampMilliseconds: row.startTimestamp)
      }
    }
    return batch
  }

  @discardableResult
  private func append(_ rows: [Row], to store: Store) throws -> AppendResult {
    try store.append([batch(rows, in: store)], options: AppendOptions())[0]
  }

  private func rows(_ queryable: some Queryable) throws -> [Row] {
    let columns = try queryable.columns()[labels] ?? SampleColumns()
    return columns.timestamps.indices.map { Row(columns, at: $0) }
  }

  @Test func samplesOfEveryKindShareASeries() throws {
    var expected: [Row] = []
    for index in 0..<400 as Range<Int64> {
      switch index % 4 {
      case 0: expected.append(Row(index * 1000, Double(index)))
      case 1: expected.append(Row(index * 1000, histogram(Double(index))))
      case 2: expected.append(Row(index * 1000, Double(index), start: index * 1000 - 1))
      default: expected.append(Row(index * 1000, histogram(Double(index)), start: -7))
      }
    }
    var store = try Store.open(directory: path)
    for start in stride(from: 0, to: 400, by: 10) {
      #expect(try append(Array(expected[start..<start + 10]), to: store).rejections.isEmpty)
    }
    #expect(store.statistics.outOfOrderSampleCount == 0)
    #expect(try rows(store) == expected)
    try store.close()
    store = try Store.open(directory: path)
    #expect(try rows(store) == expected)
    try store.sealEverything()
    #expect(try rows(store) == expected)
    // Again, now that the tables have all of them: nothing is new.
    let again = try append(expected.reversed(), to: store)
    #expect(again.acceptedCount == 400)
    #expect(try append([Row(4000, 0.5), Row(5000, 0.625)], to: store).rejections.count == 2)
    #expect(try rows(store) == expected)
    try store.close()
    #expect(try IntegrityCheck.run(directory: path).findings == [])
  }

  @Test func lateSamplesAreCountedAsSuch() throws {
    let store = try Store.open(directory: path)
    try append([Row(10, histogram(1)), Row(20, histogram(2)), Row(30, 3, start: 1)], to: store)
    #expect(store.statistics.outOfOrderSampleCount == 0)
    try append([Row(15, histogram(5))], to: store)
    #expect(store.statistics.outOfOrderSampleCount == 1)
    try append([Row(25, 4)], to: store)
    #expect(store.statistics.outOfOrderSampleCount == 2)
    try append([Row(40, 4), Row(35, histogram(9))], to: store)
    #expect(store.statistics.outOfOrderSampleCount == 3)
    #expect(try rows(store).map(\.timestamp) == [10, 15, 20, 25, 30, 35, 40])
    try store.close()
  }

  /// A number and a histogram that stand at the same time are two values, and a
  /// start is no part of the value.
  @Test(arguments: DuplicatePolicy.allCases)
  func duplicatesFollowThePolicy(policy: DuplicatePolicy) throws {
    var options = StoreOptions()
    options.duplicatePolicy = policy
    var store = try Store.open(directory: path, options: options)
    var stored: [Row] = []
    for index in 0..<300 as Range<Int64> {
      stored.append(
        index.isMultiple(of: 2) ? Row(index, Double(index)) : Row(index, histogram(Double(index))))
    }
    try append(stored, to: store)
    let others = stored.map { row in
      row.histogram == nil
        ? Row(row.timestamp, histogram(-1)) : Row(row.timestamp, row.histogram?.sum ?? 0)
    }
    let result = try append(others, to: store)
    #expect(result.rejections.count == (policy == .reject ? 300 : 0))
    let expected = policy == .replace ? others : stored
    #expect(try rows(store) == expected)
    try store.close()
    store = try Store.open(directory: path, options: options)
    #expect(try rows(store) == expected)
    try store.sealEverything()
    // Replaced where they are sealed, by batches that go there and back.
    try append(stored + others + stored, to: store)
    let replaced = policy == .replace ? stored : expected
    #expect(try rows(store) == replaced)
    let same = replaced.map { row in
      var row = row
      row.startTimestamp = 5
      return row
    }
    #expect(try append(same, to: store).rejections.isEmpty)
    #expect(try rows(store) == replaced)
    try store.close()
    let reader = try StoreReader.open(directory: path, options: options)
    #expect(try rows(reader) == replaced)
  }

  /// The newest sample of an open chunk is replaced twice by one batch.
  @Test func numberReplacedTwiceInOneBatchHasTheLastValue() throws {
    var options = StoreOptions()
    options.duplicatePolicy = .replace
    var store = try Store.open(directory: path, options: options)
    try append([Row(1, 1), Row(2, 2)], to: store)
    try append([Row(2, histogram(5)), Row(2, 7)], to: store)
    #expect(try rows(store) == [Row(1, 1), Row(2, 7)])
    try append([Row(2, histogram(6)), Row(3, 3)], to: store)
    let expected = [Row(1, 1), Row(2, histogram(6)), Row(3, 3)]
    #expect(try rows(store) == expected)
    let copy = directory.path("copy")
    try copyDirectory(path, to: copy)
    let copied = try Store.open(directory: copy, options: options)
    #expect(try rows(copied) == expected)
    try copied.close()
    try store.sealEverything()
    #expect(try rows(store) == expected)
    try store.close()
    store = try Store.open(directory: path, options: options)
    #expect(try rows(store) == expected)
    try store.close()
  }

  /// More than a block has room for, through seal, merge and check.
  @Test func largestHistogramsAreKept() throws {
    func large(_ seed: UInt64) -> NativeHistogram {
      var generator = SeededGenerator(seed: seed)
      var histogram = NativeHistogram(count: 1, sum: Double(seed))
      for index in 0..<NativeHistogram.largestBucketCount {
        histogram.positiveBuckets.append(
          index: Int32(index * 3), count: Double.random(in: 1...2, using: &generator))
      }
      return histogram
    }
    let expected = (0..<4).map { Row(Int64($0) * 3_600_000, large(UInt64($0)), start: 1) }
    var store = try Store.open(directory: path)
    try append(expected, to: store)
    #expect(try rows(store) == expected)
    try store.sealEverything()
    #expect(try rows(store) == expected)
    let target = Window(startMilliseconds: 0, lengthMilliseconds: Window.dayLengthMilliseconds)
    try store.close()
    do {
      let schema = try Schema(directory: path)
      let windows = try schema.environment.read { view throws(StorageError) in
        try WindowTable(schema).rows(in: view).map(\.window)
      }
      var merge = try WindowMerge.begin(windows, into: target, in: schema)
      while try merge.moveSome(byteBudget: 1 << 20) == false {}
      try merge.finish()
    }
    store = try Store.open(directory: path)
    #expect(try rows(store) == expected)
    var tooLarge = large(9)
    tooLarge.negativeBuckets.append(index: 0, count: 1)
    let result = try append([Row(1, tooLarge), Row(2, 2)], to: store)
    #expect(result.rejections.map(\.reason) == [.tooManyBuckets])
    #expect(result.rejections.allSatisfy { $0.description.contains("10000") })
    try store.close()
    #expect(try IntegrityCheck.run(directory: path).findings == [])
  }

  /// A window that has ended takes its rich samples along when it is sealed, and
  /// those of the next one stay.
  @Test func endedWindowIsSealed() throws {
    var options = StoreOptions()
    options.checkpointThresholdBytes = 1
    let store = try Store.open(directory: path, options: options)
    let length = Window.shortLengthMilliseconds
    let expected = (0..<60 as Range<Int64>).map {
      Row($0 * length / 40, histogram(Double($0)))
    }
    for (index, row) in expected.enumerated() {
      try append([row], to: store)
      if index == 0 { try store.maintain(now: Timestamp(milliseconds: 0)) }
    }
    try store.maintain(now: Timestamp(milliseconds: length * 3 / 2))
    #expect(try rows(store) == expected)
    let copy = directory.path("copy")
    try copyDirectory(path, to: copy)
    let information = try StoreInformation.read(directory: copy, limit: 1)
    #expect(information.windows.map(\.sampleCount) == [40])
    try store.close()
  }

  private func makeRecord(_ generator: inout SeededGenerator) -> BatchRecord {
    var record = BatchRecord()
    for index in 0..<generator.number(below: 20) + 1 {
      record.seriesIDs.append(SeriesID(UInt64(generator.number(below: 50) + 1)))
      record.timestamps.append(Int64.random(in: -1000...1000, using: &generator))
      let histogram = generator.flip() ? NativeHistogram.random(using: &generator) : nil
      let start: Int64 = generator.pick([0, 5, .min, .max])
      record.values.append(histogram?.sum ?? 0.5)
      if histogram != nil || start != 0 || index == 0 {
        record.richContents.append(
          RichContent(
            histogram: histogram,
            startTimestamp: histogram == nil && start == 0 ? 1 : start), at: index)
      }
    }
    return record
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func journalRecordsComeBackOrAreRefused(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let record = makeRecord(&generator)
    #expect(record.kind == .richBatch)
    var bytes: [UInt8] = []
    record.encode(into: &bytes)
    let decoded = try BatchRecord(decoding: bytes.span, kind: .richBatch)
    #expect(decoded.seriesIDs == record.seriesIDs)
    #expect(decoded.values.map(\.bitPattern) == record.values.map(\.bitPattern))
    #expect(decoded.richContents == record.richContents)
    for _ in 0..<200 {
      var changed = bytes
      changed[generator.number(below: bytes.count)] = UInt8.random(in: 0...255, using: &generator)
      if generator.flip() { changed.removeLast(generator.number(below: 9)) }
      _ = try? BatchRecord(decoding: changed.span, kind: .replacingRichBatch)
    }
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func bufferedSamplesComeBackOrAreRefused(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var columns = SampleColumns()
    for index in 0..<generator.number(below: 100) + 1 {
      columns.append(
        timestampMilliseconds: Int64(index * 7), histogram: .random(using: &generator),
        startTimestampMilliseconds: generator.pick([0, 0, -9]))
    }
    let record = BufferedSamplesRecord(seriesID: SeriesID(9), columns: columns)
    #expect(record.kind == .richBufferedSamples)
    var bytes: [UInt8] = []
    record.encode(into: &bytes)
    let decoded = try BufferedSamplesRecord(decoding: bytes.span, kind: record.kind)
    #expect(decoded.seriesID == SeriesID(9))
    #expect(decoded.columns.timestamps == columns.timestamps)
    #expect(decoded.columns.histograms == columns.histograms)
    for _ in 0..<100 {
      var changed = bytes
      changed[generator.number(below: bytes.count)] = UInt8.random(in: 0...255, using: &generator)
      if generator.flip() { changed.removeLast(generator.number(below: bytes.count)) }
      _ = try? BufferedSamplesRecord(decoding: changed.span, kind: record.kind)
    }
  }
}
