import PromQLSyntax
import SeriesModel

/// The change over a window, as `rate`, `increase` and `delta` see it.
struct WindowChange: Sendable {
  let isCounter: Bool
  let isRate: Bool

  /// Calls `body` with the result of each step that has one.
  func evaluate(
    _ series: WindowedSeries, _ arguments: WindowArguments,
    _ body: (_ step: Int, _ result: BinaryElement) -> Void
  ) throws {
    let evaluation = Evaluation(change: self, series: series, arguments: arguments)
    if series.geometry.modifier != nil {
      try series.forEachWindow { window in
        if let result = evaluation.changeBetweenEdges(of: window) { body(window.step, result) }
      }
      return
    }
    // The indices of the samples before which a counter began anew. Windows
    // move forward, so each is passed once at either edge.
    let resets = isCounter ? series.samples.numberResets : []
    let overlaps = isCounter ? series.samples.overlaps : []
    var firstReset = 0
    var overlapIsSeen = overlaps.isEmpty
    try series.forEachWindow { window in
      while firstReset < resets.count, resets[firstReset] <= window.samples.lowerBound {
        firstReset += 1
      }
      if overlapIsSeen == false,
        overlaps.contains(where: window.samples.dropFirst().contains)
      {
        overlapIsSeen = evaluation.warnOverlap(in: window)
      }
      let result = evaluation.extrapolatedChange(
        over: window, resets: resets[firstReset...].prefix { $0 < window.samples.upperBound })
      if let result { body(window.step, result) }
    }
  }

  /// The evaluation over one series.
  private struct Evaluation {
    let change: WindowChange
    let series: WindowedSeries
    let arguments: WindowArguments

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

    /// - Returns: True when the window is one of numbers or histograms alone.
    func warnOverlap(in window: WindowedSeries.Window) -> Bool {
      guard series.content(of: window) != .mixed else { return false }
      warn(HistogramRemark.startTimesOverlap(metricName))
      return true
    }

    // MARK: Without modifiers

    /// The change over a window, extended to its edges.
    ///
    /// - Parameter resets: The indices of the samples in the window before which
    ///   a counter began anew, if they are numbers.
    func extrapolatedChange(
      over window: WindowedSeries.Window, resets: ArraySlice<Int>
    ) -> BinaryElement? {
      let first = window.samples.lowerBound
      let begin = startTime(in: window)
      guard window.samples.count > 1 || begin != nil else {
        if series.content(of: window) == .mixed { warnMixedTypes() }
        return nil
      }
      switch series.content(of: window) {
      case .mixed:
        warnMixedTypes()
        return nil
      case .numbers:
        var change = samples.values[window.samples.upperBound - 1] - samples.values[first]
        for reset in resets { change += samples.values[reset - 1] }
        // The counter is taken to have been zero when it began.
        if begin != nil { change += samples.values[first] }
        return .number(
          change
            * factor(over: window, first: samples.values[first], change: change, begin: begin))
      case .histograms:
        guard let firstHistogram = samples.histograms[first] else { return nil }
        var change = firstHistogram
        if window.samples.count > 1 {
          guard let difference = histogramChange(over: window.samples) else { return nil }
          change = difference
          if begin != nil {
            guard let total = change.adding(firstHistogram) else {
              warn(HistogramRemark.mixedSchemas(ofMetric: metricName))
              return nil
            }
            remark(on: total.remarks, in: .addition)
            change = total.value
          }
        }
        let factor = factor(
          over: window, first: firstHistogram.count, change: change.count, begin: begin)
        return .histogram(change.multiplied(by: factor))
      }
    }

    private func warnMixedTypes() {
      warn(HistogramRemark.mixedTypes(ofMetric: metricName))
    }

    /// When the counter of the first sample began, if that is within the window.
    private func startTime(in window: WindowedSeries.Window) -> Int64? {
      guard isCounter, samples.startTimestamps.isEmpty == false else { return nil }
      let first = window.samples.lowerBound
      let start = samples.startTimestamps[first]
      let isWithin = start != 0 && start > window.start && start < samples.timestamps[first]
      return isWithin ? start : nil
    }

