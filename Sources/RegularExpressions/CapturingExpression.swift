/// A regular expression whose groups are put into a template, as
/// `label_replace` and relabelling do.
///
/// Syntax, bounds and matching from end to end are those of
/// ``RegularExpression``, which is quicker where groups don't matter.
package struct CapturingExpression: Sendable {
  private let expression: CompiledExpression

  /// Compiles `source`.
  package init(_ source: String) throws(RegularExpressionError) {
    try RegularExpression.checkLength(of: source)
    expression = try CompiledExpression(source, captures: true)
  }

  /// Whether the expression matches all of `text`.
  package func matches(_ text: String) -> Bool {
    expression.matches(unsafe text.utf8Span.span.bytes)
  }

  /// Fills `template` with what the groups matched in `text`.
  ///
  /// - Returns: Nil if the expression does not match all of `text`.
  package func expansion(of text: String, template: ExpansionTemplate) -> String? {
    let bytes = text.utf8Span.span
    guard let groups = expression.captures(in: unsafe bytes.bytes) else { return nil }
    var expanded: [UInt8] = []
    func append(group number: Int) {
      guard number < groups.count else { return }
      for place in groups[number] { expanded.append(bytes[place]) }
    }
    for part in template.parts {
      switch part {
      case .text(let literal):
        expanded.append(contentsOf: literal.utf8)
      case .groupNumber(let number):
        append(group: number)
      case .groupName(let name):
        if let number = expression.groupNumber(named: name) { append(group: number) }
      }
    }
    return String(decoding: expanded, as: UTF8.self)
  }
}
