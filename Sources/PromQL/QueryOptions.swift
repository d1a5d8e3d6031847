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
  /// True when metric names that functions and operators take away are there
  /// until the query is done, so that `label_replace` can still read them; the
  /// feature `promql-delayed-name-removal` of Prometheus, off unless asked for.
  package var delaysNameRemoval = false
  /// What plans do to spare work; all of it, except in tests.
  package var rewrites = PlanRewrites.all

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
