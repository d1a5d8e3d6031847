#if TSDB_FAULTS
  import FaultInjection
  import Foundation
  import SeriesModel
  import Synchronization
  import TestSupport
  import Testing

  @testable import Storage

  /// A store may be closed while appends wait for a commit.
  @Suite struct StoreCloseConcurrencyTests {
    private let directory = TemporaryDirectory("closing")
    private var path: String { directory.path("data") }

    private static func labels(_ number: Int) -> Labels { ["__name__": "m", "n": "\(number)"] }

    private static func close(_ store: Store) {
      #expect(throws: Never.self) { try store.close() }
    }

    /// Starts a thread for `body`; wait for the group to end.
    private func start(_ group: DispatchGroup, _ body: @escaping @Sendable () -> Void) {
      group.enter()
      Thread {
        body()
        group.leave()
      }.start()
    }

    /// While a commit is under way others wait for the next one, and the store is
    /// closed: what is told of each append is so.
    @Test(arguments: [Durability.sync, .os])
    func appendsThatWaitEndWithTheTruth(durability: Durability) throws {
      var options = StoreOptions()
      options.durability = durability
      let store = try Store.open(directory: path, options: options)
      let outcomes = Mutex<[Int: Result<AppendResult, any Error>]>([:])
      let append = { @Sendable (number: Int) in
        let outcome = Result { try store.append(Self.labels(number), [(1, Double(number))]) }
        outcomes.withLock { $0[number] = outcome }
      }
      // So that none of the threads makes a series while the store closes.
      for number in 0..<8 { _ = try store.seriesID(for: Self.labels(number)) }
      let isInCommit = DispatchSemaphore(value: 0)
      let mayGoOn = DispatchSemaphore(value: 0)
      let plan = FaultPlan(onStep: { step in
        guard step == "journal.written" else { return }
        isInCommit.signal()
        mayGoOn.wait()
      })
      let group = DispatchGroup()
      start(group) { FaultPlan.$current.withValue(plan) { append(0) } }
      isInCommit.wait()
      for number in 1..<8 { start(group) { append(number) } }
      // The journal is locked, and the statistics with it.
      let queue = try store.opened().queue
      while queue.waitingCount < 7 { sched_yield() }
      let closing = FaultPlan(onStep: { step in
        if step == "close.begun" { mayGoOn.signal() }
      })
      start(group) { FaultPlan.$current.withValue(closing) { Self.close(store) } }
      group.wait()
      var acknowledged: SamplesByLabels = [:]
      for (number, outcome) in outcomes.withLock({ $0 }) {
        switch outcome {
        case .success(let result):
          #expect(result.acceptedCount == 1)
          acknowledged[Self.labels(number)] = samples([(1, Double(number))])
        case .failure(let error):
          #expect(error as? StorageError == .notWritable, "\(error)")
        }
      }
      // They came before the store was closed.
      #expect(acknowledged.count == 8)
      #expect(throws: StorageError.notWritable) {
        try store.append(Self.labels(9), [(1, 1)])
      }
      let reopened = try Store.open(directory: path)
      #expect(try reopened.samples() == acknowledged)
      try reopened.close()
    }

    /// Threads that append as fast as they can until the store is closed.
    @Test func nothingThatIsAcknowledgedWhileTheStoreClosesIsLost() throws {
      let store = try Store.open(directory: path)
      let acknowledged = Mutex<SamplesByLabels>([:])
      let group = DispatchGroup()
      for number in 0..<4 {
        start(group) {
          let labels = Self.labels(number)
          for time in (0 as Int64)... {
            do {
              try store.append(labels, [(time, Double(time))])
              acknowledged.withLock {
                $0[labels, default: []].append(Sample(milliseconds: time, value: Double(time)))
              }
            } catch {
              #expect(error as? StorageError == .notWritable, "\(error)")
              return
            }
          }
        }
      }
      while acknowledged.withLock({ $0.count }) < 4 { sched_yield() }
      try store.close()
      group.wait()
      let reopened = try Store.open(directory: path)
      #expect(reopened.warnings.isEmpty)
      #expect(try reopened.samples() == acknowledged.withLock { $0 })
      try reopened.close()
    }
  }
#endif
