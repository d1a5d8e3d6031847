/// The part of a function that parsing and type checking need.
///
/// The parser is handed the signatures; it knows no function itself.
public struct FunctionSignature: Hashable, Sendable {
  /// How many of the trailing argument types may be repeated or left out.
  public enum Arity: Hashable, Sendable {
    /// Exactly the listed arguments.
    case fixed
    /// The last `count` listed arguments may be left out.
    case optional(count: Int)
    /// The last listed argument may be left out or repeated without bound.
    case variadic
    /// The last listed argument may be left out or repeated up to
    /// `maximum` arguments in all.
    case bounded(maximum: Int)
  }

  /// The name in a query.
  public var name: String
  /// The types of the arguments.
  public var argumentTypes: [ValueType]
  /// Which arguments may be left out or repeated.
  public var arity: Arity
  /// The type of the result.
  public var returnType: ValueType
  /// True for a function that Prometheus hides behind a feature flag.
  public var isExperimental: Bool

  /// Creates a signature.
  public init(
    _ name: String, _ argumentTypes: [ValueType], arity: Arity = .fixed,
    returns returnType: ValueType, isExperimental: Bool = false
  ) {
    self.name = name
    self.argumentTypes = argumentTypes
    self.arity = arity
    self.returnType = returnType
    self.isExperimental = isExperimental
  }
}
