import LMDB
import SeriesModel
import TestSupport
import Testing

@testable import Storage

@Suite struct IndexResolverTests {
  let fixture: TableFixture
  let series: [IndexedSeries]
  /// The same series in memory; of each label some values are sorted.
  let head: HeadIndex

  init() throws {
    var generator = SeededGenerator(seed: 11)
    fixture = try TableFixture()
    series = generator.series(count: 500)
    try fixture.insert(series)
    var head = HeadIndex(hashSeed: 7)
    for (index, one) in series.enumerated() {
      head.list(one.id, under: head.keep(one.labels))
      if index == 200 || index == 400 {
        for name in Self.names { head.sortValues(of: name) }
      }
    }
    self.head = head
  }

  /// The slow, obvious meaning of a matcher.
  private struct Meaning {
    let matcher: Matcher
    private let expression: Regex<AnyRegexOutput>
    private var known: [String: Bool] = [:]

    init(_ matcher: Matcher) throws {
      self.matcher = matcher
      let isLiteral = matcher.operation == .equal || matcher.operation == .notEqual
      expression = try Regex(isLiteral ? "" : matcher.value).dotMatchesNewlines()
    }

    mutating func selects(_ labels: Labels) -> Bool {
      let value = labels[matcher.name] ?? ""
      switch matcher.operation {
      case .equal: return value == matcher.value
      case .notEqual: return value != matcher.value
      case .matchesRegex: return matchesWhole(value)
      case .notMatchesRegex: return matchesWhole(value) == false
      }
    }

    private mutating func matchesWhole(_ value: String) -> Bool {
      if let known = known[value] { return known }
      let matches = (try? expression.wholeMatch(in: value)) != nil
      known[value] = matches
      return matches
    }
  }

  private func check(_ matchers: [Matcher]) throws {
    var meanings = try matchers.map { try Meaning($0) }
    let expected = series.filter { one in
      meanings.indices.allSatisfy { meanings[$0].selects(one.labels) }
    }
    let resolver = try MatcherResolver(matchers)
    let found = try fixture.read { view throws(StorageError) in
      try resolver.resolve(in: fixture.index.postings(in: view))
    }
    #expect(found.ids == expected.map(\.id), "\(matchers)")
    #expect(try resolver.resolve(in: head).ids == expected.map(\.id), "\(matchers)")
    let selected = series.filter { resolver.selects($0.labels) }
    #expect(selected == expected, "\(matchers)")
  }

  @Test func noMatcherSelectsEverySeries() throws {
    try check([])
  }

  static let texts = [
    "", "metric_3", "job1", "10.0.0.7:9100", "17", "5", "/3/é\u{0}/x", "unheard of",
    "metric_3|job1",
    "metric_(1|2)", "10.+", "metric_1.+", "10.0.0.4.*", "zz.*", "1[0-9]+", "/3/é.*", ".*", ".+",
    "1.*|", "[0-9]+", "metric_1.?", "(?i)JOB.*", "/.*/x", "7|",
  ]
  static let names = ["__name__", "job", "instance", "unique", "le", "path", "absent"]

  @Test(arguments: names)
  func eachMatcherAgreesWithItsMeaning(name: String) throws {
    for text in Self.texts {
      for operation in Matcher.Operation.allCases {
        try check([Matcher(name, operation, text)])
      }
    }
  }

  @Test(arguments: 0..<4)
  func combinationsAgreeWithTheirMeaning(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<30 {
      let count = Int(generator.next() % 4) + 1
      try check(
        (0..<count).map { _ in
          Matcher(
            Self.names.randomElement(using: &generator) ?? "",
            Matcher.Operation.allCases.randomElement(using: &generator) ?? .equal,
            Self.texts.randomElement(using: &generator) ?? "")
        })
    }
  }

  @Test func malformedExpressionIsAnError() {
    let error = #expect(throws: StorageError.self) {
      _ = try MatcherResolver([Matcher("job", .matchesRegex, "a(")])
    }
    #expect(error?.description.contains("a(") == true)
  }

  @Test(arguments: names)
  func labelValuesAreThoseOfTheSeries(name: String) throws {
    let some = Set(series.filter { $0.labels["job"] == "job1" && $0.labels["le"] == "3" }.map(\.id))
    for filter in [nil, some] as [Set<SeriesID>?] {
      let expected = Set(
        series.filter { filter?.contains($0.id) ?? true }.compactMap { $0.labels[name] })
      let values = try fixture.read { view throws(StorageError) in
        try fixture.index.postings(in: view)
          .labelValues(of: name, among: filter.map { SeriesRuns(PostingsList(unsorted: $0)) })
      }
      #expect(values.sorted() == expected.sorted())
    }
  }

  @Test func labelNamesAreThoseOfTheSeries() throws {
    let some = series.filter { $0.labels["path"] == nil && $0.labels["le"] != nil }
    let (all, filtered) = try fixture.read { view throws(StorageError) in
      let postings = fixture.index.postings(in: view)
      return (
        try postings.labelNames(),
        try postings.labelNames(among: SeriesRuns(PostingsList(sorted: some.map(\.id))))
      )
    }
    #expect(all.sorted() == ["__name__", "instance", "job", "le", "path", "unique"])
    #expect(filtered.sorted() == ["__name__", "instance", "job", "le", "unique"])
  }

  @Test func theHeadHasTheSameLabels() throws {
    let some = series.filter { $0.labels["path"] == nil && $0.labels["le"] != nil }
    let filter = SeriesRuns(PostingsList(sorted: some.map(\.id)))
    #expect(
      try head.labelNames(among: filter).sorted()
        == ["__name__", "instance", "job", "le", "unique"])
    #expect(try head.labelNames(among: SeriesRuns()).isEmpty)
    for name in Self.names {
      let expected = Set(some.compactMap { $0.labels[name] })
      #expect(head.labelValues(of: name, among: filter).sorted() == expected.sorted())
    }
  }
}

@Suite struct PostingsUnionTests {
  @Test(
    arguments: [
      [[1, 5, 9], [2, 5], [3]], [[], [], [64, 128], [0]], [[1], [1 << 61], [7, 1 << 40]],
      [[63, 64, 65, 127, 128], [0, 191, 192], [64]],
    ] as [[[UInt64]]])
  func unionHasEachIDOnce(lists: [[UInt64]]) {
    let union = PostingsList.union(of: lists.map { PostingsList(sorted: $0.map(SeriesID.init)) })
    #expect(union.ids.map(\.rawValue) == Set(lists.joined()).sorted())
  }
}
