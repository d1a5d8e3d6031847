import LMDB

// The calls of the LMDB target that the tables need, with this target's error.

extension ReadView {
  /// The value of a key, or nil when the table does not have it and has no
  /// damage that would keep it from being found.
  @_lifetime(copy self)
  func stored(_ key: [UInt8], in table: Table) throws(StorageError) -> Span<UInt8>? {
    do throws(LMDBError) {
      if let value = try value(for: key.span, in: table) { return value }
    } catch {
      throw StorageError(error, movingIn: table, at: key)
    }
    var cursor = try walk(table)
    _ = try cursor.move(toOrAfter: key)
    return nil
  }

  @_lifetime(copy self)
  func walk(_ table: Table) throws(StorageError) -> Cursor {
    do throws(LMDBError) {
      return try makeCursor(in: table)
    } catch {
      throw StorageError(error)
    }
  }
}

extension StorageError {
  /// Damaged pages that a search met are damage of the table at the key.
  fileprivate init(_ error: LMDBError, movingIn table: Table, at key: [UInt8]) {
    switch error.code {
    case .corrupted:
      self = .corrupted(
        table: table.name, key: key, reason: "the keys of the pages here are out of order")
    case .pageNotFound:
      self = .corrupted(table: table.name, key: key, reason: "a page is missing here")
    default: self.init(error)
    }
  }
}

extension Cursor {
  @_lifetime(self: copy self)
  mutating func move(toOrAfter key: [UInt8]) throws(StorageError) -> Bool {
    do throws(LMDBError) { return try seek(atOrAfter: key.span) } catch {
      throw StorageError(error, movingIn: table, at: key)
    }
  }

  @_lifetime(self: copy self)
  mutating func move(toOrBefore key: [UInt8]) throws(StorageError) -> Bool {
    do throws(LMDBError) { return try seek(atOrBefore: key.span) } catch {
      throw StorageError(error, movingIn: table, at: key)
    }
  }

  @_lifetime(self: copy self)
  mutating func advance() throws(StorageError) -> Bool {
    let last = key
    do throws(LMDBError) { return try next() } catch {
      throw StorageError(error, movingIn: table, at: Array(copying: last))
    }
  }

  /// Checks the entry, if there is one, in front of the first of a range or
  /// behind its last: with a damaged key it may be one of the range.
  ///
  /// - Throws: `corrupted` when key and value don't belong together, as their
  ///   checksum says.
  func requireSoundFrame() throws(StorageError) {
    guard isOnEntry else { return }
    do throws(BlockDamage) {
      guard value.isEmpty == false else { throw BlockDamage("cut short") }
      _ = try BlockFrame.open(value, format: value[0], key: key)
    } catch {
      throw error.at(key, of: table.name)
    }
  }

  /// Moves to the last entry of the table.
  @_lifetime(self: copy self)
  mutating func moveToLast() throws(StorageError) -> Bool {
    do throws(LMDBError) { return try seekToLast() } catch { throw StorageError(error) }
  }
}

extension WriteTransaction {
  mutating func store(
    _ value: [UInt8], under key: [UInt8], in table: Table, appending: Bool = false
  ) throws(StorageError) {
    do throws(LMDBError) {
      try put(value.span, for: key.span, in: table, mode: appending ? .appending : .replacing)
    } catch {
      throw StorageError(error)
    }
  }

  mutating func erase(_ key: [UInt8], from table: Table) throws(StorageError) {
    do throws(LMDBError) {
      try delete(key.span, from: table)
    } catch {
      throw StorageError(error)
    }
  }

  /// Deletes at most `limit` entries whose key begins with `prefix`, and says
  /// how many there were; fewer than `limit` means that none is left.
  mutating func erase(
    startingWith prefix: [UInt8], from table: Table, limit: Int
  ) throws(StorageError) -> Int {
    do throws(LMDBError) {
      return try deleteEntries(
        from: prefix.span, upTo: prefix.followingPrefix.span, in: table, limit: limit)
    } catch {
      throw StorageError(error)
    }
  }
}

extension [UInt8] {
  /// The first key that sorts after every key that begins with these bytes.
  ///
  /// - Precondition: A byte differs from 255.
  var followingPrefix: [UInt8] {
    var key = self
    while key.last == .max { key.removeLast() }
    precondition(key.isEmpty == false, "no key follows a prefix of ones")
    key[key.count - 1] += 1
    return key
  }
}
