import ChunkEncoding
import LMDB
import SeriesModel

/// Chunks of one window on their way into the `chunks` table.
///
/// A run holds chunks of ascending series and may be written in several steps;
/// see ``ChunkTable/write(_:in:)``.
package struct ChunkRun {
  /// The largest payload of a chunk, in bytes: more might not fit a block.
  package static let largestPayloadByteCount = 3900

  /// The window that the chunks belong to.
  package let window: Window
  /// The number that tells this run from the others of the window.
  package let part: UInt32

  /// The bytes waiting to be written.
  package private(set) var pendingByteCount = 0
  /// The chunks waiting to be written.
  package private(set) var pendingChunkCount = 0

  private(set) var blocks: [(key: [UInt8], value: [UInt8])] = []
  private(set) var addition = WindowAddition()

  private var openBlock = ChunkBlockEncoder()
  private var lastID = SeriesID(0)
  private var lastBlockID = SeriesID(0)
  private var ordinal: UInt64 = 0

  init(window: Window, part: UInt32) {
    self.window = window
    self.part = part
  }

  /// Adds one chunk.
  ///
  /// - Parameters:
  ///   - description: Its time range lies within the window.
  ///   - payload: At most ``largestPayloadByteCount`` bytes.
  ///   - id: Not before the series of the chunk added last.
  package mutating func add(
    _ description: ChunkDescription, payload: Span<UInt8>, of id: SeriesID
  ) {
    precondition(payload.count <= ChunkRun.largestPayloadByteCount, "a chunk is too large")
    precondition(id >= lastID, "the chunks of a run ascend by series")
    precondition(
      description.minTimestamp <= description.maxTimestamp
        && description.minTimestamp >= window.startMilliseconds
        && description.maxTimestamp <= window.lastMilliseconds, "a chunk is outside of its window")
    if openBlock.add(description, payload: payload, of: id, in: window) == false {
      closeBlock()
      let isAdded = openBlock.add(description, payload: payload, of: id, in: window)
      precondition(isAdded, "a chunk fits an empty block")
    }
    lastID = id
    pendingByteCount += payload.count
    pendingChunkCount += 1
    addition.add(description, of: id)
  }

  private mutating func closeBlock() {
    guard let firstID = openBlock.firstID else { return }
    ordinal = firstID == lastBlockID ? ordinal + 1 : 0
    lastBlockID = firstID
    let key = ChunkKey(window: window, part: part, firstID: firstID, ordinal: ordinal).bytes
    blocks.append((key, openBlock.value(under: key)))
    openBlock = ChunkBlockEncoder()
  }

  mutating func finishBlocks() {
    closeBlock()
  }

  /// Forgets what was written; more may be added.
  mutating func removeWritten() {
    blocks = []
    addition = WindowAddition()
    pendingByteCount = 0
    pendingChunkCount = 0
  }
}

/// The key of a block: window (16 bytes), part (4), first series id (8), and
/// the ordinal among the blocks of the part that begin with that series (2).
///
/// The part comes before the series, so that each seal writes one range of
/// ascending keys, where `(series, part)` would put it between the keys of
/// earlier seals: half-full pages and a page written for each block.
struct ChunkKey {
  static let byteCount = 30

  var window: Window
  var part: UInt32
  var firstID: SeriesID
  var ordinal: UInt64

  var bytes: [UInt8] {
    precondition(ordinal <= UInt64(UInt16.max), "a series has too many chunks in one run")
    var key = ChunkKey.prefix(window: window, part: part)
    key.appendBigEndian(firstID.rawValue)
    key.appendBigEndian(ordinal, byteCount: 2)
    return key
  }

  static func prefix(window: Window, part: UInt32) -> [UInt8] {
    var key = window.keyBytes
    key.appendBigEndian(UInt64(part), byteCount: 4)
    return key
  }

  /// The first series id of a key.
  static func firstID(of key: Span<UInt8>) throws(BlockDamage) -> SeriesID {
    guard key.count == byteCount else { throw BlockDamage("the key has a wrong size") }
    var reader = BlockReader(key.extracting(20..<28))
    return SeriesID(try reader.bigEndian(byteCount: 8))
  }
}

/// Packs chunks into one block.
///
/// Layout of the value:
///
///     format: 1 byte, 1
///     directory byte count: LEB128
///     directory, for each chunk:
///       series id - the one before (the key's at first): LEB128
///       class byte: 1 byte
///       sample count - the one before (0 at first): zigzag LEB128
///       first timestamp - the one before (the window's start): zigzag LEB128
///       duration - the one before (0 at first): zigzag LEB128
///       payload byte count: LEB128
///       payload checksum, CRC-32C: 4 bytes
///     checksum, CRC-32C of the key and all bytes so far: 4 bytes
///     payloads, in the order of the directory
///
/// Differences wrap around, so that every timestamp has one.
struct ChunkBlockEncoder {
  private(set) var firstID: SeriesID?
  private var directory: [UInt8] = []
  private var payloads: [UInt8] = []
  private var previous = ChunkDirectoryState()

