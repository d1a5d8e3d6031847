import Numbers
import PromQLSyntax
import SeriesModel

private func overTime(
  _ name: String, _ summary: String, isExperimental: Bool = false, keepsName: Bool = false,
  _ body: @escaping FunctionBody.WindowBody, mixed: FunctionBody.MixedWindowBody? = nil
) -> FunctionDefinition {
  FunctionDefinition(
    name, [.rangeVector], isExperimental: isExperimental, keepsName: keepsName, summary: summary,
    body: .window(body, mixed: mixed))
}

/// A function of the numbers of each window by themselves.
private func reducing(
  _ name: String, _ summary: String, isExperimental: Bool = false,
  _ body: @escaping @Sendable (SampleColumns, Range<Int>) -> Double
) -> FunctionDefinition {
  overTime(name, summary, isExperimental: isExperimental) { series, _, values in
    try series.forEachWindow { values[$0.step] = body(series.samples, $0.samples) }
  }
}

/// A number that depends on when there are samples, of whatever kind they are.
private func counting(
  _ name: String, _ summary: String, isExperimental: Bool = false,
  _ body: @escaping @Sendable (SampleColumns, Range<Int>) -> Double
) -> FunctionDefinition {
  let evaluate: FunctionBody.WindowBody = { series, _, values in
    try series.forEachWindow { values[$0.step] = body(series.samples, $0.samples) }
  }
  return overTime(
    name, summary, isExperimental: isExperimental, evaluate,
    mixed: { series, arguments, column in
      var values = column.values.mutableSpan
      try evaluate(series, arguments, &values)
    })
}

/// One sample of each window, of whatever kind it is.
private func choosing(
  _ name: String, _ summary: String, isExperimental: Bool = false,
  _ index: @escaping @Sendable (Range<Int>) -> Int
) -> FunctionDefinition {
  overTime(
    name, summary, isExperimental: isExperimental, keepsName: true,
    { series, _, values in
      try series.forEachWindow { values[$0.step] = series.samples.values[index($0.samples)] }
    },
    mixed: { series, _, column in
      try series.forEachWindow { window in
        column.set(series.samples, at: index(window.samples), step: window.step)
      }
    })
}

/// A total of each window of numbers or of histograms.
///
/// - Parameters:
///   - isMean: What the total of a window of numbers is: their mean or their sum.
///   - histograms: The total of a window of histograms.
private func totalling(
  _ name: String, _ summary: String, isMean: Bool,
  histograms:
    @escaping @Sendable (WindowedSeries.Window, WindowedSeries, WindowArguments)
    -> NativeHistogram?
) -> FunctionDefinition {
  overTime(
    name, summary,
    { series, _, values in
      try WindowTotals(of: series.samples.values, isMean: isMean)
        .evaluate(series, into: &values)
    },
    mixed: { series, arguments, column in
      let totals = WindowTotals(of: series.samples.values, isMean: isMean)
      try series.forEachWindow { window in
        switch series.content(of: window) {
        case .numbers:
          column.values[window.step] = totals.total(of: window.samples)
        case .histograms:
          if let total = histograms(window, series, arguments) {
            column.set(total, at: window.step)
          }
        case .mixed:
          arguments.context.warn(
            HistogramRemark.mixedTypes(ofMetric: series.labels.metricName ?? ""),
            at: arguments.argumentRanges[0])
        }
      }
    })
}

private func total<Total: HistogramTotal>(
  _ type: Total.Type, of window: WindowedSeries.Window, in series: WindowedSeries,
  _ arguments: WindowArguments
) -> NativeHistogram? {
  let histograms = series.samples.histograms[window.samples].lazy.compactMap { $0 }
  guard let first = histograms.first else { return nil }
  var tally = HistogramTally<Total>(first)
  for histogram in histograms.dropFirst() where tally.add(histogram) == false {
    arguments.context.warn(
      HistogramRemark.mixedSchemas(ofMetric: series.labels.metricName ?? ""),
      at: arguments.argumentRanges[0])
    return nil
  }
  arguments.context.remark(
    on: tally.remarks, in: .aggregation, at: arguments.argumentRanges[0])
  return tally.value
}

