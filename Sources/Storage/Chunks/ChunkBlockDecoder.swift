import ChunkEncoding
import LMDB
import SeriesModel

/// Walks the chunks of a stored block of format 2, see ``ChunkBlockEncoder``,
/// or 1.
///
/// In format 1 every chunk has its own timestamps in the payload, and a
/// directory entry consists of: series id, class byte, sample count, first
/// timestamp, duration, payload byte count, checksum.
struct ChunkBlockDecoder: ~Escapable {
  private let format: UInt8
  private var directory: BlockReader
  private let content: Span<UInt8>
  private var contentOffset = 0
  private var id: SeriesID
  private var extent: TimestampExtent
  private var vectors: [Vector] = []

  /// A timestamp vector of the block.
  private struct Vector {
    var extent: TimestampExtent
    var content: StoredContent
  }

  /// Opens a block, whose directory must agree with its checksum.
  @_lifetime(copy value)
  init(_ value: Span<UInt8>, under key: Span<UInt8>, in window: Window) throws(BlockDamage) {
    var reader = BlockReader(value)
    format = try reader.byte()
    guard (1...ChunkBlockEncoder.format).contains(format) else {
      throw BlockDamage("unknown block format \(format)")
    }
    let directoryByteCount = try reader.count(atMost: reader.remainingCount)
    let directory = try reader.span(count: directoryByteCount)
    let covered = value.extracting(0..<reader.offset)
    guard try reader.bigEndian(byteCount: 4) == UInt64(BlockFrame.checksum(key, covered)) else {
      throw BlockDamage("the checksum of the directory does not match")
    }
    self.directory = BlockReader(directory)
    content = value.extracting(reader.offset...)
    id = try ChunkKey.firstID(of: key)
    extent = TimestampExtent(startOf: window)
  }

  /// One chunk of a block.
  struct Entry {
    var id: SeriesID
    var description: ChunkDescription
    /// Nil when the payload holds the timestamps.
    var timestamps: StoredContent?
    var payload: StoredContent
  }

  /// The next chunk, or nil at the end.
  @_lifetime(self: copy self)
  mutating func next() throws(BlockDamage) -> Entry? {
    guard directory.isAtEnd == false else { return nil }
    let (id, isOverflow) = id.rawValue.addingReportingOverflow(try directory.varint())
    guard isOverflow == false else { throw BlockDamage("a series id is too large") }
    self.id = SeriesID(id)
    let classByte = try directory.byte()
    guard format > 1 else {
      extent = try TimestampExtent(after: extent, from: &directory)
      return Entry(
        id: self.id, description: extent.description(classByte: classByte), timestamps: nil,
        payload: try nextContent())
    }
    let vector = try nextVector()
    return Entry(
      id: self.id, description: vector.extent.description(classByte: classByte),
      timestamps: vector.content, payload: try nextContent())
  }

  @_lifetime(self: copy self)
  private mutating func nextVector() throws(BlockDamage) -> Vector {
    let distance = try directory.count(atMost: vectors.count)
    guard distance == 0 else { return vectors[vectors.count - distance] }
    extent = try TimestampExtent(after: extent, from: &directory)
    let vector = Vector(extent: extent, content: try nextContent())
    vectors.append(vector)
    return vector
  }

  @_lifetime(self: copy self)
  private mutating func nextContent() throws(BlockDamage) -> StoredContent {
    let byteCount = try directory.count(atMost: content.count - contentOffset)
    let checksum = UInt32(truncatingIfNeeded: try directory.bigEndian(byteCount: 4))
    contentOffset += byteCount
    return StoredContent(bytes: contentOffset - byteCount..<contentOffset, checksum: checksum)
  }

  /// The bytes behind the directory, not yet checked.
  var contentBytes: Span<UInt8> {
    @_lifetime(copy self)
    get { content }
  }
}

/// Where bytes stand in a block, and their checksum.
struct StoredContent {
  var bytes: Range<Int>
  var checksum: UInt32
}

/// A chunk in the tables, for the length of a visit.
package struct StoredChunk: ~Escapable {
  /// The series the chunk belongs to.
  package let id: SeriesID
  /// The run of chunks that the chunk was written with.
  package let part: UInt32
  /// What the directory says of the chunk; its checksum was right.
  package let description: ChunkDescription

  private let timestamps: StoredContent?
  private let payload: StoredContent
  private let content: Span<UInt8>
  private let key: Span<UInt8>
  private let table: String

  @_lifetime(copy content, copy key)
  init(
    _ entry: ChunkBlockDecoder.Entry, content: Span<UInt8>, key: Span<UInt8>, part: UInt32,
    table: String
  ) {
    id = entry.id
    self.part = part
    description = entry.description
    timestamps = entry.timestamps
    payload = entry.payload
    self.content = content
    self.key = key
    self.table = table
  }

  /// The bytes that the chunk takes in its block, a shared timestamp vector not
  /// counted.
  package var payloadByteCount: Int { payload.bytes.count }

  /// Compares the bytes with their checksums.
  ///
  /// - Throws: ``StorageError`` `corrupted` when they do not agree.
  package func checkBytes() throws(StorageError) {
    try check(payload)
    if let timestamps { try check(timestamps) }
  }

  private func check(_ part: StoredContent) throws(StorageError) {
    guard BlockFrame.checksum(content.extracting(part.bytes)) == part.checksum else {
      throw BlockDamage("the checksum of a chunk of series \(id.rawValue) does not match")
        .at(key, of: table)
    }
  }

  /// Appends the samples to `columns`; nothing when it throws.
  ///
  /// - Throws: ``StorageError`` `corrupted` when the bytes do not agree with
  ///   their checksums or do not decode.
  package func decode(into columns: inout SampleColumns) throws(StorageError) {
    try checkBytes()
    do throws(ChunkError) {
      try columns.append(
        chunk: description, timestamps: content.extracting(timestamps?.bytes ?? 0..<0),
        payload: content.extracting(payload.bytes))
    } catch {
      throw undecodable(error)
    }
  }
  /// Decodes the timestamps into `times`, whose content is replaced.
  ///
  /// - Precondition: They are not in the payload.
  /// - Throws: As ``decode(into:)`` does.
  func decodeTimestamps(into times: inout [Int64]) throws(StorageError) {
    guard let timestamps else { preconditionFailure("the timestamps are in the payload") }
    try check(timestamps)
    do throws(ChunkError) {
      try SampleColumns.decodeTimestamps(
        of: description, from: content.extracting(timestamps.bytes), into: &times)
    } catch {
      throw undecodable(error)
    }
  }

  /// Appends the samples at `range` to `columns`; nothing when it throws.
  ///
  /// - Parameter times: What ``decodeTimestamps(into:)`` gave.
  /// - Throws: As ``decode(into:)`` does.
  func decode(
    _ range: Range<Int>, at times: [Int64], into columns: inout SampleColumns
  ) throws(StorageError) {
    try check(payload)
    do throws(ChunkError) {
      try columns.append(
        chunk: description, times: times, at: range, payload: content.extracting(payload.bytes))
    } catch {
      throw undecodable(error)
    }
  }

  private func undecodable(_ error: ChunkError) -> StorageError {
    BlockDamage("a chunk of series \(id.rawValue) does not decode (\(error))").at(key, of: table)
  }
}
