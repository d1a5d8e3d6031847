import Numbers
import PromQLSyntax
import SeriesModel

extension JSONWriter {
  /// Writes a syntax tree as Prometheus's web interface reads it, members in
  /// alphabetical order.
  ///
  /// Durations are in milliseconds, and 0 where they must be computed.
  mutating func write(_ expression: Expression) {
    object { json in
      switch expression {
      case .number(let node):
        json.member("type", "numberLiteral")
        json.member("val", floatText(node.value, as: .decimal))
      case .string(let node):
        json.member("type", "stringLiteral")
        json.member("val", node.value)
      case .vectorSelector(let node): json.writeMembers(of: node, range: nil)
      case .rangeSelector(let node): json.writeMembers(of: node.selector, range: node.range)
      case .subquery(let node): json.writeMembers(of: node)
      case .call(let node): json.writeMembers(of: node)
      case .aggregation(let node): json.writeMembers(of: node)
      case .binary(let node): json.writeMembers(of: node)
      case .unary(let node):
        json.member("expr", node.operand)
        json.member("op", node.isNegation ? "-" : "+")
        json.member("type", "unaryExpr")
      case .parenthesized(let node):
        json.member("expr", node.inner)
        json.member("type", "parenExpr")
      }
    }
  }

  private mutating func member(_ name: String, _ expression: Expression?) {
    self.name(name)
    if let expression {
      write(expression)
    } else {
      raw("null")
    }
  }

  private mutating func writeMembers(of node: VectorSelector, range: DurationExpression?) {
    member("anchored", node.rangeModifier == .anchored)
    name("matchers")
    array { json in
      // Prometheus has the name that stands before the braces last.
      let isName = { (matcher: Matcher) in
        node.name.isEmpty == false
          && matcher == Matcher(LabelName.metricName, .equal, node.name)
      }
      for matcher in node.matchers.filter({ isName($0) == false })
        + node.matchers.filter(isName)
      {
        json.object { json in
          json.member("name", matcher.name)
          json.member("type", matcher.operation.rawValue)
          json.member("value", matcher.value)
        }
      }
    }
    member("name", node.name)
    member("offset", node.modifiers.offset?.literalMilliseconds ?? 0)
    if let range { member("range", range.literalMilliseconds) }
    member("smoothed", node.rangeModifier == .smoothed)
    writeTime(node.modifiers)
    member("type", range == nil ? "vectorSelector" : "matrixSelector")
  }

  private mutating func writeMembers(of node: Subquery) {
    member("expr", node.inner)
    member("offset", node.modifiers.offset?.literalMilliseconds ?? 0)
    member("range", node.range.literalMilliseconds)
    name("startOrEnd")
    raw(node.modifiers.startOrEnd)
    member("step", node.step?.literalMilliseconds ?? 0)
    name("timestamp")
    raw(node.modifiers.fixedTimestamp)
    member("type", "subquery")
  }

  private mutating func writeTime(_ modifiers: TimeModifiers) {
    name("startOrEnd")
    raw(modifiers.startOrEnd)
    name("timestamp")
    raw(modifiers.fixedTimestamp)
  }

  private mutating func writeMembers(of node: FunctionCall) {
    name("args")
    array { json in
      for argument in node.arguments { json.write(argument) }
    }
    name("func")
    object { json in
      json.member("argTypes", node.function.argumentTypes.map(\.rawValue))
      json.member("name", node.function.name)
      json.member("returnType", node.function.returnType.rawValue)
      json.member("variadic", node.function.additionalArgumentCount)
    }
    member("type", "call")
  }

  private mutating func writeMembers(of node: Aggregation) {
    member("expr", node.operand)
    let (labels, isWithout): ([String], Bool) =
      switch node.grouping {
      case .by(let labels): (labels, false)
      case .without(let labels): (labels, true)
      }
    member("grouping", labels)
    member("op", node.aggregator.rawValue)
    member("param", node.parameter)
    member("type", "aggregation")
    member("without", isWithout)
  }

  private mutating func writeMembers(of node: BinaryOperation) {
    member("bool", node.returnsBool)
    member("lhs", node.left)
    name("matching")
    if let matching = node.matching {
      write(matching)
    } else {
      raw("null")
    }
    member("op", node.operation.rawValue)
    member("rhs", node.right)
    member("type", "binaryExpr")
  }

  private mutating func write(_ matching: VectorMatching) {
    object { json in
      json.member("card", matching.cardinality.text)
      json.name("fillValues")
      json.object { json in
        for (name, value) in [("lhs", matching.leftFill), ("rhs", matching.rightFill)] {
          if let value, value.isFinite {
            json.member(name, number: value)
          } else {
            json.name(name)
            json.raw("null")
          }
        }
      }
      json.member("include", matching.includedLabels)
      json.member("labels", matching.labels)
      json.member("on", matching.isOn)
    }
  }
}

extension MatchCardinality {
  fileprivate var text: String {
    switch self {
    case .oneToOne: "one-to-one"
    case .manyToOne: "many-to-one"
    case .oneToMany: "one-to-many"
    case .manyToMany: "many-to-many"
    }
  }
}

extension FunctionSignature {
  /// How many arguments may follow all but the last one listed; 0 when the
  /// number is fixed, and -1 when it is not bounded.
  fileprivate var additionalArgumentCount: Int {
    switch arity {
    case .fixed: 0
    case .optional(let count): count
    case .variadic: -1
    case .bounded(let maximum): maximum - (argumentTypes.count - 1)
    }
  }
}

extension TimeModifiers {
  /// `"start"`, `"end"` or `null`, as JSON.
  fileprivate var startOrEnd: String {
    switch at {
    case .start: "\"start\""
    case .end: "\"end\""
    case .timestamp, nil: "null"
    }
  }

  /// Milliseconds or `null`, as JSON.
  fileprivate var fixedTimestamp: String {
    if case .timestamp(let timestamp) = at { "\(timestamp.milliseconds)" } else { "null" }
  }
}

extension DurationExpression {
  /// The duration in milliseconds, or 0 when it must be computed.
  fileprivate var literalMilliseconds: Int {
    switch node {
    case .seconds(let seconds, _): Int(exactly: (seconds * 1000).rounded()) ?? 0
    case .unary(let isNegative, let operand):
      isNegative ? -operand.literalMilliseconds : operand.literalMilliseconds
    default: 0
    }
  }
}
