import ChunkEncoding
import SeriesModel
import TestSupport
import Testing

@testable import Storage

@Suite struct HeadSealTests {
  private let plan = SealPlan(
    sequence: 1, closesWindowsEndingAt: 50_000_000, sealsSmallBuffers: true)

  /// A head with closed chunks, ended windows and out-of-order samples.
  private func makeHead() -> Head {
    var generator = SeededGenerator(seed: 8)
    var head = Head(hashSeed: 1)
    for id in 1...20 as ClosedRange<UInt64> {
      head.insertSeries(SeriesID(id), labels: ["__name__": "m", "i": "\(id)"], flags: [])
    }
    var batch = SampleBatch()
    for round in 0..<300 as Range<Int64> {
      for id in 1...20 as ClosedRange<UInt64> where id % 3 > 0 || round < 100 {
        let late =
          Bool.random(using: &generator) ? 0 : Int64.random(in: 0...1000, using: &generator)
        batch.add(
          SeriesID(id), timestampMilliseconds: round * 200_000 - late, value: Double(round))
      }
    }
    _ = head.stage(batch, rules: .permissive)
    head.applyStaged()
    return head
  }

  private func chunks(of list: ChunkList) -> [String] {
    list.chunks.map { "\($0.seriesID) \(list.encoded($0))" }.sorted()
  }

  /// After a crash in the middle of a seal, the chunks that are in the tables
  /// must not be sealed again, and the others must.
  @Test func repeatedSealKeepsWhatWasNotSealed() {
    var sealed = makeHead()
    let frozen = sealed.freeze(plan)
    #expect(frozen.plan.chunkCount > 40)
    for sealedCount in [0, 1, 17, frozen.plan.chunkCount] {
      var interrupted = frozen.plan
      interrupted.sealedCount = sealedCount
      var restarted = makeHead()
      restarted.repeatInterruptedSeal(interrupted)
      var expected = ChunkList()
      for chunk in frozen.chunks.dropFirst(sealedCount) {
        expected.append(
          frozen.chunkList.encoded(chunk), slot: 0, seriesID: chunk.seriesID,
          window: chunk.window)
      }
      #expect(chunks(of: restarted.closed) == chunks(of: expected))
    }
  }

  /// A late sample behind a checkpoint once went to a buffer in the head that
  /// lived on, and to an open chunk in one that was built again: a repeated seal
  /// then dropped it with the chunk, which the tables had without it.
  @Test func lateSampleBehindACheckpointIsSealedAsAfterARestart() {
    func makeHead() -> Head {
      var head = Head(hashSeed: 1)
      head.insertSeries(SeriesID(1), labels: ["__name__": "m"], flags: [])
      return head
    }
    func append(_ timestamps: [Int64], to head: inout Head) {
      var batch = SampleBatch()
      for timestamp in timestamps {
        batch.add(SeriesID(1), timestampMilliseconds: timestamp, value: 1)
      }
      _ = head.stage(batch, rules: .permissive)
      head.applyStaged()
    }
    var live = makeHead()
    append([0, 1000], to: &live)
    let first = live.freeze(plan)
    live.finishSeal(of: first)
    // The checkpoint has no open chunk, so a restart has the series alone.
    var restarted = makeHead()
    append([500, 2000], to: &live)
    append([500, 2000], to: &restarted)
    let next = SealPlan(
      sequence: 2, closesWindowsEndingAt: 50_000_000, sealsSmallBuffers: false)
    let sealed = live.freeze(next).chunkList
    #expect(sealed.chunks.isEmpty == false)
    #expect(chunks(of: restarted.freeze(next).chunkList) == chunks(of: sealed))
  }

  /// The tables have samples of these series, so that others are compared with
  /// them.
  @Test func seriesOfAnInterruptedSealAreInTheTables() {
    var sealed = makeHead()
    let frozen = sealed.freeze(plan)
    var interrupted = frozen.plan
    interrupted.sealedCount = 17
    let ids = Set(frozen.chunks.prefix(17).map(\.seriesID))
    #expect(ids.isEmpty == false && ids.count < 20)
    var restarted = makeHead()
    restarted.repeatInterruptedSeal(interrupted)
    for id in 1...20 as ClosedRange<UInt64> {
      let slot = restarted.slots.slot(of: SeriesID(id))
      let isInTables = slot.map { restarted.slots.flags[$0].contains(.isInTables) }
      #expect(isInTables == ids.contains(SeriesID(id)))
    }
  }

