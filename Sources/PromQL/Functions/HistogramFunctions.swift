import Numbers
import PromQLSyntax
import SeriesModel

/// A number of each native histogram; numbers are left out.
private func ofNativeHistograms(
  _ name: String, _ summary: String, use: HistogramUse = .other,
  _ body: @escaping @Sendable (NativeHistogram) -> Double
) -> FunctionDefinition {
  FunctionDefinition(
    name, [.instantVector], histogramUse: use, summary: summary, body: .histogramwise(body))
}

/// Functions of histograms.
let histogramFunctions: [FunctionDefinition] = [
  ofNativeHistograms("histogram_avg", "The mean of the observations.", use: .statistics) {
    $0.mean
  },
  ofNativeHistograms("histogram_count", "The number of observations.", use: .statistics) {
    $0.count
  },
  ofNativeHistograms("histogram_sum", "The sum of the observations.", use: .statistics) {
    $0.sum
  },
  ofNativeHistograms(
    "histogram_stddev", "The estimated standard deviation of the observations."
  ) { $0.variance.squareRoot() },
  ofNativeHistograms("histogram_stdvar", "The estimated variance of the observations.") {
    $0.variance
  },
  FunctionDefinition(
    "histogram_quantile", [.scalar, .instantVector], histogramUse: .buckets,
    summary: "A quantile of the observations, estimated from buckets.",
    body: .vector { call in
      try bucketQuantiles(call, vector: 1, ranks: 0..<1, label: nil)
    }),
  FunctionDefinition(
    "histogram_quantiles", [.instantVector, .string, .scalar, .scalar],
    arity: .bounded(maximum: 12), isExperimental: true, histogramUse: .buckets,
    summary: "Several quantiles of the observations, told apart by a label.",
    body: .vector { call in
      try bucketQuantiles(
        call, vector: 0, ranks: 2..<call.plan.arguments.count, label: call.string(1))
    }),
  FunctionDefinition(
    "histogram_fraction", [.scalar, .scalar, .instantVector], histogramUse: .buckets,
    summary: "The share of the observations between two bounds, estimated from buckets.",
    body: .vector { call in
      let lower = try call.scalar(0)
      let upper = try call.scalar(1)
      var collector = ColumnCollector(stepCount: call.grid.count, in: call.context)
      try Distributions(call, vector: 2).forEachHistogram { labels, step, distribution in
        let fraction: Double
        switch distribution {
        case .classic(let buckets):
          fraction = buckets.fraction(from: lower[step], through: upper[step])
        case .native(let histogram):
          let estimate = histogram.fraction(from: lower[step], through: upper[step])
          informAboutNaN(estimate.effectOfNaN, in: labels, call, vector: 2)
          fraction = estimate.value
        }
        let result = try collector.index(for: labels, dropsName: true)
        try collector.set(fraction, step: step, ofSeriesAt: result)
      }
      return collector.vector()
    }),
]

/// The quantiles of every histogram.
///
/// - Parameters:
///   - vector: The argument that has the buckets.
///   - ranks: The arguments that have the ranks.
///   - label: The label that says the rank; nil for none.
private func bucketQuantiles(
  _ call: VectorCall, vector: Int, ranks: Range<Int>, label: String?
) throws -> any VectorSource {
  let ranks = try ranks.map { index in
    let values = try call.scalar(index)
    warnAboutRanks(values, call, argument: index)
    return values
  }
  var collector = ColumnCollector(stepCount: call.grid.count, in: call.context)
  try Distributions(call, vector: vector).forEachHistogram { labels, step, distribution in
    for rank in ranks.map({ $0[step] }) {
      let value = quantile(
        rank, of: distribution, labels: labels, step: step, call, vector: vector)
      let result = try collector.index(
        for: label.map { labels.setting($0, to: floatText(rank, as: .openMetrics)) } ?? labels,
        dropsName: true)
      try collector.set(value, step: step, ofSeriesAt: result)
    }
  }
  return collector.vector()
}

