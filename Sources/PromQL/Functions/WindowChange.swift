import PromQLSyntax
import SeriesModel

/// The change over a window, as `rate`, `increase` and `delta` see it.
struct WindowChange: Sendable {
  let isCounter: Bool
  let isRate: Bool

  /// Evaluates a series of numbers.
  func evaluate(
    numbersOf series: WindowedSeries, _ arguments: WindowArguments,
    into values: inout MutableSpan<Double>
  ) throws {
    let samples = series.samples
    if series.geometry.modifier != nil {
      let evaluation = Evaluation(change: self, series: series, arguments: arguments)
      return try series.forEachWindow { window in
        if let change = evaluation.numberBetweenEdges(of: window) { values[window.step] = change }
      }
    }
    var resets = ResetCursor(isCounter ? samples.numberResets : [])
    let hasStarts = isCounter && samples.startTimestamps.isEmpty == false
    guard hasStarts == false, let lengthenings = series.bounds.lengthenings else {
      let evaluation = Evaluation(change: self, series: series, arguments: arguments)
      var overlaps = OverlapCursor(hasStarts ? samples.overlaps : [])
      return try series.forEachWindow { window in
        if overlaps.isFirst(in: window) { evaluation.warnOverlap() }
        if let change = evaluation.numberChange(over: window, &resets) {
          values[window.step] = change
        }
      }
    }
    let numbers = samples.values.span
    try series.forEachWindow { window in
      guard window.samples.count > 1 else { return }
      let first = numbers[window.samples.lowerBound]
      var change = numbers[window.samples.upperBound - 1] - first
      resets.forEach(in: window.samples) { change += numbers[$0 - 1] }
      let lengthening = lengthenings[window.step]
      let factor =
        isCounter && lengthening.mayReachZero(first: first, change: change)
        ? factor(over: window, in: series, first: first, change: change, begin: nil)
        : isRate ? lengthening.factorPerSecond : lengthening.factor
      values[window.step] = change * factor
    }
  }

  /// Evaluates a series that has histograms.
  func evaluate(
    _ series: WindowedSeries, _ arguments: WindowArguments, into column: inout SeriesColumn
  ) throws {
    let evaluation = Evaluation(
      change: self, series: series, arguments: arguments,
      histogramResets: isCounter ? series.samples.histogramResets : [])
    var overlaps = OverlapCursor(isCounter ? series.samples.overlaps : [])
    // Windows of numbers find no histogram before these, and others don't ask.
    var resets = ResetCursor(isCounter ? series.samples.numberResets : [])
    try series.forEachWindow { window in
      switch series.content(of: window) {
      case .mixed:
        evaluation.warnMixedTypes()
      case .histograms where series.geometry.modifier == nil:
        if overlaps.isFirst(in: window) { evaluation.warnOverlap() }
        if let change = evaluation.histogramChange(over: window) {
          column.set(change, at: window.step)
        }
      case .histograms:
        if let change = evaluation.histogramBetweenEdges(of: window) {
          column.set(change, at: window.step)
        }
      case .numbers where series.geometry.modifier == nil:
        if overlaps.isFirst(in: window) { evaluation.warnOverlap() }
        if let change = evaluation.numberChange(over: window, &resets) {
          column.values[window.step] = change
        }
      case .numbers:
        if let change = evaluation.numberBetweenEdges(of: window) {
          column.values[window.step] = change
        }
      }
    }
  }

  /// By what a change between samples is multiplied to be that between the
  /// window's edges.
  ///
  /// An edge that is nearer than 1.1 times the average distance of samples is
  /// taken for part of the series; otherwise the series is taken to begin or end
  /// half an average distance beyond its samples. A counter is not extended to
  /// before it was zero, nor to before it began.
  @inline(never)
  private func factor(
    over window: WindowedSeries.Window, in series: WindowedSeries, first: Double, change: Double,
    begin: Int64?
  ) -> Double {
    let firstTime = series.samples.timestamps[window.samples.lowerBound]
    let lastTime = series.samples.timestamps[window.samples.upperBound - 1]
    var sampled = Double(lastTime - firstTime) / 1000
    let gaps = window.samples.count - 1
    let average = gaps > 0 ? sampled / Double(gaps) : 0
    let threshold = average * 1.1
    var toStart = Double(firstTime - window.start) / 1000
    var toEnd = Double(window.end - lastTime) / 1000
    if let begin {
      toStart = 0
      sampled = Double(lastTime - begin) / 1000
    } else {
      if toStart >= threshold { toStart = average / 2 }
      if isCounter, change > 0, first >= 0 {
        let toZero = sampled * (first / change)
        if toZero < toStart { toStart = toZero }
      }
    }
    if toEnd >= threshold { toEnd = average / 2 }
    var factor = sampled == 0 ? 1 : (sampled + toStart + toEnd) / sampled
    if isRate { factor /= series.rangeSeconds }
    return factor
  }

