/// The moments at which a part of a query is evaluated.
///
/// All times are milliseconds since 1970-01-01T00:00Z.
struct StepGrid: Hashable, Sendable {
  /// The first moment.
  let start: Int64
  /// The distance of the moments; positive.
  let step: Int64
  /// The number of moments; may be zero.
  let count: Int

  /// The grid of one moment.
  init(at time: Int64) {
    self.init(start: time, step: 1, count: 1)
  }

  /// The moments `start`, `start + step`, ... up to and including `end`.
  ///
  /// - Precondition: `step` is positive.
  init(start: Int64, through end: Int64, step: Int64) {
    let count = end < start ? 0 : saturatingAdd(saturatingSubtract(end, start) / step, 1)
    self.init(start: start, step: step, count: Int(count))
  }

  private init(start: Int64, step: Int64, count: Int) {
    self.start = start
    self.step = step
    self.count = count
  }

  /// The moments of a subquery: the multiples of `step` in `(start, end]`.
  static func aligned(after start: Int64, through end: Int64, step: Int64) -> StepGrid {
    var first = start - start % step
    if first <= start { first = saturatingAdd(first, step) }
    return StepGrid(start: first, through: end, step: step)
  }

  /// The moment of the step `index`.
  @inline(__always)
  func time(at index: Int) -> Int64 { start + Int64(index) * step }

  /// All moments.
  var times: [Int64] { (0..<count).map { time(at: $0) } }

  /// The last moment; before ``start`` when there is none.
  var end: Int64 { count == 0 ? saturatingSubtract(start, 1) : time(at: count - 1) }
}

/// The sum, or the limit it would exceed.
@inline(__always)
func saturatingAdd(_ left: Int64, _ right: Int64) -> Int64 {
  let (sum, overflows) = left.addingReportingOverflow(right)
  return overflows ? (left < 0 ? .min : .max) : sum
}

/// The difference, or the limit it would exceed.
@inline(__always)
func saturatingSubtract(_ left: Int64, _ right: Int64) -> Int64 {
  let (difference, overflows) = left.subtractingReportingOverflow(right)
  return overflows ? (left < 0 ? .min : .max) : difference
}
