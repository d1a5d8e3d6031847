import SeriesModel
import TestSupport

/// Expressions as the reference evaluator knows them: no plan, no grid, every
/// step by itself.
indirect enum ReferenceQuery {
  case selector(ReferenceSelector)
  case window(String, ReferenceWindow)
  case aggregation(String, ReferenceGrouping, ReferenceQuery)
  case scalarOperation(String, returnsBool: Bool, ReferenceQuery, Double, isScalarLeft: Bool)
  case vectorOperation(
    String, returnsBool: Bool, ReferenceMatching, ReferenceQuery, ReferenceQuery)
  case setOperation(String, ReferenceMatching, ReferenceQuery, ReferenceQuery)
}

struct ReferenceSelector {
  var name: String
  /// Labels that are to be equal.
  var labels: [String: String]
  var time: ReferenceTimeShift
}

/// `offset` and `@`, in milliseconds.
struct ReferenceTimeShift {
  var offset: Int64 = 0
  var at: Int64?

  func apply(to time: Int64) -> Int64 { (at ?? time) - offset }
}

/// A range vector, with its length in milliseconds.
enum ReferenceWindow {
  case samples(ReferenceSelector, range: Int64)
  case subquery(ReferenceQuery, range: Int64, step: Int64, ReferenceTimeShift)
}

enum ReferenceGrouping {
  case by([String])
  case without([String])

  func key(of labels: [String: String]) -> [String: String] {
    switch self {
    case .by(let names): labels.filter { names.contains($0.key) }
    case .without(let names):
      labels.filter { names.contains($0.key) == false && $0.key != "__name__" }
    }
  }
}

struct ReferenceMatching {
  var grouping: ReferenceGrouping
  /// Which side may have several series of a group; nil for neither.
  var many: Side?
  var included: [String] = []

  enum Side: String { case left, right }
}

/// A slow evaluator that follows the words of the documentation.
struct ReferenceEvaluator {
  struct Series {
    var labels: [String: String]
    var samples: [Sample]
  }

  /// A series at one moment.
  struct Element {
    var labels: [String: String]
    var value: Double
  }

  /// What a query may not do.
  struct Fault: Error {}

  let series: [Series]
  static let lookback: Int64 = 300_000

  init(_ store: InMemoryStore) throws {
    series = try store.series(of: []).map { labels in
      Series(
        labels: Dictionary(uniqueKeysWithValues: labels.map { ($0.name, $0.value) }),
        samples: try store.samples(of: labels))
    }
  }

  func value(of query: ReferenceQuery, at time: Int64) throws -> [Element] {
    let elements: [Element]
    switch query {
    case .selector(let selector):
      elements = selected(by: selector).compactMap { series in
        newest(of: series, at: selector.time.apply(to: time)).map {
          Element(labels: series.labels, value: $0)
        }
      }
    case .window(let function, let window):
      elements = try windows(of: window, at: time).compactMap { series, start, end in
        let value = ReferenceFunctions.value(
          of: function, over: series.samples, start: start, end: end)
        let keepsName = function == "last_over_time"
        return value.map {
          Element(labels: keepsName ? series.labels : nameless(series.labels), value: $0)
        }
      }
    case .aggregation(let name, let grouping, let operand):
      var groups: [[String: String]: [Double]] = [:]
      for element in try value(of: operand, at: time) {
        groups[grouping.key(of: element.labels), default: []].append(element.value)
      }
      elements = groups.map {
        Element(labels: $0, value: ReferenceFunctions.aggregate(name, of: $1))
      }
    case .scalarOperation(let name, let returnsBool, let operand, let scalar, let isScalarLeft):
      elements = try value(of: operand, at: time).compactMap { element in
        let (left, right) = isScalarLeft ? (scalar, element.value) : (element.value, scalar)
        return result(
          of: name, left, right, kept: element.value, returnsBool: returnsBool
        ).map { value in
          let keepsName = ReferenceFunctions.isComparison(name) && returnsBool == false
          return Element(
            labels: keepsName ? element.labels : nameless(element.labels), value: value)
        }
      }
    case .vectorOperation(let name, let returnsBool, let matching, let left, let right):
      elements = try match(
        name, returnsBool, matching, value(of: left, at: time), value(of: right, at: time))
    case .setOperation(let name, let matching, let left, let right):
      let left = try value(of: left, at: time)
      let right = try value(of: right, at: time)
      func groups(_ elements: [Element]) -> Set<[String: String]> {
        Set(elements.map { matching.grouping.key(of: $0.labels) })
      }
      func isIn(_ element: Element, _ other: Set<[String: String]>) -> Bool {
        other.contains(matching.grouping.key(of: element.labels))
      }
      switch name {
      case "and": elements = left.filter { isIn($0, groups(right)) }
      case "unless": elements = left.filter { isIn($0, groups(right)) == false }
      default: elements = left + right.filter { isIn($0, groups(left)) == false }
      }
    }
    guard Set(elements.map(\.labels)).count == elements.count else { throw Fault() }
    // In one order always, so that sums are too.
    return elements.sorted { text(of: $0.labels) < text(of: $1.labels) }
  }

