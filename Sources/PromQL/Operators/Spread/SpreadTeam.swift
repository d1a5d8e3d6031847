import Threading

/// Threads that compute chunks of series ahead of the one that uses them.
///
/// Whoever has time takes the next chunk. A few chunks may wait to be used;
/// then helpers rest.
final class SpreadTeam: Sendable {
  /// Consecutive series, as far as they were computed.
  struct Chunk: Sendable {
    /// The most values that a chunk holds: a few of them in flight count against
    /// no limit of the query.
    private static let valueLimit = 200_000

    /// Each series; nil when it has no value.
    private(set) var columns: [SeriesColumn?] = []
    /// What its computation leaves to tell.
    var tally = EvaluationTally()
    private var valueCount = 0

    /// True when the rest had better be computed when it is needed.
    var isFull: Bool { valueCount > Chunk.valueLimit }

    /// Adds the next series.
    mutating func append(_ column: SeriesColumn?) {
      columns.append(column)
      valueCount += column?.sampleCost ?? 0
    }
  }

  /// Computes the chunk with a number, on one thread.
  typealias Work = (_ number: Int) throws -> Chunk

  private struct State: Sendable {
    /// The next chunk that nobody has taken.
    var next: Int
    /// The chunk that is used.
    var used: Int
    /// Chunks that were computed and not used yet.
    var finished: [Int: Result<Chunk, any Error>] = [:]
    /// Those that were not dismissed.
    var helpers: [WorkerThread] = []
  }

  /// How many chunks may be taken before the one that is used is done.
  private static let lead = 4

  private let chunkCount: Int
  private let state: Monitor<State>
  /// Tells helpers that nothing more is wanted of them.
  private let dismissal = QueryCancellation()

  /// Starts helpers, or fewer when the system has no more threads.
  ///
  /// - Parameters:
  ///   - first: The first chunk to be computed.
  ///   - prepare: Makes ready for work, which ends early once it is cancelled;
  ///     called once on each helper. One that throws gives up, and its part falls
  ///     to the others.
  init(
    chunkCount: Int, beginningAt first: Int, helperCount: Int,
    _ prepare: @escaping @Sendable (QueryCancellation) throws -> Work
  ) {
    self.chunkCount = chunkCount
    state = Monitor(State(next: first, used: first))
    // Whoever is there does the work.
    let helpers = (0..<helperCount).compactMap { _ in
      try? WorkerThread { [self] in
        guard let work = try? prepare(dismissal) else { return }
        while let number = takeNext() {
          let chunk = Result { try work(number) }
          state.change { $0.finished[number] = chunk }
        }
      }
    }
    state.withLock { $0.helpers = helpers }
  }

  /// Sends the helpers away, and waits until they have let go of all they had.
  ///
  /// Not for use by a helper.
  func dismiss() {
    dismissal.cancel()
    let helpers = state.change { state in
      defer { state.helpers = [] }
      return state.helpers
    }
    for helper in helpers { helper.join() }
  }

  /// The chunk with a number, which follows that asked for last.
  ///
  /// - Parameter compute: Computes a chunk on this thread.
  func chunk(_ number: Int, _ compute: (Int) throws -> Chunk) throws -> Chunk {
    state.change { $0.used = number }
    while true {
      // Done by a helper, to be done here, or under way, and then there may be
      // something else to do meanwhile.
      let turn: Turn = state.change { state in
        if let chunk = state.finished.removeValue(forKey: number) { return .use(chunk) }
        guard isNextFree(state) else { return .wait }
        state.next += 1
        return .compute(state.next - 1)
      }
      switch turn {
      case .use(let chunk):
        return try chunk.get()
      case .compute(number):
        return try compute(number)
      case .compute(let other):
        let chunk = Result { try compute(other) }
        state.change { $0.finished[other] = chunk }
      case .wait:
        _ = state.wait { $0.finished[number] == nil ? nil : () }
      }
    }
  }

  private enum Turn {
    case use(Result<Chunk, any Error>)
    case compute(Int)
    case wait
  }

  private func isNextFree(_ state: State) -> Bool {
    state.next < min(chunkCount, state.used + SpreadTeam.lead)
  }

  /// A chunk for a helper; nil when there is none any more.
  private func takeNext() -> Int? {
    let next: Int?? = state.wait { state in
      if dismissal.isCancelled || state.next == chunkCount { return .some(nil) }
      guard isNextFree(state) else { return nil }
      state.next += 1
      return state.next - 1
    }
    return next ?? nil
  }
}
