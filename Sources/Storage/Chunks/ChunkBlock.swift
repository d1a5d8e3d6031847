import ChunkEncoding
import LMDB
import SeriesModel

/// Chunks of one window on their way into the `chunks` table.
///
/// A run holds chunks of ascending series and may be written in several steps;
/// see ``ChunkTable/write(_:in:)``.
package struct ChunkRun {
  /// The most bytes of a chunk's payload and timestamp vector together: more
  /// might not fit a block. A chunk of one histogram may be larger: it has a
  /// block of its own, of several pages.
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
  /// The ordinal of the first block that begins with a series; tests of long runs
  /// begin higher.
  var firstOrdinal: UInt64 = 0
  private var splitter = ChunkSplitter()

  init(window: Window, part: UInt32) {
    self.window = window
    self.part = part
  }

  /// Adds one chunk.
  ///
  /// - Parameters:
  ///   - chunk: Has a timestamp vector; its time range lies within the window,
  ///     and vector and payload take ``largestPayloadByteCount`` bytes at most.
  ///   - id: Not before the series of the chunk added last.
  package mutating func add(_ chunk: EncodedChunk, of id: SeriesID) {
    let description = chunk.description
    precondition(
      chunk.byteCount <= ChunkRun.largestPayloadByteCount || description.sampleCount == 1,
      "a chunk is too large")
    precondition(
      ChunkClass(rawValue: description.classByte)?.hasTimestampVector == true,
      "a chunk in a block has a timestamp vector")
    precondition(id >= lastID, "the chunks of a run ascend by series")
    precondition(
      description.minTimestamp <= description.maxTimestamp
        && description.minTimestamp >= window.startMilliseconds
        && description.maxTimestamp <= window.lastMilliseconds, "a chunk is outside of its window")
    if openBlock.add(chunk, of: id, in: window) {
      addition.add(description, of: id)
    } else {
      addToNextBlock(chunk, of: id)
    }
    lastID = id
    pendingByteCount += chunk.payload.count
    pendingChunkCount += 1
  }

  /// Closes the block, which has no room for the chunk, and begins another.
  ///
  /// When much of the block would stay empty, the chunk is cut in two.
  private mutating func addToNextBlock(_ chunk: EncodedChunk, of id: SeriesID) {
    var rest = chunk
    if let (first, second) = splitter.split(chunk, toFit: openBlock.freeByteCount),
      openBlock.add(first, of: id, in: window)
    {
      addition.add(first.description, of: id)
      rest = second
    }
    closeBlock()
    let isAdded = openBlock.add(rest, of: id, in: window)
    precondition(isAdded, "a chunk fits an empty block")
    addition.add(rest.description, of: id)
  }

  private mutating func closeBlock() {
    guard let firstID = openBlock.firstID else { return }
    ordinal = firstID == lastBlockID ? ordinal + 1 : firstOrdinal
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

/// Cuts chunks in two, so that blocks are filled.
struct ChunkSplitter: Sendable {
  /// Less room is left empty.
  private static let worthwhileByteCount = 300
  /// What a chunk takes in the directory, at most.
  private static let entryByteCount = 50

  private var compressor = ChunkCompressor()
  private var columns = SampleColumns()

  /// The chunk as two, of which the first takes about `byteCount` bytes; nil
  /// where that is not worth it.
  mutating func split(
    _ chunk: EncodedChunk, toFit byteCount: Int
  ) -> (EncodedChunk, EncodedChunk)? {
    let chunkByteCount = chunk.timestamps.count + chunk.payload.count
    guard byteCount >= ChunkSplitter.worthwhileByteCount,
      chunkByteCount >= ChunkSplitter.worthwhileByteCount
    else { return nil }
    columns.removeAll()
    do throws(ChunkError) {
      try chunk.decode(into: &columns)
    } catch {
      // A reader will say what is wrong with it.
      return nil
    }
    let count = columns.count * (byteCount - ChunkSplitter.entryByteCount) / chunkByteCount
    guard (1..<columns.count).contains(count) else { return nil }
    return (
      compressor.encode(columns, at: 0..<count),
      compressor.encode(columns, at: count..<columns.count)
    )
  }
}

/// The key of a block: window (16 bytes), part (4), first series id (8), and
/// the ordinal among the blocks of the part that begin with that series: 2 bytes,
/// and for one from 65,535 on these all ones, and 4 bytes with what is above.
///
/// The part comes before the series, so that each seal writes one range of
/// ascending keys, where `(series, part)` would put it between the keys of
/// earlier seals: half-full pages and a page written for each block.
struct ChunkKey {
  private static let shortByteCount = 30
  private static let longByteCount = 34
  /// Every ordinal from this one on takes the long form; stores of earlier
  /// versions may have this one in the short form.
  private static let firstLongOrdinal = UInt64(UInt16.max)

  var window: Window
  var part: UInt32
  var firstID: SeriesID
  var ordinal: UInt64

  var bytes: [UInt8] {
    var key = ChunkKey.prefix(window: window, part: part)
    key.appendBigEndian(firstID.rawValue)
    key.appendBigEndian(min(ordinal, ChunkKey.firstLongOrdinal), byteCount: 2)
    if ordinal >= ChunkKey.firstLongOrdinal {
      let rest = ordinal - ChunkKey.firstLongOrdinal
      precondition(rest <= UInt64(UInt32.max), "a window has fewer blocks")
      key.appendBigEndian(rest, byteCount: 4)
    }
    return key
  }

  static func prefix(window: Window, part: UInt32) -> [UInt8] {
    var key = window.keyBytes
    key.appendBigEndian(UInt64(part), byteCount: 4)
    return key
  }

  /// Checks that a key is as long as its ordinal asks for.
  static func requireSize(of key: Span<UInt8>) throws(BlockDamage) {
    let isLong = key.count == longByteCount && key[28] == .max && key[29] == .max
    guard key.count == shortByteCount || isLong else {
      throw BlockDamage("the key has a wrong size")
    }
  }

  /// The part of a key.
  static func part(of key: Span<UInt8>) throws(BlockDamage) -> UInt32 {
    try requireSize(of: key)
    var reader = BlockReader(key.extracting(16..<20))
    return UInt32(truncatingIfNeeded: try reader.bigEndian(byteCount: 4))
  }

  /// The first series id of a key.
  static func firstID(of key: Span<UInt8>) throws(BlockDamage) -> SeriesID {
    try requireSize(of: key)
    var reader = BlockReader(key.extracting(20..<28))
    return SeriesID(try reader.bigEndian(byteCount: 8))
  }
}

/// Packs chunks into one block.
///
/// Layout of the value:
///
///     format: 1 byte, 2
///     directory byte count: LEB128
///     directory, for each chunk:
///       series id - the one before (the key's at first): LEB128
///       class byte: 1 byte
///       timestamp vector, counted back from the last one of the block: LEB128;
///         0 when it is a new one, which follows:
///           sample count - that of the vector before (0 at first): zigzag LEB128
///           first timestamp - that of the vector before (the window's start at
///             first): zigzag LEB128
///           duration - that of the vector before (0 at first): zigzag LEB128
///           byte count: LEB128
///           checksum of its bytes, CRC-32C: 4 bytes
///       payload byte count: LEB128
///       payload checksum, CRC-32C: 4 bytes
///     checksum, CRC-32C of the key and all bytes so far: 4 bytes
///     for each chunk, in the order of the directory:
///       the timestamp vector, when it is a new one
///       the payload
///
/// Differences wrap around, so that every timestamp has one. The series of one
/// scrape have the same timestamps, and so most chunks of a block share one
/// vector.
struct ChunkBlockEncoder {
  static let format: UInt8 = 2
  /// Format byte, two bytes of directory count, checksum.
  private static let frameByteCount = 1 + 2 + 4

  private(set) var firstID: SeriesID?
  private var directory: [UInt8] = []
  private var content: [UInt8] = []
  private var lastID = SeriesID(0)
  private var vectors: [Vector] = []

  private struct Vector {
    var extent: TimestampExtent
    var bytes: [UInt8]
  }

  /// The bytes that are left for chunks with their entries in the directory.
  var freeByteCount: Int {
    BlockFrame.pageByteCount - ChunkBlockEncoder.frameByteCount - directory.count - content.count
  }

  /// Adds a chunk unless the block is full.
  mutating func add(_ chunk: EncodedChunk, of id: SeriesID, in window: Window) -> Bool {
    let directoryByteCount = directory.count
    let extent = TimestampExtent(chunk.description)
    let known = vectors.lastIndex { $0.extent == extent && $0.bytes == chunk.timestamps }
    directory.appendVarint(id.rawValue - (firstID == nil ? id : lastID).rawValue)
    directory.append(chunk.description.classByte)
    if let known {
      directory.appendVarint(UInt64(vectors.count - known))
    } else {
      directory.append(0)
      let previous = vectors.last?.extent ?? TimestampExtent(startOf: window)
      directory.appendZigZag(extent.sampleCount - previous.sampleCount)
      directory.appendZigZag(extent.firstTimestamp &- previous.firstTimestamp)
      directory.appendZigZag(extent.duration &- previous.duration)
      directory.appendContentEntry(chunk.timestamps)
    }
    directory.appendContentEntry(chunk.payload)
    let newByteCount = (known == nil ? chunk.timestamps.count : 0) + chunk.payload.count
    guard newByteCount <= freeByteCount || firstID == nil else {
      directory.removeSubrange(directoryByteCount...)
      return false
    }
    if known == nil {
      vectors.append(Vector(extent: extent, bytes: chunk.timestamps))
      content.append(contentsOf: chunk.timestamps)
    }
    content.append(contentsOf: chunk.payload)
    firstID = firstID ?? id
    lastID = id
    return true
  }

  func value(under key: [UInt8]) -> [UInt8] {
    var value: [UInt8] = [ChunkBlockEncoder.format]
    value.reserveCapacity(7 + directory.count + content.count)
    value.appendVarint(UInt64(directory.count))
    value.append(contentsOf: directory)
    value.appendBigEndian(UInt64(BlockFrame.checksum(key.span, value.span)), byteCount: 4)
    value.append(contentsOf: content)
    return value
  }
}

extension [UInt8] {
  /// Appends the byte count and the checksum of `content`.
  fileprivate mutating func appendContentEntry(_ content: [UInt8]) {
    appendVarint(UInt64(content.count))
    appendBigEndian(UInt64(BlockFrame.checksum(content.span)), byteCount: 4)
  }
}

/// What the directory says about the timestamps of chunks.
struct TimestampExtent: Hashable {
  var sampleCount: Int64
  var firstTimestamp: Int64
  var duration: Int64

  init(_ description: ChunkDescription) {
    sampleCount = Int64(description.sampleCount)
    firstTimestamp = description.minTimestamp
    duration = description.maxTimestamp &- description.minTimestamp
  }

  /// What the first extent of a block is written relative to.
  init(startOf window: Window) {
    sampleCount = 0
    firstTimestamp = window.startMilliseconds
    duration = 0
  }

  /// Reads an extent that is written relative to `previous`.
  init(
    after previous: TimestampExtent, from reader: inout BlockReader
  ) throws(BlockDamage) {
    sampleCount = previous.sampleCount &+ (try reader.zigZag())
    firstTimestamp = previous.firstTimestamp &+ (try reader.zigZag())
    duration = previous.duration &+ (try reader.zigZag())
    guard (1...Int64(ChunkDescription.largestSampleCount)).contains(sampleCount) else {
      throw BlockDamage("a sample count is out of range")
    }
    guard firstTimestamp &+ duration >= firstTimestamp else {
      throw BlockDamage("a time range is reversed")
    }
  }

  func description(classByte: UInt8) -> ChunkDescription {
    ChunkDescription(
      classByte: classByte, sampleCount: Int(sampleCount), minTimestamp: firstTimestamp,
      maxTimestamp: firstTimestamp &+ duration)
  }
}
