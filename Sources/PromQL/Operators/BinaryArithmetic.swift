import Glibc
import PromQLSyntax

extension BinaryOperator {
  /// True for operators whose result is another quantity than the operands.
  var changesMetric: Bool {
    switch self {
    case .add, .subtract, .multiply, .divide, .modulo, .power, .atan2: true
    default: false
    }
  }

  /// The result between two scalars; comparisons give 1 or 0.
  func scalarResult(_ left: Double, _ right: Double) -> Double {
    if isComparison { return compares(left, right) ? 1 : 0 }
    return arithmeticResult(left, right)
  }

  /// The result of an arithmetic operator.
  ///
  /// - Precondition: ``changesMetric`` holds.
  @inline(__always)
  func arithmeticResult(_ left: Double, _ right: Double) -> Double {
    switch self {
    case .add: left + right
    case .subtract: left - right
    case .multiply: left * right
    case .divide: left / right
    case .modulo: fmod(left, right)
    case .power: pow(left, right)
    case .atan2: Glibc.atan2(left, right)
    default: preconditionFailure("\(rawValue) is no arithmetic operator")
    }
  }

  /// True when the comparison holds.
  ///
  /// - Precondition: The operator is a comparison.
  @inline(__always)
  func compares(_ left: Double, _ right: Double) -> Bool {
    switch self {
    case .equal: left == right
    case .notEqual: left != right
    case .less: left < right
    case .lessOrEqual: left <= right
    case .greater: left > right
    case .greaterOrEqual: left >= right
    default: preconditionFailure("\(rawValue) is no comparison")
    }
  }

  /// The result between two elements of vectors; absent when a comparison
  /// without `bool` does not hold, and for operators that floats don't have.
  @inline(__always)
  func elementResult(_ left: Double, _ right: Double, returnsBool: Bool) -> Double {
    if changesMetric { return arithmeticResult(left, right) }
    guard isComparison else { return .absent }
    if returnsBool { return compares(left, right) ? 1 : 0 }
    return compares(left, right) ? left : .absent
  }
}
