import Numbers
import SeriesModel

/// The labels of the series in memory, each kept once.
///
/// A label set is a run of numbers of labels. Names and values are kept and
/// compared as bytes: strings that Unicode calls equal may be different labels.
/// A label goes with the last set that has it.
struct LabelPool: Sendable {
  /// A label set in the pool.
  struct Run: Sendable, BitwiseCopyable {
    fileprivate let place: PieceArena<UInt32>.Place
    fileprivate let count: UInt32
  }

  private struct Name: Sendable {
    var text: [UInt8]
    var labels: [UInt32]
  }

  private struct Entry: Sendable {
    var name: UInt32
    /// The number of sets with this label.
    var useCount: UInt32
    var valueByteCount: UInt32
    var value: PieceArena<UInt8>.Place
  }

  private var names: [Name] = []
  private var namesByHash = SlotTable()
  private var freeNames: [Int] = []
  private var entries = PagedArray<Entry>()
  private var entriesByHash = SlotTable()
  private var freeEntries: [UInt32] = []
  private var values = PieceArena<UInt8>(unitLength: 8, filler: 0)
  private var runs = PieceArena<UInt32>(unitLength: 1, filler: 0)
  /// The numbers of the set that is being added; kept for its memory.
  private var numbers: [UInt32] = []
  private let hashSeed: UInt64

  init(hashSeed: UInt64) {
    self.hashSeed = hashSeed
  }

  /// One more than the highest number that a label ever had.
  var capacity: Int { entries.count }

  // MARK: Label sets

  /// Adds a label set, each time anew.
  mutating func insert(_ labels: Labels) -> Run {
    numbers.removeAll(keepingCapacity: true)
    labels.forEachBytes { name, value in
      let label = labelOrNew(name: nameOrNew(name), value: value)
      entries[label].useCount += 1
      numbers.append(UInt32(label))
    }
    let set = numbers
    return Run(place: runs.store(set.span), count: UInt32(set.count))
  }

  /// Removes label sets.
  mutating func remove(_ removed: [Run]) {
    var unused: [Int] = []
    for run in removed {
      forEachLabel(of: run) { label in unused.append(label) }
      runs.free(run.place, count: Int(run.count))
    }
    for label in unused { entries[label].useCount -= 1 }
    removeUnused(unused)
  }

  /// Calls `body` with the number of each label of a set.
  func forEachLabel(of run: Run, _ body: (Int) -> Void) {
    runs.withPiece(at: run.place, count: Int(run.count)) { numbers in
      for index in numbers.indices { body(Int(numbers[index])) }
    }
  }

  /// A set as labels of its own.
  func labels(of run: Run) -> Labels {
    var byteCount = 0
    forEachLabel(of: run) { label in
      byteCount += EncodedText.byteCount(of: names[Int(entries[label].name)].text.count)
      byteCount += EncodedText.byteCount(of: Int(entries[label].valueByteCount))
    }
    var encoded = [UInt8](repeating: 0, count: byteCount)
    var bytes = encoded.mutableSpan
    var offset = 0
    forEachLabel(of: run) { label in
      let names = names.span
      EncodedText.write(names[Int(entries[label].name)].text.span, to: &bytes, at: &offset)
      withValue(of: label) { EncodedText.write($0, to: &bytes, at: &offset) }
    }
    return Labels(trustedEncodedBytes: encoded)
  }

  /// Whether a set has exactly these labels.
  func has(_ labels: Labels, at run: Run) -> Bool {
    runs.withPiece(at: run.place, count: Int(run.count)) { numbers in
      var index = 0
      var isEqual = true
      labels.forEachBytes { name, value in
        guard isEqual else { return }
        isEqual = index < numbers.count && isLabel(Int(numbers[index]), name: name, value: value)
        index += 1
      }
      return isEqual && index == numbers.count
    }
  }

  private func isLabel(_ label: Int, name: Span<UInt8>, value: Span<UInt8>) -> Bool {
    let text = names[Int(entries[label].name)].text
    return text.span.hasSameBytes(as: name)
      && withValue(of: label) { $0.hasSameBytes(as: value) }
  }

