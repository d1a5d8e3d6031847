import Numbers
import SeriesModel

/// The series in memory, each in a slot.
///
/// A slot is a small number under which every array of the head keeps one
/// property of the series. It is used again once its series was removed.
struct SeriesSlots: Sendable {
  /// What is true of a series.
  struct Flags: OptionSet, Sendable {
    let rawValue: UInt8

    /// The journal or the tables hold its labels.
    static let isRecorded = Flags(rawValue: 1)
    /// It has a sample, and queries find it.
    static let isVisible = Flags(rawValue: 2)
    /// The tables hold its labels.
    static let isInTables = Flags(rawValue: 4)
    /// The slot holds a series at all.
    static let isUsed = Flags(rawValue: 8)
    /// It was asked for or appended to since the last sweep.
    static let isRecent = Flags(rawValue: 16)
    /// The tables or a buffer may have later samples of it than ``Head/open``.
    static let mayHaveLater = Flags(rawValue: 32)
    /// ``Head/newestRich`` has a time of it.
    static let hasRich = Flags(rawValue: 64)
  }

  private(set) var ids: [SeriesID] = []
  private var labelRuns: [LabelPool.Run] = []
  var flags: [Flags] = []
  private(set) var index: HeadIndex
  private var slotsByLabels = SlotTable()
  private var slotsByID = SlotTable()
  private var freeSlots: [Int] = []
  private let hashSeed: UInt64

  init(hashSeed: UInt64) {
    self.hashSeed = hashSeed
    index = HeadIndex(hashSeed: hashSeed)
  }

  /// One more than the highest slot ever used.
  var capacity: Int { ids.count }

  /// The number of series.
  var count: Int { slotsByID.count }

  func slot(of labels: Labels) -> Int? {
    slotsByLabels.slot(hash: hash(labels)) { index.pool.has(labels, at: labelRuns[$0]) }
  }

  /// The labels of the series in a slot, made anew by each call.
  func labels(at slot: Int) -> Labels { index.pool.labels(of: labelRuns[slot]) }

  func slot(of id: SeriesID) -> Int? {
    slotsByID.slot(hash: SeriesSlots.hash(id)) { ids[$0] == id }
  }

  /// Adds a series that has no slot yet; queries don't find it.
  mutating func insert(_ id: SeriesID, labels: Labels, flags: Flags) -> Int {
    let flags = flags.union([.isUsed, .isRecent])
    let run = index.keep(labels)
    let slot: Int
    if let free = freeSlots.popLast() {
      slot = free
      ids[slot] = id
      labelRuns[slot] = run
      self.flags[slot] = flags
    } else {
      slot = ids.count
      ids.append(id)
      labelRuns.append(run)
      self.flags.append(flags)
    }
    slotsByLabels.insert(hash: hash(labels), slot: slot)
    slotsByID.insert(hash: SeriesSlots.hash(id), slot: slot)
    return slot
  }

  /// Lets queries find a series.
  mutating func makeVisible(_ slot: Int) {
    guard flags[slot].contains(.isVisible) == false else { return }
    flags[slot].insert([.isVisible, .isRecorded])
    index.list(ids[slot], under: labelRuns[slot])
  }

  /// Sorts the values of a label in the index, for the queries that follow.
  mutating func sortLabelValues(of name: String) { index.sortValues(of: name) }

  /// Forgets series; their slots are used again.
  mutating func remove(_ slots: [Int]) {
    for slot in slots {
      slotsByLabels.remove(hash: hash(labels(at: slot)), slot: slot)
      slotsByID.remove(hash: SeriesSlots.hash(ids[slot]), slot: slot)
    }
    index.remove(
      slots.map { slot in
        HeadIndex.Removal(
          id: ids[slot], labels: labelRuns[slot], isListed: flags[slot].contains(.isVisible))
      })
    for slot in slots { flags[slot] = [] }
    freeSlots.append(contentsOf: slots)
  }

  private func hash(_ labels: Labels) -> UInt64 {
    // Safety: bytes have no padding.
    unsafe hash64(labels.encodedBytes.span.bytes, seed: hashSeed)
  }

  /// Ids are chosen here and rise one by one; a multiplication spreads them.
  private static func hash(_ id: SeriesID) -> UInt64 {
    id.rawValue &* 0x9E37_79B9_7F4A_7C15 >> 32
  }
}
