import PromQLSyntax

/// Functions of every kind, for tests of the parser.
package let testFunctions = FunctionTable([
  FunctionSignature("abs", [.instantVector], returns: .instantVector),
  FunctionSignature("rate", [.rangeVector], returns: .instantVector),
  FunctionSignature("sum_over_time", [.rangeVector], returns: .instantVector),
  FunctionSignature("time", [], returns: .scalar),
  FunctionSignature("vector", [.scalar], returns: .instantVector),
  FunctionSignature("scalar", [.instantVector], returns: .scalar),
  FunctionSignature(
    "round", [.instantVector, .scalar], arity: .optional(count: 1), returns: .instantVector),
  FunctionSignature(
    "hour", [.instantVector], arity: .optional(count: 1), returns: .instantVector),
  FunctionSignature(
    "label_join", [.instantVector, .string, .string, .string], arity: .variadic,
    returns: .instantVector),
  FunctionSignature(
    "histogram_quantiles", [.instantVector, .string, .scalar, .scalar],
    arity: .bounded(maximum: 12), returns: .instantVector, isExperimental: true),
  FunctionSignature(
    "info", [.instantVector, .instantVector], arity: .optional(count: 1),
    returns: .instantVector, isExperimental: true),
  FunctionSignature("start", [], returns: .scalar, isExperimental: true),
  FunctionSignature("step", [], returns: .scalar, isExperimental: true),
  FunctionSignature("min_of", [.scalar, .scalar], returns: .scalar, isExperimental: true),
])
