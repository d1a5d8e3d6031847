import Numbers
import SeriesModel
import Synchronization

/// Finds series by the bytes in which senders write their labels.
///
/// A sender writes the labels of a series in the same bytes in each request.
/// Hashing them takes a tenth of the time of reading the labels and asking the
/// store. Used by any number of threads.
///
/// The bytes are not kept: their hash of 128 bits stands for them. Chance makes
/// two of *n* label sets collide with odds of *n*^2 in 2^129, at ten million
/// series one in 10^24. Nobody outside knows the seed, so that nobody can look
/// for labels that collide; and who finds some all the same puts samples into
/// a series that they may write to anyway.
///
/// A sender writes its series in about the same order each time, in which they
/// came here first: where the one before was found, the next one stands, and
/// only where that is wrong is the whole table asked.
final class SeriesCache: Sendable {
  /// All is forgotten beyond this many series.
  private let maximumCount: Int
  private let seed = UInt64.random(in: .min ... .max)
  /// Guards the table. No other lock is taken while it is held.
  private let table = Mutex(KnownSeries())

  /// Where a request stands in the order of the series.
  struct Position {
    fileprivate var next = 0
  }

  /// Creates an empty cache.
  init(maximumCount: Int = 4 << 20) {
    self.maximumCount = maximumCount
  }

  /// The series whose labels were written as `bytes`, or nil.
  ///
  /// - Parameter position: Where the request stands; moved on.
  func seriesID(for bytes: Span<UInt8>, at position: inout Position) -> SeriesID? {
    let key = key(of: bytes)
    let expected = position.next
    let found = table.withLock { $0.find(key, expectedAt: expected) }
    guard let found else { return nil }
    position.next = found.place + 1
    return found.id
  }

  /// Remembers that `bytes` are the labels of a series.
  func insert(_ seriesID: SeriesID, for bytes: Span<UInt8>) {
    let key = key(of: bytes)
    table.withLock { table in
      guard table.find(key, expectedAt: table.count) == nil else { return }
      if table.count >= maximumCount { table = KnownSeries() }
      table.insert(seriesID, for: key)
    }
  }

  /// Forgets everything, since the store has dropped some series.
  func removeAll() {
    table.withLock { $0 = KnownSeries() }
  }

  private func key(of bytes: Span<UInt8>) -> CacheKey {
    // Safety: bytes have no padding.
    let hash = hash128(unsafe bytes.bytes, seed: seed)
    return CacheKey(low: hash.low, high: hash.high)
  }
}

/// What stands for the bytes of labels.
private struct CacheKey: Equatable {
  var low: UInt64
  var high: UInt64
}

/// Series in the order in which they came, and an open-addressing hash table of
/// their places with linear probing, at most four fifths full.
private struct KnownSeries {
  private struct Entry {
    var key: CacheKey
    var id: SeriesID
  }

  private static let pageShift = 10

  /// Pages, so that growing copies nothing.
  private var pages: [[Entry]] = []
  /// The places of entries, plus one; or 0.
  private var marks: [UInt32] = []
  private(set) var count = 0

  /// Looks for a key first where it is expected.
  func find(_ key: CacheKey, expectedAt expected: Int) -> (place: Int, id: SeriesID)? {
    if expected < count {
      let entry = entry(at: expected)
      if entry.key == key { return (expected, entry.id) }
    }
    guard marks.isEmpty == false else { return nil }
    var index = home(of: key)
    while marks[index] != 0 {
      let place = Int(marks[index]) - 1
      let entry = entry(at: place)
      if entry.key == key { return (place, entry.id) }
      index = index + 1 == marks.count ? 0 : index + 1
    }
    return nil
  }

  /// Adds a key that is not there.
  mutating func insert(_ id: SeriesID, for key: CacheKey) {
    if 5 * (count + 1) > 4 * marks.count { grow() }
    if count >> KnownSeries.pageShift == pages.count {
      var page: [Entry] = []
      page.reserveCapacity(1 << KnownSeries.pageShift)
      pages.append(page)
    }
    pages[pages.count - 1].append(Entry(key: key, id: id))
    count += 1
    mark(count - 1)
  }

  private func entry(at place: Int) -> Entry {
    pages[place >> KnownSeries.pageShift][place & (1 << KnownSeries.pageShift - 1)]
  }

  /// By half, not to twice the size: the places are not a power of two.
  private mutating func grow() {
    marks = Array(repeating: 0, count: max(16, marks.count * 3 / 2))
    for place in 0..<count { mark(place) }
  }

  private mutating func mark(_ place: Int) {
    var index = home(of: entry(at: place).key)
    while marks[index] != 0 { index = index + 1 == marks.count ? 0 : index + 1 }
    marks[index] = UInt32(place + 1)
  }

  /// Where the mark of a key stands unless another has the place: its share of
  /// the table.
  private func home(of key: CacheKey) -> Int {
    Int(key.low.multipliedFullWidth(by: UInt64(marks.count)).high)
  }
}
