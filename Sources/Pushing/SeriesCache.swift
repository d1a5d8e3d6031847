import Numbers
import SeriesModel
import Synchronization

/// Finds series by the bytes in which senders write their labels.
///
/// A sender writes the labels of a series in the same bytes in each request.
/// Comparing them takes a tenth of the time of reading the labels and asking
/// the store. Used by any number of threads.
final class SeriesCache: Sendable {
  /// All is forgotten beyond this many bytes of labels.
  private let maximumByteCount: Int
  /// Makes the hashes unforeseeable, so that nobody can choose labels that
  /// collide.
  private let seed = UInt64.random(in: .min ... .max)
  /// Guards the table. No other lock is taken while it is held.
  private let table = Mutex(Table())

  /// Creates an empty cache.
  init(maximumByteCount: Int = 64 << 20) {
    self.maximumByteCount = maximumByteCount
  }

  /// The series whose labels were written as `bytes`, or nil.
  func seriesID(for bytes: Span<UInt8>) -> SeriesID? {
    let hash = hash(of: bytes)
    return table.withLock { $0.entry(for: bytes, hash: hash)?.seriesID }
  }

  /// Remembers that `bytes` are the labels of a series.
  func insert(_ seriesID: SeriesID, for bytes: Span<UInt8>) {
    let hash = hash(of: bytes)
    table.withLock { table in
      if table.byteCount + bytes.count > maximumByteCount { table = Table() }
      guard bytes.count <= maximumByteCount, table.entry(for: bytes, hash: hash) == nil
      else { return }
      table.insert(seriesID, for: bytes, hash: hash)
    }
  }

  /// Forgets everything, since the store has dropped some series.
  func removeAll() {
    table.withLock { $0 = Table() }
  }

  private func hash(of bytes: Span<UInt8>) -> UInt64 {
    // Safety: bytes have no padding.
    hash64(unsafe bytes.bytes, seed: seed)
  }
}

/// An open-addressing hash table with linear probing; at most half full.
private struct Table {
  struct Entry {
    var hash: UInt64 = 0
    /// Where the bytes stand among all.
    var start: UInt32 = 0
    var count: UInt32 = 0
    /// 0 for a free place, which no series has.
    var id: UInt64 = 0

    var seriesID: SeriesID { SeriesID(id) }
  }

  private var entries = [Entry](repeating: Entry(), count: 64)
  private var usedCount = 0
  private var bytes: [UInt8] = []

  var byteCount: Int { bytes.count }

  func entry(for key: Span<UInt8>, hash: UInt64) -> Entry? {
    let all = bytes.span
    var place = Int(truncatingIfNeeded: hash) & (entries.count - 1)
    while entries[place].id != 0 {
      let entry = entries[place]
      if entry.hash == hash, Int(entry.count) == key.count {
        let start = Int(entry.start)
        if all.extracting(start..<start + key.count).hasSameBytes(as: key) { return entry }
      }
      place = (place + 1) & (entries.count - 1)
    }
    return nil
  }

  mutating func insert(_ seriesID: SeriesID, for key: Span<UInt8>, hash: UInt64) {
    if 2 * (usedCount + 1) > entries.count { grow() }
    let entry = Entry(
      hash: hash, start: UInt32(bytes.count), count: UInt32(key.count), id: seriesID.rawValue)
    bytes.append(contentsOf: key)
    place(entry)
    usedCount += 1
  }

  private mutating func grow() {
    let old = entries
    entries = Array(repeating: Entry(), count: 2 * old.count)
    for entry in old where entry.id != 0 { place(entry) }
  }

  private mutating func place(_ entry: Entry) {
    var place = Int(truncatingIfNeeded: entry.hash) & (entries.count - 1)
    while entries[place].id != 0 { place = (place + 1) & (entries.count - 1) }
    entries[place] = entry
  }
}

extension [UInt8] {
  fileprivate mutating func append(contentsOf span: Span<UInt8>) {
    // Safety: the buffer is copied before the closure returns.
    unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
}
