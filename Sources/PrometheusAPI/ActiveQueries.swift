import PromQL
import SeriesModel
import Synchronization

/// The queries that are running.
package final class ActiveQueries: Sendable {
  /// When a query is evaluated.
  package enum Time: Hashable, Sendable {
    case instant(Timestamp)
    case range(from: Timestamp, through: Timestamp, stepMilliseconds: Int64)
  }

  /// One running query.
  package struct Query: Sendable {
    /// A number that no other query of the process has.
    package let id: Int
    package let text: String
    package let time: Time
    /// Who asked, as `host:port`.
    package let client: String
    /// When it began to run.
    package let start: Timestamp
    fileprivate let began: ContinuousClock.Instant
    fileprivate let cancellation: QueryCancellation
    fileprivate let progress: QueryProgress

    /// How long it has been running.
    package var elapsed: Duration { ContinuousClock.now - began }
    /// The samples that it has read from storage.
    package var samplesRead: Int { progress.samplesRead }
  }

  private struct State {
    var lastID = 0
    var queries: [Int: Query] = [:]
  }

  /// Protects the table; no other lock is taken while it is held.
  private let state = Mutex(State())

  /// Creates an empty table.
  package init() {}

  /// The running queries, the oldest first.
  package var all: [Query] {
    state.withLock { Array($0.queries.values) }.sorted { $0.id < $1.id }
  }

  /// Asks a query to end.
  ///
  /// - Returns: False when no query has this number, or not any more.
  package func cancel(_ id: Int) -> Bool {
    guard let query = state.withLock({ $0.queries[id] }) else { return false }
    query.cancellation.cancel()
    return true
  }

  /// Runs a query that is in the table meanwhile.
  ///
  /// - Parameters:
  ///   - start: The present moment.
  ///   - options: Their cancellation and progress are used where there are any.
  func running<Result>(
    _ text: String, _ time: Time, client: String, start: Timestamp, options: QueryOptions,
    _ body: (Query, QueryOptions) throws -> Result
  ) rethrows -> Result {
    var options = options
    let cancellation = options.cancellation ?? QueryCancellation()
    let progress = options.progress ?? QueryProgress()
    options.cancellation = cancellation
    options.progress = progress
    let query = state.withLock { state in
      state.lastID += 1
      let query = Query(
        id: state.lastID, text: text, time: time, client: client, start: start, began: .now,
        cancellation: cancellation, progress: progress)
      state.queries[query.id] = query
      return query
    }
    defer { state.withLock { _ = $0.queries.removeValue(forKey: query.id) } }
    return try body(query, options)
  }
}