  /// Adds a chunk unless the block is full.
  mutating func add(
    _ description: ChunkDescription, payload: Span<UInt8>, of id: SeriesID, in window: Window
  ) -> Bool {
    let first = firstID ?? id
    var state = firstID == nil ? ChunkDirectoryState(window: window, firstID: id) : previous
    let directoryByteCount = directory.count
    directory.appendVarint(id.rawValue - state.id.rawValue)
    directory.append(description.classByte)
    directory.appendZigZag(Int64(description.sampleCount) - state.sampleCount)
    directory.appendZigZag(description.minTimestamp &- state.firstTimestamp)
    let duration = description.maxTimestamp &- description.minTimestamp
    directory.appendZigZag(duration &- state.duration)
    directory.appendVarint(UInt64(payload.count))
    directory.appendBigEndian(
      UInt64(BlockFrame.checksum(payload)), byteCount: 4)
    // Format byte, two bytes of directory count, checksum.
    let byteCount = 1 + 2 + directory.count + 4 + payloads.count + payload.count
    guard byteCount <= BlockFrame.pageByteCount || firstID == nil else {
      directory.removeSubrange(directoryByteCount...)
      return false
    }
    payloads.append(copying: payload)
    firstID = first
    state.id = id
    state.sampleCount = Int64(description.sampleCount)
    state.firstTimestamp = description.minTimestamp
    state.duration = duration
    previous = state
    return true
  }

  func value(under key: [UInt8]) -> [UInt8] {
    var value: [UInt8] = [1]
    value.reserveCapacity(7 + directory.count + payloads.count)
    value.appendVarint(UInt64(directory.count))
    value.append(contentsOf: directory)
    value.appendBigEndian(UInt64(BlockFrame.checksum(key.span, value.span)), byteCount: 4)
    value.append(contentsOf: payloads)
    return value
  }
}

/// What an entry of a directory is written relative to.
struct ChunkDirectoryState {
  var id = SeriesID(0)
  var sampleCount: Int64 = 0
  var firstTimestamp: Int64 = 0
  var duration: Int64 = 0

  init() {}

  init(window: Window, firstID: SeriesID) {
    id = firstID
    firstTimestamp = window.startMilliseconds
  }
}

/// Walks the chunks of a stored block.
struct ChunkBlockDecoder: ~Escapable {
  private var directory: BlockReader
  private let payloads: Span<UInt8>
  private var payloadOffset = 0
  private var state: ChunkDirectoryState

  /// Opens a block, whose directory must agree with its checksum.
  @_lifetime(copy value)
  init(_ value: Span<UInt8>, under key: Span<UInt8>, in window: Window) throws(BlockDamage) {
    var reader = BlockReader(value)
    guard try reader.byte() == 1 else { throw BlockDamage("unknown block format") }
    let directoryByteCount = try reader.count(atMost: reader.remainingCount)
    let directory = try reader.span(count: directoryByteCount)
    let covered = value.extracting(0..<reader.offset)
    guard try reader.bigEndian(byteCount: 4) == UInt64(BlockFrame.checksum(key, covered)) else {
      throw BlockDamage("the checksum of the directory does not match")
    }
    self.directory = BlockReader(directory)
    payloads = value.extracting(reader.offset...)
    state = ChunkDirectoryState(window: window, firstID: try ChunkKey.firstID(of: key))
  }

  /// One chunk of a block.
  struct Entry {
    var id: SeriesID
    var description: ChunkDescription
    var payload: Range<Int>
    var checksum: UInt32
  }

  /// The next chunk, or nil at the end.
  @_lifetime(self: copy self)
  mutating func next() throws(BlockDamage) -> Entry? {
    guard directory.isAtEnd == false else { return nil }
    let (id, isOverflow) = state.id.rawValue.addingReportingOverflow(try directory.varint())
    guard isOverflow == false else { throw BlockDamage("a series id is too large") }
    let classByte = try directory.byte()
    let sampleCount = state.sampleCount &+ (try directory.zigZag())
    guard (1...Int64(ChunkDescription.largestSampleCount)).contains(sampleCount) else {
      throw BlockDamage("a sample count is out of range")
    }
    let firstTimestamp = state.firstTimestamp &+ (try directory.zigZag())
    let duration = state.duration &+ (try directory.zigZag())
    let lastTimestamp = firstTimestamp &+ duration
    guard lastTimestamp >= firstTimestamp else { throw BlockDamage("a time range is reversed") }
    let byteCount = try directory.count(atMost: payloads.count - payloadOffset)
    let checksum = UInt32(truncatingIfNeeded: try directory.bigEndian(byteCount: 4))
    state.id = SeriesID(id)
    state.sampleCount = sampleCount
    state.firstTimestamp = firstTimestamp
    state.duration = duration
    payloadOffset += byteCount
    return Entry(
      id: state.id,
      description: ChunkDescription(
        classByte: classByte, sampleCount: Int(sampleCount), minTimestamp: firstTimestamp,
        maxTimestamp: lastTimestamp),
      payload: payloadOffset - byteCount..<payloadOffset, checksum: checksum)
  }

  /// The bytes of a chunk, not yet checked.
  @_lifetime(copy self)
  func payload(of entry: Entry) -> Span<UInt8> {
    payloads.extracting(entry.payload)
  }
}
