/// A regular expression that matches a text from end to end.
///
/// The syntax is RE2's, as in matchers of PromQL: `^(?s:...)$` is implied, so
/// the dot matches newlines too. Time is linear in the text, whatever the
/// expression. Lists of literals, and literals with `.*` and `.+` between them,
/// are compared directly; the rest is compiled by RE2.
///
/// Bytes that are not UTF-8 are matched as if each were U+FFFD.
package struct RegularExpression: Sendable {
  /// The longest expression accepted, in bytes of UTF-8.
  package static let maximumLength = 256 << 10

  /// The expression as it was written.
  package let source: String

  /// The texts the expression matches, if it is a list of literals (`a|b`,
  /// `node(1|2)`): sorted by their bytes, without duplicates.
  package let literalAlternatives: [String]?

  /// What every text the expression matches begins with; nil if nothing is
  /// known. Never empty.
  package let literalPrefix: String?

  /// Whether the expression matches every text. False does not mean that there
  /// is one it doesn't match.
  package let matchesEverything: Bool

  private let matcher: TextMatcher

  /// Compiles `source`, or finds that it need not be.
  ///
  /// - Complexity: O(*n*) in the bytes of `source`; what RE2 compiles holds 8 MiB
  ///   at most.
  package init(_ source: String) throws(RegularExpressionError) {
    try Self.checkLength(of: source)
    self.source = source
    guard let patterns = WildcardParser.patterns(of: source) else {
      matcher = .automaton(try CompiledExpression(source, captures: false))
      literalAlternatives = nil
      literalPrefix = leadingLiteral(of: source)
      matchesEverything = false
      return
    }
    literalPrefix = commonPrefix(of: patterns)
    if let literals = SortedLiterals(patterns) {
      matcher = .literals(literals)
      literalAlternatives = literals.texts
      matchesEverything = false
    } else {
      matcher = .wildcards(patterns)
      literalAlternatives = nil
      matchesEverything = patterns.contains(where: \.matchesEverything)
    }
  }

  /// Whether the expression matches all of `text`.
  package func matches(_ text: String) -> Bool {
    matcher.matches(unsafe text.utf8Span.span.bytes, isValid: true)
  }

  /// Whether the expression matches all of `bytes`, as ``matches(_:)-(String)``
  /// does.
  package func matches(_ bytes: RawSpan) -> Bool {
    matcher.matches(bytes, isValid: false)
  }

  /// Refuses expressions longer than ``maximumLength``.
  static func checkLength(of source: String) throws(RegularExpressionError) {
    let length = source.utf8.count
    guard length <= maximumLength else { throw .tooLong(length: length, limit: maximumLength) }
  }
}

/// The ways to match a text, quickest first.
enum TextMatcher: Sendable {
  case literals(SortedLiterals)
  case wildcards([WildcardPattern])
  case automaton(CompiledExpression)

  /// Whether all of `text` is matched.
  ///
  /// - Parameter isValid: Whether `text` is known to be valid UTF-8.
  func matches(_ text: RawSpan, isValid: Bool) -> Bool {
    switch self {
    case .literals(let literals):
      return literals.contains(text)
    case .wildcards(let patterns):
      for pattern in patterns where pattern.matches(text) { return true }
      return false
    case .automaton(let expression):
      if !isValid, let repaired = repairedUTF8(text) {
        return expression.matches(unsafe repaired.span.bytes)
      }
      return expression.matches(text)
    }
  }
}

/// A set of texts, searched by their bytes.
struct SortedLiterals: Sendable {
  private let literals: [[UInt8]]

  /// Takes the literals of `patterns`; nil if one of them has a gap.
  init?(_ patterns: [WildcardPattern]) {
    var all: [[UInt8]] = []
    all.reserveCapacity(patterns.count)
    for pattern in patterns {
      guard let literal = pattern.literal else { return nil }
      all.append(literal)
    }
    all.sort { $0.lexicographicallyPrecedes($1) }
    var distinct: [[UInt8]] = []
    distinct.reserveCapacity(all.count)
    for literal in all where literal != distinct.last { distinct.append(literal) }
    literals = distinct
  }

  /// The members, sorted by their bytes.
  var texts: [String] { literals.map { String(decoding: $0, as: UTF8.self) } }

  /// Whether `text` is a member.
  ///
  /// - Complexity: O(log *m*) comparisons in the *m* members.
  func contains(_ text: RawSpan) -> Bool {
    var lower = 0
    var upper = literals.count
    while lower < upper {
      let middle = (lower + upper) / 2
      let order = compare(literals[middle], text)
      if order == 0 { return true }
      if order < 0 { lower = middle + 1 } else { upper = middle }
    }
    return false
  }

  /// Less than, equal to or greater than zero, as `literal` sorts before,
  /// with or after `text`.
  private func compare(_ literal: [UInt8], _ text: RawSpan) -> Int {
    for index in 0..<min(literal.count, text.byteCount) {
      let difference = Int(literal[index]) - Int(text.byte(at: index))
      if difference != 0 { return difference }
    }
    return literal.count - text.byteCount
  }
}
