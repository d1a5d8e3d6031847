import PromQLSyntax
import SeriesModel

/// Which samples count for a window with a modifier.
struct EdgeSamples {
  /// The last sample at or before the left edge, or else the first of all.
  let first: Int
  /// The last sample; with `smoothed`, the first at or behind the right edge if
  /// there is one.
  let last: Int

  /// Finds the samples; nil when none lies within the window or around it.
  init?(of window: WindowedSeries.Window, in series: WindowedSeries) {
    let timestamps = series.samples.timestamps
    var last = window.samples.upperBound - 1
    let first = max(
      window.samples.lowerBound,
      window.samples.firstIndex(upTo: last) { timestamps[$0] > window.start } - 1)
    if series.geometry.modifier == .smoothed {
      last = window.samples.firstIndex(upTo: last) { timestamps[$0] >= window.end }
    }
    guard timestamps[last] > window.start, timestamps[first] <= window.end else { return nil }
    self.first = first
    self.last = last
  }
}

/// The values at the edges of a window with a modifier.
struct EdgeValues {
  /// The value at the left edge.
  let left: Double
  /// The value at the right edge.
  let right: Double
  /// The samples between the edges, without those on them.
  let inner: Range<Int>

  /// Finds the values; nil when no sample lies within the window or around it.
  init?(of window: WindowedSeries.Window, in series: WindowedSeries, asCounter: Bool) {
    guard let edges = EdgeSamples(of: window, in: series) else { return nil }
    let samples = series.samples
    let timestamps = samples.timestamps
    let isSmoothed = series.geometry.modifier == .smoothed
    var first = edges.first
    var last = edges.last
    left =
      isSmoothed && timestamps[first] < window.start
      ? samples.interpolatedValue(at: window.start, between: first, asCounter: asCounter)
      : samples.values[first]
    right =
      isSmoothed && last > window.samples.lowerBound && timestamps[last] > window.end
      ? samples.interpolatedValue(at: window.end, between: last - 1, asCounter: asCounter)
      : samples.values[last]
    if timestamps[first] <= window.start { first += 1 }
    if timestamps[last] >= window.end { last -= 1 }
    inner = first..<max(first, last + 1)
  }
}

extension Range<Int> {
  /// The first index below `limit` that satisfies `predicate`, which holds for
  /// all behind it too; `limit` when there is none.
  func firstIndex(upTo limit: Int, where predicate: (Int) -> Bool) -> Int {
    var low = lowerBound
    var high = limit
    while low < high {
      let middle = (low + high) / 2
      if predicate(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
