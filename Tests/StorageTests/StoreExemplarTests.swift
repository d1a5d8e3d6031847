import LMDB
import SeriesModel
import TestSupport
import Testing

@testable import Storage

@Suite struct StoreExemplarTests {
  private let directory = TemporaryDirectory("exemplars")
  private let up: Labels = ["__name__": "up", "job": "a"]
  private let down: Labels = ["__name__": "down", "job": "a"]

  private func open(
    at path: String = "data", _ change: (inout StoreOptions) -> Void = { _ in }
  ) throws -> Store {
    var options = StoreOptions()
    change(&options)
    return try Store.open(directory: directory.path(path), options: options)
  }

  private func exemplar(_ trace: String, _ timestamp: Int64, _ value: Double = 1) -> Exemplar {
    Exemplar(
      labels: ["trace_id": trace], value: value, timestamp: Timestamp(milliseconds: timestamp))
  }

  /// Appends a sample and exemplars, as a source would.
  @discardableResult
  private func append(
    _ labels: Labels, _ exemplars: [Exemplar], to store: Store,
    options: AppendOptions = AppendOptions()
  ) throws -> AppendResult {
    var batch = SampleBatch()
    let id = try store.seriesID(for: labels)
    for exemplar in exemplars {
      batch.add(
        id, timestampMilliseconds: exemplar.timestamp.milliseconds, value: 0)
      batch.exemplars.append(BatchExemplar(seriesID: id, exemplar: exemplar))
    }
    return try store.append(batch, options: options)
  }

  private func exemplars(
    _ store: some ExemplarQueryable, _ matchers: [Matcher] = [], from start: Int64 = .min,
    through end: Int64 = .max
  ) throws -> [Labels: [Exemplar]] {
    let found = try store.exemplars(of: [
      SeriesSelection(
        matchers: matchers, start: Timestamp(milliseconds: start),
        end: Timestamp(milliseconds: end))
    ])
    #expect(found.map(\.seriesLabels) == found.map(\.seriesLabels).sorted())
    return Dictionary(uniqueKeysWithValues: found.map { ($0.seriesLabels, $0.exemplars) })
  }

