import PromQLSyntax
import SeriesModel

/// Where the windows of a range vector lie.
struct WindowGeometry {
  /// The evaluation times.
  var grid: StepGrid
  /// From where windows look back.
  var referenceTime: ReferenceTime
  /// How far they reach.
  var rangeMilliseconds: Int64
  /// How the samples at the edges count.
  var modifier: RangeModifier?
  /// How far beyond the edges samples are looked for with a modifier.
  var lookbackDelta: Int64
}

/// The samples of one series, without stale markers, and the windows over them.
struct WindowedSeries {
  /// The labels of the series, metric name included.
  let labels: Labels
  /// The samples.
  let samples: SampleColumns
  /// Where the windows lie.
  let geometry: WindowGeometry
  /// Asked now and then whether to go on.
  let context: EvaluationContext

  /// How many samples of windows are passed between two checkpoints.
  private static let samplesBetweenCheckpoints = 1 << 20

  /// One window `(start, end]`, with one sample at least.
  struct Window {
    /// The index of the step the window belongs to.
    let step: Int
    /// The evaluation time of the step.
    let time: Int64
    /// The exclusive left edge.
    let start: Int64
    /// The inclusive right edge.
    let end: Int64
    /// The indices of the samples: those within the edges, and with a modifier
    /// those up to the lookback delta beyond them.
    let samples: Range<Int>
  }

  /// The length of a window in seconds.
  var rangeSeconds: Double { Double(geometry.rangeMilliseconds) / 1000 }

  /// Calls `body` with each window that has samples, in the order of the steps.
  ///
  /// - Complexity: O(samples + steps), as both edges only move forward.
  @inline(__always)
  func forEachWindow(_ body: (Window) throws -> Void) throws {
    let before = geometry.modifier == nil ? 0 : geometry.lookbackDelta
    let after = geometry.modifier == .smoothed ? geometry.lookbackDelta : 0
    let timestamps = samples.timestamps
    let extraCosts = samples.histograms.runningExtraCosts
    var first = 0
    var last = 0
    var samplesPassed = 0
    let stepCounts = context.stepCounts
    var samplesInWindows = 0
    defer { context.samplesInWindows += samplesInWindows }
    for step in 0..<geometry.grid.count {
      let time = geometry.grid.time(at: step)
      let end = geometry.referenceTime.time(forStepAt: time)
      let start = saturatingSubtract(end, geometry.rangeMilliseconds)
      let earliest = saturatingSubtract(start, before)
      let latest = saturatingAdd(end, after)
      while last < timestamps.count, timestamps[last] <= latest { last += 1 }
      while first < last, timestamps[first] <= earliest { first += 1 }
      guard first < last else { continue }
      samplesPassed += last - first
      let extraCost = extraCosts.isEmpty ? 0 : extraCosts[last] - extraCosts[first]
      samplesInWindows += last - first + extraCost
      stepCounts?.add(last - first + extraCost, at: step, of: geometry.grid)
      if samplesPassed > Self.samplesBetweenCheckpoints {
        try context.checkpoint()
        samplesPassed = 0
      }
      try body(Window(step: step, time: time, start: start, end: end, samples: first..<last))
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
    for (index, value) in values.enumerated() where value.isStaleMarker == false {
      kept.append(self, at: index)
    }
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
