import LMDB

// The calls of the LMDB target that the tables need, with this target's error.

extension ReadView {
  @_lifetime(copy self)
  func stored(_ key: [UInt8], in table: Table) throws(StorageError) -> Span<UInt8>? {
    do throws(LMDBError) {
      return try value(for: key.span, in: table)
    } catch {
      throw StorageError(error)
    }
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

extension Cursor {
  @_lifetime(self: copy self)
  mutating func move(toOrAfter key: [UInt8]) throws(StorageError) -> Bool {
    do throws(LMDBError) { return try seek(atOrAfter: key.span) } catch {
      throw StorageError(error)
    }
  }

  @_lifetime(self: copy self)
  mutating func move(toOrBefore key: [UInt8]) throws(StorageError) -> Bool {
    do throws(LMDBError) { return try seek(atOrBefore: key.span) } catch {
      throw StorageError(error)
    }
  }

  @_lifetime(self: copy self)
  mutating func advance() throws(StorageError) -> Bool {
    do throws(LMDBError) { return try next() } catch { throw StorageError(error) }
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
