import LMDB
import SeriesModel
import Storage
import TestSupport
import Testing

@Suite struct IndexSeriesTests {
  private func check(
    _ fixture: TableFixture, holds series: [IndexedSeries],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let index = fixture.index
    let sorted = series.sorted { $0.id < $1.id }
    try fixture.read { view throws(StorageError) in
      var listed: [IndexedSeries] = []
      try index.forEachSeries(in: view) { id, labels in
        listed.append(IndexedSeries(id: id, labels: labels))
      }
      #expect(listed == sorted, sourceLocation: sourceLocation)
      let all = PostingsList(sorted: sorted.map(\.id))
      #expect(try index.postings(in: view).allPostings() == all, sourceLocation: sourceLocation)
      let labels = try index.labels(of: all, in: view)
      #expect(labels == sorted.map(\.labels), sourceLocation: sourceLocation)
      for one in sorted {
        let hash = index.hash(of: one.labels)
        let id = try index.id(of: one.labels, hash: hash, in: view)
        #expect(id == one.id, sourceLocation: sourceLocation)
        let labels = try index.labels(of: one.id, in: view)
        #expect(labels == one.labels, sourceLocation: sourceLocation)
      }
    }
    for name in ["series", "fingerprints", "postings"] {
      for (key, value) in try fixture.entries(of: name) {
        #expect(key.count <= 511 && value.count <= 4060, sourceLocation: sourceLocation)
      }
    }
  }

  @Test(arguments: [0, 1, 31, 32, 33, 128, 129, 1000])
  func insertedSeriesAreFound(count: Int) throws {
    var generator = SeededGenerator(seed: UInt64(count))
    let series = generator.series(count: count)
    let fixture = try TableFixture()
    try fixture.insert(series)
    try check(fixture, holds: series)
  }

  @Test(arguments: 0..<5)
  func labelsOfSomeSeriesAreTheirs(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let all = generator.series(count: 700)
    // Some ids are in no block, some between those of one.
    let series = all.filter { _ in generator.next() % 4 > 0 }
    let fixture = try TableFixture()
    try fixture.insert(series)
    let labels = Dictionary(uniqueKeysWithValues: series.map { ($0.id, $0.labels) })
    for share in [1, 2, 30, 200] as [UInt64] {
      var wanted = all.map(\.id).filter { _ in generator.next() % share == 0 }
      wanted += [SeriesID(0), SeriesID(1 << 40)]
      let list = PostingsList(unsorted: wanted)
      let (found, runs) = try fixture.read { view throws(StorageError) in
        (
          try fixture.index.labels(of: list, in: view),
          try fixture.index.postings(in: view).allSeries()
        )
      }
      #expect(found == list.ids.map { labels[$0] })
      #expect(PostingsList(runs) == PostingsList(unsorted: labels.keys))
    }
  }

  @Test(arguments: 0..<3)
  func insertionsInAnyOrderAddUp(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let series = generator.series(count: 900).shuffled(using: &generator)
    let fixture = try TableFixture()
    var start = 0
    while start < series.count {
      let end = min(series.count, start + 1 + Int(generator.next() % 500))
      try fixture.insert(Array(series[start..<end]))
      start = end
    }
    try check(fixture, holds: series)
  }

  @Test func insertionInManyTransactionsIsTheSame() throws {
    var generator = SeededGenerator(seed: 7)
    let series = generator.series(count: 800)
    let whole = try TableFixture()
    #expect(try whole.insert(series) == 1)
    let cut = try TableFixture()
    #expect(try cut.insert(series, byteBudget: 1) > 10)
    try check(cut, holds: series)
  }

  @Test func insertionBegunAnewCompletesACutOne() throws {
    var generator = SeededGenerator(seed: 8)
    let series = generator.series(count: 700)
    for stepCount in [1, 5, 20, 60] {
      let fixture = try TableFixture()
      var insertion = IndexInsertion(series, into: fixture.schema)
      for _ in 0..<stepCount where insertion.isFinished == false {
        _ = try fixture.write { transaction throws(StorageError) in
          try insertion.writeSome(in: &transaction, byteBudget: 500)
        }
      }
      try fixture.insert(series)
      try check(fixture, holds: series)
    }
  }

  @Test func insertingAgainChangesNothing() throws {
    var generator = SeededGenerator(seed: 9)
    let series = generator.series(count: 500)
    let fixture = try TableFixture()
    try fixture.insert(series)
    let before = try fixture.entries(of: "postings").map(\.value)
    try fixture.insert(series)
    #expect(try fixture.entries(of: "postings").map(\.value) == before)
    try check(fixture, holds: series)
  }

