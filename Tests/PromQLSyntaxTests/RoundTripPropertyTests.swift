import PromQLSyntax
import SeriesModel
import TestSupport
import Testing

/// Trees made at random, printed and parsed again.
struct RoundTripPropertyTests {
  @Test(arguments: 0..<8 as Range<UInt64>)
  func printedTreeIsParsedAsItself(seed: UInt64) throws {
    var trees = RandomTrees(seed: seed)
    for _ in 0..<60 {
      let tree = trees.vector(depth: 5)
      let text = tree.description
      let again = try parsed(text)
      #expect(again.withoutSourceRanges == tree, "\(text)")
      #expect(again.description == text)
    }
  }

  /// Every node's range holds exactly the node: it can be parsed alone.
  @Test(arguments: 0..<4 as Range<UInt64>)
  func everyNodeStandsWhereItSays(seed: UInt64) throws {
    var trees = RandomTrees(seed: 100 + seed)
    for _ in 0..<30 {
      let text = trees.vector(depth: 4).description
      let bytes = Array(text.utf8)
      try parsed(text).forEachNode { node in
        let range = node.sourceRange
        let part = String(decoding: bytes[range.start..<range.end], as: UTF8.self)
        // Label selectors of `info` may match anything, but not alone.
        guard !part.hasPrefix("{") else { return }
        let again = try? parsed(part)
        #expect(again?.withoutSourceRanges == node.withoutSourceRanges, "\(part)")
      }
    }
  }
}

