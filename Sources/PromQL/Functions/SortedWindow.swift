/// The values of a window in order, kept so while the window moves forward.
///
/// Equal values stand in the order of their samples, so that the result is the
/// same as of sorting each window by itself, zeros of either sign included.
struct SortedWindow {
  /// The values, NaN before every number.
  private(set) var values: [Double] = []
  private var held = 0..<0

  /// Moves to the window of the samples `window`, neither of whose edges lies
  /// before that of the window so far.
  ///
  /// - Complexity: O(samples that leave or come times samples of the window), of
  ///   which the moving of memory is the most; or as for sorting the window, if
  ///   that is less.
  mutating func move(to window: Range<Int>, of samples: [Double]) {
    let left = window.lowerBound - held.lowerBound
    let come = window.upperBound - held.upperBound
    // To look a value up takes some five times what sorting takes for each.
    if 5 * (left + come) > window.count {
      values.removeAll(keepingCapacity: true)
      values.append(contentsOf: samples[window])
      values.sort(by: precedesInQuantile)
    } else {
      for index in held.lowerBound..<window.lowerBound {
        let value = samples[index]
        // The oldest of equal values.
        values.remove(at: place { precedesInQuantile($0, value) })
      }
      for index in held.upperBound..<window.upperBound {
        let value = samples[index]
        values.insert(value, at: place { precedesInQuantile(value, $0) == false })
      }
    }
    held = window
  }

  /// The number of values, at the beginning, that `isBefore` holds for.
  @inline(__always)
  private func place(where isBefore: (Double) -> Bool) -> Int {
    var low = 0
    var high = values.count
    while low < high {
      let middle = (low + high) / 2
      if isBefore(values[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
