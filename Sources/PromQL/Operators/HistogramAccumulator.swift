import SeriesModel

/// The remarks on one aggregation.
struct AggregationRemarks {
  let context: EvaluationContext
  let plan: AggregationPlan

  /// Says that the aggregation, which is one of numbers, left a histogram out.
  func informIgnored() {
    context.informIgnoredHistogram(by: plan.aggregator, at: plan.operandRange)
  }

  fileprivate func warnMixedTypes() {
    context.warn(
      "encountered a mix of histograms and floats for aggregation", at: plan.operandRange)
  }

  fileprivate func warnMixedSchemas(of labels: Labels) {
    context.warn(
      HistogramRemark.mixedSchemas(ofMetric: labels.metricName ?? ""), at: plan.operandRange)
  }

  fileprivate func remark(on remarks: HistogramSum.Remarks) {
    context.remark(on: remarks, in: .aggregation, at: plan.operandRange)
  }
}

/// A sum or mean of histograms.
protocol HistogramTotal {
  init(_ first: NativeHistogram)
  mutating func add(_ histogram: NativeHistogram) -> HistogramSum.Remarks?
  var value: NativeHistogram { get }
}

extension HistogramSum: HistogramTotal {}
extension HistogramMean: HistogramTotal {}

/// Histograms whose total is taken, and what their hints say.
struct HistogramTally<Total: HistogramTotal> {
  private var total: Total
  private var followsReset: Bool
  private var followsNoReset: Bool
  /// Where custom bounds differed; contradictions of hints count over all
  /// histograms and not pair by pair.
  private(set) var boundsDiffered = false

  /// Starts with `first`.
  init(_ first: NativeHistogram) {
    total = Total(first)
    followsReset = first.counterResetHint == .reset
    followsNoReset = first.counterResetHint == .notReset
  }

  /// Adds `histogram`.
  ///
  /// - Returns: False when its bounds are of another kind.
  mutating func add(_ histogram: NativeHistogram) -> Bool {
    if histogram.counterResetHint == .reset { followsReset = true }
    if histogram.counterResetHint == .notReset { followsNoReset = true }
    guard let remarks = total.add(histogram) else { return false }
    if remarks.boundsDiffered { boundsDiffered = true }
    return true
  }

  /// The total of the histograms so far.
  var value: NativeHistogram { total.value }

  /// What is remarkable about the total.
  var remarks: HistogramSum.Remarks {
    HistogramSum.Remarks(
      hintsCollide: followsReset && followsNoReset, boundsDiffered: boundsDiffered)
  }
}

/// The histograms of one group of an aggregation, step by step.
struct HistogramAccumulator<Total: HistogramTotal> {
  private enum State {
    case none
    case total(HistogramTally<Total>)
    /// Histograms with exponential and custom buckets met.
    case mixedSchemas(boundsDiffered: Bool)
    /// A number came before the first histogram.
    case mixedTypes
  }

  /// Empty until the first histogram comes.
  private var states: [State] = []

  /// Adds the histograms of `column`.
  ///
  /// - Parameter hasNumber: Whether the group had a number at a step so far.
  /// - Returns: How many further samples are held from now on.
  mutating func add(
    _ column: SeriesColumn, _ remarks: AggregationRemarks, hasNumber: (Int) -> Bool
  ) -> Int {
    if states.isEmpty { states = Array(repeating: .none, count: column.values.count) }
    var held = 0
    for (step, histogram) in column.histograms.enumerated() {
      guard let histogram else { continue }
      switch states[step] {
      case .none:
        states[step] = hasNumber(step) ? .mixedTypes : .total(HistogramTally(histogram))
        held += histogram.sampleCost
      case .total(var tally):
        states[step] = .none
        if tally.add(histogram) {
          states[step] = .total(tally)
        } else {
          remarks.warnMixedSchemas(of: column.labels)
          states[step] = .mixedSchemas(boundsDiffered: tally.boundsDiffered)
        }
      case .mixedSchemas, .mixedTypes:
        break
      }
    }
    return held
  }

  /// Puts the totals into `column`, whose numbers are set already.
  func finish(into column: inout SeriesColumn, _ remarks: AggregationRemarks) {
    for (step, state) in states.enumerated() {
      switch state {
      case .none:
        continue
      case .total(let tally) where column.values[step].isAbsent:
        remarks.remark(on: tally.remarks)
        column.set(tally.value, at: step)
        continue
      case .total(let tally):
        remarks.remark(on: HistogramSum.Remarks(boundsDiffered: tally.boundsDiffered))
        remarks.warnMixedTypes()
      case .mixedSchemas(let boundsDiffered):
        remarks.remark(on: HistogramSum.Remarks(boundsDiffered: boundsDiffered))
      // Numbers that came later were not looked at.
      case .mixedTypes:
        remarks.warnMixedTypes()
      }
      column.values[step] = .absent
    }
  }
}
