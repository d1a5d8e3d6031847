import Numbers
import SeriesModel

extension Expression: CustomStringConvertible {
  /// The expression on one line, in the form in which Prometheus prints it, but
  /// that infinity has no sign in front of `^`, and an offset that begins with a
  /// parenthesis stands in front of `@`.
  ///
  /// Parsing it again gives the same tree, but for the order of matchers, which
  /// are sorted, and an offset of zero, which is left out.
  public var description: String {
    var printer = Printer()
    printer.print(self)
    // It stands in strings alone, where the lexer takes it for bytes that are no
    // UTF-8.
    guard printer.output.unicodeScalars.contains("\u{FFFD}") else { return printer.output }
    // By scalars: a combining mark behind it makes one character of the two.
    return printer.output.unicodeScalars
      .split(separator: "\u{FFFD}", omittingEmptySubsequences: false)
      .map { String($0) }.joined(separator: "\\ufffd")
  }
}

extension DurationExpression: CustomStringConvertible {
  /// The duration as ``Expression/description`` has it.
  public var description: String {
    var printer = Printer()
    printer.print(self)
    return printer.output
  }

  /// Whether its first operand is in parentheses.
  fileprivate var beginsWithParenthesis: Bool {
    switch node {
    case .parenthesized: true
    case .binary(_, let left, _): left.beginsWithParenthesis
    default: false
    }
  }
}

extension Aggregation {
  /// The operator with its grouping: `sum by (job) `, with a blank behind the
  /// labels, or `sum`.
  package var operatorDescription: String {
    var printer = Printer()
    printer.printOperator(of: self)
    return printer.output
  }
}

extension BinaryOperation {
  /// The operator with its modifiers: `/ on (job) group_left (team)`.
  package var operatorDescription: String {
    var printer = Printer()
    printer.printOperator(of: self)
    return printer.output
  }

  /// The left operand where its own print would be parsed as something else:
  /// infinity in front of `^`, which would take the sign for that of the power.
  var unsignedLeftDescription: String? {
    guard operation == .power, case .number(let literal) = left, literal.value == .infinity else {
      return nil
    }
    return "Inf"
  }
}

extension StringLiteral {
  /// The literal in double quotes; bytes that are no UTF-8 become `\xc5`.
  package var quoted: String {
    guard let malformedBytes else { return value.quotedForPromQL }
    var output = "\""
    var rest = malformedBytes[...]
    while let byte = rest.first {
      var parser = Unicode.UTF8.ForwardParser()
      var bytes = rest.makeIterator()
      if case .valid(let encoded) = parser.parseScalar(from: &bytes) {
        output += String(UTF8.decode(encoded)).quotedForPromQL.dropFirst().dropLast()
        rest = rest.dropFirst(encoded.count)
      } else {
        output += "\\x" + String(byte, radix: 16)
        rest = rest.dropFirst()
      }
    }
    return output + "\""
  }
}

/// Writes nodes to a text.
private struct Printer {
  var output = ""

  mutating func print(_ expression: Expression) {
    switch expression {
    case .number(let node): output += text(node)
    case .string(let node): output += node.quoted
    case .vectorSelector(let node): print(node)
    case .rangeSelector(let node): print(node)
    case .subquery(let node): print(node)
    case .call(let node):
      output += node.function.name + "("
      printList(node.arguments)
      output += ")"
    case .aggregation(let node): print(node)
    case .binary(let node): print(node)
    case .unary(let node):
      output += node.isNegation ? "-" : "+"
      print(node.operand)
    case .parenthesized(let node):
      output += "("
      print(node.inner)
      output += ")"
    }
  }

  private mutating func printList(_ expressions: [Expression]) {
    for (index, expression) in expressions.enumerated() {
      if index > 0 { output += ", " }
      print(expression)
    }
  }

  private func text(_ literal: NumberLiteral) -> String {
    if literal.isDuration, let duration = durationText(seconds: literal.value) {
      return duration
    }
    return floatText(literal.value, as: .decimal)
  }

  private func labelList(_ names: [String]) -> String {
    let quoted = names.map { LabelName.isLegacy($0) ? $0 : $0.quotedForPromQL }
    return "(" + quoted.joined(separator: ", ") + ")"
  }

  // MARK: Operations

  private mutating func print(_ node: Aggregation) {
    printOperator(of: node)
    output += "("
    printList((node.parameter.map { [$0] } ?? []) + [node.operand])
    output += ")"
  }

  mutating func printOperator(of node: Aggregation) {
    output += node.aggregator.rawValue
    switch node.grouping {
    case .by([]): break
    case .by(let names): output += " by \(labelList(names)) "
    case .without(let names): output += " without \(labelList(names)) "
    }
  }

  private mutating func print(_ node: BinaryOperation) {
    if let text = node.unsignedLeftDescription { output += text } else { print(node.left) }
    output += " "
    printOperator(of: node)
    output += " "
    print(node.right)
  }

