import Numbers
import PromQLSyntax
import SeriesModel

/// A function that only native histograms have a result for.
private func ofNativeHistograms(_ name: String, _ summary: String) -> FunctionDefinition {
  FunctionDefinition(
    name, [.instantVector], summary: summary, body: .vector { _ in MaterializedVector([]) })
}

/// Functions of histograms.
let histogramFunctions: [FunctionDefinition] = [
  ofNativeHistograms("histogram_avg", "The mean of the observations."),
  ofNativeHistograms("histogram_count", "The number of observations."),
  ofNativeHistograms("histogram_sum", "The sum of the observations."),
  ofNativeHistograms("histogram_stddev", "The estimated standard deviation of the observations."),
  ofNativeHistograms("histogram_stdvar", "The estimated variance of the observations."),
  FunctionDefinition(
    "histogram_quantile", [.scalar, .instantVector],
    summary: "A quantile of the observations, estimated from buckets.",
    body: .vector { call in
      try bucketQuantiles(call, vector: 1, ranks: 0..<1, label: nil)
    }),
  FunctionDefinition(
    "histogram_quantiles", [.instantVector, .string, .scalar, .scalar],
    arity: .bounded(maximum: 12), isExperimental: true,
    summary: "Several quantiles of the observations, told apart by a label.",
    body: .vector { call in
      try bucketQuantiles(
        call, vector: 0, ranks: 2..<call.plan.arguments.count, label: call.string(1))
    }),
  FunctionDefinition(
    "histogram_fraction", [.scalar, .scalar, .instantVector],
    summary: "The share of the observations between two bounds, estimated from buckets.",
    body: .vector { call in
      let lower = try call.scalar(0)
      let upper = try call.scalar(1)
      var collector = ColumnCollector(stepCount: call.grid.count, in: call.context)
      try BucketGroups(call, vector: 2).forEach(call) { labels, step, buckets in
        let result = try collector.index(for: labels, dropsName: true)
        let fraction = buckets.fraction(from: lower[step], through: upper[step])
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
  try BucketGroups(call, vector: vector).forEach(call) { labels, step, buckets in
    for rank in ranks.map({ $0[step] }) {
      let (value, repair) = buckets.quantile(rank)
      if let repair {
        call.context.annotations.insert(
          repair: repair, ofMetric: labels.metricName ?? "", time: call.grid.time(at: step),
          at: call.sourceRange(vector))
      }
      let result = try collector.index(
        for: label.map { labels.setting($0, to: floatText(rank, as: .openMetrics)) } ?? labels,
        dropsName: true)
      try collector.set(value, step: step, ofSeriesAt: result)
    }
  }
  return collector.vector()
}

private func warnAboutRanks(_ ranks: [Double], _ call: VectorCall, argument: Int) {
  for rank in ranks where rank.isNaN || rank < 0 || rank > 1 {
    call.context.warn(
      "quantile value should be between 0 and 1, got \(floatText(rank, as: .compact))",
      at: call.sourceRange(argument))
  }
}

/// The buckets of an instant vector, histogram by histogram.
private struct BucketGroups {
  private struct Group {
    /// The labels without the bucket's bound.
    var labels: Labels
    var buckets: [(bound: Double, values: [Double])] = []
  }

  private var groups: [Group] = []
  private let held: MaterializedVector

  init(_ call: VectorCall, vector: Int) throws {
    held = try call.vector(vector).materialized(in: call.context)
    var indexOfLabels: [Labels: Int] = [:]
    for column in held.columns {
      let bound = column.labels[LabelName.bucketBound] ?? ""
      guard let upperBound = parseFloat(bound, as: .go) else {
        let message =
          "bucket label \"le\" is missing or has a malformed value of \(bound.quotedForPromQL)"
        call.context.warn(
          message.naming(metric: column.labels.metricName ?? ""), at: call.sourceRange(vector))
        continue
      }
      let labels = column.labels.removing(LabelName.bucketBound)
      let index = indexOfLabels[labels] ?? groups.count
      if index == groups.count {
        indexOfLabels[labels] = index
        groups.append(Group(labels: labels))
      }
      groups[index].buckets.append((upperBound, column.values))
    }
  }

  /// Calls `body` with the buckets of each histogram at each step that has
  /// some.
  func forEach(
    _ call: VectorCall,
    _ body: (_ labels: Labels, _ step: Int, _ buckets: inout ClassicBuckets) throws -> Void
  ) throws {
    for group in groups {
      try call.context.checkpoint()
      for step in 0..<call.grid.count {
        let present = group.buckets.filter { $0.values[step].isAbsent == false }
        guard present.isEmpty == false else { continue }
        var buckets = ClassicBuckets(
          present.map { .init(upperBound: $0.bound, count: $0.values[step]) })
        try body(group.labels, step, &buckets)
      }
    }
  }
}
