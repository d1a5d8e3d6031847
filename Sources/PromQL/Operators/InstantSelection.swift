import PromQLSyntax
import SeriesModel

/// An instant vector of stored samples.
struct InstantSelection: VectorSource {
  let data: SelectedData
  let grid: StepGrid
  let referenceTime: ReferenceTime
  let lookbackDelta: Int64
  /// What the value of a step is taken from.
  let reading: SelectorReading
  /// True when each histogram says whether its counter was reset.
  var tellsResets = false
  /// True when a histogram is an error, as it is among info metrics.
  var refusesHistograms = false
  /// Where the selector stands.
  let selectorRange: SourceRange
  /// For remarks and limits.
  let context: EvaluationContext

  var seriesCount: Int { data.series.count }

  func makeReader() throws -> any SeriesReader {
    Reader(selection: self, reader: try data.makeReader())
  }

  private final class Reader: SeriesReader {
    let selection: InstantSelection
    let reader: SelectedData.Reader

    init(selection: InstantSelection, reader: SelectedData.Reader) {
      self.selection = selection
      self.reader = reader
    }

    func read(seriesAt index: Int) throws -> SeriesColumn? {
      let samples = try reader.samples(ofSeriesAt: index)
      guard samples.isEmpty == false else { return nil }
      var column = SeriesColumn(
        labels: selection.data.series.labels(at: index), dropsName: false,
        values: .absent(count: selection.grid.count))
      let hasValues =
        samples.histograms.isEmpty
        ? selection.fill(&column.values, from: samples)
        : try selection.fill(&column, from: samples)
      guard hasValues else { return nil }
      selection.data.valuesSelected +=
        column.values.count { $0.isAbsent == false }
        + column.histograms.reduce(0) { $0 + ($1?.sampleCost ?? 0) }
      selection.context.stepCounts?.add(column, on: selection.grid)
      return column
    }
  }

  /// Finds the values of a series of numbers.
  ///
  /// - Returns: True when a step has a value.
  private func fill(_ values: inout [Double], from samples: SampleColumns) -> Bool {
    var hasValues = false
    switch reading {
    case .smoothed:
      return interpolate(samples.withoutStaleMarkers(), into: &values)
    case .value:
      forEachNewest(in: samples) { step, index in
        values[step] = samples.values[index]
        hasValues = true
      }
    case .timestamp, .startTimestamp:
      forEachNewest(in: samples) { step, index in
        values[step] = seconds(of: samples, at: index)
        hasValues = true
      }
    }
    return hasValues
  }

  /// Finds the values of a series that has histograms.
  ///
  /// - Returns: True when a step has a value.
  private func fill(_ column: inout SeriesColumn, from samples: SampleColumns) throws -> Bool {
    if refusesHistograms {
      var isHistogram = false
      forEachNewest(in: samples) { _, index in
        if samples.histograms[index] != nil { isHistogram = true }
      }
      if isHistogram {
        throw QueryError.execution(
          "this should be an info metric, with float samples:"
            + " \(column.labels.bracedDescription)")
      }
    }
    switch reading {
    case .smoothed:
      interpolateMixed(
        samples.withoutStaleMarkers().settlingHints(tellsResets: tellsResets), into: &column)
    case .value:
      let samples = samples.settlingHints(tellsResets: tellsResets)
      forEachNewest(in: samples) { step, index in column.set(samples, at: index, step: step) }
    case .timestamp, .startTimestamp:
      forEachNewest(in: samples) { step, index in
        column.values[step] = seconds(of: samples, at: index)
      }
    }
    return column.hasValues
  }

  private func seconds(of samples: SampleColumns, at index: Int) -> Double {
    let time =
      reading == .timestamp ? samples.timestamps[index] : samples.startTimestamp(at: index)
    return Double(time) / 1000
  }

  /// Calls `body` at each step with the newest sample in `(t - lookback, t]`,
  /// unless that is a stale marker.
  @inline(__always)
  private func forEachNewest(in samples: SampleColumns, _ body: (_ step: Int, _ index: Int) -> Void)
  {
    let timestamps = samples.timestamps
    var next = 0
    for step in 0..<grid.count {
      let reference = referenceTime.time(forStepAt: grid.time(at: step))
      while next < timestamps.count, timestamps[next] <= reference { next += 1 }
      guard next > 0, timestamps[next - 1] > saturatingSubtract(reference, lookbackDelta),
        samples.values[next - 1].isStaleMarker == false
      else { continue }
      body(step, next - 1)
    }
  }

  /// Draws a line between the samples around each step; behind the last sample
  /// its value goes on, before the first there is none.
  private func interpolate(_ samples: SampleColumns, into values: inout [Double]) -> Bool {
    var hasValues = false
    forEachNewest(in: samples) { step, index in
      let reference = referenceTime.time(forStepAt: grid.time(at: step))
      values[step] =
        samples.timestamps[index] == reference
          || hasNext(index, in: samples, reference: reference) == false
        ? samples.values[index]
        : samples.interpolatedValue(at: reference, between: index, asCounter: false)
      hasValues = true
    }
    return hasValues
  }