  /// The evaluation over one series.
  private struct Evaluation {
    let change: WindowChange
    let series: WindowedSeries
    let arguments: WindowArguments
    /// Whether a counter began anew before each histogram.
    var histogramResets: [Bool] = []

    private var samples: SampleColumns { series.samples }
    private var metricName: String { series.labels.metricName ?? "" }
    private var isCounter: Bool { change.isCounter }

    private func warn(_ message: String) {
      arguments.context.warn(message, at: arguments.argumentRanges[0])
    }

    private func remark(
      on remarks: HistogramSum.Remarks, in operation: HistogramRemark.Operation
    ) {
      // Resets are told apart here, so hints may contradict each other.
      arguments.context.remark(
        on: HistogramSum.Remarks(boundsDiffered: remarks.boundsDiffered), in: operation,
        at: arguments.argumentRanges[0])
    }

    func warnOverlap() {
      warn(HistogramRemark.startTimesOverlap(metricName))
    }

    func warnMixedTypes() {
      warn(HistogramRemark.mixedTypes(ofMetric: metricName))
    }

    // MARK: Without modifiers

    /// When the counter of the first sample began, if that is within the window.
    @inline(__always)
    func startTime(in window: WindowedSeries.Window) -> Int64? {
      guard isCounter, samples.startTimestamps.isEmpty == false else { return nil }
      let first = window.samples.lowerBound
      let start = samples.startTimestamps[first]
      let isWithin = start != 0 && start > window.start && start < samples.timestamps[first]
      return isWithin ? start : nil
    }

    /// The change of numbers over a window, extended to its edges.
    func numberChange(
      over window: WindowedSeries.Window, _ resets: inout ResetCursor
    ) -> Double? {
      let begin = startTime(in: window)
      guard window.samples.count > 1 || begin != nil else { return nil }
      let first = samples.values[window.samples.lowerBound]
      var change = samples.values[window.samples.upperBound - 1] - first
      resets.forEach(in: window.samples) { change += samples.values[$0 - 1] }
      if begin != nil { change += first }
      return change
        * self.change.factor(
          over: window, in: series, first: first, change: change, begin: begin)
    }

    /// The change of histograms over a window, extended to its edges.
    func histogramChange(over window: WindowedSeries.Window) -> NativeHistogram? {
      let begin = startTime(in: window)
      guard window.samples.count > 1 || begin != nil,
        let first = samples.histograms[window.samples.lowerBound]
      else { return nil }
      var change = first
      if window.samples.count > 1 {
        guard let difference = histogramDifference(over: window.samples) else { return nil }
        change = difference
        if begin != nil {
          guard let total = change.adding(first) else {
            warn(HistogramRemark.mixedSchemas(ofMetric: metricName))
            return nil
          }
          remark(on: total.remarks, in: .addition)
          change = total.value
        }
      }
      return change.multiplied(
        by: self.change.factor(
          over: window, in: series, first: first.count, change: change.count, begin: begin))
    }

    /// The change from the first to the last of two histograms or more.
    private func histogramDifference(over window: Range<Int>) -> NativeHistogram? {
      let histograms = samples.histograms[window].compactMap { $0 }
      guard var previous = histograms.first, let last = histograms.last else { return nil }
      let first = previous
      let hasGauge = histograms.contains { $0.counterResetHint == .gauge }
      if isCounter, histogramResets[window.lowerBound + 1] {
        // The layout of the first one does not matter.
        previous = histograms[1].emptied
      }
      let between = isCounter ? histograms[1..<(histograms.count - 1)] : []
      guard last.hasCustomBounds == previous.hasCustomBounds,
        between.allSatisfy({ $0.hasCustomBounds == last.hasCustomBounds })
      else {
        if isCounter, last.hasCustomBounds != previous.hasCustomBounds,
          first.counterResetHint == .gauge || last.counterResetHint == .gauge
        {
          warn(HistogramRemark.isNoCounter(metricName))
        }
        warn(HistogramRemark.mixedSchemas(ofMetric: metricName))
        return nil
      }
      if isCounter, hasGauge { warn(HistogramRemark.isNoCounter(metricName)) }
      let coarsest = between.reduce(min(last.schema, previous.schema)) { min($0, $1.schema) }
      var change = HistogramSum(last.reduced(to: coarsest))
      if let remarks = change.subtract(previous) { remark(on: remarks, in: .subtraction) }
      if isCounter {
        for (position, histogram) in histograms.enumerated().dropFirst() {
          // The first one was emptied if a reset follows it.
          let isReset =
            position == 1
            ? samples.isResetByStart(at: window.lowerBound + 1)
              || histogram.isReset(since: previous)
            : histogramResets[window.lowerBound + position]
          if isReset, let remarks = change.add(previous) { remark(on: remarks, in: .addition) }
          previous = histogram
        }
      } else if first.counterResetHint != .gauge || last.counterResetHint != .gauge {
        warn(HistogramRemark.isNoGauge(metricName))
      }
      var result = change.value
      result.counterResetHint = .gauge
      return result
    }

