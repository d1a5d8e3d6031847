/// A call of a function: `rate(x[5m])`.
public struct FunctionCall: Hashable, Sendable {
  /// What the parser knows of the function.
  public var function: FunctionSignature
  /// The arguments, checked against the signature.
  public var arguments: [Expression]
  /// Where the call stands, parentheses included.
  public var sourceRange: SourceRange

  /// Creates a call.
  public init(function: FunctionSignature, arguments: [Expression], sourceRange: SourceRange) {
    self.function = function
    self.arguments = arguments
    self.sourceRange = sourceRange
  }
}
