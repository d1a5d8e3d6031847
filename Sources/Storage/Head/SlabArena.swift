import ChunkEncoding
import SeriesModel

/// The memory of the open chunks: slabs of 32 to 2,048 bytes on pages.
///
/// No chunk has an allocation of its own. A copy of the arena keeps its bytes
/// as they are: pages are copied one by one when they are written afterwards.
struct SlabArena: Sendable {
  /// The place of a slab.
  struct Slab: Sendable, BitwiseCopyable {
    // Page (18 bits), first unit in it (11 bits), size class (3 bits).
    private var bits: UInt32

    /// Stands for no slab.
    static let none = Slab(bits: .max)

    private init(bits: UInt32) { self.bits = bits }

    init(page: Int, unit: Int, sizeClass: Int) {
      precondition(page < 1 << 18 - 1, "open chunks take less than 16 GiB")
      bits = UInt32(page << 14 | unit << 3 | sizeClass)
    }

    var isNone: Bool { bits == .max }
    var page: Int { Int(bits >> 14) }
    var byteOffset: Int { Int(bits >> 3 & 0x7FF) * SlabArena.unitByteCount }
    var sizeClass: Int { Int(bits & 7) }
    var byteCount: Int { SlabArena.unitByteCount << sizeClass }
  }

  /// A chunk that samples are appended to.
  struct OpenChunk: Sendable, BitwiseCopyable {
    var appender = XORChunkAppender()
    /// Where the bytes lie.
    var slab = Slab.none
  }

  private static let unitByteCount = 32
  private static let sizeClassCount = 7
  private static let pageByteCount = 64 << 10

  private var pages: [[UInt8]] = []
  private var freeSlabs = [[Slab]](repeating: [], count: sizeClassCount)
  /// The bytes of the slabs in use.
  private(set) var usedByteCount = 0

  /// Takes the smallest slab with at least `byteCount` bytes.
  mutating func allocate(byteCount: Int) -> Slab {
    var sizeClass = 0
    while SlabArena.unitByteCount << sizeClass < byteCount { sizeClass += 1 }
    precondition(sizeClass < SlabArena.sizeClassCount, "no slab is that large")
    usedByteCount += SlabArena.unitByteCount << sizeClass
    if let slab = freeSlabs[sizeClass].popLast() { return slab }
    let page = pages.count
    pages.append([UInt8](repeating: 0, count: SlabArena.pageByteCount))
    let unitCount = SlabArena.pageByteCount / SlabArena.unitByteCount
    let step = 1 << sizeClass
    for unit in stride(from: unitCount - step, to: 0, by: -step) {
      freeSlabs[sizeClass].append(Slab(page: page, unit: unit, sizeClass: sizeClass))
    }
    return Slab(page: page, unit: 0, sizeClass: sizeClass)
  }

  /// Gives a slab back.
  mutating func free(_ slab: Slab) {
    usedByteCount -= slab.byteCount
    freeSlabs[slab.sizeClass].append(slab)
  }

  /// Appends a sample to a chunk, which moves to a larger slab when its own is
  /// full, and says whether the chunk should take no more.
  mutating func append(timestamp: Int64, value: Double, to chunk: inout OpenChunk) -> Bool {
    let needed = chunk.appender.byteCount + XORChunkAppender.scratchByteCount
    if needed > chunk.slab.byteCount {
      let larger = allocate(byteCount: needed)
      let bytes = bytes(of: chunk.slab, count: chunk.appender.byteCount)
      store(bytes, in: larger)
      free(chunk.slab)
      chunk.slab = larger
    }
    var page = pages[chunk.slab.page].mutableSpan
    return chunk.appender.append(
      timestampMilliseconds: timestamp, value: value, to: &page, at: chunk.slab.byteOffset)
  }

  /// Appends the samples of an open chunk to `columns`.
  func decode(
    _ appender: XORChunkAppender, in slab: Slab, into columns: inout SampleColumns
  ) throws(ChunkError) {
    let page = pages[slab.page]
    try columns.append(openChunk: appender, bytes: page.span, at: slab.byteOffset)
  }

  /// Copies bytes to the beginning of a slab.
  mutating func store(_ bytes: [UInt8], in slab: Slab) {
    let start = slab.byteOffset
    pages[slab.page].replaceSubrange(start..<start + bytes.count, with: bytes)
  }

  /// The first `count` bytes of a slab.
  func bytes(of slab: Slab, count: Int) -> [UInt8] {
    Array(pages[slab.page][slab.byteOffset..<slab.byteOffset + count])
  }

  /// Appends the first `count` bytes of a slab to `output`.
  func copyBytes(of slab: Slab, count: Int, to output: inout [UInt8]) {
    output.append(contentsOf: pages[slab.page][slab.byteOffset..<slab.byteOffset + count])
  }
}
