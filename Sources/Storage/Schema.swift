import Glibc
import LMDB

/// The tables of a store, open, with the format checked.
///
/// | table | key | value |
/// | --- | --- | --- |
/// | `meta` | ASCII name | one number or several, see ``MetaKey`` |
/// | `series` | first id of a block | label sets, see ``SeriesTable`` |
/// | `fingerprints` | first hash and id of a block | see ``FingerprintTable`` |
/// | `postings` | label name, value | series ids, see ``PostingsTable`` |
/// | `chunks` | window, part, first series id | see ``ChunkTable`` |
/// | `windows` | window | see ``WindowTable`` |
/// | `metadata` | family name | type, help and unit |
/// | `exemplars` | number of the first of a block | see `ExemplarTable` |
/// | `tombstones` | deletion, window | see ``TombstoneTable`` |
///
/// Numbers in keys are big-endian, with the sign bit flipped where they may be
/// negative, so that keys sort as the numbers do. Values have the frame of
/// `BlockFrame`: format byte, body, checksum over key, format and body.
package struct Schema: Sendable {
  /// The newest format that this program reads, and the one that it writes. A
  /// store of an older one is marked as this one when it is opened for writing.
  package static let formatVersion: UInt32 = 3

  /// The environment that the tables are in.
  package let environment: Environment
  /// What makes label hashes of this store unlike those of others.
  package let hashSeed: UInt64

  let meta: Table
  let series: Table
  let fingerprints: Table
  let postings: Table
  let chunks: Table
  let windows: Table
  let tombstones: Table

  static let tableNames = [
    "meta", "series", "fingerprints", "postings", "chunks", "windows", "metadata", "exemplars",
    "tombstones",
  ]

  /// Opens the tables in an existing directory; an empty one gets them.
  ///
  /// - Throws: ``StorageError`` `unsupportedFormat` when a newer program wrote
  ///   the store, `inUse` when this process has it open.
  package init(
    directory: String, options: EnvironmentOptions = EnvironmentOptions()
  ) throws(StorageError) {
    let environment = try Schema.openEnvironment(directory: directory, options: options)
    if options.isReadOnly == false {
      try environment.write { transaction throws(StorageError) in
        try Schema.writeFormat(in: &transaction, meta: environment.table("meta"))
      }
    }
    self.environment = environment
    meta = environment.table("meta")
    series = environment.table("series")
    fingerprints = environment.table("fingerprints")
    postings = environment.table("postings")
    chunks = environment.table("chunks")
    windows = environment.table("windows")
    tombstones = environment.table("tombstones")
    let table = meta
    hashSeed = try environment.read { view throws(StorageError) in
      try Schema.checkFormat(in: view, meta: table)
    }
  }

  private static func openEnvironment(
    directory: String, options: EnvironmentOptions
  ) throws(StorageError) -> Environment {
    do throws(LMDBError) {
      return try Environment(path: directory, tables: tableNames, options: options)
    } catch {
      if error.code == .alreadyOpen {
        throw .inUse(directory: directory, processID: Int32(getpid()))
      }
      throw denial(error, directory: directory, isReadOnly: options.isReadOnly)
    }
  }

  /// The library says only that some file can't be opened; this says which.
  private static func denial(
    _ error: LMDBError, directory: String, isReadOnly: Bool
  ) -> StorageError {
    guard case .system(let number) = error.code, number == EACCES || number == EPERM else {
      return StorageError(error)
    }
    let lock = directory + "/lock.mdb"
    let data = directory + "/data.mdb"
    if FileSystem.exists(data),
      FileSystem.isAccessible(data, forWriting: isReadOnly == false) == false
    {
      return .file(
        FileError(operation: isReadOnly ? .open : .openForWriting, path: data, number: number))
    }
    return .file(FileError(operation: .openForWriting, path: lock, number: number))
  }

  private static func writeFormat(
    in transaction: inout WriteTransaction, meta: Table
  ) throws(StorageError) {
    let format = try MetaKey.format.read(in: transaction.view, from: meta)
    if format == nil {
      try MetaKey.hashSeed.write(UInt64.random(in: .min ... .max), in: &transaction, to: meta)
    }
    if format ?? 0 < UInt64(formatVersion) {
      try MetaKey.format.write(UInt64(formatVersion), in: &transaction, to: meta)
    }
  }

  /// Returns the hash seed.
  private static func checkFormat(in view: ReadView, meta: Table) throws(StorageError) -> UInt64 {
    guard let format = try MetaKey.format.read(in: view, from: meta) else {
      throw MetaKey.format.damaged("missing, the store is damaged or just being created")
    }
    guard (1...UInt64(formatVersion)).contains(format) else {
      throw .unsupportedFormat(
        found: UInt32(clamping: format), supported: formatVersion)
    }
    guard let seed = try MetaKey.hashSeed.read(in: view, from: meta) else {
      throw MetaKey.hashSeed.damaged("missing")
    }
    return seed
  }
}