private func quantile(
  _ rank: Double, of distribution: Distributions.Distribution, labels: Labels, step: Int,
  _ call: VectorCall, vector: Int
) -> Double {
  switch distribution {
  case .classic(var buckets):
    let (value, repair) = buckets.quantile(rank)
    if let repair {
      call.context.annotations.insert(
        repair: repair, ofMetric: labels.metricName ?? "", time: call.grid.time(at: step),
        at: call.sourceRange(vector))
    }
    return value
  case .native(let histogram):
    let estimate = histogram.quantile(rank)
    informAboutNaN(estimate.effectOfNaN, in: labels, call, vector: vector)
    return estimate.value
  }
}

/// Says what observations that are no numbers do to an estimate.
private func informAboutNaN(
  _ effect: HistogramEstimate.EffectOfNaN, in labels: Labels, _ call: VectorCall, vector: Int
) {
  let message: String
  switch effect {
  case .none: return
  case .skews:
    message = "input to histogram_quantile has NaN observations, result is skewed higher"
  case .decides:
    message = "input to histogram_quantile has NaN observations, result is NaN"
  case .isLeftOut:
    message =
      "input to histogram_fraction has NaN observations, which are excluded from all fractions"
  }
  call.context.inform(message.naming(metric: labels.metricName ?? ""), at: call.sourceRange(vector))
}

private func warnAboutRanks(_ ranks: [Double], _ call: VectorCall, argument: Int) {
  for rank in ranks where rank.isNaN || rank < 0 || rank > 1 {
    call.context.warn(
      "quantile value should be between 0 and 1, got \(floatText(rank, as: .compact))",
      at: call.sourceRange(argument))
  }
}

/// The histograms of an instant vector, be they native or made of series with a
/// bucket each.
private struct Distributions {
  /// One histogram at one step.
  enum Distribution {
    case classic(ClassicBuckets)
    case native(NativeHistogram)
  }

  private struct Group {
    /// The labels without the bucket's bound.
    var labels: Labels
    var buckets: [(bound: Double, values: [Double])] = []
    /// The native histograms of the same labels; empty when there is none.
    var histograms: [NativeHistogram?] = []
  }

  private let call: VectorCall
  private let vectorRange: SourceRange
  private var groups: [Group] = []
  private let held: MaterializedVector

  init(_ call: VectorCall, vector: Int) throws {
    self.call = call
    vectorRange = call.sourceRange(vector)
    held = try call.vector(vector).materialized(in: call.context)
    var indexOfLabels: [Labels: Int] = [:]
    for column in held.columns {
      if column.histograms.isEmpty == false {
        let index = groupIndex(of: column.labels, &indexOfLabels)
        groups[index].histograms = column.histograms
      }
      guard column.values.contains(where: { $0.isAbsent == false }) else { continue }
      let bound = column.labels[LabelName.bucketBound] ?? ""
      guard let upperBound = parseFloat(bound, as: .go) else {
        let message =
          "bucket label \"le\" is missing or has a malformed value of \(bound.quotedForPromQL)"
        call.context.warn(message.naming(metric: column.labels.metricName ?? ""), at: vectorRange)
        continue
      }
      let labels = column.labels.removing(LabelName.bucketBound)
      groups[groupIndex(of: labels, &indexOfLabels)].buckets.append((upperBound, column.values))
    }
  }

  private mutating func groupIndex(
    of labels: Labels, _ indexOfLabels: inout [Labels: Int]
  ) -> Int {
    if let index = indexOfLabels[labels] { return index }
    indexOfLabels[labels] = groups.count
    groups.append(Group(labels: labels))
    return groups.count - 1
  }

  /// Calls `body` with each histogram at each step that has one; where a native
  /// one meets a classic one, neither counts.
  func forEachHistogram(
    _ body: (_ labels: Labels, _ step: Int, _ distribution: Distribution) throws -> Void
  ) throws {
    for group in groups {
      try call.context.checkpoint()
      for step in 0..<call.grid.count {
        let present = group.buckets.filter { $0.values[step].isAbsent == false }
        let histogram = group.histograms.isEmpty ? nil : group.histograms[step]
        if let histogram, present.isEmpty {
          try body(group.labels, step, .native(histogram))
        } else if histogram != nil {
          call.context.warn(
            "vector contains a mix of classic and native histograms"
              .naming(metric: group.labels.metricName ?? ""), at: vectorRange)
        } else if present.isEmpty == false {
          let buckets = ClassicBuckets(
            present.map { .init(upperBound: $0.bound, count: $0.values[step]) })
          try body(group.labels, step, .classic(buckets))
        }
      }
    }
  }
}