/// Statistics of the samples in windows.
let overTimeFunctions: [FunctionDefinition] = [
  totalling(
    "sum_over_time", "The sum of the values.", isMean: false,
    histograms: { total(HistogramSum.self, of: $0, in: $1, $2) }),
  totalling(
    "avg_over_time", "The mean of the values.", isMean: true,
    histograms: { total(HistogramMean.self, of: $0, in: $1, $2) }),
  overTime("min_over_time", "The smallest value.") { series, _, values in
    try slideExtreme(over: series, into: &values) { $0 > $1 }
  },
  overTime("max_over_time", "The largest value.") { series, _, values in
    try slideExtreme(over: series, into: &values) { $0 < $1 }
  },
  overTime(
    "ts_of_min_over_time", "The time of the last smallest value, in seconds.",
    isExperimental: true
  ) { series, _, values in
    try slideExtreme(over: series, ofLast: true, asTime: true, into: &values) { $0 > $1 }
  },
  overTime(
    "ts_of_max_over_time", "The time of the last largest value, in seconds.", isExperimental: true
  ) { series, _, values in
    try slideExtreme(over: series, ofLast: true, asTime: true, into: &values) { $0 < $1 }
  },
  counting("count_over_time", "The number of samples.") { _, window in Double(window.count) },
  counting("present_over_time", "1 where there is a sample.") { _, _ in 1 },
  choosing("first_over_time", "The oldest value.", isExperimental: true) { $0.lowerBound },
  choosing("last_over_time", "The newest value.") { $0.upperBound - 1 },
  counting(
    "ts_of_first_over_time", "The time of the oldest sample, in seconds.", isExperimental: true
  ) { Double($0.timestamps[$1.lowerBound]) / 1000 },
  counting(
    "ts_of_last_over_time", "The time of the newest sample, in seconds.", isExperimental: true
  ) { Double($0.timestamps[$1.upperBound - 1]) / 1000 },
  reducing("stdvar_over_time", "The variance of the values.", windowVariance),
  reducing("stddev_over_time", "The standard deviation of the values.") {
    windowVariance($0, $1).squareRoot()
  },
  reducing(
    "mad_over_time", "The median of the distances from the median.", isExperimental: true
  ) { medianAbsoluteDeviation(of: Array($0.values[$1])) },
  FunctionDefinition(
    "quantile_over_time", [.scalar, .rangeVector], summary: "A quantile of the values.",
    body: .window { try slideQuantile(over: $0, arguments: $1, into: &$2) }),
  FunctionDefinition(
    "absent_over_time", [.rangeVector], reportsAbsence: true,
    summary: "1 where no series has a sample.",
    body: .window(
      { series, _, values in try series.forEachWindow { values[$0.step] = 1 } },
      mixed: { series, _, column in
        try series.forEachWindow { column.values[$0.step] = 1 }
      })),
]

private func windowVariance(_ samples: SampleColumns, _ window: Range<Int>) -> Double {
  var variance = CompensatedVariance()
  for index in window { variance.add(samples.values[index]) }
  return variance.value
}

/// Finds the extreme value of each window, NaN giving way to every number.
///
/// A queue holds the samples that are the extreme of a window now or may become
/// it once those before them have left.
///
/// - Parameters:
///   - ofLast: Which of equal values counts, the last or the first.
///   - asTime: True for the time of the sample instead of its value.
///   - isBeaten: True when the first value gives way to the second.
/// - Complexity: O(samples + steps).
private func slideExtreme(
  over series: WindowedSeries, ofLast: Bool = false, asTime: Bool = false,
  into values: inout MutableSpan<Double>,
  isBeaten: (_ extreme: Double, _ by: Double) -> Bool
) throws {
  let samples = series.samples
  let numbers = samples.values.span
  var queue = [Int](repeating: 0, count: samples.count)
  var indices = queue.mutableSpan
  var head = 0
  var tail = 0
  var next = 0
  try series.forEachWindow { window in
    next = max(next, window.samples.lowerBound)
    while next < window.samples.upperBound {
      let value = numbers[next]
      if value.isNaN == false {
        while tail > head {
          let last = numbers[indices[tail - 1]]
          guard isBeaten(last, value) || (ofLast && last == value) else { break }
          tail -= 1
        }
        indices[tail] = next
        tail += 1
      }
      next += 1
    }
    while head < tail, indices[head] < window.samples.lowerBound { head += 1 }
    // Without a number in the window, its last NaN counts.
    let index = head < tail ? indices[head] : window.samples.upperBound - 1
    values[window.step] = asTime ? Double(samples.timestamps[index]) / 1000 : numbers[index]
  }
}

private func slideQuantile(
  over series: WindowedSeries, arguments: WindowArguments, into values: inout MutableSpan<Double>
) throws {
  var sorted = SortedWindow()
  try series.forEachWindow { window in
    let rank = arguments.scalars[0][window.step]
    if rank.isNaN || rank < 0 || rank > 1 {
      arguments.context.warn(
        "quantile value should be between 0 and 1, got \(floatText(rank, as: .compact))",
        at: arguments.argumentRanges[0])
    }
    sorted.move(to: window.samples, of: series.samples.values)
    values[window.step] = quantile(rank, ofSorted: sorted.values)
  }
}
