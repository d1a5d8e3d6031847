import Glibc
import PromQLSyntax

private func elementwise(
  _ name: String, _ summary: String, _ body: @escaping @Sendable (Double) -> Double
) -> FunctionDefinition {
  FunctionDefinition(
    name, [.instantVector], summary: summary, body: .elementwise(body))
}

/// Functions of each value by itself.
let mathFunctions: [FunctionDefinition] = [
  elementwise("abs", "The value without its sign.") { $0.magnitude },
  elementwise("ceil", "The value rounded up to a whole number.") { $0.rounded(.up) },
  elementwise("floor", "The value rounded down to a whole number.") { $0.rounded(.down) },
  elementwise("sqrt", "The square root.") { $0.squareRoot() },
  elementwise("exp", "e to the power of the value.") { exp($0) },
  elementwise("ln", "The natural logarithm.") { log($0) },
  elementwise("log2", "The logarithm to base 2.") { log2($0) },
  elementwise("log10", "The logarithm to base 10.") { log10($0) },
  elementwise("sin", "The sine of radians.") { sin($0) },
  elementwise("cos", "The cosine of radians.") { cos($0) },
  elementwise("tan", "The tangent of radians.") { tan($0) },
  elementwise("asin", "The arc sine in radians.") { asin($0) },
  elementwise("acos", "The arc cosine in radians.") { acos($0) },
  elementwise("atan", "The arc tangent in radians.") { atan($0) },
  elementwise("sinh", "The hyperbolic sine.") { FloatOperations.hyperbolicSine($0) },
  elementwise("cosh", "The hyperbolic cosine.") { FloatOperations.hyperbolicCosine($0) },
  elementwise("tanh", "The hyperbolic tangent.") { tanh($0) },
  elementwise("asinh", "The inverse hyperbolic sine.") { asinh($0) },
  elementwise("acosh", "The inverse hyperbolic cosine.") { acosh($0) },
  elementwise("atanh", "The inverse hyperbolic tangent.") { atanh($0) },
  elementwise("deg", "Radians as degrees.") { $0 * 180 / .pi },
  elementwise("rad", "Degrees as radians.") { $0 * .pi / 180 },
  elementwise("sgn", "-1, 0 or 1 by the sign of the value.") { value in
    value < 0 ? -1 : value > 0 ? 1 : value
  },
  FunctionDefinition(
    "clamp", [.instantVector, .scalar, .scalar],
    summary: "The value kept between two bounds; nothing when they are the wrong way round.",
    body: .elementwiseWithScalars { value, bounds in
      clamp(value, from: bounds[0], through: bounds[1])
    }),
  FunctionDefinition(
    "clamp_min", [.instantVector, .scalar], summary: "The value kept above a bound.",
    body: .elementwiseWithScalars { value, bounds in
      clamp(value, from: bounds[0], through: .infinity)
    }),
  FunctionDefinition(
    "clamp_max", [.instantVector, .scalar], summary: "The value kept below a bound.",
    body: .elementwiseWithScalars { value, bounds in
      clamp(value, from: -.infinity, through: bounds[0])
    }),
  FunctionDefinition(
    "round", [.instantVector, .scalar], arity: .optional(count: 1),
    summary: "The value rounded to the nearest multiple of a number, by default 1; ties go up.",
    body: .elementwiseWithScalars { value, unit in
      // The inverse loses less for units such as 0.1.
      let inverse = 1 / (unit.first ?? 1)
      return (value * inverse + 0.5).rounded(.down) / inverse
    }),
]

private func clamp(_ value: Double, from lower: Double, through upper: Double) -> Double? {
  if upper < lower { return nil }
  return FloatOperations.maximum(lower, FloatOperations.minimum(upper, value))
}