  @Test func sealOfOtherChunksDropsNothing() {
    var restarted = makeHead()
    var other = plan
    other.chunkCount = 1
    other.sealedCount = 1
    restarted.repeatInterruptedSeal(other)
    var sealed = makeHead()
    #expect(restarted.closed.chunks.count == sealed.freeze(plan).chunks.count)
  }

  /// A head with one series, id 1.
  private func makeSmallHead() -> Head {
    var head = Head(hashSeed: 1)
    head.insertSeries(SeriesID(1), labels: ["__name__": "m"], flags: [])
    return head
  }

  /// Appends samples as one batch; those without a value are histograms.
  @discardableResult
  private func append(
    _ samples: [(timestamp: Int64, value: Double?)], to head: inout Head
  ) -> BatchRecord {
    var batch = SampleBatch()
    for (timestamp, value) in samples {
      if let value {
        batch.add(SeriesID(1), timestampMilliseconds: timestamp, value: value)
      } else {
        batch.add(
          SeriesID(1), timestampMilliseconds: timestamp,
          histogram: NativeHistogram(schema: 2, count: 0, sum: Double(timestamp)))
      }
    }
    var rules = StagingRules.permissive
    rules.duplicatePolicy = .replace
    let staged = head.stage(batch, rules: rules)
    #expect(staged.result.rejections.isEmpty)
    head.applyStaged()
    return staged.record
  }

  /// As many chunks are no proof that they are the same.
  @Test func sealOfAsManyOtherChunksDropsNothing() {
    var sealed = makeSmallHead()
    append([(0, 1), (1000, 1)], to: &sealed)
    var interrupted = sealed.freeze(plan).plan
    #expect(interrupted.chunkCount == 1)
    interrupted.sealedCount = 1
    var restarted = makeSmallHead()
    append([(0, 1), (1000, 1), (2000, 1)], to: &restarted)
    var earlier = restarted
    restarted.repeatInterruptedSeal(interrupted)
    #expect(restarted.closed.chunks.map(\.description.sampleCount) == [3])
    // A plan of an earlier version has the count alone.
    interrupted.chunkHash = nil
    earlier.repeatInterruptedSeal(interrupted)
    #expect(earlier.closed.isEmpty)
  }

  @Test func plansOfBothFormsAreReadAsTheyWereWritten() throws {
    var earlier = plan
    earlier.chunkCount = 7
    earlier.sealedCount = 3
    var later = earlier
    later.chunkHash = 0xFEDC_BA98_7654_3210
    later.sealsSmallBuffers = false
    #expect(SealPlans([earlier]).words == [1, 50_000_000, 1, 7, 3])
    #expect(SealPlans([later]).words == [1, 50_000_000, 2, 7, 3, 0xFEDC_BA98_7654_3210])
    for plans in [[earlier], [later], [earlier, later, earlier], [later, later]] {
      let words = SealPlans(plans).words
      #expect(try #require(SealPlans(words: words)).plans == plans)
      #expect(SealPlans(words: words.dropLast()) == nil)
    }
    #expect(SealPlans(words: [1, 1, 4, 7, 3, 0]) == nil)
  }

  /// A buffer that had a histogram is one without, be it read from a checkpoint
  /// or not: how many samples make a chunk depends on it.
  @Test func bufferWhoseHistogramsWereReplacedIsAPlainOne() {
    var live = makeSmallHead()
    append([(1_000_000, 1), (2_000_000, nil)], to: &live)
    append([(2_000_000, 1)], to: &live)
    #expect(live.buffers[0]?.columns.isPlain == true)
    let frozen = live.freeze(
      SealPlan(sequence: 1, closesWindowsEndingAt: .min, sealsSmallBuffers: false))
    live.finishSeal(of: frozen)
    var restarted = makeSmallHead()
    frozen.forEachOpenChunk { restarted.restore($0, slot: 0) }
    frozen.forEachBuffer { restarted.restore($0, slot: 0) }
    let late = (0..<200).map { (timestamp: Int64($0) * 1000, value: Optional(Double($0))) }
    append(late, to: &live)
    append(late, to: &restarted)
    let sealed = live.freeze(plan).chunkList
    #expect(sealed.chunks.isEmpty == false)
    #expect(chunks(of: restarted.freeze(plan).chunkList) == chunks(of: sealed))
  }

