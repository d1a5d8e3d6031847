import SeriesModel
import Synchronization

/// A store for tests of what reads through ``Queryable``: it keeps samples in
/// arrays and compares every series with every matcher.
package final class InMemoryStore: Queryable {
  private let contents = Mutex<[Labels: SampleColumns]>([:])

  /// Creates an empty store.
  package init() {}

  /// Adds samples to a series; a sample at a known time replaces it.
  package func append(_ samples: [Sample], to labels: Labels) {
    var columns = SampleColumns()
    for sample in samples.sorted(by: { $0.timestamp < $1.timestamp }) {
      columns.append(timestampMilliseconds: sample.timestamp.milliseconds, value: sample.value)
    }
    append(columns, to: labels)
  }

  /// Adds samples to a series; a sample at a known time replaces it.
  package func append(_ samples: SampleColumns, to labels: Labels) {
    contents.withLock { contents in
      let known = contents[labels] ?? SampleColumns()
      var sources: [Int64: (columns: SampleColumns, index: Int)] = [:]
      for columns in [known, samples] {
        for index in 0..<columns.count { sources[columns.timestamps[index]] = (columns, index) }
      }
      var merged = SampleColumns()
      for (_, source) in sources.sorted(by: { $0.key < $1.key }) {
        merged.append(source.columns, at: source.index)
      }
      contents[labels] = merged
    }
  }

  package func snapshot(of selections: [SeriesSelection]) throws -> any QuerySnapshot {
    let contents = contents.withLock { $0 }
    return Snapshot(seriesSets: try selections.map { try Self.select($0, from: contents) })
  }

  package func labelNames(of selections: [SeriesSelection]) throws -> [String] {
    Set(try series(of: selections).flatMap { $0.map(\.name) }).sorted()
  }

  package func labelValues(of name: String, in selections: [SeriesSelection]) throws -> [String] {
    Set(try series(of: selections).compactMap { $0[name] }).sorted()
  }

  package func series(of selections: [SeriesSelection]) throws -> [Labels] {
    let contents = contents.withLock { $0 }
    guard selections.isEmpty == false else { return contents.keys.sorted() }
    let found = try selections.flatMap { try Self.select($0, from: contents).series.map(\.labels) }
    return Set(found).sorted()
  }

  private static func select(
    _ selection: SeriesSelection, from contents: [Labels: SampleColumns]
  ) throws -> Selected {
    let matchers = try selection.matchers.map(CompiledMatcher.init)
    let range =
      selection.start
      .milliseconds...max(
        selection.start.milliseconds, selection.end.milliseconds)
    var series: [(labels: Labels, samples: SampleColumns)] = []
    for (labels, samples) in contents where matchers.allSatisfy({ $0.matches(labels) }) {
      var kept = SampleColumns()
      for index in 0..<samples.count where range.contains(samples.timestamps[index]) {
        kept.append(samples, at: index)
      }
      if kept.isEmpty == false { series.append((labels, kept)) }
    }
    return Selected(series: series.sorted { $0.labels < $1.labels })
  }
}

private final class Snapshot: QuerySnapshot {
  let seriesSets: [any SeriesSet]
  let warnings: [String] = []

  init(seriesSets: [any SeriesSet]) {
    self.seriesSets = seriesSets
  }
}

private struct Selected: SeriesSet {
  let series: [(labels: Labels, samples: SampleColumns)]

  var count: Int { series.count }

  func labels(at index: Int) -> Labels { series[index].labels }

  func makeCursor() -> any SampleCursor { Cursor(self) }

  private final class Cursor: SampleCursor {
    let selected: Selected

    init(_ selected: Selected) {
      self.selected = selected
    }

    func read(seriesAt index: Int, into columns: inout SampleColumns) {
      let samples = selected.series[index].samples
      for sample in 0..<samples.count { columns.append(samples, at: sample) }
    }
  }
}

private struct CompiledMatcher {
  let matcher: Matcher
  let expression: Regex<AnyRegexOutput>?

  init(_ matcher: Matcher) throws {
    self.matcher = matcher
    switch matcher.operation {
    case .equal, .notEqual: expression = nil
    case .matchesRegex, .notMatchesRegex: expression = try Regex(matcher.value)
    }
  }

  func matches(_ labels: Labels) -> Bool {
    let value = labels[matcher.name] ?? ""
    return switch matcher.operation {
    case .equal: value == matcher.value
    case .notEqual: value != matcher.value
    case .matchesRegex: matchesExpression(value)
    case .notMatchesRegex: matchesExpression(value) == false
    }
  }

  private func matchesExpression(_ value: String) -> Bool {
    guard let expression else { return false }
    return value.wholeMatch(of: expression) != nil
  }
}
