import SeriesModel
import Storage
import TestSupport
import Testing

@Suite struct IndexPostingsListTests {
  private func list(_ ids: Set<UInt64>) -> PostingsList {
    PostingsList(unsorted: ids.map { SeriesID($0) })
  }

  @Test(arguments: 0..<10)
  func operationsAgreeWithSets(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    func makeSet() -> Set<UInt64> {
      let count = Int(generator.next() % (generator.next() % 2 == 0 ? 10 : 400))
      return Set((0..<count).map { _ in generator.next() % 500 })
    }
    for _ in 0..<20 {
      let (a, b) = (makeSet(), makeSet())
      #expect(list(a).intersection(list(b)) == list(a.intersection(b)))
      #expect(list(a).union(list(b)) == list(a.union(b)))
      #expect(list(a).subtracting(list(b)) == list(a.subtracting(b)))
      let c = makeSet()
      #expect(PostingsList.union(of: [list(a), list(b), list(c)]) == list(a.union(b).union(c)))
      let probe = generator.next() % 500
      #expect(list(a).contains(SeriesID(probe)) == a.contains(probe))
    }
  }

  @Test func unionOfNothingIsEmpty() {
    #expect(PostingsList.union(of: []).isEmpty)
  }
}
