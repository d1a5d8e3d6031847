import PromQLSyntax

extension Expression {
  /// The expression inside any parentheses around it.
  var withoutParentheses: Expression {
    var expression = self
    while case .parenthesized(let node) = expression { expression = node.inner }
    return expression
  }

  /// The expressions directly below this one, in the order of the text.
  var children: [Expression] {
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

  /// The expression and all below it, each before what it holds.
  var preorder: [Expression] {
    var found: [Expression] = []
    var pending = [self]
    while let next = pending.popLast() {
      found.append(next)
      pending.append(contentsOf: next.children.reversed())
    }
    return found
  }

  /// True when the expression gives the same at every step, or is to.
  var isStepInvariant: Bool {
    switch self {
    case .number, .string: true
    case .vectorSelector(let node): node.modifiers.at != nil
    case .rangeSelector(let node): node.selector.modifiers.at != nil
    case .subquery(let node): node.modifiers.at != nil
    case .call(let node):
      FunctionRegistry.standard[node.function.name]?.dependsOnTime == false
        && node.arguments.allSatisfy(\.isStepInvariant)
    case .aggregation(let node): node.operand.isStepInvariant
    case .binary, .unary, .parenthesized: children.allSatisfy(\.isStepInvariant)
    }
  }

  /// True for an aggregation whose parameter would change from step to step, if
  /// the operand did not decide: over a fixed operand the parameter of the first
  /// step counts at all of them, as in Prometheus.
  var takesFirstParameter: Bool {
    guard case .aggregation(let node) = self else { return false }
    return node.operand.isStepInvariant && node.parameter?.isStepInvariant == false
  }

  /// False for literals, which cost nothing, and for range vectors, which are
  /// part of a call.
  var isWorthEvaluatingOnce: Bool {
    switch self {
    case .number, .string, .rangeSelector, .subquery: false
    case .vectorSelector, .call, .aggregation, .binary, .unary, .parenthesized: true
    }
  }
}
