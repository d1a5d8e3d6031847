/// One operator of a query that was evaluated, and what it cost.
public struct ExplainedOperator: Hashable, Sendable {
  /// What the operator does.
  public var text: String
  /// How many series it gave.
  public var seriesCount: Int
  /// How many values it gave, over all series and steps; of windows how many
  /// samples lie in the time they are laid over.
  public var valueCount: Int
  /// How long it took, its operands included, in nanoseconds.
  public var nanoseconds: UInt64
  /// The operators whose results it read.
  public var operands: [ExplainedOperator]
}
