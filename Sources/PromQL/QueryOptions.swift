import Synchronization

/// Settings that hold for every query of an engine.
package struct EngineOptions: Hashable, Sendable {
  /// How far back a selector looks for a sample, exclusive; five minutes.
  package var lookbackDeltaMilliseconds: Int64 = 300_000
  /// How long a query may take; nil for no limit.
  package var timeout: Duration? = .seconds(120)
  /// How many samples a query may hold in memory at once.
  package var maximumSamples = 50_000_000
  /// The step of a subquery that names none; one minute.
  package var defaultSubqueryStepMilliseconds: Int64 = 60_000
  /// True for all of PromQL; false for what Prometheus 3.14 does without feature
  /// flags: experimental functions, aggregators, modifiers and `fill` are
  /// refused, metric names are taken away at once and not at the end of the
  /// query, and `rate` and its kind look at no start timestamps.
  package var usesExperimentalFeatures = true
  /// What plans do to spare work; all of it, except in tests.
  package var rewrites = PlanRewrites.all
  /// How the series of a query are spread over threads.
  package var spread = SpreadOptions()

  /// Creates the default settings.
  package init() {}
}

/// Settings of one query.
public struct QueryOptions: Sendable {
  /// Overrides ``EngineOptions/lookbackDeltaMilliseconds`` when positive.
  public var lookbackDeltaMilliseconds: Int64?
  /// Shortens ``EngineOptions/timeout``; it can't be lengthened.
  public var timeout: Duration?
  /// Ends the query early once it is cancelled.
  public var cancellation: QueryCancellation?
  /// Is told now and then how far the query is.
  public var progress: QueryProgress?
  /// Whether ``QueryStatistics/samplesPerStep`` is filled.
  public var countsSteps = false
  /// Whether ``QueryResult/explanation`` is filled, which takes some time.
  public var explains = false

  /// Creates options that override nothing.
  public init(
    lookbackDeltaMilliseconds: Int64? = nil, timeout: Duration? = nil,
    cancellation: QueryCancellation? = nil
  ) {
    self.lookbackDeltaMilliseconds = lookbackDeltaMilliseconds
    self.timeout = timeout
    self.cancellation = cancellation
  }
}

/// A way to end a running query from another thread.
public final class QueryCancellation: Sendable {
  private let flag = Atomic<Bool>(false)
  private let probe: (@Sendable () -> Bool)?

  /// Creates a token that is not cancelled.
  ///
  /// - Parameter probe: Asked now and then while the query runs; the query
  ///   ends when it returns true, as if ``cancel()`` had been called.
  public init(probe: (@Sendable () -> Bool)? = nil) {
    self.probe = probe
  }

  /// Asks every query that holds this token to end soon.
  public func cancel() {
    flag.store(true, ordering: .relaxed)
  }

  /// True once ``cancel()`` was called.
  public var isCancelled: Bool { flag.load(ordering: .relaxed) }

  /// Asks the probe, if there is one, and returns whether the query is to end.
  func poll() -> Bool {
    if isCancelled { return true }
    guard let probe, probe() else { return false }
    cancel()
    return true
  }
}

/// How far a running query is, to be looked at from another thread.
public final class QueryProgress: Sendable {
  private let samples = Atomic<Int>(0)

  /// Creates the progress of a query that has not begun.
  public init() {}

  /// The samples read from storage so far, some milliseconds ago.
  public var samplesRead: Int { samples.load(ordering: .relaxed) }

  func note(samplesRead: Int) {
    samples.store(samplesRead, ordering: .relaxed)
  }
}