/// A named value of the `meta` table.
///
/// Layout: the body is the value's ``MetaValue/words``, each as 8 bytes, high
/// byte first. A signed number has its sign bit flipped.
package struct MetaKey<Value: MetaValue>: Sendable {
  let name: String

  private var key: [UInt8] { Array(name.utf8) }

  func damaged(_ reason: String) -> StorageError {
    .corrupted(table: "meta", key: key, reason: "\(name): \(reason)")
  }

  func read(in view: ReadView, from meta: Table) throws(StorageError) -> Value? {
    guard let value = try view.stored(key, in: meta) else { return nil }
    do throws(BlockDamage) {
      var reader = BlockReader(try BlockFrame.open(value, format: 1, key: key.span))
      var words: [UInt64] = []
      while reader.isAtEnd == false { words.append(try reader.bigEndian(byteCount: 8)) }
      guard let value = Value(words: words) else { throw BlockDamage("has a wrong size") }
      return value
    } catch {
      throw damaged(error.reason)
    }
  }

  func erase(in transaction: inout WriteTransaction, from meta: Table) throws(StorageError) {
    try transaction.erase(key, from: meta)
  }

  func write(
    _ value: Value, in transaction: inout WriteTransaction, to meta: Table
  ) throws(StorageError) {
    var body: [UInt8] = []
    for word in value.words { body.appendBigEndian(word) }
    try transaction.store(BlockFrame.seal(body, format: 1, key: key), under: key, in: meta)
  }
}

/// What the `meta` table can hold.
package protocol MetaValue: Sendable {
  /// The value as numbers of 64 bits.
  var words: [UInt64] { get }
  /// Returns nil when there are not as many words as ``words`` gives.
  init?(words: [UInt64])
}

extension UInt64: MetaValue {
  package var words: [UInt64] { [self] }
  package init?(words: [UInt64]) {
    guard words.count == 1 else { return nil }
    self = words[0]
  }
}

extension Int64: MetaValue {
  package var words: [UInt64] { [UInt64(bitPattern: self) ^ (1 << 63)] }
  package init?(words: [UInt64]) {
    guard words.count == 1 else { return nil }
    self.init(orderedBits: words[0])
  }
}

extension MetaKey where Value == UInt64 {
  /// The format version.
  static var format: Self { MetaKey(name: "format") }
  /// The seed of label hashes, chosen at random when the store is created.
  static var hashSeed: Self { MetaKey(name: "hashSeed") }
  /// The journal sequence up to which, inclusive, everything is in the tables.
  package static var sealedThrough: Self { MetaKey(name: "sealedThrough") }
  /// The least series id that was never given to a series that is in the
  /// tables.
  package static var nextSeriesID: Self { MetaKey(name: "nextSeriesID") }
  /// The least number that was never given to a part of the chunk table.
  package static var nextPart: Self { MetaKey(name: "nextPart") }
}

extension MetaKey where Value == Int64 {
  /// The timestamp in milliseconds of the newest sample in the tables.
  package static var newestTimestamp: Self { MetaKey(name: "newestTimestamp") }
}

extension Schema {
  /// The value of `key` in the `meta` table, or nil when it was never set.
  package func metaValue<Value>(
    _ key: MetaKey<Value>, in view: ReadView
  ) throws(StorageError) -> Value? {
    try key.read(in: view, from: meta)
  }

  /// Sets the value of `key` in the `meta` table.
  package func setMetaValue<Value>(
    _ key: MetaKey<Value>, to value: Value, in transaction: inout WriteTransaction
  ) throws(StorageError) {
    try key.write(value, in: &transaction, to: meta)
  }

  /// Removes the value of `key` from the `meta` table.
  package func removeMetaValue<Value>(
    _ key: MetaKey<Value>, in transaction: inout WriteTransaction
  ) throws(StorageError) {
    try key.erase(in: &transaction, from: meta)
  }
}
