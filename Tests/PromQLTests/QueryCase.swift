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
  /// minute from 0 on; `{{...}}` is a histogram as ``HistogramNotation`` reads
  /// it, and `value@-30` has a start timestamp 30 seconds before its time.
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
  func check(
    with engine: Engine = Engine(), sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let store = try InMemoryStore(seriesEveryMinute: series)
    let found = QueryRunner(engine: engine, store: store).lines(of: query, at: time)
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
      lines = elements.map { element in
        "\(element.labels) "
          + (element.histogram.map(HistogramNotation.text) ?? text(of: element.sample.value))
      }
    case .matrix(let matrix):
      lines = matrix.map { series in
        let columns = series.samples
        guard times.count > 1 else {
          let samples = (0..<columns.count).map {
            "\(text(of: columns, at: $0))@\(columns.timestamps[$0])"
          }
          return "\(series.labels) " + samples.joined(separator: " ")
        }
        let indices = Dictionary(
          uniqueKeysWithValues: columns.timestamps.enumerated().map { ($1, $0) })
        return "\(series.labels) "
          + times.map { indices[$0.milliseconds].map { text(of: columns, at: $0) } ?? "_" }
          .joined(separator: " ")
      }
    }
    return lines + (result.warnings + result.infos).map(\.description)
  }

  private func text(of columns: SampleColumns, at index: Int) -> String {
    columns.histogram(at: index).map(HistogramNotation.text) ?? text(of: columns.values[index])
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
      let blank = try #require(line.firstIndex(of: " "))
      let hasLabels = line[..<blank].contains("{")
      let labelsEnd = hasLabels ? line.firstRange(of: "} ")?.lowerBound : nil
      let split = labelsEnd.map(line.index(after:)) ?? blank
      let matchers = try Parser.parseMetricSelector(String(line[..<split]))
      let labels = Labels(matchers.map { Label($0.name, $0.value) })
      append(try Self.samples(Self.items(line[split...])), to: labels)
    }
  }

  /// The parts between blanks; a histogram is one part.
  private static func items(_ text: Substring) -> [Substring] {
    var items: [Substring] = []
    var rest = text.drop { $0 == " " }
    while rest.isEmpty == false {
      let end: Substring.Index
      if rest.hasPrefix("{{"), let braces = rest.firstRange(of: "}}") {
        end = rest[braces.upperBound...].firstIndex(of: " ") ?? rest.endIndex
      } else {
        end = rest.firstIndex(of: " ") ?? rest.endIndex
      }
      items.append(rest[..<end])
      rest = rest[end...].drop { $0 == " " }
    }
    return items
  }

  private static func samples(_ items: [Substring]) throws -> SampleColumns {
    var samples = SampleColumns()
    var minute: Int64 = 0
    func add(_ value: Double, start: Int64 = 0) {
      samples.append(
        timestampMilliseconds: minute * 60_000, value: value, startTimestampMilliseconds: start)
      minute += 1
    }
    for item in items {
      let parts = item.split(separator: "@")
      var start: Int64 = 0
      if parts.count == 2 { start = minute * 60_000 + Int64(try #require(Int(parts[1]))) * 1000 }
      let item = parts[0]
      if item == "_" {
        minute += 1
      } else if item == "stale" {
        add(StaleMarker.value)
      } else if item.hasPrefix("{{") {
        samples.append(
          timestampMilliseconds: minute * 60_000, histogram: try HistogramNotation.parse(item),
          startTimestampMilliseconds: start)
        minute += 1
      } else if let repetition = item.firstIndex(of: "x") {
        // `start+step x count`: a first sample and `count` more.
        let count = try #require(Int(item[item.index(after: repetition)...]))
        let body = item[..<repetition]
        let sign = try #require(body.lastIndex { "+-".contains($0) })
        let first = try #require(Double(body[..<sign]))
        let step = try #require(Double(body[sign...]))
        for index in 0...count { add(first + Double(index) * step) }
      } else {
        add(try #require(Double(item)), start: start)
      }
    }
    return samples
  }
}

/// Histograms as text, in the tests' own short form: `{{count=3 sum=4.5
/// schema=1 zero=0.001:2 p=0:1,2:3 n=1:1 bounds=5,10 hint=gauge}}`.
///
/// `p` and `n` are the positive and the negative buckets, `index:count`.
enum HistogramNotation {
  static func parse(_ text: Substring) throws -> NativeHistogram {
    var histogram = NativeHistogram()
    for field in text.dropFirst(2).dropLast(2).split(separator: " ") {
      let parts = field.split(separator: "=", maxSplits: 1)
      let value = try #require(parts.count == 2 ? parts[1] : nil)
      switch parts[0] {
      case "count": histogram.count = try #require(Double(value))
      case "sum": histogram.sum = try #require(Double(value))
      case "schema": histogram.schema = try #require(Int(value))
      case "zero":
        let numbers = value.split(separator: ":").compactMap { Double($0) }
        histogram.zeroThreshold = numbers[0]
        histogram.zeroCount = numbers[1]
      case "p": histogram.positiveBuckets = try buckets(value)
      case "n": histogram.negativeBuckets = try buckets(value)
      case "bounds":
        histogram.schema = NativeHistogram.customBoundsSchema
        histogram.customBounds = value.split(separator: ",").compactMap { Double($0) }
      case "hint":
        switch value {
        case "gauge": histogram.counterResetHint = .gauge
        case "reset": histogram.counterResetHint = .reset
        default: histogram.counterResetHint = .notReset
        }
      default: Issue.record("unknown field \(field)")
      }
    }
    return histogram
  }

  private static func buckets(_ text: Substring) throws -> HistogramBuckets {
    var buckets = HistogramBuckets()
    for item in text.split(separator: ",") {
      let parts = item.split(separator: ":")
      buckets.append(
        index: try #require(Int32(parts[0])), count: try #require(Double(parts[1])))
    }
    return buckets
  }

  /// The text of a histogram without its hint.
  static func text(of histogram: NativeHistogram) -> String {
    var fields = ["count=\(short(histogram.count))", "sum=\(short(histogram.sum))"]
    if histogram.hasCustomBounds {
      fields.append("bounds=" + histogram.customBounds.map(short).joined(separator: ","))
    } else if histogram.schema != 0 {
      fields.append("schema=\(histogram.schema)")
    }
    if histogram.zeroThreshold != 0 || histogram.zeroCount != 0 {
      fields.append("zero=\(short(histogram.zeroThreshold)):\(short(histogram.zeroCount))")
    }
    for (name, buckets) in [("p", histogram.positiveBuckets), ("n", histogram.negativeBuckets)]
    where buckets.isEmpty == false {
      let items = zip(buckets.indices, buckets.counts).map { "\($0):\(short($1))" }
      fields.append("\(name)=" + items.joined(separator: ","))
    }
    return "{{" + fields.joined(separator: " ") + "}}"
  }

  private static func short(_ value: Double) -> String {
    value == value.rounded() && value.magnitude < 1e15 ? "\(Int64(value))" : "\(value)"
  }
}
