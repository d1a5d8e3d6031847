/// A binary operator.
public enum BinaryOperator: String, Hashable, Sendable, CaseIterable {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case modulo = "%"
  case power = "^"
  case atan2
  case equal = "=="
  case notEqual = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
  /// `</`: keeps the part of a native histogram below a bound.
  case trimUpper = "</"
  /// `>/`: keeps the part of a native histogram above a bound.
  case trimLower = ">/"
  case and, or, unless

  /// True for `==`, `!=`, `<`, `<=`, `>` and `>=`.
  public var isComparison: Bool {
    switch self {
    case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: true
    default: false
    }
  }

  /// True for `and`, `or` and `unless`.
  public var isSetOperator: Bool {
    self == .and || self == .or || self == .unless
  }
}

/// How many series of each side may meet in a match.
public enum MatchCardinality: Hashable, Sendable {
  case oneToOne
  /// `group_left`: many on the left.
  case manyToOne
  /// `group_right`: many on the right.
  case oneToMany
  /// Set operators.
  case manyToMany
}

/// How the series of two instant vectors find each other.
public struct VectorMatching: Hashable, Sendable {
  /// How many series of each side may meet.
  public var cardinality: MatchCardinality
  /// The labels named by `on` or `ignoring`.
  public var labels: [String]
  /// True for `on`, false for `ignoring` or neither.
  public var isOn: Bool
  /// The labels named by `group_left` or `group_right`, copied from the "one"
  /// side.
  public var includedLabels: [String]
  /// `fill` or `fill_left`: the value of a missing left side.
  public var leftFill: Double?
  /// `fill` or `fill_right`: the value of a missing right side.
  public var rightFill: Double?

  /// Creates a matching.
  public init(
    cardinality: MatchCardinality, labels: [String] = [], isOn: Bool = false,
    includedLabels: [String] = [], leftFill: Double? = nil, rightFill: Double? = nil
  ) {
    self.cardinality = cardinality
    self.labels = labels
    self.isOn = isOn
    self.includedLabels = includedLabels
    self.leftFill = leftFill
    self.rightFill = rightFill
  }
}

/// A binary operation: `left op right`.
public struct BinaryOperation: Hashable, Sendable {
  /// The operator.
  public var operation: BinaryOperator
  /// The left operand.
  public var left: Expression
  /// The right operand.
  public var right: Expression
  /// True for a comparison with `bool`.
  public var returnsBool: Bool
  /// How series match; nil unless both operands are instant vectors.
  public var matching: VectorMatching?
  /// Where the operation stands.
  public var sourceRange: SourceRange

  /// Creates a binary operation.
  public init(
    operation: BinaryOperator, left: Expression, right: Expression, returnsBool: Bool,
    matching: VectorMatching?, sourceRange: SourceRange
  ) {
    self.operation = operation
    self.left = left
    self.right = right
    self.returnsBool = returnsBool
    self.matching = matching
    self.sourceRange = sourceRange
  }
}

/// `-operand` or `+operand`.
public struct UnaryOperation: Hashable, Sendable {
  /// True for `-`.
  public var isNegation: Bool
  /// The operand, a scalar or an instant vector.
  public var operand: Expression
  /// Where the operation stands.
  public var sourceRange: SourceRange

  /// Creates a unary operation.
  public init(isNegation: Bool, operand: Expression, sourceRange: SourceRange) {
    self.isNegation = isNegation
    self.operand = operand
    self.sourceRange = sourceRange
  }
}
