/// A parsed expression with what is asked of it again and again.
///
/// Keeping height and type beside the node spares walks down the tree, which
/// may be as deep as the text's author likes.
struct Operand {
  var node: Expression
  /// How many levels the node has; 1 for a leaf.
  var height: Int
  var type: ValueType

  /// A leaf.
  init(leaf node: Expression) {
    self.node = node
    height = 1
    type = node.valueType
  }

  init(_ node: Expression, height: Int, type: ValueType) {
    self.node = node
    self.height = height
    self.type = type
  }
}

/// Arguments read so far.
struct ArgumentList {
  var expressions: [Expression] = []
  var types: [ValueType] = []
  /// The height of the highest.
  var height = 0

  mutating func append(_ operand: Operand) {
    expressions.append(operand.node)
    types.append(operand.type)
    height = max(height, operand.height)
  }
}

/// What was begun and waits for an operand.
enum OpenConstruct {
  case parenthesis(Token)
  case call(String, Token, ArgumentList)
  case aggregation(AggregationOperator, Token, Grouping?, ArgumentList)
  case sign(Token)
  case operation(BinaryOperator, BinaryModifiers, Operand)

  /// True if the construct takes its operand before an operator that binds
  /// like `precedence`; brackets of any kind wait for their end.
  func isComplete(before precedence: Precedence?) -> Bool {
    switch self {
    case .parenthesis, .call, .aggregation: return false
    case .sign:
      // A sign binds as tightly as `*`: `-1^2` is `-(1^2)`.
      guard let precedence else { return true }
      return precedence <= .product
    case .operation(let operation, _, _):
      guard let precedence else { return true }
      // `^` is right-associative, all others are left-associative.
      return operation.precedence > precedence
        || operation.precedence == precedence && precedence != .power
    }
  }
}
