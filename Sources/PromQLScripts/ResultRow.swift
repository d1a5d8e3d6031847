import PromQL
import SeriesModel

/// One series of a result, or of what is expected, with a value or nothing for
/// each step.
struct ResultRow {
  var labels: Labels
  var values: [NotedValue?]

  /// The row in script notation; one that is long ends with `...`.
  var text: String {
    let texts = values.map { value in
      switch value {
      case nil: "_"
      case .number(let number): numberText(number)
      case .histogram(let histogram, _): HistogramNotation.text(of: histogram)
      }
    }
    return ResultRow.shortened("\(labels) " + texts.joined(separator: " "))
  }

  private static let maximumCharacters = 2000

  private static func shortened(_ text: String) -> String {
    text.count <= maximumCharacters ? text : text.prefix(maximumCharacters) + " ..."
  }
}

/// The times of a result's steps, in milliseconds.
struct ResultGrid {
  var from: Int64
  var through: Int64
  /// Positive.
  var step: Int64

  /// The grid of one moment.
  static func moment(_ time: Int64) -> ResultGrid {
    ResultGrid(from: time, through: time, step: 1)
  }

  /// The time of a step.
  func time(of index: Int) -> Int64 { from + Int64(index) * step }

  /// The step of a time; nil when none is at it.
  func index(of time: Int64) -> Int? {
    guard time >= from, time <= through, (time - from) % step == 0 else { return nil }
    return Int((time - from) / step)
  }

  /// The number of steps.
  var count: Int { from > through ? 0 : Int((through - from) / step) + 1 }
}

extension ResultRow {
  init(_ element: VectorElement) {
    labels = element.labels
    values = [
      element.histogram.map { .histogram($0, tellsHint: false) } ?? .number(element.sample.value)
    ]
  }

  /// - Throws: When a sample lies between the steps.
  init(_ series: MatrixSeries, on grid: ResultGrid) throws(Mismatch) {
    labels = series.labels
    values = []
    let samples = series.samples
    for index in 0..<samples.count {
      let time = samples.timestamps[index]
      guard let step = grid.index(of: time) else {
        throw Mismatch("\(series.labels) has a sample at \(timeText(time)), where there is no step")
      }
      values += Array(repeating: nil, count: step - values.count)
      values.append(
        samples.histogram(at: index).map { .histogram($0, tellsHint: false) }
          ?? .number(samples.values[index]))
    }
  }
}
