import RegularExpressions
import SeriesModel

/// An inverted index: which series have which label.
///
/// The head keeps one in memory and the store one in tables; queries resolve
/// their matchers against both through this protocol.
package protocol PostingsSource: ~Copyable, ~Escapable {
  /// The series whose label `name` has exactly the value `value`, which is not
  /// empty.
  func postings(of name: String, value: String) throws(StorageError) -> PostingsList

  /// The series that have the label `name` with a value that begins with
  /// `prefix` and for which `isIncluded` holds.
  ///
  /// - Parameters:
  ///   - prefix: UTF-8 bytes; `isIncluded` holds for no value that begins
  ///     otherwise, so that those need not be looked at.
  ///   - isIncluded: Called at most once for each value, with its UTF-8 bytes.
  func postings(
    of name: String, startingWith prefix: [UInt8], whereValue isIncluded: (Span<UInt8>) -> Bool
  ) throws(StorageError) -> PostingsList

  /// Whether any series of `filter` has the label `name`.
  func hasLabel(_ name: String, among filter: SeriesRuns) throws(StorageError) -> Bool

  /// Every series of the index.
  func allSeries() throws(StorageError) -> SeriesRuns

  /// The label names, in any order, each once.
  func labelNames() throws(StorageError) -> [String]

  /// The values of the label `name`, in any order, each once.
  ///
  /// - Parameter filter: When given, only values of these series count.
  func labelValues(of name: String, among filter: SeriesRuns?) throws(StorageError) -> [String]
}

extension PostingsSource where Self: ~Copyable & ~Escapable {
  /// The series that have the label `name` with a value for which `isIncluded`
  /// holds.
  package func postings(
    of name: String, whereValue isIncluded: (Span<UInt8>) -> Bool
  ) throws(StorageError) -> PostingsList {
    try postings(of: name, startingWith: [], whereValue: isIncluded)
  }

  /// Every series of the index, as a list.
  package func allPostings() throws(StorageError) -> PostingsList {
    PostingsList(try allSeries())
  }

  /// The label names of the series in `filter`, in any order, each once.
  package func labelNames(among filter: SeriesRuns) throws(StorageError) -> [String] {
    var names: [String] = []
    guard filter.isEmpty == false else { return [] }
    for name in try labelNames() {
      if try hasLabel(name, among: filter) { names.append(name) }
    }
    return names
  }
}

