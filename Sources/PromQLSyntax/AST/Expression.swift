/// A node of a parsed query.
///
/// The tree is immutable: evaluation makes plans from it and never changes it.
/// Each node knows the range of the text it was parsed from.
public indirect enum Expression: Hashable, Sendable {
  case number(NumberLiteral)
  case string(StringLiteral)
  case vectorSelector(VectorSelector)
  case rangeSelector(RangeSelector)
  case subquery(Subquery)
  case call(FunctionCall)
  case aggregation(Aggregation)
  case binary(BinaryOperation)
  case unary(UnaryOperation)
  case parenthesized(Parenthesized)

  /// Where the expression stands in the query text.
  public var sourceRange: SourceRange {
    switch self {
    case .number(let node): node.sourceRange
    case .string(let node): node.sourceRange
    case .vectorSelector(let node): node.sourceRange
    case .rangeSelector(let node): node.sourceRange
    case .subquery(let node): node.sourceRange
    case .call(let node): node.sourceRange
    case .aggregation(let node): node.sourceRange
    case .binary(let node): node.sourceRange
    case .unary(let node): node.sourceRange
    case .parenthesized(let node): node.sourceRange
    }
  }

  /// The type of the expression's value.
  public var valueType: ValueType {
    switch self {
    case .number: .scalar
    case .string: .string
    case .vectorSelector, .aggregation: .instantVector
    case .rangeSelector, .subquery: .rangeVector
    case .call(let node): node.function.returnType
    case .binary(let node):
      node.left.valueType == .scalar && node.right.valueType == .scalar
        ? .scalar : .instantVector
    case .unary(let node): node.operand.valueType
    case .parenthesized(let node): node.inner.valueType
    }
  }
}