  // MARK: Labels

  /// Calls `body` with the value of a label.
  func withValue<Result>(of label: Int, _ body: (Span<UInt8>) -> Result) -> Result {
    let entry = entries[label]
    return values.withPiece(at: entry.value, count: Int(entry.valueByteCount), body)
  }

  /// The number of a label, or nil when no set has it.
  func label(name: Span<UInt8>, value: Span<UInt8>) -> Int? {
    index(ofName: name).flatMap { label(name: $0, value: value) }
  }

  /// The numbers of the labels with this name.
  func labels(named name: Span<UInt8>) -> [UInt32] {
    index(ofName: name).map { names[$0].labels } ?? []
  }

  /// Calls `body` with each name and the numbers of its labels.
  func forEachName(_ body: (_ text: [UInt8], _ labels: [UInt32]) -> Void) {
    for name in names where name.labels.isEmpty == false { body(name.text, name.labels) }
  }

  // MARK: Finding and adding

  private func hash(_ text: Span<UInt8>, seed: UInt64) -> UInt64 {
    // Safety: bytes have no padding.
    unsafe hash64(text.bytes, seed: seed)
  }

  private func hash(name: Int, value: Span<UInt8>) -> UInt64 {
    // &+: any other seed for each name will do.
    hash(value, seed: hashSeed &+ UInt64(name) &+ 1)
  }

  private func index(ofName text: Span<UInt8>) -> Int? {
    namesByHash.slot(hash: hash(text, seed: hashSeed)) { index in
      let known = names[index].text
      return known.span.hasSameBytes(as: text)
    }
  }

  private mutating func nameOrNew(_ text: Span<UInt8>) -> Int {
    if let name = index(ofName: text) { return name }
    let name = Name(text: Array(copying: text), labels: [])
    let index: Int
    if let free = freeNames.popLast() {
      index = free
      names[index] = name
    } else {
      index = names.count
      names.append(name)
    }
    namesByHash.insert(hash: hash(text, seed: hashSeed), slot: index)
    return index
  }

  private func label(name: Int, value: Span<UInt8>) -> Int? {
    entriesByHash.slot(hash: hash(name: name, value: value)) { label in
      Int(entries[label].name) == name && withValue(of: label) { $0.hasSameBytes(as: value) }
    }
  }

  private mutating func labelOrNew(name: Int, value: Span<UInt8>) -> Int {
    if let label = label(name: name, value: value) { return label }
    let entry = Entry(
      name: UInt32(name), useCount: 0, valueByteCount: UInt32(value.count),
      value: values.store(value))
    let label: Int
    if let free = freeEntries.popLast() {
      label = Int(free)
      entries[label] = entry
    } else {
      label = entries.count
      entries.append(entry)
    }
    entriesByHash.insert(hash: hash(name: name, value: value), slot: label)
    names[name].labels.append(UInt32(label))
    return label
  }

  // MARK: Removing

  /// Removes those of `labels` that no set has any more.
  private mutating func removeUnused(_ labels: [Int]) {
    var freed = Set<Int>()
    var touchedNames = Set<Int>()
    for label in labels where entries[label].useCount == 0 && freed.insert(label).inserted {
      let entry = entries[label]
      let valueHash = withValue(of: label) { hash(name: Int(entry.name), value: $0) }
      entriesByHash.remove(hash: valueHash, slot: label)
      values.free(entry.value, count: Int(entry.valueByteCount))
      touchedNames.insert(Int(entry.name))
    }
    for name in touchedNames {
      names[name].labels.removeAll { freed.contains(Int($0)) }
      guard names[name].labels.isEmpty else { continue }
      let text = names[name].text
      namesByHash.remove(hash: hash(text.span, seed: hashSeed), slot: name)
      names[name].text = []
      freeNames.append(name)
    }
    freeEntries.append(contentsOf: freed.map { UInt32($0) })
  }
}