    // MARK: With modifiers

    /// The change from the left edge to the right one, whose values are those of
    /// the samples before them (`anchored`) or lie on the line between samples
    /// (`smoothed`).
    func numberBetweenEdges(of window: WindowedSeries.Window) -> Double? {
      guard let edges = EdgeValues(of: window, in: series, asCounter: isCounter) else { return nil }
      var change = edges.right - edges.left
      if isCounter {
        // The values at the edges account for resets around them already.
        var previous = edges.left
        for index in edges.inner {
          if samples.values[index] < previous { change += previous }
          previous = samples.values[index]
        }
        if edges.right < previous { change += previous }
      }
      return self.change.isRate ? change / series.rangeSeconds : change
    }

    /// As ``numberBetweenEdges(of:)``, of histograms.
    func histogramBetweenEdges(of window: WindowedSeries.Window) -> NativeHistogram? {
      guard let edges = EdgeSamples(of: window, in: series) else { return nil }
      let histograms = samples.histograms[edges.first...edges.last].compactMap { $0 }
      let hasGauge = histograms.contains { $0.counterResetHint == .gauge }
      guard histograms.allSatisfy({ $0.hasCustomBounds == histograms[0].hasCustomBounds }) else {
        warn(HistogramRemark.mixedSchemas(ofMetric: metricName))
        return nil
      }
      if isCounter, hasGauge { warn(HistogramRemark.isNoCounter(metricName)) }
      let isSmoothed = series.geometry.modifier == .smoothed
      guard
        let left = isSmoothed && samples.timestamps[edges.first] < window.start
          ? interpolated(between: edges.first, at: window.start) : histograms.first,
        let right =
          isSmoothed && edges.last > window.samples.lowerBound
            && samples.timestamps[edges.last] > window.end
          ? interpolated(between: edges.last - 1, at: window.end) : histograms.last
      else { return nil }
      if isCounter == false, left.counterResetHint != .gauge || right.counterResetHint != .gauge {
        warn(HistogramRemark.isNoGauge(metricName))
      }
      var change = HistogramSum(right)
      if let remarks = change.subtract(left) { remark(on: remarks, in: .subtraction) }
      if isCounter {
        addBeforeResets(histograms, from: left, to: right, edges, window) { reset in
          if let remarks = change.add(reset) { remark(on: remarks, in: .addition) }
        }
      }
      if self.change.isRate { change.divide(by: series.rangeSeconds) }
      var result = change.value
      result.counterResetHint = .gauge
      return result
    }

    private func interpolated(between index: Int, at time: Int64) -> NativeHistogram? {
      guard let left = samples.histograms[index], let right = samples.histograms[index + 1] else {
        return nil
      }
      let interval = HistogramInterval(
        left: left, right: right, leftTime: samples.timestamps[index],
        rightTime: samples.timestamps[index + 1])
      return interval.histogram(at: time, asCounter: isCounter) { remark(on: $0, in: $1) }
    }

    /// Calls `body` with each histogram after which the counter began anew.
    ///
    /// - Parameter histograms: Those at and between `edges`.
    private func addBeforeResets(
      _ histograms: [NativeHistogram], from left: NativeHistogram, to right: NativeHistogram,
      _ edges: EdgeSamples, _ window: WindowedSeries.Window, _ body: (NativeHistogram) -> Void
    ) {
      var previous = left
      // The first is the left edge or before it, the last the right edge or
      // behind it.
      var next = 1
      if series.geometry.modifier == .smoothed, samples.timestamps[edges.first] < window.start,
        histograms.count > 1, histograms[1].isReset(since: histograms[0])
      {
        // The value at the left edge accounts for this reset.
        previous = histograms[1]
        next = 2
      }
      guard next <= histograms.count - 1 else { return }
      for histogram in histograms[next..<(histograms.count - 1)] {
        if histogram.isReset(since: previous) { body(previous) }
        previous = histogram
      }
      if right.isReset(since: previous) { body(previous) }
    }
  }
}
