import SeriesModel

/// A piece of the query text, as the lexer cuts it.
struct Token: Hashable, Sendable {
  /// What the piece is.
  var kind: TokenKind
  /// Where it stands.
  var range: SourceRange
}

/// What a token is. Words that mean something are recognized in any case.
enum TokenKind: Hashable, Sendable {
  case endOfInput
  /// A name without a colon that is no keyword.
  case identifier
  /// A name with a colon.
  case metricIdentifier
  case number
  case duration
  /// A string literal with its quotes.
  case string
  case leftParenthesis
  case rightParenthesis
  case leftBrace
  case rightBrace
  case leftBracket
  case rightBracket
  case comma
  case colon
  /// `=`, as matchers use it.
  case equalSign
  /// `=~`.
  case matchesRegex
  /// `!~`.
  case notMatchesRegex
  case at
  /// `+` and `-` are here even where they are signs, and `!=` where it stands
  /// in a matcher.
  case binaryOperator(BinaryOperator)
  case aggregator(AggregationOperator)
  case keyword(Keyword)
}

/// A word with a meaning of its own outside braces.
enum Keyword: String, Hashable, Sendable, CaseIterable {
  case offset, anchored, smoothed, by, without, on, ignoring, bool, fill
  case groupLeft = "group_left"
  case groupRight = "group_right"
  case fillLeft = "fill_left"
  case fillRight = "fill_right"
  case start, end, step, range
  case minimumOf = "min_of"
  case maximumOf = "max_of"

  /// True where the word before `(` is the name of a function.
  var isFunctionName: Bool {
    switch self {
    case .start, .end, .step, .range, .minimumOf, .maximumOf: true
    default: false
    }
  }

  /// True where the word may be the name of a metric.
  var isMetricName: Bool {
    switch self {
    case .on, .ignoring, .bool, .groupLeft, .groupRight: false
    default: true
    }
  }

  /// True where the word may be a label in `by (...)` and the like.
  var isLabelName: Bool { self != .without }
}

extension TokenKind {
  /// What the words of PromQL mean, in lower case.
  private static let words: [String: TokenKind] = {
    var words: [String: TokenKind] = ["inf": .number, "nan": .number]
    for keyword in Keyword.allCases { words[keyword.rawValue] = .keyword(keyword) }
    for aggregator in AggregationOperator.allCases {
      words[aggregator.rawValue] = .aggregator(aggregator)
    }
    for operation in [BinaryOperator.and, .or, .unless, .atan2] {
      words[operation.rawValue] = .binaryOperator(operation)
    }
    return words
  }()

  /// The longest word that means something has 12 letters: `count_values`.
  private static let longestWord = 12

  /// What `word`, a name outside braces, means.
  init(word: String) {
    if word.utf8.count <= Self.longestWord, let kind = Self.words[word.lowercased()] {
      self = kind
    } else {
      self = word.utf8.contains(UInt8(ascii: ":")) ? .metricIdentifier : .identifier
    }
  }

  /// True for `+` and `-`.
  var isSign: Bool { self == .binaryOperator(.add) || self == .binaryOperator(.subtract) }

  /// The matcher's operation; nil for tokens that are none.
  var matchOperation: Matcher.Operation? {
    switch self {
    case .equalSign: .equal
    case .binaryOperator(.notEqual): .notEqual
    case .matchesRegex: .matchesRegex
    case .notMatchesRegex: .notMatchesRegex
    default: nil
    }
  }

  /// True where a token may be the name of a metric, written without braces.
  var isMetricName: Bool {
    switch self {
    case .identifier, .metricIdentifier, .aggregator: true
    case .keyword(let keyword): keyword.isMetricName
    case .binaryOperator(let operation): operation.isSetOperator
    default: false
    }
  }

  /// True where a token may be a label in `by (...)` and the like.
  var isLabelName: Bool {
    switch self {
    case .identifier, .metricIdentifier, .aggregator: true
    case .keyword(let keyword): keyword.isLabelName
    case .binaryOperator(let operation): operation.isSetOperator || operation == .atan2
    default: false
    }
  }

  /// True for what an expression may begin with.
  var startsExpression: Bool {
    switch self {
    case .number, .duration, .string, .leftParenthesis, .leftBrace: true
    default: isSign || isMetricName
    }
  }

  /// The token as messages name it, given how it is written.
  func description(of text: String) -> String {
    switch self {
    case .endOfInput: "end of input"
    case .identifier: "identifier \(text.quotedForPromQL)"
    case .metricIdentifier: "metric identifier \(text.quotedForPromQL)"
    case .number: "number \(Self.shortened(text))"
    case .duration: "duration \(Self.shortened(text))"
    case .string: "string \(Self.shortened(text))"
    case .binaryOperator, .matchesRegex, .notMatchesRegex, .at: "<op:\(text)>"
    case .aggregator: "<aggr:\(text)>"
    case .keyword(let keyword) where keyword.isFunctionName: text.quotedForPromQL
    case .keyword: "<\(text)>"
    default: text.quotedForPromQL
    }
  }

  /// The text in quotes, cut after ten characters.
  private static func shortened(_ text: String) -> String {
    guard text.utf8.count > 10 else { return text.quotedForPromQL }
    var head = String.UnicodeScalarView()
    head.append(contentsOf: text.unicodeScalars.prefix(10))
    return String(head).quotedForPromQL + "..."
  }
}
