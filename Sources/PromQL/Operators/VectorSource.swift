import SeriesModel

/// The series of an instant vector, of which each can be computed by itself.
///
/// Where an operator needs one series of its operand for one of its own, its
/// source is a view of the operand's, and nothing is kept; so `sum(rate(x[5m]))`
/// holds one series at a time. Readers share nothing that changes, so series
/// may be spread over threads, one reader to each.
protocol VectorSource {
  /// The number of series, of which some may turn out to be empty.
  var seriesCount: Int { get }
  /// Makes a reader for use by one thread at a time.
  func makeReader() throws -> any SeriesReader
}

/// Computes series of a source.
protocol SeriesReader: AnyObject {
  /// Computes the series at `index`; nil when it has no value at any step.
  func read(seriesAt index: Int) throws -> SeriesColumn?
}

extension VectorSource {
  /// Calls `body` with every series that has values, in order.
  func forEach(
    in context: EvaluationContext, _ body: (SeriesColumn) throws -> Void
  ) throws {
    let reader = try makeReader()
    for index in 0..<seriesCount {
      try context.seriesCheckpoint()
      if let column = try reader.read(seriesAt: index) { try body(column) }
    }
  }

  /// Computes every series and keeps them.
  func materialized(in context: EvaluationContext) throws -> MaterializedVector {
    if let vector = self as? MaterializedVector { return vector }
    var reservation = context.budget.reservation()
    var columns: [SeriesColumn] = []
    try forEach(in: context) { column in
      try reservation.extend(by: column.sampleCost)
      columns.append(column)
    }
    return MaterializedVector(columns, reservation: reservation)
  }
}

/// Series that are kept in memory.
struct MaterializedVector: VectorSource {
  /// The series; each has a value at one step at least.
  let columns: [SeriesColumn]
  private let reservation: SampleBudget.Reservation?

  /// Keeps `columns` as long as the vector lives.
  init(_ columns: [SeriesColumn], reservation: SampleBudget.Reservation? = nil) {
    self.columns = columns
    self.reservation = reservation
  }

  var seriesCount: Int { columns.count }

  func makeReader() -> any SeriesReader { Reader(columns: columns) }

  private final class Reader: SeriesReader {
    let columns: [SeriesColumn]

    init(columns: [SeriesColumn]) {
      self.columns = columns
    }

    func read(seriesAt index: Int) -> SeriesColumn? { columns[index] }
  }
}

/// The series of an operand, each changed by itself.
struct MappedVector: VectorSource {
  let operand: any VectorSource
  /// Changes one series; false when nothing of it is left.
  let transform: (inout SeriesColumn) throws -> Bool

  var seriesCount: Int { operand.seriesCount }

  func makeReader() throws -> any SeriesReader {
    Reader(operand: try operand.makeReader(), transform: transform)
  }

  private final class Reader: SeriesReader {
    let operand: any SeriesReader
    let transform: (inout SeriesColumn) throws -> Bool

    init(operand: any SeriesReader, transform: @escaping (inout SeriesColumn) throws -> Bool) {
      self.operand = operand
      self.transform = transform
    }

    func read(seriesAt index: Int) throws -> SeriesColumn? {
      guard var column = try operand.read(seriesAt: index), try transform(&column) else {
        return nil
      }
      return column
    }
  }
}

/// Collects the series of a result by their labels, step by step.
struct ColumnCollector {
  private let stepCount: Int
  private var columns: [SeriesColumn] = []
  private var indexOfLabels: [Labels: Int] = [:]
  private var reservation: SampleBudget.Reservation

  /// Collects columns of `stepCount` steps.
  init(stepCount: Int, in context: EvaluationContext) {
    self.stepCount = stepCount
    reservation = context.budget.reservation()
  }

  /// The index of the series with `labels`, made if need be.
  mutating func index(for labels: Labels, dropsName: Bool) throws -> Int {
    if let index = indexOfLabels[labels] { return index }
    try reservation.extend(by: stepCount)
    let index = columns.count
    indexOfLabels[labels] = index
    columns.append(
      SeriesColumn(labels: labels, dropsName: dropsName, values: .absent(count: stepCount)))
    return index
  }

  /// Sets a number.
  ///
  /// - Throws: When the series already has one, or a histogram, at this step.
  mutating func set(_ value: Double, step: Int, ofSeriesAt index: Int) throws {
    guard columns[index].isPresent(at: step) == false else { throw QueryError.sameLabelSets }
    columns[index].values[step] = value
  }

  /// Sets a histogram.
  ///
  /// - Throws: When the series already has one, or a number, at this step.
  mutating func set(_ histogram: NativeHistogram, step: Int, ofSeriesAt index: Int) throws {
    guard columns[index].isPresent(at: step) == false else { throw QueryError.sameLabelSets }
    try reservation.extend(by: histogram.sampleCost)
    columns[index].set(histogram, at: step)
  }

  /// Sets what `column` has at `step`, if anything.
  mutating func set(valueOf column: SeriesColumn, step: Int, ofSeriesAt index: Int) throws {
    if let histogram = column.histogram(at: step) {
      try set(histogram, step: step, ofSeriesAt: index)
    } else if column.values[step].isAbsent == false {
      try set(column.values[step], step: step, ofSeriesAt: index)
    }
  }

  /// Adds all values of `column` to the series with its labels.
  mutating func merge(_ column: SeriesColumn) throws {
    if indexOfLabels[column.labels] == nil {
      try reservation.extend(by: column.sampleCost)
      indexOfLabels[column.labels] = columns.count
      columns.append(column)
      return
    }
    let index = try index(for: column.labels, dropsName: column.dropsName)
    try column.forEachPresentStep { try set(valueOf: column, step: $0, ofSeriesAt: index) }
  }

  /// The series that have values, in the order in which they came.
  func vector() -> MaterializedVector {
    MaterializedVector(columns.filter(\.hasValues), reservation: reservation)
  }
}

extension QueryError {
  /// Two series of a vector have the same labels at one moment.
  static let sameLabelSets = QueryError.execution(
    "vector cannot contain metrics with the same labelset")
}
