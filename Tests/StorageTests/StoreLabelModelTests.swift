import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// Label queries of a store against a model, after any steps: what a query sees
/// must be of its own snapshot, wherever the series are by then.
@Suite struct StoreLabelModelTests {
  private let directory = TemporaryDirectory("labels")
  private static let step = Window.shortLengthMilliseconds
  private static let series: [Labels] = (0..<150).map { number in
    var labels: Labels = [
      "__name__": "m\(number % 5)", "job": "j\(number % 7)", "uid": "u\(number)",
    ]
    if number % 4 == 0 { labels = labels.setting("zone", to: "z\(number % 3)") }
    return labels
  }
  private static let conditions: [[Matcher]] = [
    [], [Matcher("job", .equal, "j2")], [Matcher("uid", .matchesRegex, "u1.*")],
    [Matcher("zone", .equal, "")],
    [Matcher("__name__", .equal, "m1"), Matcher("zone", .notEqual, "")],
  ]

  /// The times of the samples of each series: one in a window at most, so that
  /// windows are in a range just when their samples are.
  private struct Model {
    var times: [Labels: Set<Int64>] = [:]
    var isDeleted = false

    func series(_ matchers: [Matcher], in range: ClosedRange<Int64>) throws -> [Labels] {
      let resolver = try MatcherResolver(matchers)
      return times.filter { labels, times in
        resolver.selects(labels) && times.contains { range.contains($0) }
      }.keys.sorted()
    }
  }

  private func check(_ store: Store, _ model: Model, _ generator: inout SeededGenerator) throws {
    for matchers in Self.conditions {
      let first = Int64(generator.next() % 12) * Self.step
      let last = first + Int64(generator.next() % 12) * Self.step
      try check(store, model, matchers, first...last)
      try check(store, model, matchers, .min ... .max)
    }
    guard model.isDeleted == false else { return }
    let all = try model.series([], in: .min ... .max)
    #expect(try store.series(of: []) == all)
    #expect(try store.labelValues(of: "uid", in: []) == values(of: "uid", all))
    #expect(try store.labelNames(of: []) == names(all))
  }

  private func check(
    _ store: Store, _ model: Model, _ matchers: [Matcher], _ range: ClosedRange<Int64>
  ) throws {
    let selection = SeriesSelection(
      matchers: matchers, start: Timestamp(milliseconds: range.lowerBound),
      end: Timestamp(milliseconds: range.upperBound))
    let expected = try model.series(matchers, in: range)
    #expect(try store.series(of: [selection]) == expected)
    #expect(try store.labelNames(of: [selection]) == names(expected))
    for name in ["__name__", "uid", "zone", "none"] {
      #expect(try store.labelValues(of: name, in: [selection]) == values(of: name, expected))
    }
    let set = try store.snapshot(of: [selection]).seriesSets[0]
    #expect((0..<set.count).map { set.labels(at: $0) }.sorted() == expected)
  }

  private func names(_ series: [Labels]) -> [String] {
    Set(series.flatMap { $0.map(\.name) }).sorted()
  }

  private func values(of name: String, _ series: [Labels]) -> [String] {
    Set(series.compactMap { $0[name] }).sorted()
  }

  @Test(arguments: 0..<6)
  func labelQueriesAgreeWithAModel(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var store = try Store.open(directory: directory.path("data"))
    var model = Model()
    var time: Int64 = 0
    for _ in 0..<30 {
      switch generator.next() % 10 {
      case 0..<5:
        if time < 10 * Self.step, generator.next() % 2 == 0 { time += Self.step }
        let share = 1 + generator.next() % 8
        for labels in Self.series where generator.next() % share == 0 {
          guard model.times[labels]?.contains(time) != true else { continue }
          try store.append(labels, [(time, 1)])
          model.times[labels, default: []].insert(time)
        }
      case 5..<8:
        try store.sealEverything()
      case 8:
        let condition = Self.conditions[1 + Int(generator.next() % 4)]
        let end = Int64(generator.next() % 12) * Self.step
        _ = try store.delete(
          matching: [condition], from: Timestamp(milliseconds: 0),
          through: Timestamp(milliseconds: end))
        for labels in try model.series(condition, in: 0...end) {
          model.times[labels] = model.times[labels]?.filter { $0 > end }
        }
        model.isDeleted = true
      default:
        try store.close()
        store = try Store.open(directory: directory.path("data"))
      }
      try check(store, model, &generator)
    }
    try store.close()
  }

  @Test func aSnapshotKeepsItsSeries() throws {
    let store = try Store.open(directory: directory.path("data"))
    for labels in Self.series.prefix(50) { try store.append(labels, [(0, 1)]) }
    try store.sealEverything()
    let selection = SeriesSelection(matchers: [], start: .earliest, end: .latest)
    let before = try store.snapshot(of: [selection])
    for labels in Self.series.dropFirst(50) { try store.append(labels, [(Self.step, 1)]) }
    _ = try store.delete(
      matching: [[Matcher("job", .equal, "j2")]], from: .earliest, through: .latest)
    try store.sealEverything()
    let after = try store.samples()
    #expect(try before.samples(ofSelection: 0).count == 50)
    #expect(after.count == Self.series.filter { $0["job"] != "j2" }.count)
    try store.close()
  }
}

@Suite struct LabelCacheTests {
  @Test func whatIsKeptIsBoundedAndRight() {
    var cache = LabelCache()
    func labels(_ number: UInt64) -> Labels { ["number": "\(number)"] }
    for number in 0..<10_000 as Range<UInt64> { cache.insert(labels(number), of: SeriesID(number)) }
    var count = 0
    for number in (0..<10_000 as Range<UInt64>).reversed() {
      guard let found = cache.labels(of: SeriesID(number)) else { continue }
      #expect(found == labels(number))
      count += 1
    }
    #expect((2048...4096).contains(count))
    #expect(cache.labels(of: SeriesID(9999)) == labels(9999))
  }

  @Test func whatIsAskedForStays() {
    var cache = LabelCache()
    cache.insert(["a": "b"], of: SeriesID(1))
    for number in 2..<20_000 as Range<UInt64> {
      if number % 1000 == 0 { #expect(cache.labels(of: SeriesID(1)) == ["a": "b"]) }
      cache.insert(["number": "\(number)"], of: SeriesID(number))
    }
  }

  @Test func longLabelsAreNotKept() {
    var cache = LabelCache()
    cache.insert(["a": String(repeating: "b", count: 2000)], of: SeriesID(1))
    #expect(cache.labels(of: SeriesID(1)) == nil)
  }
}

@Suite struct LabelOrderTests {
  @Test(arguments: 0..<10)
  func keysAreInTheOrderOfLabels(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let texts = ["a", "ab", "a\u{0}", "a\u{0}b", "a\u{1}", "b", "\u{0}", "\u{1}", "\u{2}", "é"]
    let sets = (0..<300).map { _ in
      Labels(
        (0..<generator.next() % 4).map { _ in
          Label(texts.randomElement(using: &generator)!, texts.randomElement(using: &generator)!)
        })
    }
    #expect(sets.sortedByKeys() == sets.sorted())
  }
}
