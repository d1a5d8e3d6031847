import SeriesModel

/// Passes resets while windows move forward, so that each is passed once at
/// either edge.
struct ResetCursor {
  private let resets: [Int]
  private var first = 0

  /// Prepares for passing the indices of the samples before which a counter
  /// began anew.
  init(_ resets: [Int]) {
    self.resets = resets
  }

  /// Calls `body` with each reset between two samples of the window.
  @inline(__always)
  mutating func forEach(in window: Range<Int>, _ body: (Int) -> Void) {
    while first < resets.count, resets[first] <= window.lowerBound { first += 1 }
    var next = first
    while next < resets.count, resets[next] < window.upperBound {
      body(resets[next])
      next += 1
    }
  }
}

/// Finds the first window that holds an overlap of start timestamps.
struct OverlapCursor {
  private var overlaps: [Int]

  /// Prepares for the indices of the samples that overlap with those before.
  init(_ overlaps: [Int]) {
    self.overlaps = overlaps
  }

  /// True for the first window that holds an overlap.
  @inline(__always)
  mutating func isFirst(in window: WindowedSeries.Window) -> Bool {
    guard overlaps.isEmpty == false,
      overlaps.contains(where: window.samples.dropFirst().contains)
    else { return false }
    overlaps = []
    return true
  }
}

extension SampleColumns {
  /// The indices of the numbers before which a counter began anew.
  var numberResets: [Int] {
    if histograms.isEmpty, startTimestamps.isEmpty { return values.falls }
    var resets: [Int] = []
    for index in values.indices.dropFirst() where histogram(at: index) == nil && isReset(at: index)
    {
      resets.append(index)
    }
    return resets
  }

  /// Whether a counter began anew before each histogram; false for numbers, and
  /// for what follows one.
  var histogramResets: [Bool] {
    values.indices.map { index in
      index > 0 && histogram(at: index) != nil && isReset(at: index)
    }
  }

  /// The indices of the samples whose start overlaps with the sample before.
  var overlaps: [Int] {
    if startTimestamps.isEmpty { return [] }
    return values.indices.dropFirst().filter { overlapsByStart(at: $0) }
  }
}

extension [Double] {
  /// The indices of the numbers that are less than the one before; no NaN is,
  /// nor is any number less than NaN.
  fileprivate var falls: [Int] {
    // Without a branch for each value, as those of gauges fall at random.
    var hasFall = false
    var previous = first ?? 0
    for value in self {
      hasFall = value < previous || hasFall
      previous = value
    }
    guard hasFall else { return [] }
    var falls = [Int](repeating: 0, count: count)
    var fallCount = 0
    previous = self[0]
    for (index, value) in enumerated() {
      falls[fallCount] = index
      fallCount += value < previous ? 1 : 0
      previous = value
    }
    falls.removeLast(count - fallCount)
    return falls
  }
}