  private func nameless(_ labels: [String: String]) -> [String: String] {
    labels.filter { $0.key != "__name__" }
  }

  private func text(of labels: [String: String]) -> String {
    labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
  }

  // MARK: Selectors

  private func selected(by selector: ReferenceSelector) -> [Series] {
    series.filter { series in
      series.labels["__name__"] == selector.name
        && selector.labels.allSatisfy { series.labels[$0.key] == $0.value }
    }
  }

  private func newest(of series: Series, at time: Int64) -> Double? {
    let last = series.samples.last {
      $0.timestamp.milliseconds <= time && $0.timestamp.milliseconds > time - Self.lookback
    }
    return last?.value.isStaleMarker == false ? last?.value : nil
  }

  private func windows(
    of window: ReferenceWindow, at time: Int64
  ) throws -> [(Series, start: Int64, end: Int64)] {
    switch window {
    case .samples(let selector, let range):
      let end = selector.time.apply(to: time)
      return selected(by: selector).map { series in
        let inside = series.samples.filter {
          $0.timestamp.milliseconds > end - range && $0.timestamp.milliseconds <= end
            && $0.value.isStaleMarker == false
        }
        return (Series(labels: series.labels, samples: inside), end - range, end)
      }
    case .subquery(let inner, let range, let step, let shift):
      let end = shift.apply(to: time)
      var found: [[String: String]: [Sample]] = [:]
      for moment in (end - range + 1)...end where moment % step == 0 {
        for element in try value(of: inner, at: moment) {
          found[element.labels, default: []].append(
            Sample(milliseconds: moment, value: element.value))
        }
      }
      return found.map { (Series(labels: $0, samples: $1), end - range, end) }
    }
  }

  // MARK: Operators

  private func result(
    of name: String, _ left: Double, _ right: Double, kept: Double, returnsBool: Bool
  ) -> Double? {
    guard ReferenceFunctions.isComparison(name) else {
      return ReferenceFunctions.arithmetic(name, left, right)
    }
    let holds = ReferenceFunctions.compare(name, left, right)
    if returnsBool { return holds ? 1 : 0 }
    return holds ? kept : nil
  }

