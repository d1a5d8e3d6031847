import TestSupport

extension ReferenceQuery: CustomStringConvertible {
  var description: String {
    switch self {
    case .selector(let selector): return selector.text()
    case .window(let function, .samples(let selector, let range)):
      return "\(function)(\(selector.text(range: "[\(range)ms]")))"
    case .window(let function, .subquery(let inner, let range, let step, let shift)):
      return "\(function)((\(inner))[\(range)ms:\(step)ms]\(shift))"
    case .aggregation(let name, let grouping, let operand):
      return "\(name) \(grouping.text("by", "without")) (\(operand))"
    case .scalarOperation(let name, let returnsBool, let operand, let scalar, let isScalarLeft):
      let operation = returnsBool ? "\(name) bool" : name
      return isScalarLeft
        ? "(\(scalar) \(operation) \(operand))" : "(\(operand) \(operation) \(scalar))"
    case .vectorOperation(let name, let returnsBool, let matching, let left, let right):
      return "(\(left) \(name)\(returnsBool ? " bool" : "") \(matching) \(right))"
    case .setOperation(let name, let matching, let left, let right):
      return "(\(left) \(name) \(matching) \(right))"
    }
  }
}

extension ReferenceSelector {
  func text(range: String = "") -> String {
    let matchers = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }
    return "\(name){\(matchers.joined(separator: ","))}\(range)\(time)"
  }
}

extension ReferenceTimeShift: CustomStringConvertible {
  var description: String {
    var text = ""
    if offset != 0 { text += " offset \(offset)ms" }
    if let at { text += " @ \(Double(at) / 1000)" }
    return text
  }
}

extension ReferenceGrouping {
  func text(_ keeping: String, _ leavingOut: String) -> String {
    switch self {
    case .by(let names): "\(keeping) (\(names.joined(separator: ",")))"
    case .without(let names): "\(leavingOut) (\(names.joined(separator: ",")))"
    }
  }
}

extension ReferenceMatching: CustomStringConvertible {
  var description: String {
    let labels = grouping.text("on", "ignoring")
    return many.map { "\(labels) group_\($0) (\(included.joined(separator: ",")))" } ?? labels
  }
}

/// Makes queries over the series of ``EquivalencePropertyTests``.
struct RandomReferenceQueries {
  private var random: SeededGenerator
  /// How likely a selector has `@`, in tenths.
  private let fixedTenths: Int

  init(seed: UInt64, fixedTenths: Int = 1) {
    random = SeededGenerator(seed: seed)
    self.fixedTenths = fixedTenths
  }

  mutating func query(depth: Int) -> ReferenceQuery {
    guard depth > 0 else { return .selector(selector()) }
    switch random.number(below: 12) {
    case 0..<4: return .window(windowFunction(), window(depth: depth - 1))
    case 4..<7:
      return .aggregation(
        random.pick(["sum", "avg", "min", "max", "count", "group"]),
        random.pick([
          .by([]), .by(["g"]), .by(["k"]), .by(["g", "k"]), .without(["k"]), .without([]),
        ]),
        query(depth: depth - 1))
    case 7..<9:
      let name = operation()
      return .scalarOperation(
        name, returnsBool: returnsBool(name), query(depth: depth - 1),
        random.pick([0, 2, -1.5, 20, 300]), isScalarLeft: random.flip())
    case 9..<11: return vectorOperation(depth: depth - 1)
    default: return setOperation(depth: depth - 1)
    }
  }

  private mutating func windowFunction() -> String {
    random.pick([
      "rate", "increase", "delta", "sum_over_time", "avg_over_time", "min_over_time",
      "max_over_time", "count_over_time", "last_over_time",
    ])
  }

  private mutating func selector() -> ReferenceSelector {
    var labels: [String: String] = [:]
    if random.number(below: 4) == 0 { labels["g"] = random.pick(["0", "1"]) }
    if random.number(below: 6) == 0 { labels["k"] = random.pick(["0", "1", "7"]) }
    return ReferenceSelector(name: random.pick(["a_total", "b"]), labels: labels, time: shift())
  }

  private mutating func shift() -> ReferenceTimeShift {
    ReferenceTimeShift(
      offset: random.pick([0, 0, 0, 35_000, -20_500, 180_000]),
      at: random.number(below: 10) < fixedTenths ? Int64(random.number(below: 1_200)) * 1_000 : nil)
  }

  private mutating func window(depth: Int) -> ReferenceWindow {
    if depth > 0, random.number(below: 3) == 0 {
      return .subquery(
        query(depth: depth - 1), range: random.pick([60_000, 95_000, 150_000]),
        step: random.pick([20_000, 30_000, 47_000]), shift())
    }
    return .samples(selector(), range: random.pick([20_000, 60_000, 133_000, 300_000]))
  }

  private mutating func operation() -> String {
    random.pick(["+", "-", "*", "/", "%", "==", "!=", ">", "<", ">=", "<="])
  }

  private mutating func returnsBool(_ operation: String) -> Bool {
    ReferenceFunctions.isComparison(operation) && random.flip()
  }

  private mutating func grouping() -> ReferenceGrouping {
    random.pick([.without([]), .by(["k"]), .by(["g"]), .without(["g"]), .by(["k", "g"]), .by([])])
  }

  private mutating func vectorOperation(depth: Int) -> ReferenceQuery {
    let name = operation()
    var matching = ReferenceMatching(grouping: grouping())
    var left = query(depth: depth)
    var right = query(depth: depth)
    // Without this, hardly any group would be unique.
    if random.number(below: 4) > 0 {
      let unique = { (operand: ReferenceQuery) in
        ReferenceQuery.aggregation("max", matching.grouping, operand)
      }
      matching.many = random.pick([nil, .left, .right])
      if matching.many != .right { right = unique(right) }
      if matching.many != .left { left = unique(left) }
      if matching.many != nil, random.flip() { matching.included = ["g"] }
    }
    // What is matched on can't be taken from the other side as well.
    if case .by(let names) = matching.grouping, names.contains("g") { matching.included = [] }
    return .vectorOperation(name, returnsBool: returnsBool(name), matching, left, right)
  }

  private mutating func setOperation(depth: Int) -> ReferenceQuery {
    let name = random.pick(["and", "or", "unless"])
    let matching = ReferenceMatching(grouping: grouping())
    let operands = [query(depth: depth), query(depth: depth)].map { operand in
      // Series of two metrics that differ in their names alone are an error
      // above, even where they are not at the same step.
      name == "or"
        ? ReferenceQuery.scalarOperation("*", returnsBool: false, operand, 1, isScalarLeft: false)
        : operand
    }
    return .setOperation(name, matching, operands[0], operands[1])
  }
}
