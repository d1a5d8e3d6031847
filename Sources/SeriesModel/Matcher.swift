/// One condition on a label of a series.
///
/// A label that a series lacks counts as the empty string, so `{a=""}` selects
/// the series without `a`. Regular expressions are RE2 syntax, match the whole
/// value, and `.` matches a newline too.
public struct Matcher: Hashable, Sendable {
  /// How the label's value is compared.
  public enum Operation: String, Hashable, Sendable, CaseIterable {
    /// `=`: the value is equal.
    case equal = "="
    /// `!=`: the value is not equal.
    case notEqual = "!="
    /// `=~`: the whole value matches the regular expression.
    case matchesRegex = "=~"
    /// `!~`: the whole value does not match the regular expression.
    case notMatchesRegex = "!~"
  }

  /// The label's name.
  public var name: String
  /// How the value is compared.
  public var operation: Operation
  /// The text or regular expression that the value is compared with.
  public var value: String

  /// Creates a matcher; the regular expression is not checked here.
  public init(_ name: String, _ operation: Operation, _ value: String) {
    self.name = name
    self.operation = operation
    self.value = value
  }
}

extension Matcher {
  /// True when the operations are the same, and the names and values have the
  /// same UTF-8 bytes.
  public static func == (left: Matcher, right: Matcher) -> Bool {
    left.operation == right.operation
      && Label(left.name, left.value) == Label(right.name, right.value)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(operation)
    hasher.combine(Label(name, value))
  }
}

extension Matcher: CustomStringConvertible {
  /// The PromQL form: `name="value"`.
  public var description: String {
    let label = LabelName.isLegacy(name) ? name : name.quotedForPromQL
    return "\(label)\(operation.rawValue)\(value.quotedForPromQL)"
  }
}