  /// True when a sample follows that at `index` within the lookback delta after
  /// the step.
  private func hasNext(_ index: Int, in samples: SampleColumns, reference: Int64) -> Bool {
    index + 1 < samples.count
      && samples.timestamps[index + 1] <= saturatingAdd(reference, lookbackDelta)
  }

  /// Interpolates as ``interpolate(_:into:)`` where histograms are alone.
  private func interpolateMixed(_ samples: SampleColumns, into column: inout SeriesColumn) {
    let name = column.labels.metricName ?? ""
    var first = 0
    var last = 0
    for step in 0..<grid.count {
      let reference = referenceTime.time(forStepAt: grid.time(at: step))
      let earliest = saturatingSubtract(reference, lookbackDelta)
      let latest = saturatingAdd(reference, lookbackDelta)
      while last < samples.count, samples.timestamps[last] <= latest { last += 1 }
      while first < last, samples.timestamps[first] <= earliest { first += 1 }
      let histogramCount = (first..<last).count { samples.histograms[$0] != nil }
      if histogramCount > 0, histogramCount < last - first {
        context.warn(HistogramRemark.mixedTypes(ofMetric: name), at: selectorRange)
        continue
      }
      guard let index = (first..<last).last(where: { samples.timestamps[$0] <= reference })
      else { continue }
      if samples.timestamps[index] == reference || index + 1 == last {
        column.set(samples, at: index, step: step)
        continue
      }
      guard let left = samples.histograms[index], let right = samples.histograms[index + 1]
      else {
        column.values[step] = samples.interpolatedValue(
          at: reference, between: index, asCounter: false)
        continue
      }
      let interval = HistogramInterval(
        left: left, right: right, leftTime: samples.timestamps[index],
        rightTime: samples.timestamps[index + 1])
      guard
        let value = interval.histogram(
          at: reference, asCounter: left.counterResetHint != .gauge,
          remark: { context.remark(on: $0, in: $1, at: selectorRange) })
      else {
        context.warn(HistogramRemark.mixedSchemas(ofMetric: name), at: selectorRange)
        continue
      }
      column.set(value, at: step)
    }
  }
}

extension SeriesColumn {
  /// Puts the sample at `index` at `step`.
  mutating func set(_ samples: SampleColumns, at index: Int, step: Int) {
    if let histogram = samples.histogram(at: index) {
      set(histogram, at: step)
    } else {
      values[step] = samples.values[index]
    }
  }
}

extension SampleColumns {
  /// The value on the line from the sample at `index` to the next.
  ///
  /// - Parameter asCounter: True when a drop means a restart from zero.
  func interpolatedValue(at time: Int64, between index: Int, asCounter: Bool) -> Double {
    let right = values[index + 1]
    let left = asCounter && right < values[index] ? 0 : values[index]
    return left + (right - left) * Double(time - timestamps[index])
      / Double(timestamps[index + 1] - timestamps[index])
  }

  /// The samples with what the histograms say of their counters taken from the
  /// samples themselves, except that gauges stay gauges.
  ///
  /// What a sender said is not looked at, nor does Prometheus keep it.
  ///
  /// - Parameter tellsResets: True to compare each histogram with the one before
  ///   it, false to leave that to whoever needs it.
  func settlingHints(tellsResets: Bool) -> SampleColumns {
    let isSettled = histograms.allSatisfy {
      $0 == nil || $0?.counterResetHint == .gauge || $0?.counterResetHint == .unknown
    }
    if isSettled, tellsResets == false { return self }
    var settled = self
    var previous: NativeHistogram?
    for index in histograms.indices {
      guard var histogram = histograms[index], histogram.sum.isStaleMarker == false else {
        continue
      }
      if histogram.counterResetHint != .gauge {
        histogram.counterResetHint = .unknown
        if tellsResets, let previous {
          histogram.counterResetHint = histogram.isReset(since: previous) ? .reset : .notReset
        }
        settled.histograms[index] = histogram
      }
      previous = histogram
    }
    return settled
  }
}

/// Two neighbouring histograms, between which others are interpolated.
struct HistogramInterval {
  let left: NativeHistogram
  let right: NativeHistogram
  let leftTime: Int64
  let rightTime: Int64

  /// The histogram on the line between the two.
  ///
  /// - Parameters:
  ///   - asCounter: True when a reset means a restart from zero.
  ///   - remark: Takes in what is remarkable about the arithmetic.
  /// - Returns: Nil when only one of the two has custom bounds.
  func histogram(
    at time: Int64, asCounter: Bool,
    remark: (HistogramSum.Remarks, HistogramRemark.Operation) -> Void
  ) -> NativeHistogram? {
    guard left.hasCustomBounds == right.hasCustomBounds else { return nil }
    if time == leftTime { return left }
    if time == rightTime { return right }
    let share = Double(time - leftTime) / Double(rightTime - leftTime)
    if asCounter, right.isReset(since: left) { return right.multiplied(by: share) }
    guard let difference = right.subtracting(left),
      let result = difference.value.multiplied(by: share).adding(left)
    else { return nil }
    remark(HistogramSum.Remarks(boundsDiffered: difference.remarks.boundsDiffered), .subtraction)
    remark(HistogramSum.Remarks(boundsDiffered: result.remarks.boundsDiffered), .addition)
    return result.value
  }
}
