import Threading

/// A fixed number of threads that run handlers, and a bounded queue before them.
final class WorkerPool: Sendable {
  typealias Job = @Sendable () -> Void

  private struct State: Sendable {
    /// A ring: `count` jobs from `first` on.
    var ring: [Job?]
    var first = 0
    var count = 0
    var isStopped = false
  }

  private let state: Monitor<State>

  /// Starts the threads.
  ///
  /// - Precondition: Both numbers are positive.
  /// - Throws: ``HTTPServerError/cannotStart(errorNumber:)``.
  init(threadCount: Int, queueCapacity: Int) throws(HTTPServerError) {
    precondition(threadCount > 0 && queueCapacity > 0)
    let state = Monitor(State(ring: Array(repeating: nil, count: queueCapacity)))
    self.state = state
    do throws(ThreadError) {
      for _ in 0..<threadCount {
        _ = try WorkerThread { Self.work(state) }
      }
    } catch {
      state.change { $0.isStopped = true }
      throw .cannotStart(errorNumber: error.errorNumber)
    }
  }

  deinit {
    stop()
  }

  /// The number of jobs that wait for a thread.
  var queuedCount: Int {
    state.withLock { $0.count }
  }

  /// Queues a job.
  ///
  /// - Returns: `false` when the queue is full or the pool was stopped; the job
  ///   will not run then.
  func submit(_ job: @escaping Job) -> Bool {
    state.changeForOne { state in
      guard !state.isStopped, state.count < state.ring.count else { return false }
      state.ring[(state.first + state.count) % state.ring.count] = job
      state.count += 1
      return true
    }
  }

  /// Drops the jobs that wait; each thread ends after the job it runs.
  func stop() {
    state.change { state in
      state.isStopped = true
      state.ring = state.ring.map { _ in nil }
      state.count = 0
    }
  }

  private static func work(_ state: Monitor<State>) {
    while let job = nextJob(state) {
      job()
    }
  }

  private static func nextJob(_ state: Monitor<State>) -> Job? {
    let next: Job?? = state.wait { state in
      if state.isStopped { return .some(nil) }
      guard state.count > 0 else { return nil }
      let job = state.ring[state.first]
      state.ring[state.first] = nil
      state.first = (state.first + 1) % state.ring.count
      state.count -= 1
      return .some(job)
    }
    return next ?? nil
  }
}
