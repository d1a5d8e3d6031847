import SeriesModel

/// The samples that were handed on at each step of a query.
final class StepCounts {
  private let grid: StepGrid
  private var counts: [Int]

  /// - Parameter grid: The steps of the query itself.
  init(_ grid: StepGrid) {
    self.grid = grid
    counts = Array(repeating: 0, count: grid.count)
  }

  /// Counts samples at a step of `grid`; at the last step of the query when
  /// that has other steps.
  func add(_ count: Int, at step: Int, of grid: StepGrid) {
    let step = grid == self.grid ? step : counts.count - 1
    if counts.indices.contains(step) { counts[step] += count }
  }

  /// Counts the values of a series.
  func add(_ column: SeriesColumn, on grid: StepGrid) {
    for step in column.values.indices where column.values[step].isAbsent == false {
      add(1, at: step, of: grid)
    }
    for step in column.histograms.indices {
      if let histogram = column.histograms[step] { add(histogram.sampleCost, at: step, of: grid) }
    }
  }

  /// The counts with the times of their steps.
  var samples: [QueryStatistics.StepSamples] {
    counts.enumerated().map { step, count in
      QueryStatistics.StepSamples(
        time: Timestamp(milliseconds: grid.time(at: step)), count: count)
    }
  }
}
