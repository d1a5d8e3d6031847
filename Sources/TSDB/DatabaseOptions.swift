import SeriesModel

/// How a database is opened.
public struct DatabaseOptions: Sendable {
  /// How long samples are kept, counted back from the newest stored sample.
  public var retention: Duration = .seconds(15 * 86_400)
  /// What becomes of a sample that differs from the stored one of its time.
  public var duplicatePolicy = DuplicatePolicy.reject
  /// How far back a selector looks for a sample, exclusive.
  public var lookbackDelta: Duration = .seconds(300)
  /// How long a query may take.
  public var queryTimeout: Duration = .seconds(120)
  /// How many samples a query may hold in memory at once.
  public var maximumQuerySamples = 50_000_000
  /// How many exemplars are kept of all series together; the oldest go first,
  /// and with 0 none are kept.
  public var maximumExemplars = 100_000
  /// The clock of background work; tests pass one of their own.
  public var clock: @Sendable () -> Timestamp = { .now }

  /// Creates the default options.
  public init() {}
}
