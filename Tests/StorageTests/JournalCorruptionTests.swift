import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// A segment in memory with known batches.
private struct SegmentFixture {
  let header = SegmentHeader(kind: .log, number: 3, salt: 0x0123_4567_89AB_CDEF)
  var bytes: [UInt8]
  /// Where each record ends.
  var ends: [Int] = []
  var records: [BatchRecord] = []

  /// - Parameter groups: How many records are synced together.
  init(groups: [Int], paddingByteCount: Int = 64) {
    bytes = header.encoded()
    var buffer = RecordBuffer(segment: header, firstSequence: 11)
    for count in groups {
      buffer.startNextSync()
      for _ in 0..<count {
        let record = SegmentFixture.record(records.count)
        buffer.appendRecord(.batch) { record.encode(into: &$0) }
        records.append(record)
        ends.append(bytes.count + buffer.bytes.count)
      }
      bytes += buffer.bytes
    }
    bytes += [UInt8](repeating: 0, count: paddingByteCount)
  }

  private static func record(_ index: Int) -> BatchRecord {
    var record = BatchRecord()
    record.newSeries = [
      BatchRecord.NewSeries(
        id: SeriesID(UInt64(index + 1)), labels: ["__name__": "m", "i": "\(index)"])
    ]
    record.metadata = [
      BatchRecord.Metadata(family: "m", metadata: MetricMetadata(type: .gauge, help: "h\(index)"))
    ]
    record.seriesIDs = [SeriesID(UInt64(index + 1)), SeriesID(1)]
    record.timestamps = [Int64(index) * 1000, .min + Int64(index)]
    record.values = [Double(index), -0.0]
    return record
  }

  struct Outcome {
    var records: [BatchRecord] = []
    var damages: [JournalDamage] = []
    var hasTornTail = false
    var validByteCount = 0
  }

  static func read(_ bytes: [UInt8], isLast: Bool) throws -> Outcome {
    var reader = try SegmentReader(
      path: "segment", bytes: bytes, isLast: isLast, expectedSequence: 11)
    var outcome = Outcome()
    while let (_, payload) = reader.next() {
      outcome.records.append(try BatchRecord(decoding: bytes.span.extracting(payload)))
    }
    outcome.damages = reader.damages
    outcome.hasTornTail = reader.hasTornTail
    outcome.validByteCount = reader.validByteCount
    return outcome
  }
}

@Suite struct JournalCorruptionTests {
  @Test func recordsAreReadBack() throws {
    let segment = SegmentFixture(groups: [1, 2, 1])
    let outcome = try SegmentFixture.read(segment.bytes, isLast: true)
    #expect(outcome.records == segment.records)
    #expect(outcome.damages.isEmpty)
    #expect(outcome.hasTornTail == false)
    #expect(outcome.validByteCount == segment.ends.last)
  }

  @Test func cutAtEveryByteKeepsWholeRecords() throws {
    let segment = SegmentFixture(groups: [1, 1, 1, 2])
    for end in SegmentHeader.byteCount...segment.ends[4] {
      for padding in [0, 64] {
        let bytes = Array(segment.bytes.prefix(end)) + [UInt8](repeating: 0, count: padding)
        let outcome = try SegmentFixture.read(bytes, isLast: true)
        let wholeCount = segment.ends.filter { $0 <= end }.count
        #expect(outcome.records == Array(segment.records.prefix(wholeCount)))
        #expect(outcome.damages.isEmpty)
        #expect(outcome.validByteCount == ([SegmentHeader.byteCount] + segment.ends)[wholeCount])
      }
    }
  }

  @Test func flippedBitsInOlderRecordsAreNamedAndCostOneRecord() throws {
    let segment = SegmentFixture(groups: [1, 1, 1, 1])
    for bit in SegmentHeader.byteCount * 8..<segment.ends[2] * 8 {
      var bytes = segment.bytes
      bytes[bit >> 3] ^= 1 << UInt8(bit & 7)
      let damaged = segment.ends.firstIndex { bit >> 3 < $0 } ?? 0
      for isLast in [true, false] {
        let outcome = try SegmentFixture.read(bytes, isLast: isLast)
        var expected = segment.records
        expected.remove(at: damaged)
        #expect(outcome.records == expected)
        #expect(outcome.damages.isEmpty == false)
        #expect(outcome.hasTornTail == false)
      }
    }
  }

  @Test func flippedBitInTheLastRecordIsATornTail() throws {
    let segment = SegmentFixture(groups: [1, 1])
    for bit in segment.ends[0] * 8..<segment.ends[1] * 8 {
      var bytes = segment.bytes
      bytes[bit >> 3] ^= 1 << UInt8(bit & 7)
      let last = try SegmentFixture.read(bytes, isLast: true)
      #expect(last.records == [segment.records[0]])
      #expect(last.damages.isEmpty)
      #expect(last.hasTornTail)
      let older = try SegmentFixture.read(bytes, isLast: false)
      #expect(older.damages.count == 1)
      #expect(older.hasTornTail == false)
    }
  }

  /// A power cut may keep the second page of a sync and lose the first one.
  @Test func holeInTheLastSyncIsATornTail() throws {
    let segment = SegmentFixture(groups: [1, 3])
    for hole in [segment.ends[0]..<segment.ends[1], segment.ends[1]..<segment.ends[2]] {
      var bytes = segment.bytes
      for index in hole { bytes[index] = 0 }
      let outcome = try SegmentFixture.read(bytes, isLast: true)
      #expect(
        outcome.records
          == Array(
            segment.records.prefix(while: { record in
              segment.ends[segment.records.firstIndex(of: record) ?? 0] <= hole.lowerBound
            })))
      #expect(outcome.hasTornTail)
      #expect(outcome.damages.isEmpty)
    }
  }

  @Test func recordsOfAnotherSegmentAreNotTaken() throws {
    var segment = SegmentFixture(groups: [1])
    let other = SegmentHeader(kind: .log, number: 3, salt: 1)
    var stale = RecordBuffer(segment: other, firstSequence: 12)
    stale.appendRecord(.batch) { segment.records[0].encode(into: &$0) }
    segment.bytes.replaceSubrange(
      segment.ends[0]..<segment.ends[0], with: stale.bytes)
    let outcome = try SegmentFixture.read(segment.bytes, isLast: true)
    #expect(outcome.records.count == 1)
    #expect(outcome.hasTornTail)
  }

  @Test func everyFlippedBitOfTheHeaderIsNoticed() throws {
    let segment = SegmentFixture(groups: [1])
    for bit in 0..<36 * 8 {
      var bytes = segment.bytes
      bytes[bit >> 3] ^= 1 << UInt8(bit & 7)
      #expect(throws: SegmentHeader.Problem.damaged) {
        _ = try SegmentFixture.read(bytes, isLast: true)
      }
    }
  }

  @Test func randomBytesNeverTrap() {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<3000 {
      let bytes = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      var outcomes = 0
      if (try? BatchRecord(decoding: bytes.span)) != nil { outcomes += 1 }
      if (try? OpenChunkRecord(decoding: bytes.span)) != nil { outcomes += 1 }
      if bytes.isEmpty == false, (try? OpenChunksRecord.chunks(decoding: bytes.span)) != nil {
        outcomes += 1
      }
      if (try? MetricMetadata(decoding: bytes.span)) != nil { outcomes += 1 }
      #expect(outcomes < 4)
    }
  }
}
