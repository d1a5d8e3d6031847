import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// The parts that keep the head small, compared with plain collections.
@Suite struct HeadMemoryPropertyTests {
  // MARK: Sets of ids

  @Test(arguments: 0..<12 as Range<UInt64>)
  func compactIDsHoldWhatASetHolds(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var compact = CompactSeriesIDs()
    var expected: Set<SeriesID> = []
    for _ in 0..<Int.random(in: 1...40, using: &generator) {
      // Runs, gaps and single ids, mostly behind what is there already.
      var next = UInt64.random(in: 1...20_000, using: &generator)
      if Bool.random(using: &generator) { next = (expected.max()?.rawValue ?? 0) + 1 }
      let step = UInt64.random(in: 1...3, using: &generator)
      for _ in 0..<Int.random(in: 1...900, using: &generator) {
        compact.insert(SeriesID(next))
        expected.insert(SeriesID(next))
        next += step
      }
      if Int.random(in: 0..<5, using: &generator) == 0 {
        compact = CompactSeriesIDs(sorted: compact.ids)
      }
      #expect(compact.ids == expected.sorted())
    }
  }

  /// Two senders whose new series have every other id each.
  @Test func compactIDsTakeInterleavedBatches() {
    var compact = CompactSeriesIDs()
    for batch in stride(from: 0 as UInt64, to: 20_000, by: 4000) {
      for offset in [0, 1] as [UInt64] {
        for id in stride(from: batch + offset, to: batch + 4000, by: 2) {
          compact.insert(SeriesID(id + 1))
        }
      }
    }
    #expect(compact.ids == (1...20_000).map { SeriesID($0) })
  }

  @Test(arguments: 0..<12 as Range<UInt64>)
  func labelPostingsHoldWhatASetHolds(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var overflow = LabelPostings.Overflow()
    var postings = [LabelPostings](repeating: LabelPostings(), count: 4)
    var expected = [Set<SeriesID>](repeating: [], count: 4)
    for _ in 0..<400 {
      let label = Int.random(in: 0..<4, using: &generator)
      if Int.random(in: 0..<8, using: &generator) == 0 {
        let removed = PostingsList(
          unsorted: (0..<20).map { _ in SeriesID(.random(in: 1...40, using: &generator)) })
        postings[label].remove(removed, overflow: &overflow)
        expected[label].subtract(removed.ids)
      } else {
        let id = SeriesID(.random(in: 1...40, using: &generator))
        postings[label].insert(id, overflow: &overflow)
        expected[label].insert(id)
      }
      for other in 0..<4 {
        #expect(postings[other].ids(in: overflow) == expected[other].sorted())
        #expect(postings[other].isEmpty == expected[other].isEmpty)
      }
    }
  }

  // MARK: Labels

