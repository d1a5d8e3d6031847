import SeriesModel

/// The exemplars of all series in the order in which they came; the oldest go
/// when there are more than the capacity.
///
/// Each has a number, which rises by one and is never used again.
///
/// Shape: one element of each array for each exemplar, with the labels one
/// behind the other in one array of bytes. What was dropped stays in front of
/// the arrays until it is as much as what is kept.
struct ExemplarQueue: Sendable {
  /// The exemplars that are kept at most.
  let capacity: Int
  /// The number of the oldest one.
  private(set) var firstNumber: UInt64 = 0
  /// The first number that the tables don't have.
  var unsealedNumber: UInt64 = 0

  private var seriesIDs: [SeriesID] = []
  private var timestamps: [Int64] = []
  private var values: [Double] = []
  /// Where the labels end in ``labelBytes``, were nothing ever dropped.
  private var labelEnds: [Int] = []
  /// The distance to the exemplar of the same series that came before, or 0.
  private var distances: [Int32] = []
  private var labelBytes: [UInt8] = []
  private var droppedLabelByteCount = 0
  /// The elements in front that were dropped.
  private var droppedCount = 0
  private var lastNumbers: [SeriesID: UInt64] = [:]

  init(capacity: Int) {
    // Distances are 32 bits wide.
    self.capacity = min(max(capacity, 0), Int(Int32.max) / 4)
  }

  /// The number that the next exemplar gets.
  var endNumber: UInt64 { firstNumber + UInt64(count) }

  /// The number of exemplars.
  var count: Int { seriesIDs.count - droppedCount }

  /// The number of series that have any.
  var seriesCount: Int { lastNumbers.count }

  /// The series that have any, in no order.
  var series: some Collection<SeriesID> { lastNumbers.keys }

  /// The time of the one that came last, or nil.
  var lastTimestamp: Int64? { count == 0 ? nil : timestamps.last }

  // MARK: Reading

  private func index(of number: UInt64) -> Int { Int(number - firstNumber) + droppedCount }

  private func exemplar(at index: Int) -> Exemplar {
    let start = (index == 0 ? droppedLabelByteCount : labelEnds[index - 1]) - droppedLabelByteCount
    let bytes = Array(labelBytes[start..<labelEnds[index] - droppedLabelByteCount])
    return Exemplar(
      labels: Labels(trustedEncodedBytes: bytes), value: values[index],
      timestamp: Timestamp(milliseconds: timestamps[index]))
  }

  /// The newest exemplar of a series, or nil.
  func last(of id: SeriesID) -> Exemplar? {
    lastNumbers[id].map { exemplar(at: index(of: $0)) }
  }

  /// The exemplars of a series in a closed range of time, ascending.
  func exemplars(of id: SeriesID, in range: ClosedRange<Int64>) -> [Exemplar] {
    guard let last = lastNumbers[id] else { return [] }
    var found: [Exemplar] = []
    var index = index(of: last)
    while true {
      if timestamps[index] < range.lowerBound { break }
      if timestamps[index] <= range.upperBound { found.append(exemplar(at: index)) }
      let distance = Int(distances[index])
      if distance == 0 || index - distance < droppedCount { break }
      index -= distance
    }
    return found.reversed()
  }

  /// Calls `body` with each exemplar from `number` on.
  func forEach(from number: UInt64, _ body: (UInt64, BatchExemplar) -> Void) {
    var number = max(number, firstNumber)
    while number < endNumber {
      let index = index(of: number)
      body(number, BatchExemplar(seriesID: seriesIDs[index], exemplar: exemplar(at: index)))
      number += 1
    }
  }

  // MARK: Changing

  /// Adds an exemplar that is not before the newest of its series.
  mutating func append(_ entry: BatchExemplar) {
    guard capacity > 0 else {
      firstNumber += 1
      return
    }
    if count == capacity { dropFirst() }
    let number = endNumber
    let distance = lastNumbers[entry.seriesID].map { number - $0 } ?? 0
    lastNumbers[entry.seriesID] = number
    seriesIDs.append(entry.seriesID)
    timestamps.append(entry.exemplar.timestamp.milliseconds)
    values.append(entry.exemplar.value)
    labelBytes += entry.exemplar.labels.encodedBytes
    labelEnds.append(droppedLabelByteCount + labelBytes.count)
    distances.append(Int32(distance))
  }

  /// Numbers what follows from `number` on; only for an empty queue.
  mutating func start(at number: UInt64) {
    precondition(count == 0, "exemplars keep their numbers")
    firstNumber = number
  }

  /// Drops what is older than `timestamp`, as far as nothing younger came
  /// before it.
  mutating func drop(before timestamp: Int64) {
    while count > 0, timestamps[droppedCount] < timestamp { dropFirst() }
  }

  private mutating func dropFirst() {
    let id = seriesIDs[droppedCount]
    if lastNumbers[id] == firstNumber { lastNumbers[id] = nil }
    firstNumber += 1
    droppedCount += 1
    if droppedCount >= 1024, droppedCount > count { removeDropped() }
  }

  private mutating func removeDropped() {
    let labelEnd = labelEnds[droppedCount - 1]
    labelBytes.removeSubrange(..<(labelEnd - droppedLabelByteCount))
    droppedLabelByteCount = labelEnd
    seriesIDs.removeSubrange(..<droppedCount)
    timestamps.removeSubrange(..<droppedCount)
    values.removeSubrange(..<droppedCount)
    labelEnds.removeSubrange(..<droppedCount)
    distances.removeSubrange(..<droppedCount)
    droppedCount = 0
  }
}
