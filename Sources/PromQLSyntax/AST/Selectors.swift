import SeriesModel

/// How the samples at a window's edges count.
public enum RangeModifier: String, Hashable, Sendable {
  /// The window's edges take the values of the samples before them.
  case anchored
  /// The window's edges are interpolated between neighbouring samples.
  case smoothed
}

/// The moment that `@` pins a selector to.
public enum AtModifier: Hashable, Sendable {
  /// A fixed moment.
  case timestamp(Timestamp)
  /// `@ start()`: the query's first step.
  case start
  /// `@ end()`: the query's last step.
  case end
}

/// The modifiers that selectors and subqueries share.
public struct TimeModifiers: Hashable, Sendable {
  /// How far back to look; nil without `offset`.
  public var offset: DurationExpression?
  /// The moment to evaluate at, instead of the step's; nil without `@`.
  public var at: AtModifier?

  /// Creates modifiers.
  public init(offset: DurationExpression? = nil, at: AtModifier? = nil) {
    self.offset = offset
    self.at = at
  }
}

/// An instant vector selector: `name{label="value"} offset 5m @ 12`.
public struct VectorSelector: Hashable, Sendable {
  /// The name as written before the braces; empty when there was none.
  public var name: String
  /// All matchers, the one for the name included; in written order.
  public var matchers: [Matcher]
  /// `offset` and `@`.
  public var modifiers: TimeModifiers
  /// `anchored` or `smoothed`, when given.
  public var rangeModifier: RangeModifier?
  /// Where the selector stands.
  public var sourceRange: SourceRange

  /// Creates a selector.
  public init(
    name: String, matchers: [Matcher], modifiers: TimeModifiers = TimeModifiers(),
    rangeModifier: RangeModifier? = nil, sourceRange: SourceRange
  ) {
    self.name = name
    self.matchers = matchers
    self.modifiers = modifiers
    self.rangeModifier = rangeModifier
    self.sourceRange = sourceRange
  }
}

/// A range vector selector: `name[5m]`.
///
/// `offset`, `@`, `anchored` and `smoothed` belong to the ``selector``.
public struct RangeSelector: Hashable, Sendable {
  /// Which series, and from which moment back.
  public var selector: VectorSelector
  /// How far each window reaches back: `(t - range, t]`.
  public var range: DurationExpression
  /// Where the selector stands, brackets and modifiers included.
  public var sourceRange: SourceRange

  /// Creates a range selector.
  public init(selector: VectorSelector, range: DurationExpression, sourceRange: SourceRange) {
    self.selector = selector
    self.range = range
    self.sourceRange = sourceRange
  }
}

/// A subquery: `expression[1h:5m] offset 10m`.
public struct Subquery: Hashable, Sendable {
  /// What is evaluated at each of the subquery's steps.
  public var inner: Expression
  /// How far each window reaches back: `(t - range, t]`.
  public var range: DurationExpression
  /// The distance of the steps; nil for the default.
  public var step: DurationExpression?
  /// `offset` and `@`.
  public var modifiers: TimeModifiers
  /// Where the subquery stands, modifiers included.
  public var sourceRange: SourceRange

  /// Creates a subquery.
  public init(
    inner: Expression, range: DurationExpression, step: DurationExpression?,
    modifiers: TimeModifiers = TimeModifiers(), sourceRange: SourceRange
  ) {
    self.inner = inner
    self.range = range
    self.step = step
    self.modifiers = modifiers
    self.sourceRange = sourceRange
  }
}
