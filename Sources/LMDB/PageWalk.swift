/// A tree of pages, as a meta page or an entry of the main tree describes it.
///
/// Layout, 48 bytes: page size (4), flags (2), depth (2), numbers of branch,
/// leaf and overflow pages and of entries (8 each), root (8).
struct PageTree {
  static let byteCount = 48

  /// The numbers of pages and entries of a tree.
  struct Counts: Equatable {
    var branchPages: UInt64 = 0
    var leafPages: UInt64 = 0
    var overflowPages: UInt64 = 0
    var entries: UInt64 = 0
  }

  let flags: UInt64
  let depth: Int
  let counts: Counts
  let root: UInt64
  /// True when keys are numbers of the machine, as those of the free list are.
  let hasNumberKeys: Bool

  var isEmpty: Bool { root == .max }

  init(_ bytes: Span<UInt8>, at offset: Int, hasNumberKeys: Bool) {
    flags = bytes.number(at: offset + 4, byteCount: 2)
    depth = Int(bytes.number(at: offset + 6, byteCount: 2))
    counts = Counts(
      branchPages: bytes.number(at: offset + 8, byteCount: 8),
      leafPages: bytes.number(at: offset + 16, byteCount: 8),
      overflowPages: bytes.number(at: offset + 24, byteCount: 8),
      entries: bytes.number(at: offset + 32, byteCount: 8))
    root = bytes.number(at: offset + 40, byteCount: 8)
    self.hasNumberKeys = hasNumberKeys
  }

  /// Whether `left` sorts before `right` in the tree.
  func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard hasNumberKeys else { return left.lexicographicallyPrecedes(right) }
    return left.count == 8 && right.count == 8
      && left.span.number(at: 0, byteCount: 8) < right.span.number(at: 0, byteCount: 8)
  }
}

/// The beginning of a page.
struct PageHeader {
  static let byteCount = 16
  /// Flags that have a meaning in memory only: dirty, loose, kept.
  private static let volatileFlags: UInt64 = 0xC010

  enum Kind: UInt64 {
    case branch = 1
    case leaf = 2
    case overflow = 4
    case meta = 8
  }

  let number: UInt64
  /// Nil when the page is of no kind that an environment has, or of several.
  let kind: Kind?

