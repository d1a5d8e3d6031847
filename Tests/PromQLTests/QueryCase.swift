import PromQL
import PromQLSyntax
import SeriesModel
import TestSupport
import Testing

/// A query over a few series, and what it has to give.
struct QueryCase: CustomTestStringConvertible {
  /// What the case is about, and its name among the others.
  var id: String
  /// One series a line: `name{label="value"} 1 2+1x3 _ stale`, a sample every
  /// minute from 0 on.
  var series: String
  /// The query.
  var query: String
  /// When it is evaluated.
  var time: Time = .instant(0)
  /// The result as ``QueryRunner`` writes it: a line for each series, remarks
  /// behind them; in any order unless ``isOrdered``.
  var expected: String
  /// True when the order of the lines counts.
  var isOrdered = false

  /// When a query is evaluated, in minutes.
  enum Time {
    case instant(Double)
    case range(from: Double, through: Double, step: Double)
  }

  var testDescription: String { id }

  /// Creates a case.
  init(
    _ id: String, series: String = "", query: String, at time: Time = .instant(0),
    gives expected: String, isOrdered: Bool = false
  ) {
    self.id = id
    self.series = series
    self.query = query
    self.time = time
    self.expected = expected
    self.isOrdered = isOrdered
  }

  /// Runs the query and compares.
  func check(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let store = try InMemoryStore(seriesEveryMinute: series)
    let found = QueryRunner(store: store).lines(of: query, at: time)
    let wanted = expected.split(separator: "\n").map(String.init)
    #expect(
      isOrdered ? found == wanted : found.sorted() == wanted.sorted(),
      "\(query) gives \(found)", sourceLocation: sourceLocation)
  }
}

/// Evaluates queries and writes results as text.
struct QueryRunner {
  var engine = Engine()
  let store: InMemoryStore

  /// The result, a line for each series: `name{label="value"} 1 _ 3`, with `_`
  /// for steps without value; then a line for each remark, or for the error.
  func lines(of query: String, at time: QueryCase.Time) -> [String] {
    do {
      switch time {
      case .instant(let minutes):
        let result = try engine.instantQuery(query, at: .minutes(minutes), over: store)
        return lines(of: result, at: [.minutes(minutes)])
      case .range(let from, let through, let step):
        let result = try engine.rangeQuery(
          query, from: .minutes(from), through: .minutes(through),
          stepMilliseconds: Int64(step * 60_000), over: store)
        let times = stride(from: from, through: through, by: step).map(Timestamp.minutes)
        return lines(of: result, at: times)
      }
    } catch {
      return ["error: \(error)"]
    }
  }

  private func lines(of result: QueryResult, at times: [Timestamp]) -> [String] {
    var lines: [String] = []
    switch result.value {
    case .scalar(let sample): lines = ["\(sample.value)"]
    case .string(let text, _): lines = [text.quotedForPromQL]
    case .vector(let elements):
      lines = elements.map { "\($0.labels) \(text(of: $0.sample.value))" }
    case .matrix(let matrix):
      lines = matrix.map { series in
        let columns = series.samples
        guard times.count > 1 else {
          let samples = zip(columns.timestamps, columns.values)
          return "\(series.labels) "
            + samples.map { "\(text(of: $1))@\($0)" }.joined(separator: " ")
        }
        let values = Dictionary(uniqueKeysWithValues: zip(columns.timestamps, columns.values))
        return "\(series.labels) "
          + times.map { values[$0.milliseconds].map(text) ?? "_" }.joined(separator: " ")
      }
    }
    return lines + (result.warnings + result.infos).map(\.description)
  }

  private func text(of value: Double) -> String {
    if value.isNaN { return "NaN" }
    return value == value.rounded() && value.magnitude < 1e15 ? "\(Int64(value))" : "\(value)"
  }
}

extension Timestamp {
  static func minutes(_ minutes: Double) -> Timestamp {
    Timestamp(milliseconds: Int64((minutes * 60_000).rounded()))
  }
}

extension InMemoryStore {
  /// Creates a store with the series of `notation`, one a line; see
  /// ``QueryCase/series``.
  convenience init(seriesEveryMinute notation: String) throws {
    self.init()
    for line in notation.split(separator: "\n") where line.isEmpty == false {
      let end = line.lastIndex(of: "}").map(line.index(after:)) ?? line.firstIndex(of: " ")
      let split = try #require(end)
      let matchers = try Parser.parseMetricSelector(String(line[..<split]))
      let labels = Labels(matchers.map { Label($0.name, $0.value) })
      append(try Self.samples(line[split...].split(separator: " ")), to: labels)
    }
  }

  private static func samples(_ items: [Substring]) throws -> [Sample] {
    var samples: [Sample] = []
    var minute: Int64 = 0
    func add(_ value: Double) {
      samples.append(Sample(milliseconds: minute * 60_000, value: value))
      minute += 1
    }
    for item in items {
      if item == "_" {
        minute += 1
      } else if item == "stale" {
        add(StaleMarker.value)
      } else if let repetition = item.firstIndex(of: "x") {
        // `start+step x count`: a first sample and `count` more.
        let count = try #require(Int(item[item.index(after: repetition)...]))
        let body = item[..<repetition]
        let sign = try #require(body.lastIndex { "+-".contains($0) })
        let first = try #require(Double(body[..<sign]))
        let step = try #require(Double(body[sign...]))
        for index in 0...count { add(first + Double(index) * step) }
      } else {
        add(try #require(Double(item)))
      }
    }
    return samples
  }
}
