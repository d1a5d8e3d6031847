import PromQLSyntax
import SeriesModel

/// The samples of one series, without stale markers, and the windows over them.
struct WindowedSeries {
  /// The labels of the series, metric name included.
  let labels: Labels
  /// The samples.
  let samples: SampleColumns
  /// Which of them lie in which window.
  let bounds: WindowBounds
  /// Asked now and then whether to go on.
  let context: EvaluationContext

  /// How many samples of windows are passed between two checkpoints.
  private static let samplesBetweenCheckpoints = 1 << 20

  /// Lays windows over `samples`.
  ///
  /// - Parameter known: Bounds that were laid over another series; they are used
  ///   where they are the same.
  init(
    labels: Labels, samples: SampleColumns, geometry: WindowGeometry, context: EvaluationContext,
    reusing known: WindowBounds? = nil
  ) {
    self.labels = labels
    self.samples = samples
    self.context = context
    if let known, known.areBounds(over: samples.timestamps) {
      bounds = known
    } else {
      bounds = WindowBounds(over: samples.timestamps, geometry)
    }
  }

  /// Where the windows lie.
  var geometry: WindowGeometry { bounds.geometry }

  /// One window `(start, end]`, with one sample at least.
  struct Window {
    /// The index of the step the window belongs to.
    let step: Int
    /// The indices of the samples: those within the edges, and with a modifier
    /// those up to the lookback delta beyond them.
    let samples: Range<Int>
    fileprivate let geometry: WindowGeometry

    /// The evaluation time of the step.
    var time: Int64 { geometry.grid.time(at: step) }
    /// The exclusive left edge.
    var start: Int64 { geometry.start(ofWindowAt: step) }
    /// The inclusive right edge.
    var end: Int64 { geometry.end(ofWindowAt: step) }
  }

  /// The length of a window in seconds.
  var rangeSeconds: Double { geometry.rangeSeconds }

  /// Calls `body` with each window that has samples, in the order of the steps.
  @inline(__always)
  func forEachWindow(_ body: (Window) throws -> Void) throws {
    countSamples()
    let geometry = geometry
    let bounds = bounds.samples
    var samplesPassed = 0
    for step in bounds.indices where bounds[step].isEmpty == false {
      let samples = Int(bounds[step].lowerBound)..<Int(bounds[step].upperBound)
      samplesPassed += samples.count
      if samplesPassed > Self.samplesBetweenCheckpoints {
        try context.checkpoint()
        samplesPassed = 0
      }
      try body(Window(step: step, samples: samples, geometry: geometry))
    }
  }

  /// Counts the samples of all windows for the query's statistics.
  private func countSamples() {
    context.samplesInWindows += bounds.sampleCount
    let extraCosts = samples.histograms.runningExtraCosts
    guard extraCosts.isEmpty == false || context.stepCounts != nil else { return }
    for (step, samples) in bounds.samples.enumerated() where samples.isEmpty == false {
      let extraCost =
        extraCosts.isEmpty
        ? 0 : extraCosts[Int(samples.upperBound)] - extraCosts[Int(samples.lowerBound)]
      context.samplesInWindows += extraCost
      context.stepCounts?.add(samples.count + extraCost, at: step, of: geometry.grid)
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

/// What a function of windows gets beside the samples.
struct WindowArguments {
  /// The scalar arguments, in order: `scalars[argument][step]`.
  var scalars: [[Double]]
  /// Where each argument of the call stands, the range vector included.
  var argumentRanges: [SourceRange]
  /// For remarks and limits.
  var context: EvaluationContext
}

extension SampleColumns {
  /// The samples without stale markers.
  func withoutStaleMarkers() -> SampleColumns {
    // Without a branch for each value.
    var hasMarkers = false
    for value in values { hasMarkers = value.isStaleMarker || hasMarkers }
    guard hasMarkers else { return self }
    var kept = SampleColumns()
    var start = 0
    for index in values.indices where values[index].isStaleMarker {
      kept.append(self, at: start..<index)
      start = index + 1
    }
    kept.append(self, at: start..<count)
    kept.removeEmptyOptionalColumns()
    return kept
  }
}

extension [NativeHistogram?] {
  /// How much more the first histograms cost than as many numbers; empty when
  /// there is none.
  fileprivate var runningExtraCosts: [Int] {
    if isEmpty { return [] }
    var costs = [0]
    for histogram in self {
      costs.append(costs[costs.count - 1] + (histogram?.sampleCost ?? 1) - 1)
    }
    return costs
  }
}