  init(_ bytes: Span<UInt8>) {
    number = bytes.number(at: 0, byteCount: 8)
    kind = Kind(rawValue: bytes.number(at: 10, byteCount: 2) & ~PageHeader.volatileFlags)
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

  /// The keys that may be in a page and below it: those from `lower` on, and
  /// before `upper`, where they are given.
  private struct KeyRange {
    var lower: [UInt8]?
    var upper: [UInt8]?

    func contains(_ key: [UInt8], of tree: PageTree) -> Bool {
      if let lower, tree.precedes(key, lower) { return false }
      return upper.map { tree.precedes(key, $0) } ?? true
    }
  }

  private let pageSizeBytes: Int
  private let pageCount: UInt64
  private var visited: Set<UInt64> = []
  /// What was counted of the tree that is being visited.
  private var counts = PageTree.Counts()

  /// - Parameter pageCount: The pages of the file.
  init(pageSizeBytes: Int, pageCount: UInt64) {
    self.pageSizeBytes = pageSizeBytes
    self.pageCount = pageCount
  }

  /// Calls `body` with each entry of a tree.
  ///
  /// - Throws: ``LMDBError`` with code `corrupted` when a page is not in the
  ///   file, was visited before, or is not built as it should be, when a key is
  ///   not where a search would look for it, and when the tree does not have as
  ///   many pages and entries as its description says.
  mutating func visit(
    _ tree: PageTree, in file: borrowing DataFile, _ body: (Entry) throws(LMDBError) -> Void
  ) throws(LMDBError) {
    counts = PageTree.Counts()
    if tree.isEmpty == false {
      try visit(tree.root, of: tree, depth: tree.depth, keys: KeyRange(), in: file, body)
    }
    guard counts == tree.counts else { throw damaged }
  }

  /// Whether a page was read as one of a tree.
  func isInUse(_ page: UInt64) -> Bool { visited.contains(page) }

  private mutating func visit(
    _ number: UInt64, of tree: PageTree, depth: Int, keys: KeyRange,
    in file: borrowing DataFile, _ body: (Entry) throws(LMDBError) -> Void
  ) throws(LMDBError) {
    let page = try read(number, count: 1, in: file)
    let header = PageHeader(page.span)
    guard header.number == number, header.kind == (depth == 1 ? .leaf : .branch) else {
      throw damaged
    }
    let nodes = try nodes(in: page.span, isLeaf: depth == 1)
    if depth == 1 {
      counts.leafPages += 1
      try visitEntries(nodes, in: page.span, of: tree, keys: keys, file: file, body)
    } else {
      counts.branchPages += 1
      try visitChildren(
        nodes, in: page.span, of: tree, depth: depth, keys: keys, file: file, body)
    }
  }

  private mutating func visitEntries(
    _ nodes: [Node], in page: Span<UInt8>, of tree: PageTree, keys: KeyRange,
    file: borrowing DataFile, _ body: (Entry) throws(LMDBError) -> Void
  ) throws(LMDBError) {
    var lastKey: [UInt8]?
    for node in nodes {
      let entry = try entry(node, in: page, file: file)
      guard keys.contains(entry.key, of: tree),
        lastKey.map({ tree.precedes($0, entry.key) }) ?? true
      else { throw damaged }
      lastKey = entry.key
      counts.entries += 1
      try body(entry)
    }
  }

  /// Visits the pages below a branch page: each has the keys from its own up to
  /// the next one's. The first key of the page is never looked at, and may be
  /// any.
  private mutating func visitChildren(
    _ nodes: [Node], in page: Span<UInt8>, of tree: PageTree, depth: Int, keys: KeyRange,
    file: borrowing DataFile, _ body: (Entry) throws(LMDBError) -> Void
  ) throws(LMDBError) {
    var lower = keys.lower
    for (index, node) in nodes.enumerated() {
      var upper = keys.upper
      if index + 1 < nodes.count {
        let separator = page.extracting(nodes[index + 1].key).bytesCopied
        guard keys.contains(separator, of: tree),
          lower.map({ tree.precedes($0, separator) }) ?? true
        else { throw damaged }
        upper = separator
      }
      try visit(
        node.child, of: tree, depth: depth - 1, keys: KeyRange(lower: lower, upper: upper),
        in: file, body)
      lower = upper
    }
  }

  /// The keys of a page in their order, which must fill its end without a gap.
  private func nodes(in page: Span<UInt8>, isLeaf: Bool) throws(LMDBError) -> [Node] {
    let end = Int(page.number(at: 12, byteCount: 2))
    let firstNode = Int(page.number(at: 14, byteCount: 2))
    guard end > PageHeader.byteCount, end.isMultiple(of: 2), end <= firstNode,
      firstNode <= page.count
    else { throw damaged }
    var nodes: [Node] = []
    for place in stride(from: PageHeader.byteCount, to: end, by: 2) {
      nodes.append(try Node(page, at: Int(page.number(at: place, byteCount: 2)), isLeaf: isLeaf))
    }
    var filled = firstNode
    for extent in nodes.map(\.extent).sorted(by: { $0.lowerBound < $1.lowerBound }) {
      guard extent.lowerBound == filled else { throw damaged }
      filled = extent.upperBound
    }
    guard filled == page.count else { throw damaged }
    return nodes
  }

  /// One key of a page.
  ///
  /// Layout: size of the value, or the lower 32 bits of the page below (4), flags,
  /// or the upper bits (2), size of the key (2), key, value. Nodes have an even
  /// size.
  private struct Node {
    static let headerByteCount = 8
    private static let overflowFlag: UInt64 = 1
    private static let treeFlag: UInt64 = 2

    let child: UInt64
    let key: Range<Int>
    let valueByteCount: Int
    let isOverflow: Bool
    let isTree: Bool
    /// The bytes that the node takes in its page.
    let extent: Range<Int>

    init(_ page: Span<UInt8>, at offset: Int, isLeaf: Bool) throws(LMDBError) {
      guard offset + Node.headerByteCount <= page.count else {
        throw LMDBError(.corrupted, during: .open)
      }
      child = page.number(at: offset, byteCount: 6)
      valueByteCount = Int(page.number(at: offset, byteCount: 4))
      let flags = isLeaf ? page.number(at: offset + 4, byteCount: 2) : 0
      isOverflow = flags == Node.overflowFlag
      isTree = flags == Node.treeFlag
      let start = offset + Node.headerByteCount
      key = start..<start + Int(page.number(at: offset + 6, byteCount: 2))
      let storedByteCount = isLeaf ? (isOverflow ? 8 : valueByteCount) : 0
      let end = (key.upperBound + storedByteCount + 1) & ~1
      guard end <= page.count, flags == 0 || isOverflow || isTree else {
        throw LMDBError(.corrupted, during: .open)
      }
      extent = offset..<end
    }
  }

  private mutating func entry(
    _ node: Node, in page: Span<UInt8>, file: borrowing DataFile
  ) throws(LMDBError) -> Entry {
    let key = page.extracting(node.key).bytesCopied
    let start = node.key.upperBound
    guard key.isEmpty == false else { throw damaged }
    guard node.isOverflow else {
      let value = page.extracting(start..<start + node.valueByteCount).bytesCopied
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
    counts.overflowPages += UInt64(count)
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
