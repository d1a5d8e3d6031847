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
final class SeriesCache: Sendable {
  /// All is forgotten beyond this many series.
  private let maximumCount: Int
  private let seed = UInt64.random(in: .min ... .max)
  /// Guards the table. No other lock is taken while it is held.
  private let table = Mutex(SegmentedTable())

  /// Creates an empty cache.
  init(maximumCount: Int = 4 << 20) {
    self.maximumCount = maximumCount
  }

  /// The series whose labels were written as `bytes`, or nil.
  func seriesID(for bytes: Span<UInt8>) -> SeriesID? {
    let key = key(of: bytes)
    return table.withLock { $0.seriesID(for: key) }
  }

  /// Remembers that `bytes` are the labels of a series.
  func insert(_ seriesID: SeriesID, for bytes: Span<UInt8>) {
    let key = key(of: bytes)
    table.withLock { table in
      guard table.seriesID(for: key) == nil else { return }
      if table.count >= maximumCount { table = SegmentedTable() }
      table.insert(seriesID, for: key)
    }
  }

  /// Forgets everything, since the store has dropped some series.
  func removeAll() {
    table.withLock { $0 = SegmentedTable() }
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

/// Hash tables that grow one by one, so that never all entries are copied at
/// once.
private struct SegmentedTable {
  private static let segmentBits = 6

  private var segments = [SegmentTable](
    repeating: SegmentTable(), count: 1 << SegmentedTable.segmentBits)
  private(set) var count = 0

  func seriesID(for key: CacheKey) -> SeriesID? { segments[segment(of: key)].seriesID(for: key) }

  /// Adds a key that is not there.
  mutating func insert(_ seriesID: SeriesID, for key: CacheKey) {
    segments[segment(of: key)].insert(seriesID, for: key)
    count += 1
  }

  private func segment(of key: CacheKey) -> Int {
    Int(key.high & (1 << SegmentedTable.segmentBits - 1))
  }
}

/// An open-addressing hash table with linear probing; at most four fifths full.
private struct SegmentTable {
  private struct Entry {
    var key = CacheKey(low: 0, high: 0)
    /// 0 in a free place, which no series has.
    var id: UInt64 = 0
  }

  private var entries: [Entry] = []
  private var usedCount = 0

  func seriesID(for key: CacheKey) -> SeriesID? {
    guard entries.isEmpty == false else { return nil }
    var place = home(of: key)
    while entries[place].id != 0 {
      if entries[place].key == key { return SeriesID(entries[place].id) }
      place = place + 1 == entries.count ? 0 : place + 1
    }
    return nil
  }

  mutating func insert(_ seriesID: SeriesID, for key: CacheKey) {
    if 5 * (usedCount + 1) > 4 * entries.count { grow() }
    place(Entry(key: key, id: seriesID.rawValue))
    usedCount += 1
  }

  /// By half, not to twice the size: the places are not a power of two.
  private mutating func grow() {
    let old = entries
    entries = Array(repeating: Entry(), count: max(16, old.count * 3 / 2))
    for entry in old where entry.id != 0 { place(entry) }
  }

  private mutating func place(_ entry: Entry) {
    var place = home(of: entry.key)
    while entries[place].id != 0 { place = place + 1 == entries.count ? 0 : place + 1 }
    entries[place] = entry
  }

  /// Where a key stands unless the place is taken: its share of the table.
  private func home(of key: CacheKey) -> Int {
    Int(key.low.multipliedFullWidth(by: UInt64(entries.count)).high)
  }
}
