/// A tree of pages, as a meta page or an entry of the main tree describes it.
///
/// Layout, 48 bytes: page size (4), flags (2), depth (2), numbers of branch,
/// leaf and overflow pages and of entries (8 each), root (8).
struct PageTree {
  static let byteCount = 48

  let depth: Int
  let root: UInt64
  /// True when keys are numbers of the machine, as those of the free list are.
  let hasNumberKeys: Bool

  var isEmpty: Bool { root == .max }

  init(_ bytes: Span<UInt8>, at offset: Int, hasNumberKeys: Bool) {
    depth = Int(bytes.number(at: offset + 6, byteCount: 2))
    root = bytes.number(at: offset + 40, byteCount: 8)
    self.hasNumberKeys = hasNumberKeys
  }
}

/// The beginning of a page.
struct PageHeader {
  static let byteCount = 16

  enum Kind: UInt64 {
    case branch = 1
    case leaf = 2
    case overflow = 4
    case meta = 8
  }

  let number: UInt64
  /// Nil when the page is of no kind, or of several.
  let kind: Kind?

  init(_ bytes: Span<UInt8>) {
    number = bytes.number(at: 0, byteCount: 8)
    kind = Kind(rawValue: bytes.number(at: 10, byteCount: 2) & 0xF)
  }
}

/// Goes through trees page by page, and believes nothing.
struct PageWalk {
  /// The depth of a tree at most, LMDB's own limit.
  static let largestDepth = 32

  /// What a leaf says under one key.
  struct Entry {
    var key: [UInt8]
    var value: [UInt8]
    /// True when the value is a ``PageTree``.
    var isTree: Bool
  }

  private let pageSizeBytes: Int
  private let pageCount: UInt64
  private var visited: Set<UInt64> = []

  /// - Parameter pageCount: The pages of the file.
  init(pageSizeBytes: Int, pageCount: UInt64) {
    self.pageSizeBytes = pageSizeBytes
    self.pageCount = pageCount
  }

  /// Calls `body` with each entry of a tree.
  ///
  /// - Throws: ``LMDBError`` with code `corrupted` when a page is not in the
  ///   file, was visited before, or is not built as it should be.
  mutating func visit(
    _ tree: PageTree, in file: borrowing DataFile, _ body: (Entry) throws(LMDBError) -> Void
  ) throws(LMDBError) {
    guard tree.isEmpty == false else { return }
    var lastKey: [UInt8]?
    try visit(tree.root, of: tree, depth: tree.depth, in: file) { entry throws(LMDBError) in
      if let lastKey {
        guard PageWalk.isSorted(lastKey, entry.key, asNumbers: tree.hasNumberKeys) else {
          throw LMDBError(.corrupted, during: .open)
        }
      }
      lastKey = entry.key
      try body(entry)
    }
  }

  private static func isSorted(_ left: [UInt8], _ right: [UInt8], asNumbers: Bool) -> Bool {
    guard asNumbers else { return left.lexicographicallyPrecedes(right) }
    return left.count == 8 && right.count == 8
      && left.span.number(at: 0, byteCount: 8) < right.span.number(at: 0, byteCount: 8)
  }

  private mutating func visit(
    _ number: UInt64, of tree: PageTree, depth: Int, in file: borrowing DataFile,
    _ body: (Entry) throws(LMDBError) -> Void
  ) throws(LMDBError) {
    let page = try read(number, count: 1, in: file)
    let header = PageHeader(page.span)
    guard header.number == number, header.kind == (depth == 1 ? .leaf : .branch) else {
      throw damaged
    }
    for offset in try nodeOffsets(in: page.span) {
      let node = try Node(page.span, at: offset)
      if depth > 1 {
        try visit(node.child, of: tree, depth: depth - 1, in: file, body)
      } else {
        try body(try entry(node, in: page.span, file: file))
      }
    }
  }

