/// The file of an environment, read without LMDB, which trusts what it maps.
///
/// LMDB has checksums neither for its pages nor for the two meta pages that
/// say where everything is. A page that lies beyond the end of the file kills
/// the process that touches it, and a wrong page number or offset may. So what
/// is cheap to check is checked before the file is mapped, see ``checkMeta()``;
/// ``checkPages()`` looks at every page.
///
/// Layout, in the byte order of the machine, little-endian on all that the
/// project runs on. Page: number (8), padding (2), flags (2), end of the node
/// offsets (2), beginning of the nodes (2), node offsets (2 each). Meta page,
/// behind the first 16 bytes: magic (4), version (4), address (8), map size (8),
/// free list and main tree (48 each), last page (8), transaction (8). Tree:
/// page size (4), flags (2), depth (2), numbers of branch, leaf and overflow
/// pages and of entries (8 each), root (8).
package struct EnvironmentFile: ~Copyable {
  private static let magic: UInt64 = 0xBEEF_C0DE
  private static let version: UInt64 = 1
  private static let metaByteCount = 152
  private static let attemptCount = 20

  private let file: DataFile

  /// Opens the file in the directory `path`; returns nil when there is none,
  /// or an empty one, which a crash may leave before LMDB writes to it.
  package init?(directory path: String) throws(LMDBError) {
    guard let file = try DataFile.open(path: path + "/data.mdb"),
      try file.byteCount() > 0
    else { return nil }
    self.file = file
  }

  private struct Meta {
    var pageSizeBytes: Int
    var freeList: PageTree
    var main: PageTree
    var lastPage: UInt64
    var transaction: UInt64
  }

  // MARK: Meta pages

  /// Checks that both meta pages can be what LMDB wrote, that they belong
  /// together, and that the file is as long as they say.
  ///
  /// Takes two reads. A writer may be at work meanwhile.
  ///
  /// - Throws: ``LMDBError`` with code `corrupted`, `truncated`, `invalid` or
  ///   `versionMismatch`.
  package func checkMeta() throws(LMDBError) {
    _ = try currentMeta()
  }

  private func currentMeta() throws(LMDBError) -> Meta {
    var attempt = 0
    while true {
      do throws(LMDBError) {
        let meta = try readMeta()
        try checkLength(meta)
        return meta
      } catch {
        // Beside a writer the two may not belong to one moment.
        attempt += 1
        guard attempt < EnvironmentFile.attemptCount else { throw error }
      }
    }
  }

  private func readMeta() throws(LMDBError) -> Meta {
    let first = try meta(at: 0, number: 0)
    let second = try meta(at: first.pageSizeBytes, number: 1)
    guard second.pageSizeBytes == first.pageSizeBytes else { throw damaged }
    // Transaction n writes the meta page n modulo 2; a new file has 0 in both.
    let newer = first.transaction > second.transaction ? first : second
    let older = first.transaction > second.transaction ? second : first
    if newer.transaction == 0 { return newer }
    guard newer.transaction == older.transaction + 1, first.transaction.isMultiple(of: 2) else {
      throw damaged
    }
    return newer
  }

  private var damaged: LMDBError { LMDBError(.corrupted, during: .open) }

  private func meta(at offset: Int, number: UInt64) throws(LMDBError) -> Meta {
    let bytes = try file.read(byteCount: EnvironmentFile.metaByteCount, atByteOffset: offset)
    guard bytes.count == EnvironmentFile.metaByteCount else {
      throw LMDBError(.invalid, during: .open)
    }
    let span = bytes.span
    guard span.number(at: 16, byteCount: 4) == EnvironmentFile.magic,
      PageHeader(span).kind == .meta
    else { throw LMDBError(.invalid, during: .open) }
    guard span.number(at: 20, byteCount: 4) == EnvironmentFile.version else {
      throw LMDBError(.versionMismatch, during: .open)
    }
    let meta = Meta(
      pageSizeBytes: Int(span.number(at: 40, byteCount: 4)),
      freeList: PageTree(span, at: 40, hasNumberKeys: true),
      main: PageTree(span, at: 88, hasNumberKeys: false),
      lastPage: span.number(at: 136, byteCount: 8),
      transaction: span.number(at: 144, byteCount: 8))
    let sizes = 512...65_536
    guard sizes.contains(meta.pageSizeBytes), meta.pageSizeBytes.nonzeroBitCount == 1,
      PageHeader(span).number == number, (1...UInt64(1) << 48).contains(meta.lastPage),
      isPossible(meta.freeList, in: meta), isPossible(meta.main, in: meta)
    else { throw damaged }
    return meta
  }

  private func isPossible(_ tree: PageTree, in meta: Meta) -> Bool {
    tree.isEmpty
      ? tree.depth == 0
      : (1...PageWalk.largestDepth).contains(tree.depth) && (2...meta.lastPage).contains(tree.root)
  }

  /// The file may end before the last page only by pages that are free: one
  /// that was taken and given back in the same transaction is not written.
  private func checkLength(_ meta: Meta) throws(LMDBError) {
    let pageCount = UInt64(try file.byteCount() / meta.pageSizeBytes)
    guard pageCount <= meta.lastPage else { return }
    var missing = meta.lastPage + 1 - pageCount
    do throws(LMDBError) {
      var walk = PageWalk(pageSizeBytes: meta.pageSizeBytes, pageCount: pageCount)
      try walk.visit(meta.freeList, in: file) { entry throws(LMDBError) in
        let value = entry.value.span
        for offset in stride(from: 8, to: value.count - 7, by: 8)
        where (pageCount...meta.lastPage).contains(value.number(at: offset, byteCount: 8)) {
          missing -= min(1, missing)
        }
      }
    } catch {
      throw LMDBError(.truncated, during: .open)
    }
    guard missing == 0 else { throw LMDBError(.truncated, during: .open) }
  }

  // MARK: All pages

  /// Checks every page of every tree: that it is there, is used once, and is
  /// built as LMDB builds pages, that every key is where a search looks for it,
  /// that each tree has as many pages and entries as it says, and that no free
  /// page is in use.
  ///
  /// Reads the whole file, which must not be written meanwhile. What the values
  /// hold is not looked at.
  ///
  /// - Throws: ``LMDBError`` as ``checkMeta()`` does.
  package func checkPages() throws(LMDBError) {
    let meta = try currentMeta()
    let pageCount = UInt64(try file.byteCount() / meta.pageSizeBytes)
    var walk = PageWalk(pageSizeBytes: meta.pageSizeBytes, pageCount: pageCount)
    var freePages: Set<UInt64> = []
    try walk.visit(meta.freeList, in: file) { entry throws(LMDBError) in
      try EnvironmentFile.read(entry, of: meta, into: &freePages)
    }
    var tables: [PageTree] = []
    try walk.visit(meta.main, in: file) { entry throws(LMDBError) in
      guard entry.isTree, entry.value.count == PageTree.byteCount else {
        throw LMDBError(.corrupted, during: .open)
      }
      tables.append(PageTree(entry.value.span, at: 0, hasNumberKeys: false))
    }
    for table in tables {
      guard table.flags == 0, isPossible(table, in: meta) else { throw damaged }
      try walk.visit(table, in: file) { entry throws(LMDBError) in
        if entry.isTree { throw LMDBError(.corrupted, during: .open) }
      }
    }
    if freePages.contains(where: walk.isInUse) { throw damaged }
  }

  /// Adds the pages that an entry of the free list names.
  ///
  /// Layout: the transaction that freed them is the key; the value is their
  /// number and the pages, descending, in 8 bytes each. What follows is room.
  private static func read(
    _ entry: PageWalk.Entry, of meta: Meta, into freePages: inout Set<UInt64>
  ) throws(LMDBError) {
    let damaged = LMDBError(.corrupted, during: .open)
    guard entry.isTree == false, entry.key.count == 8, entry.value.count >= 8,
      entry.key.span.number(at: 0, byteCount: 8) <= meta.transaction
    else { throw damaged }
    let value = entry.value.span
    let count = value.number(at: 0, byteCount: 8)
    guard count <= UInt64(value.count / 8 - 1) else { throw damaged }
    var last = meta.lastPage + 1
    for index in 0..<Int(count) {
      let page = value.number(at: 8 + 8 * index, byteCount: 8)
      guard page >= 2, page < last, freePages.insert(page).inserted else { throw damaged }
      last = page
    }
  }
}
