/// Walks the entries of a table in key order.
///
/// A cursor stands on an entry or nowhere. After a move that returns false it
/// stands nowhere, and must seek before it steps again.
// Safety: `entry` points into the transaction that the lifetime depends on,
// which does not write while the cursor lives.
@safe package struct Cursor: ~Copyable, ~Escapable {
  private let handle: CursorHandle
  private var entry: CursorHandle.Entry?

  @_lifetime(copy view)
  init(_ handle: CursorHandle, in view: ReadView) {
    self.handle = handle
    unsafe self.entry = nil
  }

  deinit {
    handle.close()
  }

  /// True when the cursor stands on an entry.
  package var isOnEntry: Bool { unsafe entry != nil }

  /// The key of the entry the cursor stands on; stays valid when it moves on.
  ///
  /// - Precondition: ``isOnEntry``.
  package var key: Span<UInt8> {
    @_lifetime(copy self)
    get {
      guard let entry = unsafe entry else { preconditionFailure("the cursor is on no entry") }
      return unsafe _overrideLifetime(Span(_unsafeElements: entry.key), copying: self)
    }
  }

  /// The value of the entry the cursor stands on; stays valid when it moves on.
  ///
  /// - Precondition: ``isOnEntry``.
  package var value: Span<UInt8> {
    @_lifetime(copy self)
    get {
      guard let entry = unsafe entry else { preconditionFailure("the cursor is on no entry") }
      return unsafe _overrideLifetime(Span(_unsafeElements: entry.value), copying: self)
    }
  }

  /// Moves to the first entry; false when the table is empty.
  @_lifetime(self: copy self)
  package mutating func seekToFirst() throws(LMDBError) -> Bool {
    unsafe entry = try handle.move(.first)
    return isOnEntry
  }

  /// Moves to the last entry; false when the table is empty.
  @_lifetime(self: copy self)
  package mutating func seekToLast() throws(LMDBError) -> Bool {
    unsafe entry = try handle.move(.last)
    return isOnEntry
  }

  /// Moves to the first entry whose key is `key` or sorts after it; false when
  /// there is none.
  @_lifetime(self: copy self)
  package mutating func seek(atOrAfter key: Span<UInt8>) throws(LMDBError) -> Bool {
    unsafe entry = try handle.seek(atOrAfter: key)
    return isOnEntry
  }

  /// Moves to the last entry whose key is `key` or sorts before it; false when
  /// there is none.
  @_lifetime(self: copy self)
  package mutating func seek(atOrBefore key: Span<UInt8>) throws(LMDBError) -> Bool {
    unsafe entry = try handle.seek(atOrAfter: key)
    guard let found = unsafe entry else { return try seekToLast() }
    if unsafe Span(_unsafeElements: found.key).isEqual(to: key) { return true }
    unsafe entry = try handle.move(.previous)
    return isOnEntry
  }

  /// Moves to the entry after this one; false when this is the last.
  ///
  /// - Precondition: ``isOnEntry``.
  @_lifetime(self: copy self)
  package mutating func next() throws(LMDBError) -> Bool {
    precondition(isOnEntry, "the cursor is on no entry")
    unsafe entry = try handle.move(.next)
    return isOnEntry
  }

  /// Moves to the entry before this one; false when this is the first.
  ///
  /// - Precondition: ``isOnEntry``.
  @_lifetime(self: copy self)
  package mutating func previous() throws(LMDBError) -> Bool {
    precondition(isOnEntry, "the cursor is on no entry")
    unsafe entry = try handle.move(.previous)
    return isOnEntry
  }
}

extension Span<UInt8> {
  func isEqual(to other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    for index in indices where self[index] != other[index] { return false }
    return true
  }

  /// True when these bytes sort before `other` in LMDB's key order.
  func sorts(before other: Span<UInt8>) -> Bool {
    for index in 0..<Swift.min(count, other.count) where self[index] != other[index] {
      return self[index] < other[index]
    }
    return count < other.count
  }
}