  @Test(arguments: [100, 1799, 1801, 4000, 4001, 60_000])
  func labelsOfAnySizeAreKept(byteCount: Int) throws {
    let fixture = try TableFixture()
    var series: [IndexedSeries] = []
    for id in 1...5 {
      let labels: Labels = [
        "__name__": "m", "long": String(repeating: "v", count: byteCount) + "\(id)",
        String(repeating: "n", count: min(byteCount, 3000)) + "\(id)": "x",
      ]
      series.append(IndexedSeries(id: SeriesID(UInt64(id)), labels: labels))
    }
    try fixture.insert(series)
    try check(fixture, holds: series)
    try fixture.read { view throws(StorageError) in
      let postings = fixture.index.postings(in: view)
      for one in series {
        let value = one.labels["long"] ?? ""
        #expect(try postings.postings(of: "long", value: value).ids == [one.id])
      }
      let names = try postings.labelNames().sorted()
      #expect(names == Set(series.flatMap { $0.labels.map(\.name) }).sorted())
      let values = try postings.labelValues(of: "long", among: nil).sorted()
      #expect(values == series.compactMap { $0.labels["long"] }.sorted())
    }
    try fixture.write { transaction throws(StorageError) in
      let ids = PostingsList(sorted: series.map(\.id))
      try fixture.index.remove(ids, in: &transaction)
    }
    for name in ["series", "fingerprints", "postings"] {
      #expect(try fixture.entries(of: name).isEmpty)
    }
  }

  @Test(arguments: 0..<2)
  func removedSeriesLeaveNoTrace(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var series = generator.series(count: 800)
    let fixture = try TableFixture()
    try fixture.insert(series)
    while series.isEmpty == false {
      series.shuffle(using: &generator)
      let removed = series.suffix(1 + Int(generator.next() % 400))
      series.removeLast(removed.count)
      try fixture.write { transaction throws(StorageError) in
        try fixture.index.remove(PostingsList(unsorted: removed.map(\.id)), in: &transaction)
      }
      try check(fixture, holds: series)
      let names = try fixture.read { view throws(StorageError) in
        try fixture.index.postings(in: view).labelNames()
      }
      #expect(Set(names) == Set(series.flatMap { $0.labels.map(\.name) }))
    }
    for name in ["series", "fingerprints", "postings"] {
      #expect(try fixture.entries(of: name).isEmpty)
    }
  }

  @Test func valueWithManySeriesKeepsThemAll() throws {
    let fixture = try TableFixture()
    // Every other id, so that no run shortens the list.
    let series = (1...6000).map { number in
      IndexedSeries(
        id: SeriesID(UInt64(number)),
        labels: ["parity": number % 2 == 0 ? "even" : "odd", "number": "\(number % 3000)"])
    }
    for start in stride(from: 0, to: series.count, by: 350) {
      try fixture.insert(Array(series[start..<min(start + 350, series.count)]))
    }
    let removed = series.filter { $0.id.rawValue % 4 == 0 }.map(\.id)
    try fixture.write { transaction throws(StorageError) in
      try fixture.index.remove(PostingsList(sorted: removed), in: &transaction)
    }
    try fixture.read { view throws(StorageError) in
      let postings = fixture.index.postings(in: view)
      for (value, remainder) in [("odd", [1, 3]), ("even", [2])] {
        let expected = series.map(\.id).filter { remainder.contains(Int($0.rawValue % 4)) }
        #expect(try postings.postings(of: "parity", value: value).ids == expected)
      }
      #expect(try postings.postings(of: "number", value: "7").ids.map(\.rawValue) == [7, 3007])
      let numbered = try postings.postings(of: "number") { _ in true }
      #expect(numbered.count == 4500)
    }
  }

  @Test func strangersAreNotFound() throws {
    let fixture = try TableFixture()
    var generator = SeededGenerator(seed: 3)
    try fixture.insert(generator.series(count: 100))
    let stranger: Labels = ["__name__": "stranger"]
    try fixture.read { view throws(StorageError) in
      let index = fixture.index
      #expect(try index.id(of: stranger, hash: index.hash(of: stranger), in: view) == nil)
      #expect(try index.labels(of: SeriesID(1 << 40), in: view) == nil)
      #expect(try index.labels(of: SeriesID(0), in: view) == nil)
      #expect(try index.postings(in: view).postings(of: "job", value: "stranger").isEmpty)
      #expect(try index.postings(in: view).postings(of: "stranger", value: "x").isEmpty)
    }
  }
}
