import SeriesModel
import Threading

/// Batches that one caller appends together, and what became of them.
// `@unchecked`: everything mutable is touched under the queue's lock, or by the
// one thread that commits.
final class Submission: @unchecked Sendable {
  let batches: [SampleBatch]
  let options: AppendOptions
  fileprivate let byteCount: Int
  fileprivate var outcome: Result<[AppendResult], StorageError>?

  init(_ batches: [SampleBatch], options: AppendOptions) {
    self.batches = batches
    self.options = options
    byteCount = batches.reduce(0) { sum, batch in
      batch.metadata.reduce(sum + batch.sampleByteCount) { sum, entry in
        sum + entry.key.utf8.count + entry.value.help.utf8.count + 16
      }
    }
  }
}

extension SampleBatch {
  /// The bytes that the samples take in memory, about.
  fileprivate var sampleByteCount: Int {
    var byteCount = 24 * count + 8 * startTimestamps.count
    for case let histogram? in histograms {
      byteCount += 200 + 12 * histogram.bucketAndBoundCount
    }
    return byteCount
  }
}

/// What became of the submissions of a commit, in order, or why nothing was
/// written for any of them.
typealias CommitOutcome = Result<[[AppendResult]], StorageError>

/// Orders commits: one at a time, each for all that came meanwhile.
///
/// There is no thread of its own. Of the callers that wait, the first one to
/// find nobody committing does it for everybody, so that a lone caller pays
/// for no change of threads, and many callers share one sync.
final class CommitQueue: Sendable {
  private struct State: Sendable {
    var waiting: [Submission] = []
    var waitingByteCount = 0
    var isCommitting = false
    var isClosed = false
    var failure: String?
    /// Why nothing is taken at the moment.
    var suspension: StorageError?
  }

  private let monitor = Monitor(State())
  private let maximumByteCount: Int

  init(maximumByteCount: Int) {
    self.maximumByteCount = maximumByteCount
  }

  /// The submissions that nobody has begun to commit.
  var waitingCount: Int { monitor.withLock { $0.waiting.count } }

  /// What made the store refuse appends for good, or nil.
  var failure: String? { monitor.withLock { $0.failure } }

  /// Why the store refuses appends at the moment, or nil.
  var suspension: StorageError? { monitor.withLock { $0.suspension } }

  /// Refuses what comes from now on, until ``resume()``; what waits already is
  /// still committed.
  func suspend(because error: StorageError) {
    monitor.withLock { $0.suspension = error }
  }

  /// Takes submissions again.
  func resume() {
    monitor.withLock { $0.suspension = nil }
  }

  /// Waits for a commit that takes in the submission, which may happen here.
  ///
  /// - Parameter commit: Commits submissions, and returns what became of each,
  ///   in order, or why nothing was written. When it throws, nothing is committed
  ///   any more; after `diskFull`, not before ``resume()``.
  func submit(
    _ submission: Submission, commit: ([Submission]) throws(StorageError) -> CommitOutcome
  ) throws(StorageError) -> [AppendResult] {
    if let refusal = enqueue(submission) { throw refusal }
    while true {
      switch waitForTurn(of: submission) {
      case .finished(let outcome):
        return try outcome.get()
      case .commit(let group):
        finish(group, with: CommitQueue.outcome(of: group, commit))
      }
    }
  }

  private enum Turn {
    case finished(Result<[AppendResult], StorageError>)
    case commit([Submission])
  }

  private func enqueue(_ submission: Submission) -> StorageError? {
    monitor.withLock { state in
      if let failure = state.failure { return .failedEarlier(failure) }
      if state.isClosed { return .notWritable }
      if let suspension = state.suspension { return suspension }
      // One submission of any size is let in, or it never would be.
      if state.waiting.isEmpty == false,
        state.waitingByteCount + submission.byteCount > maximumByteCount
      {
        return .overloaded
      }
      state.waiting.append(submission)
      state.waitingByteCount += submission.byteCount
      return nil
    }
  }

  private func waitForTurn(of submission: Submission) -> Turn {
    while true {
      if let turn = monitor.wait(for: { CommitQueue.turn(of: submission, in: &$0) }) {
        return turn
      }
    }
  }

  private static func turn(of submission: Submission, in state: inout State) -> Turn? {
    if let outcome = submission.outcome { return .finished(outcome) }
    guard state.isCommitting == false else { return nil }
    state.isCommitting = true
    let group = state.waiting
    state.waiting = []
    state.waitingByteCount = 0
    return .commit(group)
  }

  private static func outcome(
    of group: [Submission], _ commit: ([Submission]) throws(StorageError) -> CommitOutcome
  ) -> Result<CommitOutcome, StorageError> {
    do throws(StorageError) {
      return .success(try commit(group))
    } catch {
      return .failure(error)
    }
  }

  private func finish(
    _ group: [Submission], with outcome: Result<CommitOutcome, StorageError>
  ) {
    monitor.change { state in
      switch outcome {
      case .success(.failure(let error)):
        for submission in group { submission.outcome = .failure(error) }
      case .success(.success(let results)):
        for (submission, result) in zip(group, results) { submission.outcome = .success(result) }
      case .failure(let error):
        for submission in group { submission.outcome = .failure(error) }
        if case .diskFull = error {
          state.suspension = error
        } else {
          CommitQueue.fail(&state, because: error)
        }
      }
      state.isCommitting = false
    }
  }

  /// Calls `body` while nobody commits.
  ///
  /// - Throws: What `body` throws; nothing is committed any more then. Also
  ///   when the store has failed before.
  func pausing<Result>(
    _ body: () throws(StorageError) -> Result
  ) throws(StorageError) -> Result {
    let isPaused: Bool? = monitor.wait { state in
      if state.failure != nil { return false }
      // Once the queue is closed, nothing may be committed behind the pause.
      guard state.isCommitting == false, state.isClosed == false || state.waiting.isEmpty
      else { return nil }
      state.isCommitting = true
      return true
    }
    guard isPaused == true else { throw .failedEarlier(failure ?? "") }
    do throws(StorageError) {
      let result = try body()
      monitor.change { $0.isCommitting = false }
      return result
    } catch {
      monitor.change { state in
        state.isCommitting = false
        CommitQueue.fail(&state, because: error)
      }
      throw error
    }
  }

  /// Refuses everything from now on, because of a failed write.
  func fail(because error: StorageError) {
    monitor.change { CommitQueue.fail(&$0, because: error) }
  }

  /// Refuses everything from now on; false when that was so already.
  func close() -> Bool {
    monitor.change { state in
      defer { state.isClosed = true }
      return state.isClosed == false
    }
  }

  private static func fail(_ state: inout State, because error: StorageError) {
    if state.failure == nil { state.failure = error.description }
    for submission in state.waiting {
      submission.outcome = .failure(.failedEarlier(error.description))
    }
    state.waiting = []
    state.waitingByteCount = 0
  }
}
