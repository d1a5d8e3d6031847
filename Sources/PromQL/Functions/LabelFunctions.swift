import PromQLSyntax
import RegularExpressions
import SeriesModel

/// Functions that change labels.
let labelFunctions: [FunctionDefinition] = [
  FunctionDefinition(
    "label_replace", [.instantVector, .string, .string, .string, .string], keepsName: true,
    summary: "Sets a label from the groups of a regular expression on another label.",
    body: .vector(replaceLabel)),
  FunctionDefinition(
    "label_join", [.instantVector, .string, .string, .string], arity: .variadic, keepsName: true,
    summary: "Sets a label to the values of others, joined.", body: .vector(joinLabels)),
  FunctionDefinition(
    "info", [.instantVector, .instantVector], arity: .optional(count: 1), isExperimental: true,
    keepsName: true, joinsInfoSeries: true,
    summary: "Adds the labels of info metrics of the same job and instance.",
    body: .vector(joinInfo)),
]

private func replaceLabel(_ call: VectorCall) throws -> any VectorSource {
  let destination = call.string(1)
  let source = call.string(3)
  let expression: CapturingExpression
  do {
    expression = try CapturingExpression(call.string(4))
  } catch {
    throw QueryError.execution(
      "invalid regular expression in label_replace(): \(call.string(4))")
  }
  try checkName(destination, "destination", in: "label_replace")
  let template = ExpansionTemplate(call.string(2))
  return try relabeled(call) { column in
    let text = column.labels[source] ?? ""
    guard let value = expression.expansion(of: text, template: template) else { return }
    column.setLabel(destination, to: value)
  }
}

private func joinLabels(_ call: VectorCall) throws -> any VectorSource {
  let destination = call.string(1)
  let separator = call.string(2)
  let sources = (3..<max(3, call.plan.arguments.count)).map { call.string($0) }
  for source in sources { try checkName(source, "source", in: "label_join") }
  try checkName(destination, "destination", in: "label_join")
  return try relabeled(call) { column in
    let parts = sources.map { column.labels[$0] ?? "" }
    column.setLabel(destination, to: parts.joined(separator: separator))
  }
}

/// The first argument with its labels changed; series that become equal are
/// one, unless both have a value at the same step.
private func relabeled(
  _ call: VectorCall, _ change: (inout SeriesColumn) -> Void
) throws -> any VectorSource {
  var collector = ColumnCollector(stepCount: call.grid.count, in: call.context)
  try call.vector(0).forEach(in: call.context) { column in
    var column = column
    change(&column)
    try collector.merge(column)
  }
  return collector.vector()
}

private func checkName(_ name: String, _ role: String, in function: String) throws {
  // UTF-8 that is not valid was replaced when the literal was read.
  if name.isEmpty || name.unicodeScalars.contains("\u{FFFD}") {
    throw QueryError.execution("invalid \(role) label name in \(function)(): \(name)")
  }
}

extension SeriesColumn {
  /// Sets a label; a metric name that is set anew is kept.
  fileprivate mutating func setLabel(_ name: String, to value: String) {
    labels = labels.setting(name, to: value)
    if name == LabelName.metricName { dropsName = false }
  }
}
