import PromQL
import PromQLSyntax
import SeriesModel
import TestSupport
import Testing

/// Random queries: the engine, a slow evaluator, and the engine with less
/// cleverness agree.
@Suite struct ReferencePropertyTests {
  private static let times = Array(stride(from: Int64(-20_000), through: 1_400_000, by: 71_000))

  @Test(arguments: 0..<8 as Range<UInt64>)
  func engineEqualsReference(seed: UInt64) throws {
    let store = EquivalencePropertyTests.randomStore(seed: seed)
    let reference = try ReferenceEvaluator(store)
    var queries = RandomReferenceQueries(seed: seed)
    var valueCount = 0
    for _ in 0..<50 {
      let query = queries.query(depth: 3)
      let text = query.description
      let expected = Result { try Self.times.map { try reference.value(of: query, at: $0) } }
      let found = Self.evaluate(text, store)
      switch (expected, found) {
      case (.success(let steps), .success(let value)):
        for (time, elements) in zip(Self.times, steps) {
          valueCount += elements.count
          Self.compare(value.values(at: time), elements, "\(text) at \(time), seed \(seed)")
        }
      case (.failure(is ReferenceEvaluator.Fault), .failure(is QueryError)): break
      default: Issue.record("\(text), seed \(seed): expected \(expected), found \(found)")
      }
    }
    #expect(valueCount > 500)
  }

  @Test(arguments: 100..<104 as Range<UInt64>)
  func everyRewriteGivesTheSame(seed: UInt64) throws {
    let store = EquivalencePropertyTests.randomStore(seed: seed)
    var queries = RandomReferenceQueries(seed: seed, fixedTenths: 6)
    for _ in 0..<50 {
      let text = queries.query(depth: 3).description
      let all = Self.evaluate(text, store)
      for rewrites in [[], .evaluateInvariantsOnce, .shareSelections] as [PlanRewrites] {
        let some = Self.evaluate(text, store, rewrites: rewrites)
        switch (all, some) {
        case (.success(let all), .success(let some)):
          for time in Self.times {
            #expect(all.samples(at: time) == some.samples(at: time), "\(text), \(rewrites)")
          }
        case (.failure(let all), .failure(let some)): #expect("\(all)" == "\(some)")
        default: Issue.record("\(text), seed \(seed), \(rewrites): \(all), \(some)")
        }
      }
    }
  }

  @Test(arguments: 200..<204 as Range<UInt64>)
  func printedQueryIsParsedAsItself(seed: UInt64) throws {
    var queries = RandomReferenceQueries(seed: seed)
    for _ in 0..<100 {
      let text = queries.query(depth: 4).description
      let printed = try Engine().parse(text).description
      #expect(try Engine().parse(printed).description == printed, "\(text)")
    }
  }

  private static func evaluate(
    _ text: String, _ store: InMemoryStore, rewrites: PlanRewrites = .all
  ) -> Result<QueryValue, any Error> {
    var options = EngineOptions()
    options.rewrites = rewrites
    // The reference drops names at once.
    options.usesExperimentalFeatures = false
    return Result {
      try Engine(options: options).rangeQuery(
        text, from: Timestamp(milliseconds: times[0]),
        through: Timestamp(milliseconds: times[times.count - 1]),
        stepMilliseconds: times[1] - times[0], over: store
      ).value
    }
  }

  private static func compare(
    _ found: [Labels: Double], _ expected: [ReferenceEvaluator.Element], _ what: String
  ) {
    #expect(found.count == expected.count, "\(what): \(found), expected \(expected)")
    for element in expected {
      let labels = Labels(element.labels.map { Label($0.key, $0.value) })
      guard let value = found[labels] else {
        Issue.record("\(what): no \(labels)")
        continue
      }
      let isSame =
        value == element.value || value.isNaN && element.value.isNaN
        || (value - element.value).magnitude <= 1e-12 * max(1, element.value.magnitude)
      #expect(isSame, "\(what): \(labels) is \(value), expected \(element.value)")
    }
  }
}

extension QueryValue {
  /// The values of a matrix at `time`, by labels.
  fileprivate func values(at time: Int64) -> [Labels: Double] {
    samples(at: time).mapValues(Double.init(bitPattern:))
  }
}
