import LMDB
import SeriesModel
import Synchronization

/// The exemplars that a checkpoint writes, and what it leaves of those that
/// the table has.
struct ExemplarSeal: Sendable {
  /// New blocks, ascending by the number of their first exemplar.
  var blocks: [(number: UInt64, body: [UInt8])] = []
  /// The number of the oldest exemplar that is kept.
  var firstNumber: UInt64
  /// The number behind the newest.
  var endNumber: UInt64

  /// Encodes what the table does not have.
  init(_ queue: ExemplarQueue) {
    firstNumber = queue.firstNumber
    endNumber = queue.endNumber
    let byteLimit = BlockFrame.halfPageByteCount - BlockFrame.byteCount
    var timestamp: Int64 = 0
    var blocks: [(number: UInt64, body: [UInt8])] = []
    queue.forEach(from: queue.unsealedNumber) { number, entry in
      var bytes: [UInt8] = []
      ExemplarSeal.append(entry, after: timestamp, to: &bytes)
      if blocks.isEmpty || blocks[blocks.count - 1].body.count + bytes.count > byteLimit {
        bytes.removeAll()
        ExemplarSeal.append(entry, after: 0, to: &bytes)
        blocks.append((number, []))
      }
      blocks[blocks.count - 1].body += bytes
      timestamp = entry.exemplar.timestamp.milliseconds
    }
    self.blocks = blocks
  }

  private static func append(
    _ entry: BatchExemplar, after timestamp: Int64, to bytes: inout [UInt8]
  ) {
    bytes.appendVarint(entry.seriesID.rawValue)
    // &-: differences modulo 2^64 are undone by the reader's &+.
    bytes.appendZigZag(entry.exemplar.timestamp.milliseconds &- timestamp)
    bytes.appendBigEndian(entry.exemplar.value.bitPattern)
    bytes.appendVarint(UInt64(entry.exemplar.labels.encodedBytes.count))
    bytes += entry.exemplar.labels.encodedBytes
  }
}

/// The `exemplars` table: the exemplars of all series in the order in which
/// they came.
///
/// Key: the number of the first exemplar of a block, 8 bytes. Body, for each:
/// series id (LEB128), timestamp less the one before (zigzag, 0 before the
/// first), value (8 bytes), byte count (LEB128) and bytes of the encoded
/// labels. A block takes at most 1,990 bytes.
struct ExemplarTable {
  private let table: Table

  init(_ schema: Schema) {
    table = schema.environment.table("exemplars")
  }

  private static func key(_ number: UInt64) -> [UInt8] {
    var key: [UInt8] = []
    key.appendBigEndian(number)
    return key
  }

  /// Writes the new blocks, and deletes those that hold nothing that is kept.
  func write(_ seal: ExemplarSeal, in transaction: inout WriteTransaction) throws(StorageError) {
    for block in seal.blocks {
      let key = ExemplarTable.key(block.number)
      try transaction.store(
        BlockFrame.seal(block.body, format: 1, key: key), under: key, in: table)
    }
    for key in try keysOfBlocks(before: seal.firstNumber, in: transaction.view) {
      try transaction.erase(key, from: table)
    }
  }

  /// A block ends where the next one begins, so the last of those that begin
  /// before the first exemplar kept is kept too.
  private func keysOfBlocks(
    before number: UInt64, in view: ReadView
  ) throws(StorageError) -> [[UInt8]] {
    let limit = ExemplarTable.key(number)
    var keys: [[UInt8]] = []
    var cursor = try view.walk(table)
    var isOnBlock = try cursor.move(toOrAfter: [0])
    while isOnBlock, cursor.key.compareBytes(with: limit.span) <= 0 {
      keys.append(Array(copying: cursor.key))
      isOnBlock = try cursor.advance()
    }
    return keys.dropLast()
  }

  /// Reads all blocks into `queue`.
  ///
  /// - Parameter onDamage: Called with what is wrong with a block, which is
  ///   left out.
  func load(
    into queue: inout ExemplarQueue, in view: ReadView, onDamage: (StorageError) -> Void
  ) throws(StorageError) {
    var entries: [BatchExemplar] = []
    var endNumber: UInt64 = 0
    var cursor = try view.walk(table)
    var isOnBlock = try cursor.move(toOrAfter: [0])
    while isOnBlock {
      do throws(BlockDamage) {
        let count = entries.count
        let number = try read(cursor.value, under: cursor.key, to: &entries)
        endNumber = number &+ UInt64(entries.count - count)
      } catch {
        onDamage(error.at(cursor.key, of: table.name))
      }
      isOnBlock = try cursor.advance()
    }
    // Numbers that a damaged block took with it are closed up.
    guard endNumber >= UInt64(entries.count) else { return }
    queue.start(at: endNumber - UInt64(entries.count))
    for entry in entries { queue.append(entry) }
    queue.unsealedNumber = queue.endNumber
  }

  private func read(
    _ value: Span<UInt8>, under key: Span<UInt8>, to entries: inout [BatchExemplar]
  ) throws(BlockDamage) -> UInt64 {
    guard key.count == 8 else { throw BlockDamage("the key has a wrong size") }
    var keyReader = BlockReader(key)
    let number = try keyReader.bigEndian(byteCount: 8)
    var reader = BlockReader(try BlockFrame.open(value, format: 1, key: key))
    var timestamp: Int64 = 0
    var found: [BatchExemplar] = []
    while reader.isAtEnd == false {
      let id = SeriesID(try reader.varint())
      timestamp &+= try reader.zigZag()
      let bits = try reader.bigEndian(byteCount: 8)
      let byteCount = try reader.count(atMost: reader.remainingCount)
      guard let labels = Labels(encodedBytes: Array(copying: try reader.span(count: byteCount)))
      else { throw BlockDamage("the labels of an exemplar are malformed") }
      found.append(
        BatchExemplar(
          seriesID: id,
          exemplar: Exemplar(
            labels: labels, value: Double(bitPattern: bits),
            timestamp: Timestamp(milliseconds: timestamp))))
    }
    entries += found
    return number
  }
}

extension StoreContents {
  /// Reads all exemplars into the head; what is damaged is left out, with
  /// a warning.
  func loadExemplars(into head: inout Head, view: ReadView) throws(StorageError) {
    head.exemplars = ExemplarQueue(capacity: options.maximumExemplarCount)
    var damages: [String] = []
    try ExemplarTable(schema).load(into: &head.exemplars, in: view) { error in
      damages.append("exemplars are missing: \(error)")
    }
    warnings.withLock { $0 += damages }
  }
}
