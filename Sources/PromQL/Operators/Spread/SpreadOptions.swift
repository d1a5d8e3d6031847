/// When and how the series of a query are spread over threads.
package struct SpreadOptions: Hashable, Sendable {
  /// The threads that compute series of one query, one of them its own.
  package var threadCount = 2
  /// The series that a thread computes at a time; fewer with many steps.
  package var seriesCount = 256
  /// What has to be left of a query, in time, for helpers to be called: two
  /// threads of one core took a tenth to a half more processor time for the same
  /// work, and nobody waits for less.
  package var worthwhile = Duration.milliseconds(100)

  /// Creates the default settings.
  package init() {}

  /// The values of a chunk, about.
  private static let chunkValueCount = 30_000

  /// The most steps of series that are computed ahead. Those of long subqueries
  /// have millions, of which no more may be in memory than are needed.
  static let stepLimit = 200_000

  /// How many series make a chunk.
  func chunkSeriesCount(of grid: StepGrid) -> Int {
    max(1, min(seriesCount, SpreadOptions.chunkValueCount / max(1, grid.count)))
  }
}
