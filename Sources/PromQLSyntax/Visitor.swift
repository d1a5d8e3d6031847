extension Expression {
  /// The expressions directly below this one, in written order.
  ///
  /// The selector of a range selector is none of them: it can't stand alone.
  package var children: [Expression] {
    switch self {
    case .number, .string, .vectorSelector, .rangeSelector: []
    case .subquery(let node): [node.inner]
    case .call(let node): node.arguments
    case .aggregation(let node): (node.parameter.map { [$0] } ?? []) + [node.operand]
    case .binary(let node): [node.left, node.right]
    case .unary(let node): [node.operand]
    case .parenthesized(let node): [node.inner]
    }
  }

  /// Calls `body` with this expression and all below it, parents first.
  package func forEachNode<Failure: Error>(
    _ body: (Expression) throws(Failure) -> Void
  ) throws(Failure) {
    try body(self)
    for child in children { try child.forEachNode(body) }
  }

  /// The tree with every source range set to `0..<0`, so that trees of
  /// different texts can be compared.
  package var withoutSourceRanges: Expression {
    let nowhere = SourceRange(0, 0)
    switch self {
    case .number(var node):
      node.sourceRange = nowhere
      return .number(node)
    case .string(var node):
      node.sourceRange = nowhere
      return .string(node)
    case .vectorSelector(let node):
      return .vectorSelector(node.withoutSourceRanges)
    case .rangeSelector(let node):
      return .rangeSelector(
        RangeSelector(
          selector: node.selector.withoutSourceRanges, range: node.range.withoutSourceRanges,
          sourceRange: nowhere))
    case .subquery(let node):
      return .subquery(
        Subquery(
          inner: node.inner.withoutSourceRanges, range: node.range.withoutSourceRanges,
          step: node.step?.withoutSourceRanges, modifiers: node.modifiers.withoutSourceRanges,
          sourceRange: nowhere))
    case .call(var node):
      node.arguments = node.arguments.map(\.withoutSourceRanges)
      node.sourceRange = nowhere
      return .call(node)
    case .aggregation(var node):
      node.parameter = node.parameter?.withoutSourceRanges
      node.operand = node.operand.withoutSourceRanges
      node.sourceRange = nowhere
      return .aggregation(node)
    case .binary(var node):
      node.left = node.left.withoutSourceRanges
      node.right = node.right.withoutSourceRanges
      node.sourceRange = nowhere
      return .binary(node)
    case .unary(var node):
      node.operand = node.operand.withoutSourceRanges
      node.sourceRange = nowhere
      return .unary(node)
    case .parenthesized(let node):
      return .parenthesized(
        Parenthesized(inner: node.inner.withoutSourceRanges, sourceRange: nowhere))
    }
  }
}

extension VectorSelector {
  fileprivate var withoutSourceRanges: VectorSelector {
    var node = self
    node.modifiers = modifiers.withoutSourceRanges
    node.sourceRange = SourceRange(0, 0)
    return node
  }
}

extension TimeModifiers {
  fileprivate var withoutSourceRanges: TimeModifiers {
    TimeModifiers(offset: offset?.withoutSourceRanges, at: at)
  }
}

extension DurationExpression {
  fileprivate var withoutSourceRanges: DurationExpression {
    let stripped: Node =
      switch node {
      case .seconds, .step, .range: node
      case .unary(let isNegative, let operand):
        .unary(isNegative: isNegative, operand.withoutSourceRanges)
      case .binary(let operation, let left, let right):
        .binary(operation, left.withoutSourceRanges, right.withoutSourceRanges)
      case .minimum(let first, let second):
        .minimum(first.withoutSourceRanges, second.withoutSourceRanges)
      case .maximum(let first, let second):
        .maximum(first.withoutSourceRanges, second.withoutSourceRanges)
      case .parenthesized(let inner): .parenthesized(inner.withoutSourceRanges)
      }
    return DurationExpression(stripped, sourceRange: SourceRange(0, 0))
  }
}