  mutating func printOperator(of node: BinaryOperation) {
    output += node.operation.rawValue
    if node.returnsBool { output += " bool" }
    if let matching = node.matching { print(matching) }
  }

  private mutating func print(_ matching: VectorMatching) {
    let isGrouped =
      matching.cardinality == .manyToOne || matching.cardinality == .oneToMany
    if matching.isOn || isGrouped || !matching.labels.isEmpty {
      output += " \(matching.isOn ? "on" : "ignoring") \(labelList(matching.labels))"
    }
    if isGrouped {
      let side = matching.cardinality == .manyToOne ? "left" : "right"
      output += " group_\(side) \(labelList(matching.includedLabels))"
    }
    if let left = matching.leftFill, left.bitPattern == matching.rightFill?.bitPattern {
      output += " fill (\(floatText(left, as: .decimal)))"
      return
    }
    if let left = matching.leftFill {
      output += " fill_left (\(floatText(left, as: .decimal)))"
    }
    if let right = matching.rightFill {
      output += " fill_right (\(floatText(right, as: .decimal)))"
    }
  }

  // MARK: Selectors

  private mutating func print(_ node: VectorSelector) {
    printNameAndMatchers(node)
    // An operator behind parentheses would go on with the offset.
    let mayGoOn = node.modifiers.offset?.beginsWithParenthesis ?? false
    if mayGoOn { printOffset(node.modifiers.offset) }
    print(node.modifiers.at)
    print(node.rangeModifier)
    if !mayGoOn { printOffset(node.modifiers.offset) }
  }

  private mutating func print(_ node: RangeSelector) {
    printNameAndMatchers(node.selector)
    output += "["
    printWhole(node.range)
    output += "]"
    print(node.selector.rangeModifier)
    print(node.selector.modifiers.at)
    printOffset(node.selector.modifiers.offset)
  }

  private mutating func print(_ node: Subquery) {
    print(node.inner)
    output += "["
    printWhole(node.range)
    output += ":"
    if let step = node.step { printWhole(step) }
    output += "]"
    print(node.modifiers.at)
    printOffset(node.modifiers.offset)
  }

  private mutating func printNameAndMatchers(_ node: VectorSelector) {
    output += node.name
    let nameMatcher = Matcher(LabelName.metricName, .equal, node.name)
    let texts = node.matchers.filter { node.name.isEmpty || $0 != nameMatcher }
      .map(\.description).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    if !texts.isEmpty || node.name.isEmpty { output += "{" + texts.joined(separator: ",") + "}" }
  }

  private mutating func print(_ modifier: RangeModifier?) {
    if let modifier { output += " " + modifier.rawValue }
  }

  private mutating func print(_ at: AtModifier?) {
    switch at {
    case .timestamp(let timestamp):
      let milliseconds = timestamp.milliseconds
      let fraction = String(milliseconds.magnitude % 1000)
      let zeros = String(repeating: "0", count: 3 - fraction.count)
      output +=
        " @ \(milliseconds < 0 ? "-" : "")\(milliseconds.magnitude / 1000).\(zeros)\(fraction)"
    case .start: output += " @ start()"
    case .end: output += " @ end()"
    case nil: break
    }
  }

  // MARK: Durations

  private mutating func printOffset(_ offset: DurationExpression?) {
    guard let offset else { return }
    if case .seconds(0, _) = offset.node { return }
    output += " offset "
    printWhole(offset)
  }

  /// Prints a duration that is no part of another: numbers become durations.
  private mutating func printWhole(_ duration: DurationExpression) {
    if case .seconds(let seconds, _) = duration.node, let text = durationText(seconds: seconds) {
      output += text
    } else {
      print(duration)
    }
  }

  mutating func print(_ duration: DurationExpression) {
    switch duration.node {
    case .seconds(let seconds, let isDuration):
      let text = isDuration ? durationText(seconds: seconds) : nil
      output += text ?? floatText(seconds, as: .decimal)
    case .step: output += "step()"
    case .range: output += "range()"
    case .unary(let isNegative, let operand):
      output += isNegative ? "-" : "+"
      print(operand)
    case .binary(let operation, let left, let right):
      print(left)
      output += " \(operation.rawValue) "
      print(right)
    case .minimum(let first, let second): printChoice("min_of", first, second)
    case .maximum(let first, let second): printChoice("max_of", first, second)
    case .parenthesized(let inner):
      output += "("
      print(inner)
      output += ")"
    }
  }

  private mutating func printChoice(
    _ name: String, _ first: DurationExpression, _ second: DurationExpression
  ) {
    output += name + "("
    print(first)
    output += ", "
    print(second)
    output += ")"
  }

  /// The duration of `seconds`; nil if that is no whole number of
  /// milliseconds.
  private func durationText(seconds: Double) -> String? {
    let milliseconds = (seconds * 1000).rounded()
    guard milliseconds.magnitude < 0x1p53, milliseconds / 1000 == seconds else { return nil }
    return DurationSyntax.text(milliseconds: Int64(milliseconds))
  }
}
