/// Finds slots by a hash; the caller compares what the slots hold.
///
/// Open addressing with linear probing, at most three quarters full. The
/// entries are plain pairs of numbers: eight bytes for a slot.
struct SlotTable: Sendable {
  private struct Entry {
    var hash: UInt32
    /// The slot plus one; 0 in an empty entry.
    var mark: UInt32
  }

  private var entries = [Entry](repeating: Entry(hash: 0, mark: 0), count: 16)
  private(set) var count = 0

  /// The slot with this hash for which `isMatch` holds, or nil.
  func slot(hash: UInt64, where isMatch: (Int) -> Bool) -> Int? {
    let short = UInt32(truncatingIfNeeded: hash)
    let mask = entries.count - 1
    var index = Int(short) & mask
    while entries[index].mark != 0 {
      let entry = entries[index]
      if entry.hash == short, isMatch(Int(entry.mark - 1)) { return Int(entry.mark - 1) }
      index = (index + 1) & mask
    }
    return nil
  }

  /// Adds a slot that is not in the table.
  mutating func insert(hash: UInt64, slot: Int) {
    if (count + 1) * 4 > entries.count * 3 { grow() }
    place(Entry(hash: UInt32(truncatingIfNeeded: hash), mark: UInt32(slot) + 1))
    count += 1
  }

  /// Removes a slot that was added with this hash.
  mutating func remove(hash: UInt64, slot: Int) {
    let mask = entries.count - 1
    var hole = Int(UInt32(truncatingIfNeeded: hash)) & mask
    while entries[hole].mark != UInt32(slot) + 1 {
      precondition(entries[hole].mark != 0, "a slot was removed that is not in the table")
      hole = (hole + 1) & mask
    }
    // Entries that were pushed past the hole move back into it.
    var index = (hole + 1) & mask
    while entries[index].mark != 0 {
      let home = Int(entries[index].hash) & mask
      if (index - home) & mask >= (index - hole) & mask {
        entries[hole] = entries[index]
        hole = index
      }
      index = (index + 1) & mask
    }
    entries[hole] = Entry(hash: 0, mark: 0)
    count -= 1
  }

  private mutating func grow() {
    let old = entries
    entries = [Entry](repeating: Entry(hash: 0, mark: 0), count: old.count * 2)
    for entry in old where entry.mark != 0 { place(entry) }
  }

  private mutating func place(_ entry: Entry) {
    let mask = entries.count - 1
    var index = Int(entry.hash) & mask
    while entries[index].mark != 0 { index = (index + 1) & mask }
    entries[index] = entry
  }
}
