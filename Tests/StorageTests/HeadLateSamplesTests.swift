import ChunkEncoding
import SeriesModel
import TestSupport
import Testing

@testable import Storage

@Suite struct HeadLateSamplesTests {
  /// A head with one series, id 1.
  private func makeHead() -> Head {
    var head = Head(hashSeed: 1)
    head.insertSeries(SeriesID(1), labels: ["__name__": "m"], flags: [])
    return head
  }

  private func append(
    _ samples: [(Int64, Double)], to head: inout Head, policy: DuplicatePolicy = .reject
  ) -> AppendResult {
    var batch = SampleBatch()
    for (timestamp, value) in samples {
      batch.add(SeriesID(1), timestampMilliseconds: timestamp, value: value)
    }
    var rules = StagingRules.permissive
    rules.duplicatePolicy = policy
    let staged = head.stage(batch, rules: rules)
    head.applyStaged()
    return staged.result
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func bufferHoldsWhatADictionaryHolds(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var buffer = SampleBuffer()
    var expected: [Int64: Double] = [:]
    for round in 0..<12 {
      let start = Int64.random(in: 0...100, using: &generator)
      let times = (0..<Int.random(in: 0...30, using: &generator)).map { _ in
        start + Int64.random(in: 0...60, using: &generator)
      }
      var added = SampleColumns()
      for time in Set(times).sorted() {
        added.append(timestampMilliseconds: time, value: Double(round))
        expected[time] = Double(round)
      }
      buffer.merge(added)
    }
    let wanted = expected.sorted { $0.key < $1.key }
    #expect(buffer.columns.timestamps == wanted.map(\.key))
    #expect(buffer.columns.values == wanted.map(\.value))
  }

  /// What a batch brings in any order is what it would bring in the order of
  /// time, one by one.
  @Test(arguments: DuplicatePolicy.allCases)
  func descendingTimesFillBuffers(policy: DuplicatePolicy) {
    var head = makeHead()
    _ = append([(20_000, 0)], to: &head)
    let late = (0..<1000).map { (Int64(10_000 - $0), Double($0)) }
    let other = late.map { ($0.0, -1.0) }
    let result = append(late + other + late.prefix(1), to: &head, policy: policy)
    #expect(result.rejections.count == (policy == .reject ? 1000 : 0))
    let columns = head.buffers[0]?.columns
    #expect(columns?.timestamps == late.map(\.0).reversed())
    let values = policy == .replace ? other.map(\.1).dropLast() + [0.0] : late.map(\.1).reversed()
    #expect(columns?.values == values)
  }

  /// A chunk that is almost as large as a block takes may get values that take
  /// more bytes.
  @Test func replacedValuesLeaveNoChunkTooLarge() throws {
    var generator = SeededGenerator(seed: 5)
    let window = Window(containing: 0, lengthMilliseconds: Window.shortLengthMilliseconds)
    var columns = SampleColumns()
    for index in 0..<900 as Range<Int64> {
      columns.append(
        timestampMilliseconds: index * 1000,
        value: index < 400 ? Double(bitPattern: generator.next() >> 2) : 1)
    }
    var list = ChunkList()
    list.append(columns, at: 0..<columns.count, slot: 3, seriesID: SeriesID(4), window: window)
    #expect(list.chunks.count == 1)
    for index in 400..<900 { columns.values[index] = Double(bitPattern: generator.next() >> 2) }
    list.replace(at: 0, ofSlot: 3, with: columns)
    #expect(list.chunks.count > 1)
    var found = SampleColumns()
    for chunk in list.chunks(ofSlot: 3) {
      let encoded = list.encoded(chunk)
      #expect(encoded.byteCount <= ChunkRun.largestPayloadByteCount)
      #expect(chunk.seriesID == SeriesID(4))
      try encoded.decode(into: &found)
    }
    #expect(found.timestamps == columns.timestamps)
    #expect(found.values == columns.values)
  }

  /// Late samples that are in a chunk are found where the open chunk reaches
  /// over them, be it that the chunk waits for a seal or is being sealed.
  @Test(arguments: [false, true], DuplicatePolicy.allCases)
  func lateChunkUnderTheOpenOneIsFound(isFrozen: Bool, policy: DuplicatePolicy) {
    var head = makeHead()
    _ = append([(0, 0), (7_000_000, 0)], to: &head)
    let late = (1...4096).map { (Int64($0) * 1000, Double($0)) }
    _ = append(late, to: &head)
    #expect(head.closed.chunks.isEmpty == false && head.buffers.isEmpty)
    if isFrozen {
      _ = head.freeze(
        SealPlan(sequence: 1, closesWindowsEndingAt: .min, sealsSmallBuffers: false))
    }
    #expect(append([(5000, 5)], to: &head, policy: policy).acceptedCount == 1)
    #expect(head.buffers.isEmpty)
    let result = append([(5000, 6)], to: &head, policy: policy)
    #expect(result.rejections.count == (policy == .reject ? 1 : 0))
    // One in a chunk that waits is changed there: in one seal, chunks of equal
    // times have no order.
    #expect(head.buffers.isEmpty == (policy != .replace || isFrozen == false))
    var samples = HeadSamples()
    let series = samples.add(slot: 0, of: head, start: 5000, end: 5000)
    #expect(series.chunks.isEmpty == false)
    let again = append([(5000, policy == .replace ? 6 : 5)], to: &head)
    #expect(again.rejections.isEmpty)
  }

  /// A series whose last sample is not in memory may have later samples
  /// elsewhere, until one is applied that is behind them all.
  @Test func samplesOfASeriesFromTheTablesAreLookedUp() {
    var head = Head(hashSeed: 1)
    head.insertSeries(SeriesID(1), labels: ["__name__": "m"], flags: [.isRecorded, .isInTables])
    head.sealedNewest = 1000
    func unknownTimes(_ timestamps: Int64...) -> [Int64] {
      var batch = SampleBatch()
      for timestamp in timestamps {
        batch.add(SeriesID(1), timestampMilliseconds: timestamp, value: 1)
      }
      let staged = head.stage(batch, rules: .permissive)
      head.discardStaged([staged.record])
      return staged.unknownPlaces.map(\.timestamp)
    }
    #expect(unknownTimes(10, 20, 1000, 1001, 1002) == [10, 20, 1000])
    head.apply(slot: 0, timestamp: 15, value: 1, newest: 1000, isReplacement: false)
    #expect(unknownTimes(10, 15, 20, 1000, 1001) == [10, 20, 1000])
    #expect(head.isLatestWanted(ofSlot: 0))
    head.noteLatestSealed(500, of: SeriesID(1))
    #expect(unknownTimes(10, 20, 500, 501, 1000) == [10, 20, 500])
    head.apply(slot: 0, timestamp: 501, value: 1, newest: 1000, isReplacement: false)
    #expect(head.latestElsewhere.isEmpty)
    #expect(unknownTimes(502, 1000) == [])
    #expect(unknownTimes(10, 500) == [10, 500])
  }

  /// A seal may end between a look at the tables, which did not have its chunks
  /// yet, and the next look at memory, which does not have them any more.
  @Test func samplesThatASealMovesDuringALookUpCount() throws {
    let contents = StoreContents(
      directory: "none", schema: try TableFixture().schema, options: StoreOptions())
    var head = Head(hashSeed: 1)
    head.insertSeries(SeriesID(1), labels: ["__name__": "m"], flags: [.isRecorded, .isInTables])
    for timestamp in [100, 900] as [Int64] {
      head.includeInTimeRange(timestamp)
      head.apply(slot: 0, timestamp: timestamp, value: 1, newest: 900, isReplacement: false)
    }
    let frozen = head.freeze(
      SealPlan(sequence: 1, closesWindowsEndingAt: .max, sealsSmallBuffers: true))
    #expect(head.frozen.isEmpty == false)
    let unknown = head.unknownSamples([SamplePlace(slot: 0, timestamp: 500)])
    #expect(unknown[SeriesID(1)]?.isLatestWanted == true)
    var sealed = SealedSamples()
    try sealed.lookUp(unknown, in: contents)
    head.finishSeal(of: frozen)
    for (id, timestamp) in sealed.takeLatest() { head.noteLatestSealed(timestamp, of: id) }
    #expect(head.latestElsewhere[0] == 900)
  }
}