    /// By what a change between samples is multiplied to be that between the
    /// window's edges.
    ///
    /// An edge that is nearer than 1.1 times the average distance of samples is
    /// taken for part of the series; otherwise the series is taken to begin or
    /// end half an average distance beyond its samples. A counter is not extended
    /// to before it was zero, nor to before it began.
    private func factor(
      over window: WindowedSeries.Window, first: Double, change: Double, begin: Int64?
    ) -> Double {
      let timestamps = samples.timestamps
      let firstTime = timestamps[window.samples.lowerBound]
      let lastTime = timestamps[window.samples.upperBound - 1]
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
          toStart = Swift.min(toStart, sampled * (first / change))
        }
      }
      if toEnd >= threshold { toEnd = average / 2 }
      var factor = sampled == 0 ? 1 : (sampled + toStart + toEnd) / sampled
      if self.change.isRate { factor /= series.rangeSeconds }
      return factor
    }

    /// The change from the first to the last of two histograms or more.
    private func histogramChange(over window: Range<Int>) -> NativeHistogram? {
      let histograms = samples.histograms[window].compactMap { $0 }
      guard var previous = histograms.first, let last = histograms.last else { return nil }
      let first = previous
      let hasGauge = histograms.contains { $0.counterResetHint == .gauge }
      if isCounter, samples.isReset(at: window.lowerBound + 1) {
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
          if samples.isResetByStart(at: window.lowerBound + position)
            || histogram.isReset(since: previous)
          {
            if let remarks = change.add(previous) { remark(on: remarks, in: .addition) }
          }
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
    func changeBetweenEdges(of window: WindowedSeries.Window) -> BinaryElement? {
      switch series.content(of: window) {
      case .mixed:
        warnMixedTypes()
        return nil
      case .numbers: return numberBetweenEdges(of: window).map(BinaryElement.number)
      case .histograms: return histogramBetweenEdges(of: window).map(BinaryElement.histogram)
      }
    }

    private func numberBetweenEdges(of window: WindowedSeries.Window) -> Double? {
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

    private func histogramBetweenEdges(of window: WindowedSeries.Window) -> NativeHistogram? {
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

extension WindowedSeries {
  /// What kind of samples a window has.
  enum Content {
    case numbers
    case histograms
    case mixed
  }

  /// What kind of samples `window` has.
  func content(of window: Window) -> Content {
    if samples.histograms.isEmpty { return .numbers }
    let count = window.samples.count { samples.histograms[$0] != nil }
    return count == 0 ? .numbers : count == window.samples.count ? .histograms : .mixed
  }
}

extension SampleColumns {
  /// The indices of the numbers before which a counter began anew.
  fileprivate var numberResets: [Int] {
    values.indices.dropFirst().filter { index in
      (histograms.isEmpty || histograms[index] == nil) && isReset(at: index)
    }
  }

  /// The indices of the samples whose start overlaps with the sample before.
  fileprivate var overlaps: [Int] {
    if startTimestamps.isEmpty { return [] }
    return values.indices.dropFirst().filter { overlapsByStart(at: $0) }
  }
}

/// The change between the last two samples of each window; of a counter per
/// second, and after a reset from zero.
struct LastChange: Sendable {
  let isCounter: Bool

  /// Calls `body` with the result of each step that has one.
  func evaluate(
    _ series: WindowedSeries, _ arguments: WindowArguments,
    _ body: (_ step: Int, _ result: BinaryElement) -> Void
  ) throws {
    let samples = series.samples
    try series.forEachWindow { window in
      guard window.samples.count > 1 else { return }
      let last = window.samples.upperBound - 1
      let seconds = Double(samples.timestamps[last] - samples.timestamps[last - 1]) / 1000
      switch (samples.histogram(at: last - 1), samples.histogram(at: last)) {
      case (nil, nil):
        let isReset = isCounter && samples.isReset(at: last)
        let change =
          isReset ? samples.values[last] : samples.values[last] - samples.values[last - 1]
        body(window.step, .number(isCounter ? change / seconds : change))
      case (let previous?, let histogram?):
        let isReset = isCounter && samples.isReset(at: last)
        guard
          let change = change(
            from: previous, to: histogram, isReset: isReset, of: series, arguments)
        else { return }
        body(window.step, .histogram(isCounter ? change.divided(by: seconds) : change))
      default:
        arguments.context.warn(
          HistogramRemark.mixedTypes(ofMetric: series.labels.metricName ?? ""),
          at: arguments.argumentRanges[0])
      }
    }
  }

  private func change(
    from previous: NativeHistogram, to histogram: NativeHistogram, isReset: Bool,
    of series: WindowedSeries, _ arguments: WindowArguments
  ) -> NativeHistogram? {
    let name = series.labels.metricName ?? ""
    let range = arguments.argumentRanges[0]
    let gauges = [previous, histogram].count { $0.counterResetHint == .gauge }
    if isCounter, gauges > 0 {
      arguments.context.warn(HistogramRemark.isNoCounter(name), at: range)
    }
    if isCounter == false, gauges < 2 {
      arguments.context.warn(HistogramRemark.isNoGauge(name), at: range)
    }
    var change = histogram
    if isReset == false {
      guard let difference = histogram.subtracting(previous) else {
        arguments.context.warn(HistogramRemark.mixedSchemas(ofMetric: name), at: range)
        return nil
      }
      arguments.context.remark(
        on: HistogramSum.Remarks(boundsDiffered: difference.remarks.boundsDiffered),
        in: .subtraction, at: range)
      change = difference.value
    }
    change.counterResetHint = .gauge
    return change
  }
}
