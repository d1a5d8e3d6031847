/// A duration as a query writes it: a literal, or arithmetic over literals,
/// `step()` and `range()`.
public struct DurationExpression: Hashable, Sendable {
  /// What the duration is made of.
  public indirect enum Node: Hashable, Sendable {
    /// A number of seconds; `isDuration` when written like `5m`.
    case seconds(Double, isDuration: Bool)
    /// `step()`: the query's step in seconds.
    case step
    /// `range()`: the query's end minus its start, in seconds.
    case range
    /// `+x` or `-x`.
    case unary(isNegative: Bool, DurationExpression)
    /// `left op right`.
    case binary(ArithmeticOperator, DurationExpression, DurationExpression)
    /// `min_of(a, b)`.
    case minimum(DurationExpression, DurationExpression)
    /// `max_of(a, b)`.
    case maximum(DurationExpression, DurationExpression)
    /// A duration in parentheses.
    case parenthesized(DurationExpression)
  }

  /// Arithmetic allowed among durations.
  public enum ArithmeticOperator: String, Hashable, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case modulo = "%"
    case power = "^"
  }

  /// The duration's structure.
  public var node: Node
  /// Where the duration stands.
  public var sourceRange: SourceRange

  /// Creates a duration.
  public init(_ node: Node, sourceRange: SourceRange) {
    self.node = node
    self.sourceRange = sourceRange
  }
}
