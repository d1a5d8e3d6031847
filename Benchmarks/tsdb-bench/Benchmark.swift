/// One subject that is measured.
struct Benchmark: Sendable {
  /// The name, by which it is filtered; the figures' names begin with it.
  var name: String
  /// What is measured, in one line.
  var summary: String
  /// Whether it takes so long that it runs only when it is filtered for.
  var isLarge = false
  /// Measures.
  var run: @Sendable (BenchmarkContext) throws -> [Measurement]

  /// All benchmarks, in the order in which they run.
  static let all: [Benchmark] =
    chunks + parsers + ingestion + queries + labels + commits + opening
}

/// What benchmarks share in one run of the program.
final class BenchmarkContext {
  /// The number of series that benchmarks over many series use.
  let seriesCount: Int
  /// How often each timed benchmark is repeated.
  let repetitionCount: Int
  private var ingestion: Ingestion?

  init(seriesCount: Int, repetitionCount: Int) {
    self.seriesCount = seriesCount
    self.repetitionCount = repetitionCount
  }

  /// A closed database with six hours of data, made when it is first asked
  /// for.
  func ingestedDatabase() throws -> Ingestion {
    if let ingestion { return ingestion }
    let made = try Ingestion(seriesCount: seriesCount)
    ingestion = made
    return made
  }
}
