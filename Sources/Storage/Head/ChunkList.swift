import ChunkEncoding
import SeriesModel

extension Window {
  /// The length of the window for a sample, as the newest sample stands: a
  /// day when it is older than that, else two hours.
  static func lengthMilliseconds(for timestamp: Int64, newest: Int64) -> Int64 {
    guard newest > timestamp else { return shortLengthMilliseconds }
    let (age, overflow) = newest.subtractingReportingOverflow(timestamp)
    return overflow || age > dayLengthMilliseconds
      ? dayLengthMilliseconds : shortLengthMilliseconds
  }
}

/// A closed chunk that waits to be sealed.
struct ClosedChunk: Sendable {
  var seriesID: SeriesID
  var description: ChunkDescription
  /// The window that the chunk belongs to.
  var window: Window
  fileprivate var timestamps: ChunkList.Place
  fileprivate var payload: ChunkList.Place
  /// The chunk of the same slot that was closed before, plus one; or 0.
  fileprivate var previous: UInt32
}

/// Closed chunks in the order in which they were closed.
///
/// Chunks that follow each other with equal timestamps, as those of one scrape
/// do, share one timestamp vector.
struct ChunkList: Sendable {
  private static let pageByteCount = 256 << 10

  /// Where bytes lie.
  fileprivate struct Place: Sendable {
    var page: UInt32 = 0
    var byteOffset: UInt32 = 0
    var byteCount: UInt32 = 0
  }

  private(set) var chunks: [ClosedChunk] = []
  /// The last chunk of each slot, plus one; or 0.
  private var lastChunks: [UInt32] = []
  private var pages: [[UInt8]] = []
  private var lastPageByteCount = 0
  private var compressor = ChunkCompressor()
  /// The bytes of all chunks.
  private(set) var byteCount = 0

  var isEmpty: Bool { chunks.isEmpty }

  /// Encodes the samples at `range` and adds them as a chunk, rich ones as
  /// several where they take much room.
  mutating func append(
    _ columns: SampleColumns, at range: Range<Int>, slot: Int, seriesID: SeriesID, window: Window
  ) {
    var start = range.lowerBound
    while start < range.upperBound {
      let chunk = encode(columns, at: start..<range.upperBound)
      append(chunk, slot: slot, seriesID: seriesID, window: window)
      start += chunk.description.sampleCount
    }
  }

  /// Encodes the first samples at `range`, as many as fit a chunk.
  private mutating func encode(
    _ columns: SampleColumns, at range: Range<Int>
  ) -> EncodedChunk {
    compressor.encode(
      columns, at: range,
      fitting: columns.isPlain
        ? ChunkRun.largestPayloadByteCount : XORChunkAppender.fullByteCount)
  }

  mutating func append(
    _ chunk: EncodedChunk, slot: Int, seriesID: SeriesID, window: Window
  ) {
    while lastChunks.count <= slot { lastChunks.append(0) }
    var timestamps = Place()
    if let last = chunks.last?.timestamps, bytes(at: last) == chunk.timestamps[...] {
      timestamps = last
    } else {
      timestamps = store(chunk.timestamps)
    }
    chunks.append(
      ClosedChunk(
        seriesID: seriesID, description: chunk.description, window: window,
        timestamps: timestamps, payload: store(chunk.payload), previous: lastChunks[slot]))
    lastChunks[slot] = UInt32(chunks.count)
  }

  private mutating func store(_ bytes: [UInt8]) -> Place {
    guard bytes.isEmpty == false else { return Place() }
    // A histogram of the most buckets takes 150,000 bytes at most.
    precondition(bytes.count <= ChunkList.pageByteCount, "a chunk fits a page")
    if pages.isEmpty || lastPageByteCount + bytes.count > ChunkList.pageByteCount {
      pages.append([UInt8](repeating: 0, count: ChunkList.pageByteCount))
      lastPageByteCount = 0
    }
    let place = Place(
      page: UInt32(pages.count - 1), byteOffset: UInt32(lastPageByteCount),
      byteCount: UInt32(bytes.count))
    pages[pages.count - 1].replaceSubrange(
      lastPageByteCount..<lastPageByteCount + bytes.count, with: bytes)
    lastPageByteCount += bytes.count
    byteCount += bytes.count
    return place
  }

  /// Where the chunks of a slot are, in the order in which they were closed.
  func indices(ofSlot slot: Int) -> [Int] {
    guard hasChunks(ofSlot: slot) else { return [] }
    var found: [Int] = []
    var mark = lastChunks[slot]
    while mark != 0 {
      found.append(Int(mark) - 1)
      mark = chunks[Int(mark) - 1].previous
    }
    return found.reversed()
  }

  /// The chunks of a slot, in the order in which they were closed.
  func chunks(ofSlot slot: Int) -> [ClosedChunk] {
    indices(ofSlot: slot).map { chunks[$0] }
  }

  /// Whether a chunk of a slot overlaps the range.
  func hasChunks(ofSlot slot: Int, overlapping range: ClosedRange<Int64>) -> Bool {
    guard slot < lastChunks.count else { return false }
    var mark = lastChunks[slot]
    while mark != 0 {
      let description = chunks[Int(mark) - 1].description
      if description.maxTimestamp >= range.lowerBound
        && description.minTimestamp <= range.upperBound
      {
        return true
      }
      mark = chunks[Int(mark) - 1].previous
    }
    return false
  }

  /// Encodes a chunk anew, which has got other values or lost some samples; what
  /// does not fit it any more becomes another chunk of the slot.
  mutating func replace(at index: Int, ofSlot slot: Int, with columns: SampleColumns) {
    let chunk = encode(columns, at: 0..<columns.count)
    chunks[index].description = chunk.description
    if bytes(at: chunks[index].timestamps) != chunk.timestamps[...] {
      chunks[index].timestamps = store(chunk.timestamps)
    }
    chunks[index].payload = store(chunk.payload)
    append(
      columns, at: chunk.description.sampleCount..<columns.count, slot: slot,
      seriesID: chunks[index].seriesID, window: chunks[index].window)
  }

  func hasChunks(ofSlot slot: Int) -> Bool {
    slot < lastChunks.count && lastChunks[slot] != 0
  }

  /// The chunk with copies of its bytes.
  func encoded(_ chunk: ClosedChunk) -> EncodedChunk {
    EncodedChunk(
      description: chunk.description, timestamps: Array(bytes(at: chunk.timestamps)),
      payload: Array(bytes(at: chunk.payload)))
  }

  /// The bytes of a chunk's timestamp vector.
  func timestamps(of chunk: ClosedChunk) -> ArraySlice<UInt8> { bytes(at: chunk.timestamps) }

  /// The bytes of a chunk's values.
  func payload(of chunk: ClosedChunk) -> ArraySlice<UInt8> { bytes(at: chunk.payload) }

  private func bytes(at place: Place) -> ArraySlice<UInt8> {
    guard place.byteCount > 0 else { return [] }
    let start = Int(place.byteOffset)
    return pages[Int(place.page)][start..<start + Int(place.byteCount)]
  }
}
