import SeriesModel
import Storage

/// How a database is opened.
public struct DatabaseOptions: Sendable {
  /// How long samples are kept, counted back from the newest stored sample.
  public var retention: Duration = .seconds(15 * 86_400)
  /// What becomes of a sample that differs from the stored one of its time.
  public var duplicatePolicy = DuplicatePolicy.reject
  /// How many bytes the stored samples, their index and the journal may take;
  /// above it the oldest time windows are deleted, but never the newest. 0 sets
  /// no limit.
  public var retentionByteCount = 0
  /// When what an append accepted is on disk.
  public var durability = Durability.sync
  /// The free space of the disk, in bytes, below which appends are refused with
  /// ``TSDBError/Code/diskFull`` until there is more; 0 refuses none before the
  /// disk is full.
  public var minimumFreeByteCount = 256 << 20
  /// How far back a selector looks for a sample, exclusive.
  public var lookbackDelta: Duration = .seconds(300)
  /// How long a query may take.
  public var queryTimeout: Duration = .seconds(120)
  /// How many samples a query may hold in memory at once.
  public var maximumQuerySamples = 50_000_000
  /// True for all of PromQL, false for what Prometheus 3.14 does without feature
  /// flags: it refuses experimental functions, aggregators and modifiers, takes
  /// metric names away at once, and looks at no start timestamps.
  public var usesExperimentalPromQL = true
  /// How many exemplars are kept of all series together; the oldest go first,
  /// and with 0 none are kept.
  public var maximumExemplars = 100_000
  /// The clock of background work; tests pass one of their own.
  public var clock: @Sendable () -> Timestamp = { .now }
  /// Is told when the database ceases to take samples and when it takes them
  /// again, by the thread of its background work, within some seconds.
  public var onConditionChange: @Sendable (DatabaseCondition) -> Void = { _ in }

  /// Is told what the database did, by the thread that did it.
  package var onEvent: @Sendable (DatabaseEvent) -> Void = { _ in }

  /// Creates the default options.
  public init() {}
}

/// When what a database accepted is on disk.
///
/// In every mode a killed process loses nothing: what was accepted is in the
/// hands of the operating system. They differ in what a power cut, or a crash of
/// the system, can take.
public enum Durability: Hashable, Sendable {
  /// Before the append returns: nothing can be lost.
  case sync
  /// So long after it, a positive time: what was accepted since the last sync
  /// can be lost.
  case interval(Duration)
  /// When the system writes it, and at the next checkpoint: what was accepted
  /// since the last checkpoint can be lost, which may be minutes.
  case os
}

/// Whether a database takes samples.
public enum DatabaseCondition: Hashable, Sendable {
  /// It does.
  case working
  /// Not at the moment, for the reason given: the disk is full. It goes on by
  /// itself when there is space.
  case readOnly(String)
  /// Not until it is opened again, for the reason given: a write has failed.
  case failed(String)
}

extension StoreOptions {
  init(_ options: DatabaseOptions) {
    self.init()
    retentionMilliseconds = options.retention.wholeMilliseconds
    duplicatePolicy = options.duplicatePolicy
    maximumExemplarCount = options.maximumExemplars
    retentionByteCount = options.retentionByteCount
    minimumFreeByteCount = options.minimumFreeByteCount
    onEvent = { [report = options.onEvent] in report(DatabaseEvent($0)) }
    durability =
      switch options.durability {
      case .sync: .sync
      case .interval(let interval): .interval(milliseconds: interval.wholeMilliseconds)
      case .os: .os
      }
  }
}
