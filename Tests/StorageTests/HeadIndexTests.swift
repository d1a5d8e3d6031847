import SeriesModel
import TestSupport
import Testing

@testable import Storage

@Suite struct HeadIndexTests {
  /// Random insertions and removals, compared with a search through all series.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func indexFindsWhatASearchFinds(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var index = HeadIndex(hashSeed: seed)
    var series: [SeriesID: Labels] = [:]
    var runs: [SeriesID: LabelPool.Run] = [:]
    let texts = ["a", "b", "é", "e\u{301}", "", "a b"]
    for _ in 0..<120 {
      var builder = LabelsBuilder()
      for name in ["x", "y", "z"] {
        builder.set(name, to: texts[Int.random(in: 0..<texts.count, using: &generator)])
      }
      let id = SeriesID(UInt64.random(in: 1...500, using: &generator))
      if series[id] == nil {
        series[id] = builder.labels()
        let run = index.keep(builder.labels())
        index.list(id, under: run)
        runs[id] = run
      }
      if Int.random(in: 0..<4, using: &generator) == 0 {
        let removed = series.filter { _ in Bool.random(using: &generator) }
        index.remove(
          removed.keys.compactMap { id in
            runs[id].map { HeadIndex.Removal(id: id, labels: $0, isListed: true) }
          })
        for id in removed.keys { series[id] = nil }
      }
      check(index, series: series, texts: texts)
    }
  }

  /// A series that is kept without being listed has labels, and no query finds
  /// it.
  @Test func whatIsKeptOnlyIsNotFound() {
    var index = HeadIndex(hashSeed: 1)
    let kept = index.keep(["a": "1", "b": "2"])
    let listed = index.keep(["a": "1", "c": "3"])
    index.list(SeriesID(7), under: listed)
    #expect(index.labelNames().sorted() == ["a", "c"])
    #expect(index.labelValues(of: "b", among: nil) == [])
    #expect(index.postings(of: "a", value: "1").ids == [SeriesID(7)])
    index.remove([HeadIndex.Removal(id: SeriesID(6), labels: kept, isListed: false)])
    #expect(index.postings(of: "a", value: "1").ids == [SeriesID(7)])
    #expect(index.pool.labels(of: listed) == ["a": "1", "c": "3"])
    index.remove([HeadIndex.Removal(id: SeriesID(7), labels: listed, isListed: true)])
    #expect(index.labelNames() == [])
    #expect(index.allPostings().isEmpty)
  }

  private func check(_ index: HeadIndex, series: [SeriesID: Labels], texts: [String]) {
    #expect(index.allPostings() == PostingsList(unsorted: series.keys))
    for name in ["x", "y", "z", "w"] {
      for text in texts where text.isEmpty == false {
        let matching = series.filter { entry in
          entry.value[name].map { Array($0.utf8) == Array(text.utf8) } ?? false
        }
        #expect(index.postings(of: name, value: text) == PostingsList(unsorted: matching.keys))
      }
      let values = Set(series.values.compactMap { $0[name].map { Array($0.utf8) } })
      let found = index.labelValues(of: name, among: nil).map { Array($0.utf8) }
      #expect(Set(found) == values)
      #expect(found.count == values.count)
      #expect(index.labelNames().contains(name) == (values.isEmpty == false))
    }
  }
}