/// Makes trees that only parentheses hold together where precedence would not.
private struct RandomTrees {
  private var random: SeededGenerator
  private let nowhere = SourceRange(0, 0)

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
  }

  mutating func vector(depth: Int) -> Expression {
    guard depth > 0 else { return .vectorSelector(selector()) }
    switch random.number(below: 8) {
    case 0: return aggregation(depth: depth - 1)
    case 1: return call("abs", .instantVector, [vector(depth: depth - 1)])
    case 2:
      return call("rate", .instantVector, [range(depth: depth - 1)])
    case 3: return call("vector", .instantVector, [scalar(depth: depth - 1)])
    case 4:
      return call(
        "round", .instantVector,
        [vector(depth: depth - 1)] + (random.flip() ? [scalar(depth: 0)] : []))
    case 5: return vectorOperation(depth: depth - 1)
    case 6:
      return .unary(
        UnaryOperation(
          isNegation: random.flip(), operand: primary(vector(depth: depth - 1)),
          sourceRange: nowhere))
    default: return parenthesized(vector(depth: depth - 1))
    }
  }

  private mutating func scalar(depth: Int) -> Expression {
    guard depth > 0 else { return number() }
    switch random.number(below: 4) {
    case 0: return call("scalar", .scalar, [vector(depth: depth - 1)])
    case 1:
      return binary(
        random.pick([.add, .multiply, .power, .atan2]), scalar(depth: depth - 1),
        scalar(depth: depth - 1), matching: nil)
    case 2: return call("time", .scalar, [])
    default: return parenthesized(scalar(depth: depth - 1))
    }
  }

  private mutating func range(depth: Int) -> Expression {
    if random.flip() {
      var modified = selector()
      modified.rangeModifier = random.pick([nil, nil, .anchored, .smoothed])
      return .rangeSelector(
        RangeSelector(selector: modified, range: duration(), sourceRange: nowhere))
    }
    return .subquery(
      Subquery(
        inner: parenthesized(vector(depth: depth)), range: duration(),
        step: random.flip() ? duration() : nil, modifiers: modifiers(), sourceRange: nowhere))
  }

  // MARK: Leaves

  private mutating func number() -> Expression {
    let isDuration = random.flip()
    let value = Double(1 + random.number(below: 1_000_000))
    return .number(
      NumberLiteral(
        value: isDuration ? value / 1000 : random.pick([value / 64, value * 1e30, .infinity]),
        isDuration: isDuration, sourceRange: nowhere))
  }

  private mutating func selector() -> VectorSelector {
    let name = random.pick(["up", "a:b", "", "sum", "offset"])
    var matchers: [Matcher] = []
    if !name.isEmpty { matchers.append(Matcher("__name__", .equal, name)) }
    for label in ["a", "b c", "by"] where random.flip() {
      matchers.append(
        Matcher(
          label, random.pick(Matcher.Operation.allCases),
          random.pick(["", "x", "q\"\\\n", "é.*", "\u{7}"])))
    }
    if name.isEmpty { matchers.append(Matcher("z", .equal, "1")) }
    // Sorted as they are printed; the name's stays in front.
    let others = matchers.drop { $0.name == "__name__" }
      .sorted { $0.description.utf8.lexicographicallyPrecedes($1.description.utf8) }
    return VectorSelector(
      name: name, matchers: matchers.prefix { $0.name == "__name__" } + others,
      modifiers: modifiers(), sourceRange: nowhere)
  }

  private mutating func modifiers() -> TimeModifiers {
    TimeModifiers(
      offset: random.pick([nil, duration(), negative(duration()), parenthesized(durationSum())]),
      at: random.pick([
        nil, .start, .end,
        .timestamp(Timestamp(milliseconds: Int64(random.number(below: 1 << 40)) - 1 << 39)),
      ]))
  }

  // MARK: Durations

  private mutating func duration() -> DurationExpression {
    make(.seconds(Double(1 + random.number(below: 1 << 30)) / 1000, isDuration: true))
  }

  private mutating func durationSum() -> DurationExpression {
    let operation = random.pick(
      [.add, .subtract, .multiply, .divide, .modulo] as [DurationExpression.ArithmeticOperator])
    let left = random.pick([
      duration(), make(.step), make(.minimum(duration(), make(.range))),
      make(.maximum(make(.step), duration())), negative(make(.step)),
    ])
    let right = random.pick([
      duration(), make(.range), parenthesized(make(.binary(.power, duration(), duration()))),
      make(.seconds(Double(1 + random.number(below: 9)), isDuration: false)),
    ])
    return make(.binary(operation, left, right))
  }

  private func negative(_ duration: DurationExpression) -> DurationExpression {
    if case .seconds(let seconds, let isDuration) = duration.node {
      return make(.seconds(-seconds, isDuration: isDuration))
    }
    return make(.unary(isNegative: true, duration))
  }

  private func parenthesized(_ duration: DurationExpression) -> DurationExpression {
    make(.parenthesized(duration))
  }

  private func make(_ node: DurationExpression.Node) -> DurationExpression {
    DurationExpression(node, sourceRange: nowhere)
  }

  // MARK: Operations

  private func call(
    _ name: String, _ type: ValueType, _ arguments: [Expression]
  ) -> Expression {
    guard let function = testFunctions[name] else { preconditionFailure("no function \(name)") }
    return .call(FunctionCall(function: function, arguments: arguments, sourceRange: nowhere))
  }

  private mutating func aggregation(depth: Int) -> Expression {
    let aggregator = random.pick(AggregationOperator.allCases)
    var parameter: Expression?
    switch aggregator {
    case .topK, .bottomK, .limitK, .quantile, .limitRatio: parameter = scalar(depth: depth)
    case .countValues: parameter = .string(StringLiteral(value: "a\tb", sourceRange: nowhere))
    default: break
    }
    return .aggregation(
      Aggregation(
        aggregator: aggregator, parameter: parameter, operand: vector(depth: depth),
        grouping: random.pick([
          .by([]), .by(["a", "x y"]), .without([]), .without(["by", "group_left"]),
        ]), sourceRange: nowhere))
  }

  private mutating func vectorOperation(depth: Int) -> Expression {
    let operation = random.pick(BinaryOperator.allCases)
    if !operation.isSetOperator, random.flip() {
      return binary(operation, vector(depth: depth), scalar(depth: depth), matching: nil)
    }
    var matching = VectorMatching(cardinality: operation.isSetOperator ? .manyToMany : .oneToOne)
    matching.isOn = random.flip()
    matching.labels = random.pick([[], ["a"], ["a", "b c"]])
    if !operation.isSetOperator {
      matching.leftFill = random.pick([nil, 0, -1.5, .infinity])
      matching.rightFill = random.pick([nil, 0, matching.leftFill])
      if matching.isOn || !matching.labels.isEmpty, random.flip() {
        matching.cardinality = random.pick([.oneToMany, .manyToOne])
        matching.includedLabels = random.pick([[], ["z"]])
      }
    }
    return binary(operation, vector(depth: depth), vector(depth: depth), matching: matching)
  }

  private mutating func binary(
    _ operation: BinaryOperator, _ left: Expression, _ right: Expression,
    matching: VectorMatching?
  ) -> Expression {
    .binary(
      BinaryOperation(
        operation: operation, left: primary(left), right: primary(right),
        returnsBool: operation.isComparison && random.flip(), matching: matching,
        sourceRange: nowhere))
  }

  /// The expression, in parentheses if it has an operator, or ends in an
  /// offset that would take in the operator behind it.
  private func primary(_ expression: Expression) -> Expression {
    switch expression {
    case .binary, .unary: return parenthesized(expression)
    case .vectorSelector(let node):
      guard case .parenthesized = node.modifiers.offset?.node, node.modifiers.at == nil,
        node.rangeModifier == nil
      else { return expression }
      return parenthesized(expression)
    default: return expression
    }
  }

  private func parenthesized(_ inner: Expression) -> Expression {
    .parenthesized(Parenthesized(inner: inner, sourceRange: nowhere))
  }
}
