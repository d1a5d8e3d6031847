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
  /// Where its bytes lie.
  fileprivate var page: UInt32
  fileprivate var byteOffset: UInt32
  fileprivate var byteCount: UInt32
  /// The chunk of the same slot that was closed before, plus one; or 0.
  fileprivate var previous: UInt32
}

/// Closed chunks in the order in which they were closed.
struct ChunkList: Sendable {
  private static let pageByteCount = 256 << 10

  private(set) var chunks: [ClosedChunk] = []
  /// The last chunk of each slot, plus one; or 0.
  private var lastChunks: [UInt32] = []
  private var pages: [[UInt8]] = []
  private var lastPageByteCount = 0
  /// The bytes of all chunks.
  private(set) var byteCount = 0

  var isEmpty: Bool { chunks.isEmpty }

  mutating func append(
    slot: Int, seriesID: SeriesID, description: ChunkDescription, window: Window,
    payload: [UInt8]
  ) {
    precondition(payload.count <= ChunkList.pageByteCount, "a chunk fits a page")
    if pages.isEmpty || lastPageByteCount + payload.count > ChunkList.pageByteCount {
      pages.append([UInt8](repeating: 0, count: ChunkList.pageByteCount))
      lastPageByteCount = 0
    }
    let page = pages.count - 1
    pages[page].replaceSubrange(
      lastPageByteCount..<lastPageByteCount + payload.count, with: payload)
    while lastChunks.count <= slot { lastChunks.append(0) }
    chunks.append(
      ClosedChunk(
        seriesID: seriesID, description: description, window: window,
        page: UInt32(page), byteOffset: UInt32(lastPageByteCount),
        byteCount: UInt32(payload.count), previous: lastChunks[slot]))
    lastChunks[slot] = UInt32(chunks.count)
    lastPageByteCount += payload.count
    byteCount += payload.count
  }

  /// The chunks of a slot, in the order in which they were closed.
  func chunks(ofSlot slot: Int) -> [ClosedChunk] {
    guard slot < lastChunks.count, lastChunks[slot] != 0 else { return [] }
    var found: [ClosedChunk] = []
    var mark = lastChunks[slot]
    while mark != 0 {
      found.append(chunks[Int(mark) - 1])
      mark = found[found.count - 1].previous
    }
    return found.reversed()
  }

  func hasChunks(ofSlot slot: Int) -> Bool {
    slot < lastChunks.count && lastChunks[slot] != 0
  }

  func payload(of chunk: ClosedChunk) -> ArraySlice<UInt8> {
    pages[Int(chunk.page)][Int(chunk.byteOffset)..<Int(chunk.byteOffset + chunk.byteCount)]
  }
}