  @Test func exemplarsAreFoundBySelectorAndTime() throws {
    let store = try open()
    try append(up, [exemplar("a", 1000), exemplar("b", 2000), exemplar("c", 3000)], to: store)
    try append(down, [exemplar("d", 1500)], to: store)
    #expect(
      try exemplars(store) == [
        up: [exemplar("a", 1000), exemplar("b", 2000), exemplar("c", 3000)],
        down: [exemplar("d", 1500)],
      ])
    #expect(
      try exemplars(store, [Matcher("__name__", .equal, "up")], from: 2000, through: 2999)
        == [up: [exemplar("b", 2000)]])
    #expect(try exemplars(store, from: 3001).isEmpty)
    let twice = SeriesSelection(
      matchers: [Matcher("job", .equal, "a")], start: Timestamp(milliseconds: 1500),
      end: Timestamp(milliseconds: 2000))
    #expect(
      try store.exemplars(of: [twice, twice]).flatMap(\.exemplars)
        == [exemplar("d", 1500), exemplar("b", 2000)])
    #expect(try store.exemplars(of: []).isEmpty)
    try store.close()
  }

  @Test func duplicatesAreIgnoredAndOlderOnesRefused() throws {
    let store = try open()
    try append(up, [exemplar("a", 1000), exemplar("b", 2000)], to: store)
    let result = try append(
      up,
      [
        exemplar("b", 2000), exemplar("a", 1000), exemplar("b", 2000, 0.5), exemplar("c", 2000, 2),
        exemplar("c", 2000, 2), exemplar("d", 3000),
      ], to: store)
    #expect(result.acceptedCount == 6)
    #expect(result.acceptedExemplarCount == 4)
    #expect(result.refusedExemplarCounts == [.outOfOrder: 2])
    #expect(
      try exemplars(store)[up] == [
        exemplar("a", 1000), exemplar("b", 2000), exemplar("c", 2000, 2), exemplar("d", 3000),
      ])
    #expect(store.statistics.refusedExemplarCounts == [.outOfOrder: 2])
    #expect(store.statistics.exemplarCount == 4)
    try store.close()
  }

  @Test func exemplarsOutsideOfTheLimitsAreRefused() throws {
    let store = try open { $0.retentionMilliseconds = 1000 }
    let long = String(repeating: "ä", count: 120)
    #expect(try append(up, [exemplar(long, 10_000)], to: store).refusedExemplarCounts.isEmpty)
    let options = AppendOptions(latestAccepted: Timestamp(milliseconds: 20_000))
    let result = try append(
      up, [exemplar(long + "x", 10_001), exemplar("late", 20_001)], to: store, options: options)
    #expect(result.refusedExemplarCounts == [.labelsTooLong: 1, .outsideOfTimeLimits: 1])
    var batch = SampleBatch()
    batch.exemplars = [
      BatchExemplar(seriesID: try store.seriesID(for: down), exemplar: exemplar("a", 10_002)),
      BatchExemplar(seriesID: SeriesID(77), exemplar: exemplar("a", 10_002)),
    ]
    #expect(try store.append(batch).refusedExemplarCounts == [.unknownSeries: 2])
    #expect(try exemplars(store).mapValues(\.count) == [up: 1])
    try store.close()
  }

  @Test func exemplarsSurviveRestarts() throws {
    var store: Store? = try open()
    let nan = exemplar("n", 4000, -.zero)
    try append(up, [exemplar("a", 1000), exemplar("b", 2000)], to: #require(store))
    try append(down, [exemplar("d", -5)], to: #require(store))
    let first = try exemplars(#require(store))
    // Without a checkpoint: from the journal.
    store = nil
    store = try open()
    #expect(try exemplars(#require(store)) == first)
    // From the table, and from table and journal together.
    try store?.sealEverything()
    try append(up, [nan], to: #require(store))
    let second = try exemplars(#require(store))
    #expect(second[up]?.last?.value.sign == .minus)
    for isClosed in [false, true, true] {
      if isClosed { try store?.close() }
      store = nil
      store = try open()
      #expect(try exemplars(#require(store)) == second)
    }
    #expect(store?.warnings == [])
    #expect(try append(up, [exemplar("a", 1000)], to: #require(store)).acceptedExemplarCount == 0)
    try store?.close()
    let reader = try StoreReader.open(directory: directory.path("data"))
    #expect(try exemplars(reader) == second)
  }

  @Test func theOldestGoWhenThereAreTooMany() throws {
    var store = try open { $0.maximumExemplarCount = 500 }
    for step in 0..<40 {
      let labels = step.isMultiple(of: 2) ? up : down
      try append(
        labels, (0..<100).map { exemplar("\(step)", Int64(step * 1000 + $0)) }, to: store)
      if step % 7 == 0 { try store.sealEverything() }
    }
    let expected = try exemplars(store)
    #expect(expected[down]?.first == exemplar("35", 35_000))
    #expect(expected[down]?.count == 300)
    #expect(expected[up]?.count == 200)
    try store.close()
    store = try open { $0.maximumExemplarCount = 500 }
    #expect(try exemplars(store) == expected)
    try store.close()
    // What was dropped is deleted; blocks that are needed in part stay.
    #expect(try storedBlockCount() < 30)
    store = try open { $0.maximumExemplarCount = 50 }
    #expect(try exemplars(store).mapValues(\.count) == [down: 50])
    try store.close()
    store = try open { $0.maximumExemplarCount = 0 }
    #expect(try append(up, [exemplar("x", 50_000)], to: store).acceptedExemplarCount == 0)
    #expect(try exemplars(store).isEmpty)
    try store.sealEverything()
    try store.close()
    #expect(try storedBlockCount() <= 1)
  }

  private func storedBlockCount() throws -> Int {
    let schema = try Schema(directory: directory.path("data"))
    return try schema.environment.read { view throws(StorageError) in
      var cursor = try view.walk(schema.environment.table("exemplars"))
      var count = 0
      var isOnBlock = try cursor.move(toOrAfter: [0])
      while isOnBlock {
        count += 1
        isOnBlock = try cursor.advance()
      }
      return count
    }
  }

  @Test func retentionDropsOldExemplars() throws {
    let store = try open { $0.retentionMilliseconds = 10_000_000 }
    try append(up, [exemplar("a", 1000)], to: store)
    try append(down, [exemplar("b", 20_000_000)], to: store)
    try store.maintain(now: Timestamp(milliseconds: 0))
    #expect(try exemplars(store) == [down: [exemplar("b", 20_000_000)]])
    try store.close()
  }

  @Test func aDamagedBlockCostsItsExemplarsAndAWarning() throws {
    var store = try open()
    try append(up, [exemplar("a", 1000)], to: store)
    try store.sealEverything()
    try append(up, [exemplar("b", 2000)], to: store)
    try store.sealEverything()
    try store.close()
    do {
      let schema = try Schema(directory: directory.path("data"))
      try schema.environment.write { transaction throws(StorageError) in
        try transaction.store(
          [1, 2, 3, 4, 5, 6], under: [0, 0, 0, 0, 0, 0, 0, 0],
          in: schema.environment.table("exemplars"))
      }
    }
    store = try open()
    #expect(try exemplars(store) == [up: [exemplar("b", 2000)]])
    #expect(store.warnings.count == 1)
    try append(up, [exemplar("c", 3000)], to: store)
    try store.close()
    store = try open()
    #expect(try exemplars(store) == [up: [exemplar("b", 2000), exemplar("c", 3000)]])
    try store.close()
  }

  @Test func recordsWithoutExemplarsAreReadAsBefore() throws {
    var record = BatchRecord()
    record.seriesIDs = [SeriesID(1)]
    record.timestamps = [5]
    record.values = [2]
    var plain: [UInt8] = []
    record.encode(into: &plain)
    #expect(try BatchRecord(decoding: plain.span) == record)
    record.exemplars = [
      BatchExemplar(seriesID: SeriesID(1), exemplar: exemplar("a", .min, .infinity)),
      BatchExemplar(
        seriesID: SeriesID(9),
        exemplar: Exemplar(
          labels: Labels(), value: 0, timestamp: .latest)),
    ]
    var extended: [UInt8] = []
    record.encode(into: &extended)
    #expect(extended.starts(with: plain))
    #expect(try BatchRecord(decoding: extended.span) == record)
    for count in plain.count + 1..<extended.count {
      #expect(throws: RecordError.malformed) {
        try BatchRecord(decoding: Array(extended[..<count]).span)
      }
    }
  }
}

@Suite struct ExemplarQueuePropertyTests {
  /// A queue against a plain array, with many drops and compactions.
  @Test(arguments: [1, 7, 1500] as [Int]) func queueHoldsWhatAnArrayHolds(capacity: Int) {
    var generator = SeededGenerator(seed: UInt64(capacity))
    var queue = ExemplarQueue(capacity: capacity)
    var expected: [BatchExemplar] = []
    for step in 0..<6000 {
      let entry = BatchExemplar(
        seriesID: SeriesID(1 + generator.next() % 5),
        exemplar: Exemplar(
          labels: step.isMultiple(of: 3) ? Labels() : ["trace_id": "\(step)"],
          value: Double(step), timestamp: Timestamp(milliseconds: Int64(step))))
      queue.append(entry)
      expected.append(entry)
      if expected.count > capacity { expected.removeFirst() }
      guard step % 500 == 0 || step > 5990 else { continue }
      var found: [BatchExemplar] = []
      queue.forEach(from: 0) { number, entry in
        #expect(number == queue.firstNumber + UInt64(found.count))
        found.append(entry)
      }
      #expect(found == expected)
      #expect(Set(queue.series) == Set(expected.map(\.seriesID)))
      let range = Int64(step - 700)...Int64(step - 3)
      for id in queue.series {
        let ofSeries = expected.filter { $0.seriesID == id }.map(\.exemplar)
        #expect(queue.last(of: id) == ofSeries.last)
        #expect(
          queue.exemplars(of: id, in: range)
            == ofSeries.filter { range.contains($0.timestamp.milliseconds) })
      }
    }
  }
}
