import PromQLSyntax
import SeriesModel

/// The series of a range vector, over which windows are laid.
protocol RangeSeries {
  /// The number of series, of which some may have no sample.
  var seriesCount: Int { get }
  /// Makes a reader for use by one thread at a time.
  func makeReader() throws -> any RangeSeriesReader
}

/// Reads series of a range vector.
protocol RangeSeriesReader: AnyObject {
  /// The samples of the series at `index`, without stale markers.
  func read(seriesAt index: Int) throws -> RangeSeriesSamples?
}

/// One series of a range vector.
struct RangeSeriesSamples {
  var labels: Labels
  var dropsName: Bool
  var samples: SampleColumns
}

/// Stored series.
struct StoredRangeSeries: RangeSeries {
  let data: SelectedData
  /// True when each histogram says whether its counter was reset.
  let tellsResets: Bool

  var seriesCount: Int { data.series.count }

  func makeReader() throws -> any RangeSeriesReader {
    Reader(data: data, reader: try data.makeReader(), tellsResets: tellsResets)
  }

  private final class Reader: RangeSeriesReader {
    let data: SelectedData
    let reader: SelectedData.Reader
    let tellsResets: Bool

    init(data: SelectedData, reader: SelectedData.Reader, tellsResets: Bool) {
      self.data = data
      self.reader = reader
      self.tellsResets = tellsResets
    }

    func read(seriesAt index: Int) throws -> RangeSeriesSamples? {
      let samples = try reader.samples(ofSeriesAt: index)
      guard samples.isEmpty == false else { return nil }
      return RangeSeriesSamples(
        labels: data.series.labels(at: index), dropsName: false,
        samples: samples.withoutStaleMarkers().settlingHints(tellsResets: tellsResets))
    }
  }
}

/// The results of a subquery, each step being a sample.
struct SubqueryRangeSeries: RangeSeries {
  let vector: any VectorSource
  let grid: StepGrid

  var seriesCount: Int { vector.seriesCount }

  func makeReader() throws -> any RangeSeriesReader {
    Reader(reader: try vector.makeReader(), grid: grid)
  }

  private final class Reader: RangeSeriesReader {
    let reader: any SeriesReader
    let times: [Int64]

    init(reader: any SeriesReader, grid: StepGrid) {
      self.reader = reader
      times = grid.times
    }

    func read(seriesAt index: Int) throws -> RangeSeriesSamples? {
      guard let column = try reader.read(seriesAt: index) else { return nil }
      return RangeSeriesSamples(
        labels: column.labels, dropsName: column.dropsName, samples: column.samples(at: times))
    }
  }
}

extension SeriesColumn {
  /// The steps that have a number or a histogram, as samples.
  ///
  /// - Parameter times: The moments of the steps, whose memory is shared where a
  ///   number stands at each.
  func samples(at times: [Int64]) -> SampleColumns {
    var samples = SampleColumns()
    if histograms.isEmpty {
      var isWhole = true
      for value in values { isWhole = isWhole && value.isAbsent == false }
      if isWhole {
        samples.timestamps = times
        samples.values = values
        return samples
      }
    }
    for step in values.indices {
      if let histogram = histogram(at: step) {
        samples.append(timestampMilliseconds: times[step], histogram: histogram)
      } else if values[step].isAbsent == false {
        samples.append(timestampMilliseconds: times[step], value: values[step])
      }
    }
    return samples
  }
}

/// A function applied to the windows of each series.
struct WindowedFunction: VectorSource {
  let series: any RangeSeries
  let geometry: WindowGeometry
  let function: FunctionDefinition
  let body: FunctionBody.WindowBody
  let mixedBody: FunctionBody.MixedWindowBody?
  let arguments: WindowArguments

  var seriesCount: Int { series.seriesCount }

  func makeReader() throws -> any SeriesReader {
    Reader(call: self, reader: try series.makeReader())
  }

  private final class Reader: SeriesReader {
    let call: WindowedFunction
    let reader: any RangeSeriesReader
    /// Those of the series before, which those behind it often have as well.
    private var bounds: WindowBounds?

    init(call: WindowedFunction, reader: any RangeSeriesReader) {
      self.call = call
      self.reader = reader
    }

    func read(seriesAt index: Int) throws -> SeriesColumn? {
      guard let series = try reader.read(seriesAt: index), series.samples.isEmpty == false else {
        return nil
      }
      // The samples are held while the windows slide over them.
      var reservation = call.arguments.context.budget.reservation()
      try reservation.extend(by: series.samples.cost)
      let windows = WindowedSeries(
        labels: series.labels, samples: series.samples, geometry: call.geometry,
        context: call.arguments.context, reusing: bounds)
      bounds = windows.bounds
      var column = SeriesColumn(
        labels: series.labels, dropsName: series.dropsName || call.function.keepsName == false,
        values: .absent(count: call.geometry.grid.count))
      if series.samples.histograms.isEmpty {
        try evaluate(numbersOf: windows, into: &column)
      } else if let mixedBody = call.mixedBody {
        try mixedBody(windows, call.arguments, &column)
      } else {
        try evaluateWithoutHistograms(windows, into: &column)
      }
      return column.hasValues ? column : nil
    }

    private func evaluate(
      numbersOf windows: WindowedSeries, into column: inout SeriesColumn
    ) throws {
      var values = column.values.mutableSpan
      try call.body(windows, call.arguments, &values)
    }

    /// Evaluates over the numbers of a series that has histograms too.
    private func evaluateWithoutHistograms(
      _ windows: WindowedSeries, into column: inout SeriesColumn
    ) throws {
      let samples = windows.samples
      var hasMixedWindow = false
      try windows.forEachWindow { window in
        let histogramCount = window.samples.count { samples.histograms[$0] != nil }
        if histogramCount > 0, histogramCount < window.samples.count { hasMixedWindow = true }
      }
      if hasMixedWindow {
        call.arguments.context.inform(
          HistogramRemark.ignoredInMixedRange(ofMetric: windows.labels.metricName ?? ""),
          at: call.arguments.argumentRanges[0])
      }
      let numbers = WindowedSeries(
        labels: windows.labels, samples: samples.withoutHistograms(), geometry: windows.geometry,
        context: windows.context)
      try evaluate(numbersOf: numbers, into: &column)
    }
  }
}

extension SampleColumns {
  /// How many samples these are as against limits.
  var cost: Int {
    histograms.reduce(count) { $0 + ($1.map { $0.sampleCost - 1 } ?? 0) }
  }

  /// The samples that are numbers.
  func withoutHistograms() -> SampleColumns {
    guard histograms.isEmpty == false else { return self }
    var kept = SampleColumns()
    for index in 0..<count where histograms[index] == nil { kept.append(self, at: index) }
    return kept
  }
}
