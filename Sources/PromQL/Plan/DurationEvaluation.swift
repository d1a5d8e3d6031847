import Glibc
import PromQLSyntax

/// The step and range of a query, which `step()` and `range()` stand for.
struct QueryTimes {
  /// The first evaluation time, in milliseconds since 1970.
  var start: Int64
  /// The last evaluation time, in milliseconds since 1970.
  var end: Int64
  /// The step in milliseconds; zero for an instant query.
  var step: Int64

  /// The time from the first to the last evaluation, in milliseconds.
  var range: Int64 { saturatingSubtract(end, start) }

  /// The moments to evaluate at.
  var grid: StepGrid {
    step == 0 ? StepGrid(at: start) : StepGrid(start: start, through: end, step: step)
  }
}

extension DurationExpression {
  /// The duration, rounded to milliseconds.
  ///
  /// - Parameters:
  ///   - mayBeNegative: True for offsets; else the result is above zero.
  ///   - text: The query, for the positions of errors.
  func milliseconds(
    in times: QueryTimes, mayBeNegative: Bool, text: String
  ) throws(QueryError) -> Int64 {
    let seconds = try seconds(in: times, text: text)
    if seconds.isNaN || seconds.isInfinite {
      throw failure("duration is out of range", in: text)
    }
    if seconds <= 0, mayBeNegative == false {
      throw failure("duration must be greater than 0", in: text)
    }
    // 292 years: what fits 64-bit nanoseconds.
    guard seconds.magnitude < 9_223_372_036 else {
      throw failure("duration is out of range", in: text)
    }
    return Int64((seconds * 1000).rounded())
  }

  private func seconds(in times: QueryTimes, text: String) throws(QueryError) -> Double {
    switch node {
    case .seconds(let value, _):
      return value
    case .step:
      return Double(times.step) / 1000
    case .range:
      return Double(times.range) / 1000
    case .unary(let isNegative, let operand):
      let value = try operand.seconds(in: times, text: text)
      return isNegative ? -value : value
    case .binary(let operation, let left, let right):
      return try apply(
        operation, left.seconds(in: times, text: text), right.seconds(in: times, text: text),
        text: text)
    case .minimum(let left, let right):
      return FloatOperations.minimum(
        try left.seconds(in: times, text: text), try right.seconds(in: times, text: text))
    case .maximum(let left, let right):
      return FloatOperations.maximum(
        try left.seconds(in: times, text: text), try right.seconds(in: times, text: text))
    case .parenthesized(let inner):
      return try inner.seconds(in: times, text: text)
    }
  }

  private func apply(
    _ operation: ArithmeticOperator, _ left: Double, _ right: Double, text: String
  ) throws(QueryError) -> Double {
    switch operation {
    case .add: return left + right
    case .subtract: return left - right
    case .multiply: return left * right
    case .divide:
      if right == 0 { throw failure("division by zero", in: text) }
      return left / right
    case .modulo:
      if right == 0 { throw failure("modulo by zero", in: text) }
      return fmod(left, right)
    case .power: return pow(left, right)
    }
  }

  private func failure(_ message: String, in text: String) -> QueryError {
    .parse("\(sourceRange.startPosition(in: text)): parse error: \(message)")
  }
}
