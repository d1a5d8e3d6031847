/// How a query text is read.
package struct ParserOptions: Sendable {
  /// What is known of a regular expression.
  package enum PatternVerdict: Hashable, Sendable {
    /// It can't be compiled; `reason` says why, without the expression.
    case invalid(reason: String)
    /// It matches the empty string.
    case matchesEmpty
    /// It is valid and does not match the empty string.
    case requiresText
  }

  /// Parts of the language that Prometheus hides behind feature flags.
  package struct Features: OptionSet, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) {
      self.rawValue = rawValue
    }

    /// Functions and aggregators marked experimental.
    package static let experimentalFunctions = Features(rawValue: 1)
    /// `anchored` and `smoothed`.
    package static let extendedRangeSelectors = Features(rawValue: 2)
    /// `fill`, `fill_left` and `fill_right`.
    package static let fillModifiers = Features(rawValue: 4)
    /// Everything there is.
    package static let all: Features = [
      .experimentalFunctions, .extendedRangeSelectors, .fillModifiers,
    ]
  }

  /// Judges the regular expression of a matcher.
  package var checkPattern: @Sendable (String) -> PatternVerdict
  /// Which parts of the language are accepted; all by default.
  package var features: Features
  /// The longest query text in UTF-8 bytes; 1 MiB by default, since
  /// dashboards list many values in one regular expression.
  package var maximumByteCount: Int
  /// How many levels an expression may have, by default 128.
  ///
  /// Parentheses, arguments and operands each add one: a chain of *n* equal
  /// operators has *n* levels. Whoever walks a tree may recurse that deep.
  package var maximumDepth: Int

  /// How many levels an expression may have if nothing else is said.
  package static let defaultMaximumDepth = 128

  /// Creates options.
  ///
  /// - Parameter checkPattern: Left out, regular expressions are not checked,
  ///   and each but the empty one counts as requiring text.
  package init(
    features: Features = .all, maximumByteCount: Int = 1 << 20,
    maximumDepth: Int = ParserOptions.defaultMaximumDepth,
    checkPattern: @escaping @Sendable (String) -> PatternVerdict = {
      $0.isEmpty ? .matchesEmpty : .requiresText
    }
  ) {
    self.features = features
    self.maximumByteCount = maximumByteCount
    self.maximumDepth = maximumDepth
    self.checkPattern = checkPattern
  }
}