  private func nodeOffsets(in page: Span<UInt8>) throws(LMDBError) -> [Int] {
    let end = Int(page.number(at: 12, byteCount: 2))
    let firstNode = Int(page.number(at: 14, byteCount: 2))
    guard end > PageHeader.byteCount, end.isMultiple(of: 2), end <= firstNode,
      firstNode <= page.count
    else { throw damaged }
    var offsets: [Int] = []
    for place in stride(from: PageHeader.byteCount, to: end, by: 2) {
      let offset = Int(page.number(at: place, byteCount: 2))
      guard offset >= firstNode else { throw damaged }
      offsets.append(offset)
    }
    return offsets
  }

  /// One key of a page.
  ///
  /// Layout: size of the value, or the lower 32 bits of the page below (4), flags,
  /// or the upper bits (2), size of the key (2), key, value.
  private struct Node {
    static let headerByteCount = 8

    let child: UInt64
    let key: Range<Int>
    let valueByteCount: Int
    let isOverflow: Bool
    let isTree: Bool

    init(_ page: Span<UInt8>, at offset: Int) throws(LMDBError) {
      guard offset + Node.headerByteCount <= page.count else {
        throw LMDBError(.corrupted, during: .open)
      }
      let flags = page.number(at: offset + 4, byteCount: 2)
      child = page.number(at: offset, byteCount: 6)
      valueByteCount = Int(page.number(at: offset, byteCount: 4))
      isOverflow = flags & 1 != 0
      isTree = flags & 2 != 0
      let start = offset + Node.headerByteCount
      key = start..<start + Int(page.number(at: offset + 6, byteCount: 2))
      guard key.upperBound <= page.count else { throw LMDBError(.corrupted, during: .open) }
    }
  }

  private mutating func entry(
    _ node: Node, in page: Span<UInt8>, file: borrowing DataFile
  ) throws(LMDBError) -> Entry {
    let key = page.extracting(node.key).bytesCopied
    let start = node.key.upperBound
    let size = node.isOverflow ? 8 : node.valueByteCount
    guard key.isEmpty == false, size <= page.count - start else { throw damaged }
    guard node.isOverflow else {
      let value = page.extracting(start..<start + size).bytesCopied
      return Entry(key: key, value: value, isTree: node.isTree)
    }
    let byteCount = PageHeader.byteCount + node.valueByteCount
    let needed = (byteCount + pageSizeBytes - 1) / pageSizeBytes
    let number = page.number(at: start, byteCount: 8)
    var pages = try read(number, count: 1, in: file)
    let header = PageHeader(pages.span)
    // A value that became smaller may keep the pages of the larger one.
    let count = Int(pages.span.number(at: 12, byteCount: 4))
    guard header.number == number, header.kind == .overflow, count >= needed else {
      throw damaged
    }
    if count > 1 { pages += try read(number + 1, count: count - 1, in: file) }
    let value = pages.span.extracting(PageHeader.byteCount..<byteCount).bytesCopied
    return Entry(key: key, value: value, isTree: false)
  }

  /// Reads pages that were not read before.
  private mutating func read(
    _ number: UInt64, count: Int, in file: borrowing DataFile
  ) throws(LMDBError) -> [UInt8] {
    guard number >= 2, number < pageCount, UInt64(count) <= pageCount - number else {
      throw damaged
    }
    for page in number..<number + UInt64(count) where visited.insert(page).inserted == false {
      throw damaged
    }
    let bytes = try file.read(
      byteCount: count * pageSizeBytes, atByteOffset: Int(number) * pageSizeBytes)
    guard bytes.count == count * pageSizeBytes else { throw damaged }
    return bytes
  }

  private var damaged: LMDBError { LMDBError(.corrupted, during: .open) }
}

extension Span<UInt8> {
  /// The unsigned number in the `byteCount` bytes from `offset` on, the lowest
  /// first.
  func number(at offset: Int, byteCount: Int) -> UInt64 {
    var number: UInt64 = 0
    for index in (0..<byteCount).reversed() {
      number = number << 8 | UInt64(self[offset + index])
    }
    return number
  }

  fileprivate var bytesCopied: [UInt8] {
    var copy: [UInt8] = []
    copy.reserveCapacity(count)
    for index in indices { copy.append(self[index]) }
    return copy
  }
}
