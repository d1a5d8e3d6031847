import PromQLSyntax

/// The functions that the tests of this target call.
let testFunctions = FunctionTable([
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

/// Options with a judge that knows just the expressions the tests use.
let testOptions = ParserOptions { pattern in
  if pattern.hasPrefix("(") && !pattern.hasSuffix(")") {
    return .invalid(reason: "missing closing ): `\(pattern)`")
  }
  return pattern.isEmpty || pattern.hasSuffix("*") || pattern.hasSuffix("|")
    ? .matchesEmpty : .requiresText
}

func parsed(
  _ text: String, options: ParserOptions = testOptions
) throws(ParseError) -> Expression {
  try Parser.parse(text, functions: testFunctions, options: options)
}

/// The error of parsing `text`; nil if there is none.
func parseError(_ text: String, options: ParserOptions = testOptions) -> ParseError? {
  do throws(ParseError) {
    _ = try parsed(text, options: options)
    return nil
  } catch {
    return error
  }
}
