/// An array on pages.
///
/// It grows without copying what it holds, and of a copy only the pages that
/// are written afterwards take memory of their own.
struct PagedArray<Element: Sendable>: Sendable {
  private static var shift: Int { 9 }
  private static var pageCount: Int { 1 << shift }

  private var pages: [[Element]] = []
  private(set) var count = 0

  mutating func append(_ element: Element) {
    if count >> PagedArray.shift == pages.count {
      var page: [Element] = []
      page.reserveCapacity(PagedArray.pageCount)
      pages.append(page)
    }
    pages[pages.count - 1].append(element)
    count += 1
  }

  /// Calls `body` with the elements of each page, and the index of the first.
  func forEachPage(_ body: (_ start: Int, _ elements: Span<Element>) -> Void) {
    for (index, page) in pages.enumerated() { body(index << PagedArray.shift, page.span) }
  }
}

extension PagedArray: RandomAccessCollection, MutableCollection {
  var startIndex: Int { 0 }
  var endIndex: Int { count }

  subscript(index: Int) -> Element {
    _read { yield pages[index >> PagedArray.shift][index & (PagedArray.pageCount - 1)] }
    _modify { yield &pages[index >> PagedArray.shift][index & (PagedArray.pageCount - 1)] }
  }
}
