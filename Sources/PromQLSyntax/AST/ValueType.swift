/// The type of what an expression evaluates to.
public enum ValueType: String, Hashable, Sendable {
  /// One float at each step.
  case scalar
  /// A text.
  case string
  /// At most one sample of each series at each step.
  case instantVector = "vector"
  /// A window of samples of each series.
  case rangeVector = "matrix"

  /// The type as error messages name it: `instant vector` rather than
  /// `vector`.
  package var documentedName: String {
    switch self {
    case .scalar: "scalar"
    case .string: "string"
    case .instantVector: "instant vector"
    case .rangeVector: "range vector"
    }
  }
}
