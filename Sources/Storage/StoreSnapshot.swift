import LMDB
import SeriesModel
import Synchronization

/// Read transactions of one state of the tables, for several threads.
///
/// Each is used by one thread at a time; a cursor is bound to one of them.
final class TransactionPool: Sendable {
  private final class Member: Sendable {
    let transaction: Mutex<ReadTransaction>

    init(_ transaction: consuming sending ReadTransaction) {
      self.transaction = Mutex(transaction)
    }
  }

  private let members: [Member]

  /// Begins `count` transactions that see the same state.
  ///
  /// - Precondition: Nothing that matters to the caller is committed meanwhile;
  ///   when something is, all of them begin again.
  init(_ environment: Environment, count: Int) throws(StorageError) {
    do throws(LMDBError) {
      while true {
        var members: [Member] = []
        var ids: Set<UInt64> = []
        for _ in 0..<max(1, count) {
          let transaction = try environment.makeReadTransaction()
          ids.insert(transaction.id)
          members.append(Member(transaction))
        }
        if ids.count == 1 {
          self.members = members
          return
        }
      }
    } catch {
      throw StorageError(error)
    }
  }

  var count: Int { members.count }

  /// Calls `body` with the transaction at `index`, modulo ``count``.
  func read<Result>(
    _ index: Int = 0, _ body: (borrowing ReadTransaction) throws(StorageError) -> Result
  ) throws(StorageError) -> Result {
    try members[index % members.count].transaction.withLock {
      transaction throws(StorageError) in
      try body(transaction)
    }
  }
}

/// Texts that cursors of several threads collect.
final class WarningList: Sendable {
  private let texts: Mutex<[String]>
  private let limit = 100

  init(_ texts: [String]) {
    self.texts = Mutex(texts)
  }

  var all: [String] { texts.withLock { $0 } }

  /// Adds a text that is not there yet; at most 100 are kept.
  func add(_ text: String) {
    texts.withLock { texts in
      if texts.count < limit, texts.contains(text) == false { texts.append(text) }
    }
  }
}

/// One consistent view of a store for some selections.
final class StoreSnapshot: QuerySnapshot {
  let storeSets: [StoreSeriesSet]
  private let warningList: WarningList

  init(_ sets: [StoreSeriesSet], warnings: WarningList) {
    storeSets = sets
    warningList = warnings
  }

  var seriesSets: [any SeriesSet] { storeSets }

  var warnings: [String] { warningList.all }
}

/// The series of one selection, and what is needed to read them.
struct StoreSeriesSet: SeriesSet {
  /// One selected series.
  struct Entry: Sendable {
    var id: SeriesID
    var labels: Labels
    /// What the head has of it, or nil.
    var head: HeadSamples.Series?
  }

  /// A window in the tables, and the series that it holds.
  struct StoredWindow: Sendable {
    var row: WindowRow
    var ids: SeriesRuns
    /// What was deleted in the window and may still be there.
    var tombstones: WindowTombstones
  }

  /// By ascending id, as the tables are.
  let entries: [Entry]
  let headSamples: HeadSamples
  let windows: [StoredWindow]
  let range: ClosedRange<Int64>
  let schema: Schema
  let pool: TransactionPool
  let warnings: WarningList
  let quarantine: Quarantine
  /// Gives each cursor another transaction.
  let cursorCount: CursorCounter

  var count: Int { entries.count }

  func labels(at index: Int) -> Labels { entries[index].labels }

  func makeCursor() -> any SampleCursor {
    StoreCursor(self, transactionIndex: cursorCount.next())
  }
}

/// Counts the cursors of a snapshot.
final class CursorCounter: Sendable {
  private let count = Atomic<Int>(0)

  func next() -> Int { count.wrappingAdd(1, ordering: .relaxed).oldValue }
}
