extension Expression {
  /// The expression on as many lines as it takes to keep them short: what fits
  /// into ``PrettyPrinter/lineLength`` bytes stays on one line, as
  /// ``description`` has it, and what does not is laid out with its parts
  /// indented, as Prometheus does. Comments are lost.
  ///
  /// - Complexity: O(*n* · *d*) in the length and the depth of the text.
  package var prettyDescription: String {
    PrettyPrinter.text(of: self, level: 0)
  }
}

/// Lays expressions out over lines.
enum PrettyPrinter {
  /// The longest line, in bytes and not counting its indentation, that is left
  /// whole.
  static let lineLength = 100

  /// - Parameter level: How deep the expression is indented.
  fileprivate static func text(of expression: Expression, level: Int) -> String {
    let whole = expression.description
    if whole.utf8.count <= lineLength {
      // Prometheus forgets the indentation of a short subquery.
      if case .subquery = expression { return whole }
      return indentation(level) + whole
    }
    switch expression {
    case .number, .string, .vectorSelector, .rangeSelector:
      return indentation(level) + whole
    case .subquery(let node):
      return text(of: node.inner, level: level)
        + whole.dropFirst(node.inner.description.count)
    case .call(let node):
      return block(node.function.name, node.arguments, level: level)
    case .aggregation(let node):
      let operands = (node.parameter.map { [$0] } ?? []) + [node.operand]
      return block(node.operatorDescription, operands, level: level)
    case .parenthesized(let node):
      return block("", [node.inner], level: level)
    case .binary(let node):
      let left =
        node.unsignedLeftDescription.map { indentation(level + 1) + $0 }
        ?? text(of: node.left, level: level + 1)
      return left + "\n" + indentation(level) + node.operatorDescription + "\n"
        + text(of: node.right, level: level + 1)
    case .unary(let node):
      let operand = text(of: node.operand, level: level).drop { $0 == " " }
      return indentation(level) + (node.isNegation ? "-" : "+") + operand
    }
  }

  /// `head(`, the operands on lines of their own, and `)`.
  private static func block(_ head: String, _ operands: [Expression], level: Int) -> String {
    let lines = operands.map { text(of: $0, level: level + 1) }.joined(separator: ",\n")
    return "\(indentation(level))\(head)(\n\(lines)\n\(indentation(level)))"
  }

  private static func indentation(_ level: Int) -> String {
    String(repeating: "  ", count: level)
  }
}
