import Glibc

/// Arithmetic with the special cases of Go's `math` package, on which PromQL
/// is defined.
enum FloatOperations {
  /// The larger number; NaN if either is NaN, unless the other is +Inf.
  static func maximum(_ left: Double, _ right: Double) -> Double {
    if left == .infinity || right == .infinity { return .infinity }
    if left.isNaN || right.isNaN { return .nan }
    if left == 0, right == 0 { return left.sign == .minus ? right : left }
    return left > right ? left : right
  }

  /// The smaller number; NaN if either is NaN, unless the other is -Inf.
  static func minimum(_ left: Double, _ right: Double) -> Double {
    if left == -.infinity || right == -.infinity { return -.infinity }
    if left.isNaN || right.isNaN { return .nan }
    if left == 0, right == 0 { return left.sign == .minus ? left : right }
    return left < right ? left : right
  }

  /// The whole number that `value` is cut to; the least 64-bit integer when it
  /// has none.
  static func truncated(_ value: Double) -> Int64 {
    Int64(exactly: value.rounded(.towardZero)) ?? .min
  }

  /// The hyperbolic sine, infinite from where `exp` is, as in Go.
  static func hyperbolicSine(_ value: Double) -> Double {
    value.magnitude > 21
      ? Double(signOf: value, magnitudeOf: exp(value.magnitude) / 2) : sinh(value)
  }

  /// The hyperbolic cosine, infinite from where `exp` is, as in Go.
  static func hyperbolicCosine(_ value: Double) -> Double {
    value.magnitude > 21 ? exp(value.magnitude) / 2 : cosh(value)
  }

  /// True when the numbers are equal but for a relative error below
  /// `tolerance`.
  static func areAlmostEqual(_ left: Double, _ right: Double, tolerance: Double) -> Bool {
    if left == right { return true }
    let sum = left.magnitude + right.magnitude
    let difference = (left - right).magnitude
    if left == 0 || right == 0 || sum < .leastNormalMagnitude {
      return difference < tolerance * .leastNormalMagnitude
    }
    return difference / min(sum, .greatestFiniteMagnitude) < tolerance
  }
}
