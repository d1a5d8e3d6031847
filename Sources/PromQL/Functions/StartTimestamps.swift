import SeriesModel

extension SampleColumns {
  /// True when the counter fell or began anew between the sample at `index` and
  /// that before it; false when one of them is a number and the other is not.
  func isReset(at index: Int) -> Bool {
    if histograms.isEmpty == false {
      guard let histogram = histograms[index], let previous = histograms[index - 1] else {
        return histograms[index] == nil && histograms[index - 1] == nil
          && isNumberReset(at: index)
      }
      return isResetByStart(at: index) || histogram.isReset(since: previous)
    }
    return isNumberReset(at: index)
  }

  private func isNumberReset(at index: Int) -> Bool {
    values[index] < values[index - 1] || isResetByStart(at: index)
  }

  /// True when the start timestamps say that the counter began anew between the
  /// sample at `index` and that before it.
  ///
  /// A start at the sample before means so where that has a known start itself,
  /// as each sample of deltas has; it does not where the counter has counted
  /// since an unknown time.
  func isResetByStart(at index: Int) -> Bool {
    if startTimestamps.isEmpty { return false }
    let start = startTimestamps[index]
    let previousTime = timestamps[index - 1]
    // A start at or behind the sample itself is no start.
    guard start != 0, start < timestamps[index], start >= previousTime else { return false }
    if start > previousTime { return true }
    let previousStart = startTimestamps[index - 1]
    return previousStart != 0 && previousStart < previousTime
  }

  /// True when the sample at `index` began before the sample before it, yet not
  /// when that began.
  func overlapsByStart(at index: Int) -> Bool {
    if startTimestamps.isEmpty { return false }
    let start = startTimestamps[index]
    return start != 0 && start < timestamps[index - 1] && start != startTimestamps[index - 1]
  }
}
