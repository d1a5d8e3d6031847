import SeriesModel
import TestSupport
import Testing

@testable import Storage

@Suite struct IndexSeriesRunsTests {
  /// Ids that are partly in a row and partly apart.
  private func makeIDs(_ generator: inout SeededGenerator) -> Set<UInt64> {
    var ids: Set<UInt64> = []
    for _ in 0..<generator.next() % 8 {
      let first = 1 + generator.next() % 300
      ids.formUnion(first...first + generator.next() % 60)
    }
    for _ in 0..<generator.next() % 30 { ids.insert(1 + generator.next() % 400) }
    return ids
  }

  private func list(_ ids: Set<UInt64>) -> PostingsList {
    PostingsList(unsorted: ids.map { SeriesID($0) })
  }

  private func runs(_ ids: Set<UInt64>) -> SeriesRuns { SeriesRuns(list(ids)) }

  @Test(arguments: 0..<20)
  func operationsAgreeWithSets(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<20 {
      let (a, b, c) = (makeIDs(&generator), makeIDs(&generator), makeIDs(&generator))
      #expect(PostingsList(runs(a)) == list(a))
      #expect(runs(a).count == a.count)
      #expect(runs(a).isEmpty == a.isEmpty)
      #expect(runs(a).first?.rawValue == a.min())
      #expect(runs(a).last?.rawValue == a.max())
      #expect(runs(a).union(runs(b)) == runs(a.union(b)))
      #expect(runs(a).intersection(runs(b)) == runs(a.intersection(b)))
      #expect(runs(a).subtracting(runs(b)) == runs(a.subtracting(b)))
      #expect(SeriesRuns.union(of: [runs(a), runs(b), runs(c)]) == runs(a.union(b).union(c)))
      #expect(runs(a).isSuperset(of: runs(b)) == a.isSuperset(of: b))
      #expect(runs(a.union(b)).isSuperset(of: runs(b)))
      #expect(runs(a).intersection(list(b)) == list(a.intersection(b)))
      #expect(list(a).subtracting(runs(b)) == list(a.subtracting(b)))
      for id in 0...410 as ClosedRange<UInt64> {
        #expect(runs(a).contains(SeriesID(id)) == a.contains(id))
      }
    }
  }

  @Test func neighboursAreOneRun() {
    let set = SeriesRuns(unsorted: [
      .init(first: 7, last: 9), .init(first: 1, last: 3), .init(first: 4, last: 5),
      .init(first: 8, last: 8),
    ])
    #expect(set.runs == [.init(first: 1, last: 5), .init(first: 7, last: 9)])
  }

  @Test func theGreatestIDHasItsPlace() {
    let all = SeriesRuns(unsorted: [.init(first: 0, last: .max)])
    let end = SeriesRuns(unsorted: [.init(first: 5, last: .max)])
    #expect(all.subtracting(end).runs == [.init(first: 0, last: 4)])
    #expect(end.subtracting(all).isEmpty)
    #expect(all.intersection(end) == end)
    let list = PostingsList(sorted: [SeriesID(4), SeriesID(.max)])
    #expect(end.intersection(list).ids == [SeriesID(.max)])
  }

  @Test(arguments: 0..<5)
  func codedIDsAreReadAsRuns(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<20 {
      let (a, b) = (makeIDs(&generator), makeIDs(&generator))
      var bytes: [UInt8] = []
      SeriesIDCoding.append(list(a).ids[...], base: 0, to: &bytes)
      var reader = BlockReader(bytes.span)
      var found = SeriesRuns()
      try SeriesIDCoding.read(&reader, base: 0, to: &found)
      #expect(found == runs(a))
      reader = BlockReader(bytes.span)
      let intersects = try SeriesIDCoding.intersects(&reader, base: 0, runs(b))
      #expect(intersects == (a.isDisjoint(with: b) == false))
    }
  }

  @Test(arguments: 0..<5)
  func setsInMemoryAreReadAsRuns(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var ids: Set<UInt64> = []
    var set = CompactSeriesIDs()
    for _ in 0..<30 {
      let first = 1 + generator.next() % 20_000
      let added = first...first + generator.next() % 200
      for id in added { set.insert(SeriesID(id)) }
      ids.formUnion(added)
      let others = makeIDs(&generator)
      #expect(set.intersects(runs(others)) == (ids.isDisjoint(with: others) == false))
    }
    #expect(set.runs == runs(ids))
  }
}
