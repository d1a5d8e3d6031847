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

  var seriesCount: Int { data.series.count }

  func makeReader() throws -> any RangeSeriesReader {
    Reader(data: data, reader: try data.makeReader())
  }

  private final class Reader: RangeSeriesReader {
    let data: SelectedData
    let reader: SelectedData.Reader

    init(data: SelectedData, reader: SelectedData.Reader) {
      self.data = data
      self.reader = reader
    }

    func read(seriesAt index: Int) throws -> RangeSeriesSamples? {
      let samples = try reader.samples(ofSeriesAt: index)
      guard samples.isEmpty == false else { return nil }
      return RangeSeriesSamples(
        labels: data.series.labels(at: index), dropsName: false,
        samples: samples.withoutStaleMarkers())
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
    let grid: StepGrid

    init(reader: any SeriesReader, grid: StepGrid) {
      self.reader = reader
      self.grid = grid
    }

    func read(seriesAt index: Int) throws -> RangeSeriesSamples? {
      guard let column = try reader.read(seriesAt: index) else { return nil }
      return RangeSeriesSamples(
        labels: column.labels, dropsName: column.dropsName, samples: column.samples(on: grid))
    }
  }
}

extension SeriesColumn {
  /// The steps that have a value, as samples.
  func samples(on grid: StepGrid) -> SampleColumns {
    var samples = SampleColumns()
    for (step, value) in values.enumerated() where value.isAbsent == false {
      samples.append(timestampMilliseconds: grid.time(at: step), value: value)
    }
    return samples
  }
}

/// A function applied to the windows of each series.
struct WindowedFunction: VectorSource {
  let series: any RangeSeries
  let geometry: WindowGeometry
  let function: FunctionDefinition
  let body: @Sendable (WindowedSeries, WindowArguments, inout [Double]) throws -> Void
  let arguments: WindowArguments

  var seriesCount: Int { series.seriesCount }

  func makeReader() throws -> any SeriesReader {
    Reader(call: self, reader: try series.makeReader())
  }

  private final class Reader: SeriesReader {
    let call: WindowedFunction
    let reader: any RangeSeriesReader

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
      try reservation.extend(by: series.samples.count)
      let windows = WindowedSeries(
        labels: series.labels, samples: series.samples, geometry: call.geometry,
        context: call.arguments.context)
      var values = [Double].absent(count: call.geometry.grid.count)
      try call.body(windows, call.arguments, &values)
      let column = SeriesColumn(
        labels: series.labels, dropsName: series.dropsName || call.function.keepsName == false,
        values: values)
      return column.hasValues ? column : nil
    }
  }
}