  @Test(arguments: 0..<8 as Range<UInt64>)
  func poolKeepsLabelsAsTheyAre(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var pool = LabelPool(hashSeed: seed)
    var kept: [(run: LabelPool.Run, labels: Labels)] = []
    for _ in 0..<300 {
      if Int.random(in: 0..<3, using: &generator) == 0, kept.isEmpty == false {
        let index = Int.random(in: 0..<kept.count, using: &generator)
        pool.remove([kept.remove(at: index).run])
      } else {
        let labels = randomLabels(using: &generator)
        kept.append((pool.insert(labels), labels))
      }
      for (run, labels) in kept.suffix(20) {
        #expect(pool.labels(of: run) == labels)
        #expect(pool.has(labels, at: run))
        // A further label behind all others.
        let more = Labels(trustedEncodedBytes: labels.encodedBytes + [2, 0xFF, 0xFF, 1, 0x78])
        #expect(pool.has(more, at: run) == false)
      }
    }
    for (run, labels) in kept { #expect(pool.labels(of: run) == labels) }
    pool.remove(kept.map(\.run))
    var nameCount = 0
    pool.forEachName { _, _ in nameCount += 1 }
    #expect(nameCount == 0)
  }

  private func randomLabels(using generator: inout SeededGenerator) -> Labels {
    let names = ["a", "b", "é", "e\u{301}", String(repeating: "n", count: 600)]
    let lengths = [1, 2, 7, 8, 9, 16, 127, 128, 16 << 10, 40_000]
    var encoded: [(name: [UInt8], value: [UInt8])] = []
    for name in names.sorted(by: { $0.compareUTF8(with: $1) < 0 })
    where Bool.random(using: &generator) {
      let length = lengths[Int.random(in: 0..<lengths.count, using: &generator)]
      // Few different values, some of them no UTF-8.
      var value = [UInt8](repeating: 0x61, count: length)
      value[length / 2] = [0x61, 0x62, 0, 0xFF][Int.random(in: 0..<4, using: &generator)]
      encoded.append((Array(name.utf8), value))
    }
    var bytes: [UInt8] = []
    for (name, value) in encoded {
      for text in [name, value] {
        bytes.appendVarint(UInt64(text.count))
        bytes.append(contentsOf: text)
      }
    }
    return Labels(trustedEncodedBytes: bytes)
  }

  /// Names and values that go away leave no memory behind: what comes for them
  /// takes their numbers.
  @Test func poolUsesNumbersAgain() {
    var pool = LabelPool(hashSeed: 3)
    for round in 0..<50 {
      let labels: Labels = ["name\(round)": "value\(round)", "job": "value\(round)"]
      let run = pool.insert(labels)
      #expect(pool.labels(of: run) == labels)
      pool.remove([run])
    }
    #expect(pool.capacity == 2)
  }

  @Test(arguments: 0..<6 as Range<UInt64>)
  func slotsHoldWhatADictionaryHolds(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var slots = SeriesSlots(hashSeed: seed)
    var expected: [SeriesID: Labels] = [:]
    var nextID: UInt64 = 1
    for _ in 0..<60 {
      for _ in 0..<Int.random(in: 0...10, using: &generator) {
        let labels: Labels = [
          "a": "\(Int.random(in: 0..<5, using: &generator))",
          "b": "\(Int.random(in: 0..<30, using: &generator))",
        ]
        guard slots.slot(of: labels) == nil else { continue }
        let slot = slots.insert(SeriesID(nextID), labels: labels, flags: [])
        if Bool.random(using: &generator) { slots.makeVisible(slot) }
        expected[SeriesID(nextID)] = labels
        nextID += 1
      }
      let removed = expected.keys.filter { _ in Int.random(in: 0..<4, using: &generator) == 0 }
      slots.remove(removed.compactMap { slots.slot(of: $0) })
      for id in removed { expected[id] = nil }
      #expect(slots.count == expected.count)
      for (id, labels) in expected {
        let slot = try #require(slots.slot(of: id))
        #expect(slots.labels(at: slot) == labels)
        #expect(slots.slot(of: labels) == slot)
      }
    }
    #expect(slots.capacity <= 150)
  }

  // MARK: Pages

  @Test(arguments: 0..<6 as Range<UInt64>)
  func piecesKeepTheirBytes(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var arena = PieceArena<UInt8>(unitLength: 8, filler: 0)
    var kept: [(place: PieceArena<UInt8>.Place, bytes: [UInt8])] = []
    for round in 0..<500 {
      if Bool.random(using: &generator), kept.isEmpty == false {
        let piece = kept.remove(at: Int.random(in: 0..<kept.count, using: &generator))
        arena.free(piece.place, count: piece.bytes.count)
      } else {
        let counts = [0, 1, 8, 9, 100, 30_000, 32_768, 32_769, 100_000]
        let count = counts[Int.random(in: 0..<counts.count, using: &generator)]
        let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: count)
        kept.append((arena.store(bytes.span), bytes))
      }
      for (place, bytes) in kept.suffix(5) {
        #expect(
          arena.withPiece(at: place, count: bytes.count) { $0.hasSameBytes(as: bytes.span) })
      }
    }
    for (place, bytes) in kept {
      #expect(arena.withPiece(at: place, count: bytes.count) { $0.hasSameBytes(as: bytes.span) })
    }
  }

  @Test func copyOfAPagedArrayStaysAsItWas() {
    var array = PagedArray<Int>()
    for value in 0..<2000 { array.append(value) }
    let copy = array
    for index in stride(from: 0, to: 2000, by: 7) { array[index] = -1 }
    array.append(2000)
    #expect(Array(copy) == Array(0..<2000))
    #expect(array.count == 2001)
    #expect(array[700] == -1)
    #expect(array[701] == 701)
    #expect(array[2000] == 2000)
  }
}
