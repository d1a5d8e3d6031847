/// The sums or the means of the numbers in windows.
struct WindowTotals {
  private let values: [Double]
  private let isMean: Bool
  private let prefixSums: PrefixSums?

  /// Prepares for windows over `values`.
  init(of values: [Double], isMean: Bool) {
    self.values = values
    self.isMean = isMean
    prefixSums = PrefixSums(values)
  }

  /// The total of each window of `series`, whose values were given.
  func evaluate(_ series: WindowedSeries, into totals: inout MutableSpan<Double>) throws {
    guard prefixSums == nil else {
      return try series.forEachWindow { totals[$0.step] = total(of: $0.samples) }
    }
    var steps = SIMD4<Int>()
    var windows = InlineArray<4, Range<Int>>(repeating: 0..<0)
    var count = 0
    try series.forEachWindow { window in
      steps[count] = window.step
      windows[count] = window.samples
      count += 1
      guard count == windows.count else { return }
      count = 0
      let four = fourTotals(of: windows)
      for lane in windows.indices { totals[steps[lane]] = four[lane] }
    }
    for lane in 0..<count { totals[steps[lane]] = total(of: windows[lane]) }
  }

  /// The total of one window of numbers, which is not empty.
  func total(of window: Range<Int>) -> Double {
    if let sum = prefixSums?.sum(of: window) {
      return isMean ? sum / Double(window.count) : sum
    }
    guard isMean else {
      var sum = CompensatedSum()
      for index in window { sum.add(values[index]) }
      return sum.sum.isInfinite ? sum.sum : sum.value
    }
    var mean = CompensatedMean(values[window.lowerBound])
    for index in window.dropFirst() { mean.add(values[index]) }
    return mean.value
  }

  /// The totals of four windows, added side by side: within one, each addition
  /// waits for that before it.
  ///
  /// They are those of ``total(of:)`` to the last bit, as the rounding error of
  /// an addition is found exactly in either way.
  ///
  /// Source: Knuth, "The Art of Computer Programming", volume 2, 4.2.2 (two-sum).
  private func fourTotals(of windows: InlineArray<4, Range<Int>>) -> SIMD4<Double> {
    let numbers = values.span
    var shared = windows[0].count
    for lane in 1..<4 { shared = min(shared, windows[lane].count) }
    var sums = SIMD4<Double>()
    // A mean begins with the first value, a sum with zero.
    if isMean { for lane in 0..<4 { sums[lane] = numbers[windows[lane].lowerBound] } }
    var corrections = SIMD4<Double>()
    for offset in (isMean ? 1 : 0)..<shared {
      let added = SIMD4(
        numbers[windows[0].lowerBound + offset], numbers[windows[1].lowerBound + offset],
        numbers[windows[2].lowerBound + offset], numbers[windows[3].lowerBound + offset])
      let next = sums + added
      let addedAsRounded = next - sums
      corrections += (sums - (next - addedAsRounded)) + (added - addedAsRounded)
      sums = next
    }
    var totals = SIMD4<Double>()
    for lane in 0..<4 {
      let window = windows[lane]
      var sum = CompensatedSum(sums[lane], correction: corrections[lane])
      for index in window.dropFirst(shared) { sum.add(numbers[index]) }
      let count = isMean ? Double(window.count) : 1
      totals[lane] = sum.sum / count + sum.correction / count
      // Infinity on the way, which never leaves a sum, or NaN.
      if totals[lane].isFinite == false { totals[lane] = total(of: window) }
    }
    return totals
  }
}

/// The sums of the first values, where addition is exact.
///
/// Sums of whole numbers below 2^53 have no rounding error in whatever order
/// they are added, so the sum of a window is the difference of two prefix sums,
/// to the last bit. Other values are added window by window, since the
/// compensated sum depends on where it begins.
private struct PrefixSums {
  /// `sums[i]` is the sum of the values before `i`.
  private let sums: [Double]

  /// Adds `values`; nil when one is not whole or the sums grow too large.
  init?(_ values: [Double]) {
    var sums: [Double] = [0]
    sums.reserveCapacity(values.count + 1)
    var sum = 0.0
    var magnitude = 0.0
    for value in values {
      magnitude += value.magnitude
      // The comparison fails for NaN and infinity too.
      guard magnitude < 0x1p53, Double(Int64(value)) == value else { return nil }
      sum += value
      sums.append(sum)
    }
    self.sums = sums
  }

  func sum(of window: Range<Int>) -> Double {
    sums[window.upperBound] - sums[window.lowerBound]
  }
}