/// The matchers of one selector, ready to be resolved against any number of
/// indexes.
package struct MatcherResolver: Sendable {
  /// What a label's value must be like.
  private enum Test {
    case anyOf([String])
    case expression(RegularExpression)
  }

  /// One matcher: the test, and whether it must hold or must not.
  private struct Condition {
    let name: String
    let test: Test
    let isNegated: Bool
    /// Whether series without the label are selected.
    let selectsMissing: Bool

    init(_ matcher: Matcher) throws(StorageError) {
      name = matcher.name
      switch matcher.operation {
      case .equal, .notEqual:
        test = .anyOf([matcher.value])
      case .matchesRegex, .notMatchesRegex:
        test = try Condition.test(ofExpression: matcher.value)
      }
      isNegated = matcher.operation == .notEqual || matcher.operation == .notMatchesRegex
      selectsMissing = Condition.holds(test, for: "".utf8.span) != isNegated
    }

    private static func test(ofExpression source: String) throws(StorageError) -> Test {
      do throws(RegularExpressionError) {
        let expression = try RegularExpression(source)
        return expression.literalAlternatives.map { .anyOf($0) } ?? .expression(expression)
      } catch {
        throw .invalidRegex(error)
      }
    }

    private static func holds(_ test: Test, for value: Span<UInt8>) -> Bool {
      switch test {
      case .anyOf(let values):
        for text in values where text.utf8.span.hasSameBytes(as: value) { return true }
        return false
      case .expression(let expression):
        // Safety: bytes have no padding.
        return expression.matches(unsafe value.bytes)
      }
    }

    func selects(_ value: Span<UInt8>) -> Bool {
      Condition.holds(test, for: value) != isNegated
    }

    /// Whether every value is selected, and a missing label too.
    var selectsEverything: Bool {
      guard case .expression(let expression) = test else { return false }
      return isNegated == false && expression.matchesEverything
    }

    /// Whether the values to look up are known.
    var namesValues: Bool {
      if case .anyOf = test { return isNegated == false }
      return false
    }

    /// What every value begins with that passes the test.
    var prefix: [UInt8] {
      guard case .expression(let expression) = test, let prefix = expression.literalPrefix
      else { return [] }
      return Array(prefix.utf8)
    }

    /// Conditions that are cheap and select little come first.
    var rank: Int {
      switch test {
      case .anyOf(let values) where isNegated == false: values.count == 1 ? 0 : 1
      case .expression(let expression) where isNegated == false:
        expression.literalPrefix == nil ? 3 : 2
      default: 4
      }
    }
  }

  private let required: [Condition]
  private let excluding: [Condition]

  /// Compiles the matchers; without any, every series is selected.
  ///
  /// - Throws: ``StorageError`` `invalidRegex`.
  package init(_ matchers: [Matcher]) throws(StorageError) {
    var conditions: [Condition] = []
    for matcher in matchers { conditions.append(try Condition(matcher)) }
    conditions.removeAll(where: \.selectsEverything)
    required = conditions.filter { $0.selectsMissing == false }.sorted { $0.rank < $1.rank }
    excluding = conditions.filter { $0.selectsMissing }
  }

  /// The names of the labels that are looked at.
  package var labelNames: [String] { (required + excluding).map(\.name) }

  /// Whether there is no condition.
  package var selectsEverySeries: Bool { required.isEmpty && excluding.isEmpty }

  /// Whether a series with these labels is selected.
  package func selects(_ labels: Labels) -> Bool {
    for condition in required + excluding {
      var isSelected = condition.selectsMissing
      labels.forEachBytes { name, value in
        if name.hasSameBytes(as: condition.name.utf8.span) {
          isSelected = condition.selects(value)
        }
      }
      if isSelected == false { return false }
    }
    return true
  }

  /// The series of `source` that every matcher selects.
  ///
  /// Series that must have a label are intersected: first the conditions that
  /// name their values, the one with the fewest series in front, then those
  /// that look at values. What the other matchers rule out is subtracted.
  package func resolve<Source: PostingsSource & ~Copyable & ~Escapable>(
    in source: borrowing Source
  ) throws(StorageError) -> PostingsList {
    var named: [PostingsList] = []
    for condition in required where condition.namesValues {
      let list = try postings(where: condition, selects: true, in: source)
      if list.isEmpty { return list }
      named.append(list)
    }
    named.sort { $0.count < $1.count }
    var selected = named.first
    for list in named.dropFirst() { selected = selected?.intersection(list) }
    for condition in required where condition.namesValues == false {
      if selected?.isEmpty == true { break }
      let list = try postings(where: condition, selects: true, in: source)
      selected = selected.map { $0.intersection(list) } ?? list
    }
    if selected?.isEmpty == true { return PostingsList() }
    var result: PostingsList
    if let selected { result = selected } else { result = try source.allPostings() }
    for condition in excluding where result.isEmpty == false {
      result = result.subtracting(try postings(where: condition, selects: false, in: source))
    }
    return result
  }

  /// The series that have the label with a value that the condition selects,
  /// or does not select.
  private func postings<Source: PostingsSource & ~Copyable & ~Escapable>(
    where condition: Condition, selects isWanted: Bool, in source: borrowing Source
  ) throws(StorageError) -> PostingsList {
    if case .anyOf(let values) = condition.test, condition.isNegated != isWanted {
      var lists: [PostingsList] = []
      for value in values where value.isEmpty == false {
        lists.append(try source.postings(of: condition.name, value: value))
      }
      return .union(of: lists)
    }
    let prefix = condition.isNegated == isWanted ? [] : condition.prefix
    return try source.postings(of: condition.name, startingWith: prefix) {
      condition.selects($0) == isWanted
    }
  }
}
