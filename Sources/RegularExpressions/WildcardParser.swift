/// Reads the regular expressions that are alternatives of wildcard patterns.
///
/// It knows literals, `\` before punctuation, `.*`, `.+`, `|`, groups without
/// flags, and `^` and `$` at the ends. For anything else, mistakes included, it
/// gives up, and RE2 decides.
struct WildcardParser {
  /// The most bytes and patterns to copy while groups are unfolded, so that
  /// nested groups cost neither time nor memory to speak of.
  private static let workLimit = 1 << 20
  /// The most patterns with gaps worth trying one after the other.
  private static let gapLimit = 16
  /// The deepest nesting of groups.
  private static let depthLimit = 20

  private var rest: Substring.UnicodeScalarView
  private var depth = 0
  private var work = 0

  private init(_ source: String) {
    rest = Substring(source).unicodeScalars
  }

  /// The patterns one of which matches a text exactly when the expression
  /// does; nil if the expression is of another kind.
  static func patterns(of source: String) -> [WildcardPattern]? {
    var parser = WildcardParser(source)
    guard let patterns = parser.alternatives(), parser.rest.isEmpty else { return nil }
    let withGaps = patterns.count { $0.literal == nil }
    return withGaps == 0 || patterns.count <= gapLimit ? patterns : nil
  }

  /// Reads alternatives up to a closing parenthesis or the end.
  private mutating func alternatives() -> [WildcardPattern]? {
    var all: [WildcardPattern] = []
    while true {
      guard let patterns = sequence() else { return nil }
      all += patterns
      guard rest.first == "|" else { return all }
      rest.removeFirst()
    }
  }

  /// Reads what stands between two bars.
  private mutating func sequence() -> [WildcardPattern]? {
    // At the beginning of an alternative of the whole, `^` says what is so
    // anyway; so does `$` at its end.
    if depth == 0, rest.first == "^" { rest.removeFirst() }
    var patterns = [WildcardPattern()]
    while let next = rest.first, next != "|", next != ")" {
      if depth == 0, next == "$" {
        rest.removeFirst()
        guard rest.isEmpty || rest.first == "|" else { return nil }
        break
      }
      guard let items = item(), let product = product(of: patterns, and: items) else {
        return nil
      }
      patterns = product
    }
    return patterns
  }

  /// Reads a run of literal characters, a gap or a group.
  private mutating func item() -> [WildcardPattern]? {
    switch rest.first {
    case "(":
      return group()
    case ".":
      rest.removeFirst()
      guard let quantifier = rest.popFirst(), quantifier == "*" || quantifier == "+",
        !startsWithQuantifier
      else { return nil }
      return [WildcardPattern(steps: [.init(needsCharacter: quantifier == "+", literal: [])])]
    default:
      guard let run = literalRun() else { return nil }
      return [WildcardPattern(prefix: run)]
    }
  }

  private mutating func group() -> [WildcardPattern]? {
    rest.removeFirst()
    if rest.first == "?" {
      guard rest.starts(with: "?:".unicodeScalars) else { return nil }
      rest.removeFirst(2)
    }
    guard depth < Self.depthLimit else { return nil }
    depth += 1
    defer { depth -= 1 }
    guard let patterns = alternatives(), rest.popFirst() == ")", !startsWithQuantifier else {
      return nil
    }
    return patterns
  }

  /// Reads characters that stand for themselves, at least one.
  private mutating func literalRun() -> [UInt8]? {
    var run: [UInt8] = []
    while let scalar = Self.popLiteral(from: &rest) {
      // RE2 sees an invalid byte as the replacement character; a comparison of
      // bytes would not.
      guard !startsWithQuantifier, scalar != "\u{FFFD}" else { return nil }
      run.append(contentsOf: scalar.utf8)
    }
    return run.isEmpty ? nil : run
  }

  private var startsWithQuantifier: Bool {
    guard let next = rest.first else { return false }
    return "*+?{".unicodeScalars.contains(next)
  }

  /// Takes a character that stands for itself off the front of `rest`; nil,
  /// and `rest` unchanged, if there is none.
  static func popLiteral(from rest: inout Substring.UnicodeScalarView) -> Unicode.Scalar? {
    guard let scalar = rest.first else { return nil }
    if scalar == "\\" {
      let afterBackslash = rest.dropFirst()
      guard let escaped = afterBackslash.first, escaped.isPunctuation else { return nil }
      rest = afterBackslash.dropFirst()
      return escaped
    }
    guard !"^$.|?*+()[]{}".unicodeScalars.contains(scalar) else { return nil }
    rest.removeFirst()
    return scalar
  }

  /// Every pattern of `first` followed by every one of `second`; nil if there
  /// are too many.
  private mutating func product(
    of first: [WildcardPattern], and second: [WildcardPattern]
  ) -> [WildcardPattern]? {
    // A long list of literals, alone or in a group, is not copied at all.
    if first == [WildcardPattern()] { return second }
    var all: [WildcardPattern] = []
    for beginning in first {
      for end in second {
        guard let joined = beginning.appending(end) else { return nil }
        work += joined.size
        guard work <= Self.workLimit else { return nil }
        all.append(joined)
      }
    }
    return all
  }
}

extension Unicode.Scalar {
  /// Whether the scalar is ASCII and neither control, blank, letter, digit nor
  /// underscore: what RE2 takes for itself after a backslash.
  fileprivate var isPunctuation: Bool {
    isASCII && value > 0x20 && value != 0x7F && self != "_"
      && !(("0"..."9").contains(self) || ("a"..."z").contains(self) || ("A"..."Z").contains(self))
  }
}
