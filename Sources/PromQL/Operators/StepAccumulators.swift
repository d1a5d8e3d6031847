import SeriesModel

/// Takes in the series of one group, step by step.
protocol StepAccumulator {
  /// Adds the numbers of one series.
  ///
  /// - Returns: How many further samples are held from now on.
  mutating func add(_ values: [Double]) -> Int
  /// Adds the histograms of one series, whose numbers were added before.
  ///
  /// - Returns: How many further samples are held from now on.
  mutating func add(histogramsOf column: SeriesColumn, _ remarks: AggregationRemarks) -> Int
  /// Sets the values of the result.
  mutating func finish(into column: inout SeriesColumn, _ remarks: AggregationRemarks)
}

/// An accumulator of numbers, which leaves histograms out and says so.
protocol NumberAccumulator: StepAccumulator {
  /// The results, `values[step]`.
  mutating func finish() -> [Double]
}

extension NumberAccumulator {
  func add(histogramsOf column: SeriesColumn, _ remarks: AggregationRemarks) -> Int {
    remarks.informIgnored()
    return 0
  }

  mutating func finish(into column: inout SeriesColumn, _ remarks: AggregationRemarks) {
    column.values = finish()
  }
}

/// `sum`.
struct SumAccumulator: StepAccumulator {
  private var sums: [Double]
  private var corrections: [Double]
  private var histograms = HistogramAccumulator<HistogramSum>()

  init(stepCount: Int) {
    sums = .absent(count: stepCount)
    corrections = Array(repeating: 0, count: stepCount)
  }

  mutating func add(_ values: [Double]) -> Int {
    for (step, value) in values.enumerated() where value.isAbsent == false {
      if sums[step].isAbsent {
        sums[step] = value
      } else {
        var sum = CompensatedSum(sums[step], correction: corrections[step])
        sum.add(value)
        sums[step] = sum.sum
        corrections[step] = sum.correction
      }
    }
    return 0
  }

  mutating func add(histogramsOf column: SeriesColumn, _ remarks: AggregationRemarks) -> Int {
    histograms.add(column, remarks) { [sums] in sums[$0].isAbsent == false }
  }

  func finish(into column: inout SeriesColumn, _ remarks: AggregationRemarks) {
    column.values = zip(sums, corrections).map { $0.isAbsent ? $0 : $0 + $1 }
    histograms.finish(into: &column, remarks)
  }
}

/// `avg`.
struct MeanAccumulator: StepAccumulator {
  private var means: [CompensatedMean?]
  private var histograms = HistogramAccumulator<HistogramMean>()

  init(stepCount: Int) {
    means = Array(repeating: nil, count: stepCount)
  }

  mutating func add(_ values: [Double]) -> Int {
    for (step, value) in values.enumerated() where value.isAbsent == false {
      if means[step] == nil {
        means[step] = CompensatedMean(value)
      } else {
        means[step]?.add(value)
      }
    }
    return 0
  }

  mutating func add(histogramsOf column: SeriesColumn, _ remarks: AggregationRemarks) -> Int {
    histograms.add(column, remarks) { [means] in means[$0] != nil }
  }

  func finish(into column: inout SeriesColumn, _ remarks: AggregationRemarks) {
    column.values = means.map { $0?.value ?? .absent }
    histograms.finish(into: &column, remarks)
  }
}

/// `min` and `max`: NaN gives way to every number.
struct ExtremeAccumulator: NumberAccumulator {
  private var extremes: [Double]
  private let isBeaten: (_ extreme: Double, _ by: Double) -> Bool

  init(stepCount: Int, isBeaten: @escaping (_ extreme: Double, _ by: Double) -> Bool) {
    extremes = .absent(count: stepCount)
    self.isBeaten = isBeaten
  }

  mutating func add(_ values: [Double]) -> Int {
    for (step, value) in values.enumerated() where value.isAbsent == false {
      // An absent extreme is a NaN too.
      if extremes[step].isNaN || isBeaten(extremes[step], value) { extremes[step] = value }
    }
    return 0
  }

  func finish() -> [Double] { extremes }
}

/// `count` and `group`.
struct CountAccumulator: StepAccumulator {
  private var counts: [Int]
  private let isGroup: Bool

  init(stepCount: Int, isGroup: Bool) {
    counts = Array(repeating: 0, count: stepCount)
    self.isGroup = isGroup
  }

  mutating func add(_ values: [Double]) -> Int {
    for (step, value) in values.enumerated() where value.isAbsent == false {
      counts[step] += 1
    }
    return 0
  }

  mutating func add(histogramsOf column: SeriesColumn, _ remarks: AggregationRemarks) -> Int {
    for (step, histogram) in column.histograms.enumerated() where histogram != nil {
      counts[step] += 1
    }
    return 0
  }

  func finish(into column: inout SeriesColumn, _ remarks: AggregationRemarks) {
    column.values = counts.map { $0 == 0 ? .absent : isGroup ? 1 : Double($0) }
  }
}

/// `stddev` and `stdvar`.
///
/// Source: Welford (1962), without compensation, as Prometheus does here.
struct VarianceAccumulator: NumberAccumulator {
  private var counts: [Double]
  private var means: [Double]
  private var squares: [Double]
  private let takesRoot: Bool

  init(stepCount: Int, takesRoot: Bool) {
    counts = Array(repeating: 0, count: stepCount)
    means = counts
    squares = counts
    self.takesRoot = takesRoot
  }

  mutating func add(_ values: [Double]) -> Int {
    for (step, value) in values.enumerated() where value.isAbsent == false {
      counts[step] += 1
      if counts[step] == 1 {
        means[step] = value
        squares[step] = value.isFinite ? 0 : .nan
      } else {
        let delta = value - means[step]
        means[step] += delta / counts[step]
        squares[step] += delta * (value - means[step])
      }
    }
    return 0
  }

  func finish() -> [Double] {
    counts.indices.map { step in
      guard counts[step] > 0 else { return .absent }
      let variance = squares[step] / counts[step]
      return takesRoot ? variance.squareRoot() : variance
    }
  }
}

/// `quantile`.
struct QuantileAccumulator: NumberAccumulator {
  private var samples: [[Double]]
  private let ranks: [Double]

  init(stepCount: Int, ranks: [Double]) {
    samples = Array(repeating: [], count: stepCount)
    self.ranks = ranks
  }

  mutating func add(_ values: [Double]) -> Int {
    var added = 0
    for (step, value) in values.enumerated() where value.isAbsent == false {
      samples[step].append(value)
      added += 1
    }
    return added
  }

  mutating func finish() -> [Double] {
    samples.indices.map { step in
      samples[step].isEmpty ? .absent : quantile(ranks[step], of: &samples[step])
    }
  }
}
