import PromQL
import PromQLSyntax
import SeriesModel

/// Rewrites a query so that it gives the same whenever it is evaluated: `@`
/// with a fixed time is added to every selector, or to the subquery around it.
struct SelectorPinning {
  private let text: String
  private let time: Timestamp
  private var edits: [(range: SourceRange, replacement: String)] = []
  private var dependsOnTime = false

  /// Functions whose value may change with the time of evaluation though
  /// their arguments don't.
  private static let timeFunctions: Set<String> = [
    "day_of_month", "day_of_week", "day_of_year", "days_in_month", "end", "hour", "minute",
    "month", "predict_linear", "range", "start", "step", "time", "timestamp", "year",
  ]

  private init(text: String, time: Timestamp) {
    self.text = text
    self.time = time
  }

  /// The query with all selectors pinned; nil when a function of it depends on
  /// the time of evaluation.
  ///
  /// - Parameters:
  ///   - expression: What `text` was parsed into.
  ///   - time: The time that selectors without `@` are pinned to.
  static func pinned(_ expression: Expression, of text: String, at time: Timestamp) -> String? {
    var pinning = SelectorPinning(text: text, time: time)
    pinning.visit(expression)
    return pinning.dependsOnTime ? nil : pinning.result
  }

  private mutating func visit(_ expression: Expression) {
    switch expression {
    case .vectorSelector(let node):
      pin(node.modifiers, of: expression) { at in
        var node = node
        node.modifiers.at = at
        return .vectorSelector(node)
      }
    case .rangeSelector(let node):
      pin(node.selector.modifiers, of: expression) { at in
        var node = node
        node.selector.modifiers.at = at
        return .rangeSelector(node)
      }
    case .subquery(let node):
      pin(node.modifiers, of: expression) { at in
        var node = node
        node.modifiers.at = at
        return .subquery(node)
      }
    case .call(let node):
      if SelectorPinning.timeFunctions.contains(node.function.name) { dependsOnTime = true }
      for argument in node.arguments { visit(argument) }
    case .aggregation(let node):
      if let parameter = node.parameter { visit(parameter) }
      visit(node.operand)
    case .binary(let node):
      visit(node.left)
      visit(node.right)
    case .unary(let node): visit(node.operand)
    case .parenthesized(let node): visit(node.inner)
    case .number, .string: break
    }
  }

  /// - Parameter rewritten: The expression with another `@`.
  private mutating func pin(
    _ modifiers: TimeModifiers, of expression: Expression,
    rewritten: (AtModifier) -> Expression
  ) {
    let range = expression.sourceRange
    switch modifiers.at {
    case .timestamp: break
    case nil:
      // Behind everything, so that places before it stay where they are.
      edits.append((SourceRange(range.end, range.end), " @ \(secondsText)"))
    case .start, .end:
      edits.append((range, "\(rewritten(.timestamp(time)))"))
    }
  }

  private var secondsText: String {
    let magnitude = time.milliseconds.magnitude
    let fraction = String(1000 + magnitude % 1000).dropFirst()
    return "\(time.milliseconds < 0 ? "-" : "")\(magnitude / 1000).\(fraction)"
  }

  private var result: String {
    var bytes = Array(text.utf8)
    for (range, replacement) in edits.sorted(by: { $0.range.start > $1.range.start }) {
      bytes.replaceSubrange(range.start..<range.end, with: replacement.utf8)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
