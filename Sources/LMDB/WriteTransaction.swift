/// A write transaction: changes that are kept together or not at all.
///
/// Reached only inside ``Environment/write(_:)``, and used only on the thread
/// that runs it; every call checks that. What a transaction has written its own
/// ``view`` sees at once. After a call that threw, other than for a key that
/// exists or has a bad size, the commit throws as well.
package struct WriteTransaction: ~Copyable {
  private let environment: Environment
  /// Nil once the transaction has ended.
  private var handle: TransactionHandle?
  private let thread = currentThread()

  init(environment: Environment, handle: TransactionHandle) {
    self.environment = environment
    self.handle = handle
  }

  deinit {
    guard let handle else { return }
    environment.willEndWriting()
    handle.abort()
  }

  mutating func commit() throws(LMDBError) {
    let ending = active
    handle = nil
    environment.willEndWriting()
    try ending.commit()
  }

  private var active: TransactionHandle {
    precondition(thread == currentThread(), "a write transaction was used on another thread")
    guard let handle else { preconditionFailure("a write transaction was used after its end") }
    return handle
  }

  private func checked(_ table: Table) -> UInt32 {
    precondition(
      table.environment == ObjectIdentifier(environment), "a table of another environment was used")
    return table.handle
  }

  /// The number that the transaction's commit will have.
  package var id: UInt64 { active.id }

  /// The tables as they are with the changes made so far.
  ///
  /// Use it in a scope of its own, or as an argument: the transaction can't
  /// write while a view of it lives.
  package var view: ReadView {
    @_lifetime(borrow self)
    get { ReadView(self.active, of: environment, reader: nil, borrowing: self) }
  }

  /// Stores `value` under `key`.
  ///
  /// - Throws: ``LMDBError`` with code `keyExists` as `mode` says, and
  ///   `badValueSize` when the key is empty or longer than
  ///   ``Environment/maximumKeyByteCount``.
  package mutating func put(
    _ value: Span<UInt8>, for key: Span<UInt8>, in table: Table, mode: PutMode = .replacing
  ) throws(LMDBError) {
    try active.put(value, for: key, in: checked(table), mode: mode)
  }

  /// Deletes `key`, and says whether it was there.
  @discardableResult
  package mutating func delete(
    _ key: Span<UInt8>, from table: Table
  ) throws(LMDBError) -> Bool {
    try active.delete(key, from: checked(table))
  }

  /// Deletes at most `limit` entries in key order from `start` up to but not
  /// including `end`, and says how many there were.
  ///
  /// Fewer than `limit` means that none is left in the range.
  package mutating func deleteEntries(
    from start: Span<UInt8>, upTo end: Span<UInt8>, in table: Table, limit: Int
  ) throws(LMDBError) -> Int {
    let cursor = try CursorHandle.open(in: active, table: checked(table))
    defer { cursor.close() }
    var deletedCount = 0
    var entry = unsafe try cursor.seek(atOrAfter: start)
    while deletedCount < limit, let found = unsafe entry,
      unsafe Span(_unsafeElements: found.key).sorts(before: end)
    {
      try cursor.deleteCurrent()
      deletedCount += 1
      unsafe entry = try cursor.move(.next)
    }
    return deletedCount
  }
}
