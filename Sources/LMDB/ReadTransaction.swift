import Synchronization

/// A read transaction: the state of the environment at one commit.
///
/// It may be stored, and moved between threads, but is used by one thread at a
/// time. Reads go through ``view``. It ends when its value goes.
// `@unchecked`: with MDB_NOTLS a reader belongs to its transaction and not to a
// thread, and the type can't be copied.
package struct ReadTransaction: ~Copyable, @unchecked Sendable {
  /// Keeps the environment open as long as the transaction lives.
  private let environment: Environment
  private let handle: TransactionHandle
  /// No other read transaction of the process has it.
  private let number = ReadTransaction.count.add(1, ordering: .relaxed).newValue
  /// The read transactions that were begun so far.
  private static let count = Atomic<UInt64>(0)
  /// False between ``reset()`` and ``renew()``.
  package private(set) var isActive = true

  init(environment: Environment, handle: TransactionHandle) {
    self.environment = environment
    self.handle = handle
  }

  deinit {
    handle.abort()
  }

  /// The number of the commit that the transaction sees; equal numbers see
  /// equal states.
  package var id: UInt64 { handle.id }

  /// What the transaction sees.
  ///
  /// A view of a transaction that is stored in a class can't outlive the
  /// statement; hand the transaction to a function that borrows it, and take
  /// the view there.
  ///
  /// - Precondition: The transaction is active.
  package var view: ReadView {
    @_lifetime(borrow self)
    get {
      precondition(isActive, "a read transaction was used between reset and renew")
      return ReadView(self.handle, of: environment, reader: number, borrowing: self)
    }
  }

  /// Lets go of the state seen so far, so that its pages can be used again,
  /// but keeps the reader slot for ``renew()``.
  package mutating func reset() {
    precondition(isActive, "a read transaction was reset twice")
    handle.reset()
    isActive = false
  }

  /// Takes the last committed state after a ``reset()``.
  package mutating func renew() throws(LMDBError) {
    precondition(isActive == false, "a read transaction was renewed without a reset")
    try handle.renew()
    isActive = true
  }
}

/// What a transaction sees of the tables.
///
/// A view, and every span it hands out, ends before its transaction does, and
/// before a write transaction writes again; the compiler sees to that.
// Safety: `handle` is valid for the lifetime that the view depends on.
package struct ReadView: ~Escapable {
  private let handle: TransactionHandle
  private let environment: ObjectIdentifier
  private let reader: UInt64?

  /// - Parameter reader: The number of a read transaction; nil for the view of a
  ///   write transaction, which may change.
  @_lifetime(borrow owner)
  init<Owner: ~Copyable>(
    _ handle: TransactionHandle, of environment: Environment, reader: UInt64?,
    borrowing owner: borrowing Owner
  ) {
    self.handle = handle
    self.environment = ObjectIdentifier(environment)
    self.reader = reader
  }

  /// The value of `key`, or nil when `table` does not have it.
  @_lifetime(copy self)
  package func value(for key: Span<UInt8>, in table: Table) throws(LMDBError) -> Span<UInt8>? {
    guard let bytes = unsafe try handle.get(key, from: checked(table)) else { return nil }
    return unsafe _overrideLifetime(Span(_unsafeElements: bytes), copying: self)
  }

  /// Makes a cursor that stands nowhere yet.
  @_lifetime(copy self)
  package func makeCursor(in table: Table) throws(LMDBError) -> Cursor {
    Cursor(try CursorHandle.open(in: handle, table: checked(table)), of: table, in: self)
  }

  /// Where the entry lies on which `cursor`, a cursor of this view, stands.
  ///
  /// - Precondition: ``Cursor/isOnEntry``, and the view is that of a read
  ///   transaction.
  package func place(of cursor: borrowing Cursor) -> EntryPlace {
    guard let reader else {
      preconditionFailure("what a write transaction sees has no lasting place")
    }
    return unsafe EntryPlace(
      entry: cursor.currentEntry, owner: EntryPlace.Owner(reader: reader, commit: handle.id))
  }

  /// The key of the entry at a place that a view of the same transaction gave.
  @_lifetime(copy self)
  package func key(at place: EntryPlace) -> Span<UInt8> {
    requireOwnership(of: place)
    return unsafe _overrideLifetime(Span(_unsafeElements: place.entry.key), copying: self)
  }

  /// The value of the entry at a place that a view of the same transaction gave.
  @_lifetime(copy self)
  package func value(at place: EntryPlace) -> Span<UInt8> {
    requireOwnership(of: place)
    return unsafe _overrideLifetime(Span(_unsafeElements: place.entry.value), copying: self)
  }

  private func requireOwnership(of place: EntryPlace) {
    precondition(
      place.owner.reader == reader && place.owner.commit == handle.id,
      "the place of an entry was used in another transaction")
  }

  /// The size of `table`.
  package func statistics(of table: Table) throws(LMDBError) -> TableStatistics {
    try handle.statistics(of: checked(table))
  }

  /// The number of pages of the file that later transactions can use again.
  ///
  /// - Complexity: O(*n*) in the number of transactions that freed pages.
  package func freePageCount() throws(LMDBError) -> Int {
    try handle.freePageCount()
  }

  private func checked(_ table: Table) -> UInt32 {
    precondition(table.environment == environment, "a table of another environment was used")
    return table.handle
  }
}

/// Where an entry lies, to read it again without a search.
///
/// Read through ``ReadView/key(at:)`` and ``ReadView/value(at:)`` of the
/// transaction that gave it.
// Safety: what a read transaction sees stays where it is until the transaction
// ends or is reset. A view with the number of the owner proves that it did not
// end, and one of the same commit that, if it was reset, it sees the same pages.
@safe package struct EntryPlace: Equatable {
  /// The transaction that gave the place.
  fileprivate struct Owner: Equatable {
    var reader: UInt64
    var commit: UInt64
  }

  fileprivate let entry: CursorHandle.Entry
  fileprivate let owner: Owner

  fileprivate init(entry: CursorHandle.Entry, owner: Owner) {
    unsafe self.entry = entry
    self.owner = owner
  }

  package static func == (left: EntryPlace, right: EntryPlace) -> Bool {
    unsafe left.entry.value.baseAddress == right.entry.value.baseAddress
      && left.owner == right.owner
  }
}