  private func match(
    _ name: String, _ returnsBool: Bool, _ matching: ReferenceMatching, _ left: [Element],
    _ right: [Element]
  ) throws -> [Element] {
    if left.isEmpty || right.isEmpty { return [] }
    let isSwapped = matching.many == .right
    let (many, one) = isSwapped ? (right, left) : (left, right)
    var partners: [[String: String]: Element] = [:]
    for element in one {
      let key = matching.grouping.key(of: element.labels)
      guard partners.updateValue(element, forKey: key) == nil else { throw Fault() }
    }
    var matched: Set<[String: String]> = []
    var candidates: Set<[String: String]> = []
    var elements: [Element] = []
    for element in many {
      let key = matching.grouping.key(of: element.labels)
      guard let partner = partners[key] else { continue }
      if matched.insert(key).inserted == false, matching.many == nil { throw Fault() }
      var labels = element.labels
      if returnsBool || ReferenceFunctions.isComparison(name) == false {
        labels = nameless(labels)
      }
      if matching.many == nil {
        switch matching.grouping {
        case .by: labels = key
        case .without(let names): labels = labels.filter { names.contains($0.key) == false }
        }
      }
      for label in matching.included { labels[label] = partner.labels[label] }
      guard matching.many == nil || candidates.insert(labels).inserted else { throw Fault() }
      let (first, second) =
        isSwapped ? (partner.value, element.value) : (element.value, partner.value)
      if let value = result(of: name, first, second, kept: first, returnsBool: returnsBool) {
        elements.append(Element(labels: labels, value: value))
      }
    }
    return elements
  }
}

/// Functions of windows and groups, each written down plainly.
enum ReferenceFunctions {
  static func isComparison(_ name: String) -> Bool {
    ["==", "!=", ">", "<", ">=", "<="].contains(name)
  }

  static func compare(_ name: String, _ left: Double, _ right: Double) -> Bool {
    switch name {
    case "==": left == right
    case "!=": left != right
    case ">": left > right
    case "<": left < right
    case ">=": left >= right
    default: left <= right
    }
  }

  static func arithmetic(_ name: String, _ left: Double, _ right: Double) -> Double {
    switch name {
    case "+": left + right
    case "-": left - right
    case "*": left * right
    case "/": left / right
    default: left.truncatingRemainder(dividingBy: right)
    }
  }

  static func aggregate(_ name: String, of values: [Double]) -> Double {
    switch name {
    case "sum": sum(values)
    case "avg": sum(values) / Double(values.count)
    case "min": values.filter { $0.isNaN == false }.min() ?? .nan
    case "max": values.filter { $0.isNaN == false }.max() ?? .nan
    case "count": Double(values.count)
    case "group": 1
    default: preconditionFailure("no aggregation \(name)")
    }
  }

  static func value(
    of function: String, over samples: [Sample], start: Int64, end: Int64
  ) -> Double? {
    guard let last = samples.last else { return nil }
    let values = samples.map(\.value)
    switch function {
    case "rate":
      return change(samples, start: start, end: end, isCounter: true).map {
        $0 / (Double(end - start) / 1000)
      }
    case "increase": return change(samples, start: start, end: end, isCounter: true)
    case "delta": return change(samples, start: start, end: end, isCounter: false)
    case "last_over_time": return last.value
    default:
      let name = function.split(separator: "_")[0]
      return aggregate(String(name), of: values)
    }
  }

  /// The difference of the last and the first value, less what resets took away,
  /// as if it went on up to the edges of the window or half an interval beyond
  /// the samples.
  private static func change(
    _ samples: [Sample], start: Int64, end: Int64, isCounter: Bool
  ) -> Double? {
    guard samples.count > 1 else { return nil }
    let seconds = samples.map { Double($0.timestamp.milliseconds) / 1000 }
    let values = samples.map(\.value)
    var gain = values[values.count - 1] - values[0]
    if isCounter {
      for (earlier, later) in zip(values, values.dropFirst()) where later < earlier {
        gain += earlier
      }
    }
    let covered = seconds[seconds.count - 1] - seconds[0]
    let interval = covered / Double(samples.count - 1)
    var before = seconds[0] - Double(start) / 1000
    var after = Double(end) / 1000 - seconds[seconds.count - 1]
    if before >= interval * 1.1 { before = interval / 2 }
    if isCounter, gain > 0, values[0] >= 0 { before = min(before, covered * values[0] / gain) }
    if after >= interval * 1.1 { after = interval / 2 }
    return gain * (covered + before + after) / covered
  }

  /// The sum, from the smallest to the largest magnitude, so that little is
  /// rounded off.
  private static func sum(_ values: [Double]) -> Double {
    values.sorted { $0.magnitude < $1.magnitude }.reduce(0, +)
  }
}
