import PromQLSyntax
import SeriesModel

/// Reads lines such as `name{label="value"} 1 2+1x3 _ stale {{sum:1 count:2}}`.
enum SeriesNotation {
  /// How many values a line may describe.
  static let maximumCount = 1_000_000

  /// The labels, and what follows them.
  static func split(
    _ line: String
  ) throws(NotationError) -> (labels: Labels, values: Substring) {
    let end = endOfSelector(in: line)
    return (try labels(line[..<end]), line[end...])
  }

  /// The values, one for each step; nil for a step without value.
  static func values(_ text: Substring) throws(NotationError) -> [NotedValue?] {
    var values: [NotedValue?] = []
    for item in try items(text) {
      values += try self.values(ofItem: item)
      guard values.count <= maximumCount else {
        throw NotationError("more than \(maximumCount) values in one series")
      }
    }
    return values
  }

  // MARK: Labels

  static func labels(_ text: Substring) throws(NotationError) -> Labels {
    let matchers: [Matcher]
    do throws(ParseError) {
      matchers = try Parser.parseMetricSelector(String(text))
    } catch {
      throw NotationError("\"\(text)\" names no series: \(error)")
    }
    guard matchers.allSatisfy({ $0.operation == .equal }) else {
      throw NotationError("\"\(text)\" names no series: labels are written with \"=\"")
    }
    return Labels(matchers.map { Label($0.name, $0.value) })
  }

  /// Where the values begin: behind the braces, or else behind the name.
  private static func endOfSelector(in line: String) -> String.Index {
    let nameEnd = line.firstIndex { $0.isWhitespace || $0 == "{" } ?? line.endIndex
    guard nameEnd < line.endIndex, line[nameEnd] == "{" else { return nameEnd }
    var quote: Character?
    var isEscaped = false
    for index in line[nameEnd...].indices {
      let character = line[index]
      if isEscaped {
        isEscaped = false
      } else if let open = quote {
        if character == "\\", open != "`" { isEscaped = true }
        if character == open { quote = nil }
      } else if "\"'`".contains(character) {
        quote = character
      } else if character == "}" {
        return line.index(after: index)
      }
    }
    return line.endIndex
  }

  // MARK: Values

  /// The parts between blanks; braces hold blanks together.
  private static func items(_ text: Substring) throws(NotationError) -> [Substring] {
    var items: [Substring] = []
    var rest = text.drop(while: \.isWhitespace)
    while rest.isEmpty == false {
      var end = rest.startIndex
      while end < rest.endIndex, rest[end].isWhitespace == false {
        if rest[end...].hasPrefix("{{") {
          guard let close = rest[end...].firstRange(of: "}}") else {
            throw NotationError("a histogram is not closed by }}")
          }
          end = close.upperBound
        } else {
          end = rest.index(after: end)
        }
      }
      items.append(rest[..<end])
      rest = rest[end...].drop(while: \.isWhitespace)
    }
    return items
  }

  private static func values(ofItem item: Substring) throws(NotationError) -> [NotedValue?] {
    if item == "_" { return [nil] }
    if item.hasPrefix("_x") {
      return Array(repeating: nil, count: try repetitionCount(item.dropFirst(2)))
    }
    if item == "stale" { return [.number(StaleMarker.value)] }
    if item.hasPrefix("{{") { return try HistogramNotation.values(ofItem: item) }
    return try numbers(ofItem: item).map { .number($0) }
  }

  /// `1`, `1x3`, `1+2x3` or `1-2x3`; a repetition has one value more than it
  /// says.
  private static func numbers(ofItem item: Substring) throws(NotationError) -> [Double] {
    let malformed = NotationError("\"\(item)\" is no value")
    let parts = item.split(separator: "x", maxSplits: 1, omittingEmptySubsequences: false)
    let (first, increment) = split(number: parts[0])
    guard var value = scriptNumber(first) else { throw malformed }
    guard parts.count == 2 else {
      guard increment == nil else { throw malformed }
      return [value]
    }
    let count = try repetitionCount(parts[1])
    guard let increment else { return Array(repeating: value, count: count + 1) }
    guard let step = scriptNumber(increment) else { throw malformed }
    var values: [Double] = []
    values.reserveCapacity(count + 1)
    for _ in 0...count {
      values.append(value)
      value += step
    }
    return values
  }

  /// Parts `1e-3+2` at the sign that is neither at the beginning nor in an
  /// exponent.
  private static func split(number: Substring) -> (Substring, increment: Substring?) {
    var previous: Character = "e"
    for index in number.indices {
      let character = number[index]
      if character == "+" || character == "-", previous != "e", previous != "E" {
        return (number[..<index], number[index...])
      }
      previous = character
    }
    return (number, nil)
  }
}
