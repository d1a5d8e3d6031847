/// Walks the entries of a table in key order.
///
/// A cursor stands on an entry or nowhere. After a move that returns false it
/// stands nowhere, and must seek before it steps again.
// Safety: `entry` points into the transaction that the lifetime depends on,
// which does not write while the cursor lives.
@safe package struct Cursor: ~Copyable, ~Escapable {
  private let handle: CursorHandle
  /// The table whose entries it walks.
  package let table: Table
  private var entry: CursorHandle.Entry?

  @_lifetime(copy view)
  init(_ handle: CursorHandle, of table: Table, in view: ReadView) {
    self.handle = handle
    self.table = table
    unsafe self.entry = nil
  }

  deinit {
    handle.close()
  }

  /// True when the cursor stands on an entry.
  package var isOnEntry: Bool { unsafe entry != nil }

  /// The entry the cursor stands on.
  ///
  /// - Precondition: ``isOnEntry``.
  var currentEntry: CursorHandle.Entry {
    guard let entry = unsafe entry else { preconditionFailure("the cursor is on no entry") }
    return unsafe entry
  }

  /// The key of the entry the cursor stands on; stays valid when it moves on.
  ///
  /// - Precondition: ``isOnEntry``.
  package var key: Span<UInt8> {
    @_lifetime(copy self)
    get {
      return unsafe _overrideLifetime(Span(_unsafeElements: currentEntry.key), copying: self)
    }
  }

  /// The value of the entry the cursor stands on; stays valid when it moves on.
  ///
  /// - Precondition: ``isOnEntry``.
  package var value: Span<UInt8> {
    @_lifetime(copy self)
    get {
      return unsafe _overrideLifetime(Span(_unsafeElements: currentEntry.value), copying: self)
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
  ///
  /// - Throws: ``LMDBError`` with code `corrupted` when the keys around the
  ///   place are out of order, so that the search may have gone astray.
  @_lifetime(self: copy self)
  package mutating func seek(atOrAfter key: Span<UInt8>) throws(LMDBError) -> Bool {
    unsafe entry = nil
    let place = try place(of: key)
    unsafe entry = place.after
    return isOnEntry
  }

  /// Moves to the last entry whose key is `key` or sorts before it; false when
  /// there is none.
  ///
  /// - Throws: As ``seek(atOrAfter:)`` does.
  @_lifetime(self: copy self)
  package mutating func seek(atOrBefore key: Span<UInt8>) throws(LMDBError) -> Bool {
    unsafe entry = nil
    let place = try place(of: key)
    if let after = unsafe place.after, unsafe Span(_unsafeElements: after.key).isEqual(to: key) {
      unsafe entry = after
    } else if unsafe place.before != nil {
      unsafe entry = try handle.move(unsafe place.after == nil ? .last : .previous)
    }
    return isOnEntry
  }

  /// The entries around the place of a key.
  // Safety: valid as long as the entry of the cursor is.
  @safe private struct Place {
    var before: CursorHandle.Entry?
    /// Where the cursor stands, unless it is nil.
    var after: CursorHandle.Entry?
  }

  /// Searches a key, and looks at the neighbours of what is found.
  ///
  /// LMDB has no checksums, and a search that a damaged key led astray ends
  /// somewhere. Then the two entries before that place and the two after it are
  /// not in order, or not around the key.
  private func place(of key: Span<UInt8>) throws(LMDBError) -> Place {
    guard let after = unsafe try handle.seek(atOrAfter: key) else {
      let last = unsafe try handle.move(.last)
      if let last = unsafe last {
        try require(unsafe Span(_unsafeElements: last.key).sorts(before: key))
      }
      return unsafe Place(before: last, after: nil)
    }
    try require(unsafe Span(_unsafeElements: after.key).sorts(before: key) == false)
    if let next = unsafe try handle.move(.next) {
      unsafe try require(ascending(after, next))
      _ = unsafe try handle.move(.previous)
    }
    guard let before = unsafe try handle.move(.previous) else {
      return unsafe Place(before: nil, after: after)
    }
    try require(unsafe Span(_unsafeElements: before.key).sorts(before: key))
    if let first = unsafe try handle.move(.previous) {
      unsafe try require(ascending(first, before))
      _ = unsafe try handle.move(.next)
    }
    _ = unsafe try handle.move(.next)
    return unsafe Place(before: before, after: after)
  }

  private func ascending(_ left: CursorHandle.Entry, _ right: CursorHandle.Entry) -> Bool {
    unsafe Span(_unsafeElements: left.key).sorts(before: Span(_unsafeElements: right.key))
  }

  private func require(_ isInOrder: Bool) throws(LMDBError) {
    guard isInOrder else { throw LMDBError(.corrupted, during: .moveCursor) }
  }

  /// Moves to the entry after this one; false when this is the last.
  ///
  /// - Precondition: ``isOnEntry``.
  /// - Throws: ``LMDBError`` with code `corrupted` when that one's key does not
  ///   sort after this one's.
  @_lifetime(self: copy self)
  package mutating func next() throws(LMDBError) -> Bool {
    guard let last = unsafe entry else { preconditionFailure("the cursor is on no entry") }
    unsafe entry = nil
    guard let found = unsafe try handle.move(.next) else { return false }
    unsafe try require(ascending(last, found))
    unsafe entry = found
    return true
  }

  /// Moves to the entry before this one; false when this is the first.
  ///
  /// - Precondition: ``isOnEntry``.
  /// - Throws: As ``next()`` does, the other way round.
  @_lifetime(self: copy self)
  package mutating func previous() throws(LMDBError) -> Bool {
    guard let last = unsafe entry else { preconditionFailure("the cursor is on no entry") }
    unsafe entry = nil
    guard let found = unsafe try handle.move(.previous) else { return false }
    unsafe try require(ascending(found, last))
    unsafe entry = found
    return true
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
