/// Many short runs of elements on pages, without an allocation for each.
///
/// A piece that was given back serves the next one of its size, in units.
struct PieceArena<Element: BitwiseCopyable & Sendable>: Sendable {
  /// The place of a piece: its page and its first unit there.
  struct Place: Sendable, BitwiseCopyable {
    fileprivate static var unitBits: UInt32 { 12 }
    fileprivate var bits: UInt32

    fileprivate init(page: Int, unit: Int) {
      precondition(page < 1 << 20, "an arena has at most a million pages")
      bits = UInt32(page) << Place.unitBits | UInt32(unit)
    }

    fileprivate var page: Int { Int(bits >> Place.unitBits) }
    fileprivate var unit: Int { Int(bits & (1 << Place.unitBits - 1)) }
  }

  private static var pageUnitCount: Int { 1 << Place.unitBits }

  /// The elements of a unit.
  private let unitLength: Int
  private let filler: Element
  private var pages: [[Element]] = []
  /// The page that new pieces are cut from; none at first.
  private var currentPage = -1
  private var currentUnit = PieceArena.pageUnitCount
  /// Pieces that were given back, by their number of units.
  private var freePlaces: [Int: [Place]] = [:]
  private var freePages: [Int] = []

  /// Creates an empty arena.
  ///
  /// - Parameters:
  ///   - unitLength: Pieces take a multiple of this many elements.
  ///   - filler: Stands where nothing was stored.
  init(unitLength: Int, filler: Element) {
    self.unitLength = unitLength
    self.filler = filler
  }

  /// Copies `elements` to a piece of their own.
  mutating func store(_ elements: Span<Element>) -> Place {
    let place = takePlace(unitCount: unitCount(of: elements.count))
    let start = place.unit * unitLength
    for index in elements.indices { pages[place.page][start + index] = elements[index] }
    return place
  }

  /// Gives back a piece of `count` elements.
  mutating func free(_ place: Place, count: Int) {
    let unitCount = unitCount(of: count)
    guard unitCount > 0 else { return }
    if unitCount > PieceArena.pageUnitCount {
      pages[place.page] = []
      freePages.append(place.page)
    } else {
      freePlaces[unitCount, default: []].append(place)
    }
  }

  /// Calls `body` with a piece of `count` elements.
  func withPiece<Result>(
    at place: Place, count: Int, _ body: (Span<Element>) -> Result
  ) -> Result {
    guard count > 0 else { return body(Span()) }
    let start = place.unit * unitLength
    let pages = pages.span
    return body(pages[place.page].span.extracting(start..<start + count))
  }

  private func unitCount(of count: Int) -> Int { (count + unitLength - 1) / unitLength }

  private mutating func takePlace(unitCount: Int) -> Place {
    guard unitCount > 0 else { return Place(page: 0, unit: 0) }
    if unitCount > PieceArena.pageUnitCount {
      return Place(page: addPage(unitCount: unitCount), unit: 0)
    }
    if let place = freePlaces[unitCount]?.popLast() { return place }
    if currentUnit + unitCount > PieceArena.pageUnitCount {
      currentPage = addPage(unitCount: PieceArena.pageUnitCount)
      currentUnit = 0
    }
    defer { currentUnit += unitCount }
    return Place(page: currentPage, unit: currentUnit)
  }

  private mutating func addPage(unitCount: Int) -> Int {
    let page = [Element](repeating: filler, count: unitCount * unitLength)
    if let free = freePages.popLast() {
      pages[free] = page
      return free
    }
    pages.append(page)
    return pages.count - 1
  }
}
