import PromQL
import SeriesModel
import Storage
import Threading

/// A time-series database in a directory, or in memory.
///
/// ```swift
/// let database = try Database.open(at: "data")
/// try database.append(21.5, to: ["__name__": "temperature", "room": "attic"], at: .now)
/// let result = try database.query("max_over_time(temperature[1h])", at: .now)
/// try database.close()
/// ```
///
/// What an append accepted is on disk when it returns, and survives a crash of
/// the process or of the machine, unless ``DatabaseOptions/durability`` says
/// otherwise. One process writes to a directory; others may
/// read it at the same time with ``openReadOnly(at:options:)``.
///
/// All methods may be called from any thread; they block while they work.
///
/// ## Topics
/// ### Opening
/// - ``open(at:options:)``
/// - ``openReadOnly(at:options:)``
/// - ``inMemory(options:)``
/// - ``close()``
/// ### Writing
/// - ``append(_:to:at:)``
/// - ``append(_:to:at:startingAt:)``
/// - ``append(_:options:)``
/// - ``seriesID(for:)``
/// - ``synchronize()``
/// - ``delete(matching:from:through:isDryRun:)``
/// - ``reclaimDeletedSpace()``
/// ### Checking
/// - ``verify(at:)``
/// ### Reading
/// - ``query(_:at:options:)``
/// - ``query(_:from:through:stepMilliseconds:options:)``
/// - ``exemplars(_:from:through:)``
/// ### Copying
/// - ``snapshot(to:skipsHead:)``
/// - ``compact(at:to:)``
public final class Database: Sendable {
  let store: any Queryable & ExemplarQueryable
  /// Nil for a database opened for reading only.
  let writer: Store?
  let reader: StoreReader?
  let engine: Engine
  let maximumExemplars: Int
  let retention: Duration
  /// The directory, as given when it was opened; nil for a database in memory.
  public let path: String?
  /// Runs checkpoints, sealing and retention.
  private let maintenance: PeriodicWorker?
  /// Syncs the journal, where appends don't wait for that.
  private let synchronization: PeriodicWorker?

  private init(
    path: String?, writer: Store?, reader: StoreReader?, options: DatabaseOptions
  ) throws {
    self.path = path
    guard let store: any Queryable & ExemplarQueryable = writer ?? reader else {
      preconditionFailure("a database either writes or reads")
    }
    self.store = store
    self.writer = writer
    self.reader = reader
    engine = Engine(options: EngineOptions(options))
    maximumExemplars = options.maximumExemplars
    retention = options.retention
    synchronization = try Database.synchronize(writer, options.durability)
    let maintenance = try writer.map { store in
      let watch = ConditionWatch(options.onConditionChange)
      return try PeriodicWorker(every: .seconds(2)) { [clock = options.clock] in
        defer { watch.note(DatabaseCondition(store.statistics)) }
        // The store latches a failed write, and `failure` tells of it.
        do { try store.maintain(now: clock()) } catch { return }
      }
    }
    // The worker holds the store: were it held in turn, neither would ever go.
    writer?.whenJournalIsLong { [weak maintenance] in maintenance?.wake() }
    self.maintenance = maintenance
  }

  private static func synchronize(
    _ writer: Store?, _ durability: Durability
  ) throws -> PeriodicWorker? {
    guard case .interval(let interval) = durability, let writer else { return nil }
    precondition(interval > .zero, "the interval between syncs is positive")
    return try PeriodicWorker(every: interval) {
      // As above: `failure` tells of it.
      do { try writer.synchronize() } catch { return }
    }
  }

  /// Opens the database in the directory `path`, which is made when there is
  /// none.
  ///
  /// - Throws: ``TSDBError``: `inUse` when another process writes to it,
  ///   `unsupportedFormat` when a newer version wrote it, `failed` when the disk
  ///   can't be used, or when of the tables and the journal only one is there.
  public static func open(
    at path: String, options: DatabaseOptions = DatabaseOptions()
  ) throws -> Database {
    try wrappingStorageErrors {
      try Database(
        path: path, writer: Store.open(directory: path, options: StoreOptions(options)),
        reader: nil, options: options)
    }
  }

  /// Makes an empty database in memory: it has no files, and ends with the
  /// process or when it is closed and released.
  ///
  /// It does what a database in a directory does; an append returns once its
  /// samples are visible. A process may have any number of them. The memory is
  /// that of `/dev/shm`; where there is none, or less than 256 MiB, it is
  /// a file without a name in the directory for temporary files.
  ///
  /// - Throws: ``TSDBError`` with code `failed` when no memory can be had.
  public static func inMemory(
    options: DatabaseOptions = DatabaseOptions()
  ) throws -> Database {
    try wrappingStorageErrors {
      try Database(
        path: nil, writer: Store.inMemory(options: StoreOptions(options)), reader: nil,
        options: options)
    }
  }

  /// Opens the database in the directory `path` as it is at this moment,
  /// without writing to it; another process may go on writing.
  ///
  /// - Throws: ``TSDBError``: `notADatabase` when there is none,
  ///   `unsupportedFormat` when a newer version wrote it, `failed` when of the
  ///   tables and the journal only one is there.
  public static func openReadOnly(
    at path: String, options: DatabaseOptions = DatabaseOptions()
  ) throws -> Database {
    try namingMissingDatabase(path) {
      try Database(
        path: path, writer: nil,
        reader: StoreReader.open(directory: path, options: StoreOptions(options)),
        options: options)
    }
  }

  /// Closes the database. Everything accepted is on disk when this returns;
  /// closing makes the next opening quicker.
  ///
  /// Later calls that need the disk throw ``TSDBError`` with code `closed`.
  public func close() throws {
    maintenance?.stop()
    synchronization?.stop()
    try wrappingStorageErrors { try writer?.close() }
  }

  /// What is known of metric families, by family name.
  public var metadata: [String: MetricMetadata] {
    writer?.metadata ?? reader?.metadata ?? [:]
  }

  /// The time of the newest sample; nil when there is none.
  public var newestTimestamp: Timestamp? {
    if let writer { return writer.newestTimestamp }
    return reader?.newestTimestamp
  }

  /// What made the database refuse appends, or nil while it takes them.
  ///
  /// After a failed write nothing more is written until the database is opened
  /// again; reads go on.
  public var failure: String? { writer?.statistics.failure }

  /// Whether the database takes samples; always `working` for one that was
  /// opened for reading only.
  public var condition: DatabaseCondition {
    writer.map { DatabaseCondition($0.statistics) } ?? .working
  }

  /// What was found damaged when the database was opened.
  package var openingWarnings: [String] { writer?.warnings ?? reader?.warnings ?? [] }
}

extension EngineOptions {
  init(_ options: DatabaseOptions) {
    self.init()
    lookbackDeltaMilliseconds = options.lookbackDelta.wholeMilliseconds
    timeout = options.queryTimeout
    maximumSamples = options.maximumQuerySamples
    usesExperimentalFeatures = options.usesExperimentalPromQL
  }
}

extension Duration {
  /// The duration in milliseconds, rounded down; at the limits of `Int64` it
  /// stays there.
  var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    let (milliseconds, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    if overflow { return seconds < 0 ? .min : .max }
    return milliseconds + attoseconds / 1_000_000_000_000_000
  }
}