  /// A record says only whether any of its samples takes the place of another.
  @Test func plainSampleBeforeAHistogramOfItsBatchIsWhereAReplayPutsIt() {
    var live = makeSmallHead()
    var restarted = makeSmallHead()
    restarted.replay(append([(5, 1)], to: &live))
    restarted.replay(append([(5, 2), (20, nil), (10, 1), (20, 3), (30, 1)], to: &live))
    restarted.replay(append([(25, nil), (40, 1), (5, 3), (41, nil), (41, 1)], to: &live))
    let sealed = live.freeze(plan).chunkList
    #expect(sealed.chunks.isEmpty == false)
    #expect(chunks(of: restarted.freeze(plan).chunkList) == chunks(of: sealed))
  }

  /// After a start, histograms that were sealed before are not known.
  @Test func sampleInThePlaceOfASealedHistogramIsWhereARestartPutsIt() {
    var live = makeSmallHead()
    append([(20, nil)], to: &live)
    live.finishSeal(of: live.freeze(plan))
    var restarted = makeSmallHead()
    var record = BatchRecord()
    record.seriesIDs = [SeriesID(1), SeriesID(1)]
    record.timestamps = [20, 30]
    record.values = [7, 8]
    record.replacementCount = 1
    live.replay(record)
    restarted.replay(record)
    let sealed = live.freeze(plan).chunkList
    #expect(sealed.chunks.map(\.description.sampleCount) == [2])
    #expect(chunks(of: restarted.freeze(plan).chunkList) == chunks(of: sealed))
  }

  @Test func chunksStayWithinTheirWindow() {
    var head = makeHead()
    for chunk in head.freeze(plan).chunks {
      #expect(chunk.window.startMilliseconds <= chunk.description.minTimestamp)
      #expect(chunk.window.lastMilliseconds >= chunk.description.maxTimestamp)
    }
  }

  @Test func frozenHeadIsNotChangedByLaterSamples() {
    var head = makeHead()
    let frozen = head.freeze(plan)
    func records() -> [OpenChunkRecord] {
      var records: [OpenChunkRecord] = []
      frozen.forEachOpenChunk { records.append($0) }
      return records
    }
    let before = records()
    #expect(before.count == 14)
    var batch = SampleBatch()
    for id in 1...20 as ClosedRange<UInt64> {
      batch.add(SeriesID(id), timestampMilliseconds: 70_000_000, value: .infinity)
    }
    _ = head.stage(batch, rules: .permissive)
    head.applyStaged()
    #expect(records() == before)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func slotTableFindsWhatADictionaryFinds(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var table = SlotTable()
    var expected: [Int: UInt64] = [:]
    for _ in 0..<3000 {
      let slot = Int.random(in: 0..<200, using: &generator)
      if let hash = expected.removeValue(forKey: slot) {
        table.remove(hash: hash, slot: slot)
      } else {
        // Few different hashes, so that many collide.
        let hash = UInt64.random(in: 0..<40, using: &generator)
        expected[slot] = hash
        table.insert(hash: hash, slot: slot)
      }
      #expect(table.count == expected.count)
    }
    for slot in 0..<200 {
      let hash = expected[slot] ?? 0
      #expect((table.slot(hash: hash) { $0 == slot } != nil) == (expected[slot] != nil))
    }
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func mergeKeepsTheSampleWrittenLast(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var merge = SampleMerge()
    var expected: [Int64: Double] = [:]
    for run in 0..<Int.random(in: 0...6, using: &generator) {
      let count = Int.random(in: 1...20, using: &generator)
      let start = Int64.random(in: 0...60, using: &generator)
      let times = Set((0..<count).map { _ in start + Int64.random(in: 0...30, using: &generator) })
      var columns = SampleColumns()
      for time in times.sorted() {
        columns.append(timestampMilliseconds: time, value: Double(run))
        // Only what stands in an overlapping run can be replaced.
        expected[time] = Double(run)
      }
      merge.add(columns, range: 0..<columns.count)
    }
    var found = SampleColumns()
    merge.append(within: 10...70, to: &found)
    let wanted = expected.filter { (10...70).contains($0.key) }.sorted { $0.key < $1.key }
    #expect(found.timestamps == wanted.map(\.key))
    #expect(found.values == wanted.map(\.value))
  }
}
