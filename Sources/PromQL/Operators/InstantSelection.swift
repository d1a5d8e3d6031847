import PromQLSyntax
import SeriesModel

/// An instant vector of stored samples.
struct InstantSelection: VectorSource {
  let data: SelectedData
  let grid: StepGrid
  let referenceTime: ReferenceTime
  let lookbackDelta: Int64
  /// What the value of a step is taken from.
  let reading: Reading

  enum Reading {
    /// The value of the newest sample.
    case value
    /// The time of the newest sample, in seconds.
    case timestamp
    /// A value between the samples around the step.
    case smoothed
  }

  var seriesCount: Int { data.series.count }

  func makeReader() throws -> any SeriesReader {
    Reader(selection: self, reader: try data.makeReader())
  }

  private final class Reader: SeriesReader {
    let selection: InstantSelection
    let reader: SelectedData.Reader

    init(selection: InstantSelection, reader: SelectedData.Reader) {
      self.selection = selection
      self.reader = reader
    }

    func read(seriesAt index: Int) throws -> SeriesColumn? {
      let samples = try reader.samples(ofSeriesAt: index)
      guard samples.isEmpty == false else { return nil }
      var values = [Double].absent(count: selection.grid.count)
      let hasValues =
        selection.reading == .smoothed
        ? selection.interpolate(samples.withoutStaleMarkers(), into: &values)
        : selection.pickNewest(samples, into: &values)
      guard hasValues else { return nil }
      selection.data.valuesSelected += values.count { $0.isAbsent == false }
      return SeriesColumn(
        labels: selection.data.series.labels(at: index), dropsName: false, values: values)
    }
  }

  /// Takes at each step the newest sample in `(t - lookback, t]`, unless it is
  /// a stale marker.
  ///
  /// - Returns: True when a step has a value.
  private func pickNewest(_ samples: SampleColumns, into values: inout [Double]) -> Bool {
    let timestamps = samples.timestamps
    var next = 0
    var hasValues = false
    for step in 0..<grid.count {
      let reference = referenceTime.time(forStepAt: grid.time(at: step))
      while next < timestamps.count, timestamps[next] <= reference { next += 1 }
      guard next > 0, timestamps[next - 1] > saturatingSubtract(reference, lookbackDelta),
        samples.values[next - 1].isStaleMarker == false
      else { continue }
      values[step] =
        reading == .timestamp ? Double(timestamps[next - 1]) / 1000 : samples.values[next - 1]
      hasValues = true
    }
    return hasValues
  }

  /// Draws a line between the samples around each step; behind the last sample
  /// its value goes on, before the first there is none.
  private func interpolate(_ samples: SampleColumns, into values: inout [Double]) -> Bool {
    let timestamps = samples.timestamps
    var next = 0
    var hasValues = false
    for step in 0..<grid.count {
      let reference = referenceTime.time(forStepAt: grid.time(at: step))
      while next < timestamps.count, timestamps[next] <= reference { next += 1 }
      guard next > 0, timestamps[next - 1] > saturatingSubtract(reference, lookbackDelta)
      else { continue }
      let hasNext =
        next < timestamps.count && timestamps[next] <= saturatingAdd(reference, lookbackDelta)
      values[step] =
        timestamps[next - 1] == reference || hasNext == false
        ? samples.values[next - 1]
        : samples.interpolatedValue(at: reference, between: next - 1, asCounter: false)
      hasValues = true
    }
    return hasValues
  }
}

extension SampleColumns {
  /// The value on the line from the sample at `index` to the next.
  ///
  /// - Parameter asCounter: True when a drop means a restart from zero.
  func interpolatedValue(at time: Int64, between index: Int, asCounter: Bool) -> Double {
    let right = values[index + 1]
    let left = asCounter && right < values[index] ? 0 : values[index]
    return left + (right - left) * Double(time - timestamps[index])
      / Double(timestamps[index + 1] - timestamps[index])
  }
}
