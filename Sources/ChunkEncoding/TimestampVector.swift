import Numbers

/// The timestamps of a chunk, written once for all chunks that have the same.
///
/// Beside its bytes, a reader must know the number of timestamps, and the
/// first and the last one. Layout, nothing for a single timestamp:
///
///     shape                                 1 byte: 0 grid, 1 steps
///     grid:  interval in milliseconds       LEB128
///            timestamp - its place on the grid, from the second on, packed
///     steps: timestamp - the one before, from the second on, packed
///
/// Packed is the layout of ``IntegerPacker``. The grid begins at the first
/// timestamp. It suits scrapes, which miss their schedule by little and never
/// add up what they missed; steps suit gaps, which are exceptions there.
enum TimestampVector {
  fileprivate enum Shape: UInt8 {
    case grid = 0
    case steps = 1
  }

  /// Stores the timestamps as the elements of `output` from `start` on.
  ///
  /// - Throws: ``ChunkError`` when the bytes are no such vector, or the
  ///   timestamps do not rise strictly from `first` to `last`.
  static func decode(
    _ bytes: Span<UInt8>, count: Int, first: Int64, last: Int64,
    into output: inout MutableSpan<Int64>, from start: Int
  ) throws(ChunkError) {
    output[start] = first
    var reader = ChunkReader(bytes)
    if count > 1 {
      let shape = Shape(rawValue: try reader.byte())
      guard let shape else { throw .contradictory }
      let interval = shape == .grid ? Int64(bitPattern: try reader.varint()) : 0
      let packed = try PackedIntegers(count: count - 1, from: &reader)
      if packed.single == 0, shape == .grid,
        fillGrid(of: interval, through: last, &output, start: start, count: count)
      {
        return try reader.expectEnd()
      }
      try packed.unpack(0..<count - 1, into: &output, from: start + 1)
      switch shape {
      case .grid: placeOnGrid(of: interval, &output, start: start, count: count)
      case .steps: addUpSteps(&output, start: start, count: count)
      }
    }
    try reader.expectEnd()
    guard isRising(output, start: start, count: count), output[start + count - 1] == last else {
      throw .contradictory
    }
  }

  /// Writes timestamps that are all on the grid; false and nothing when they
  /// would not rise to `last`.
  private static func fillGrid(
    of interval: Int64, through last: Int64, _ output: inout MutableSpan<Int64>, start: Int,
    count: Int
  ) -> Bool {
    precondition(start >= 0 && start + count <= output.count)
    let first = output[start]
    let (span, isOverflow) = interval.multipliedReportingOverflow(by: Int64(count - 1))
    let (end, isBeyond) = first.addingReportingOverflow(span)
    guard interval > 0, isOverflow == false, isBeyond == false, end == last else { return false }
    var timestamp = first
    for index in start + 1..<start + count {
      // &+: every timestamp is at most `last`.
      timestamp &+= interval
      // Safety: the precondition above.
      unsafe output[unchecked: index] = timestamp
    }
    return true
  }

  /// Makes timestamps of residuals.
  private static func placeOnGrid(
    of interval: Int64, _ output: inout MutableSpan<Int64>, start: Int, count: Int
  ) {
    precondition(start >= 0 && start + count <= output.count)
    var place = output[start]
    for index in start + 1..<start + count {
      // &+: timestamps wrap around as they were written.
      place &+= interval
      // Safety: the precondition above.
      unsafe output[unchecked: index] &+= place
    }
  }

  /// Makes timestamps of steps.
  private static func addUpSteps(
    _ output: inout MutableSpan<Int64>, start: Int, count: Int
  ) {
    precondition(start >= 0 && start + count <= output.count)
    var timestamp = output[start]
    for index in start + 1..<start + count {
      // Safety: the precondition above.
      timestamp = unsafe timestamp &+ output[unchecked: index]
      unsafe output[unchecked: index] = timestamp
    }
  }

  private static func isRising(
    _ output: borrowing MutableSpan<Int64>, start: Int, count: Int
  ) -> Bool {
    precondition(start >= 0 && start + count <= output.count)
    // Counted rather than tested one by one: no branch in the loop.
    var descentCount = 0
    var previous = output[start]
    for index in start + 1..<start + count {
      // Safety: the precondition above.
      let timestamp = unsafe output[unchecked: index]
      descentCount &+= timestamp > previous ? 0 : 1
      previous = timestamp
    }
    return descentCount == 0
  }
}

/// Writes timestamps in the layout of ``TimestampVector``.
///
/// It remembers the last vector: the series of one scrape have the same.
struct TimestampVectorEncoder: Sendable {
  private var packer = IntegerPacker()
  private var residuals: [Int64] = []
  private var alternative: [UInt8] = []
  private var lastTimestamps: [Int64] = []
  private var lastVector: [UInt8] = []

  /// The vector of timestamps that rise strictly.
  mutating func vector(of timestamps: ArraySlice<Int64>) -> [UInt8] {
    if timestamps == lastTimestamps[...] { return lastVector }
    lastTimestamps.removeAll(keepingCapacity: true)
    lastTimestamps.append(contentsOf: timestamps)
    lastVector = makeVector(of: timestamps)
    return lastVector
  }

  private mutating func makeVector(of timestamps: ArraySlice<Int64>) -> [UInt8] {
    guard timestamps.count > 1, let first = timestamps.first, let last = timestamps.last else {
      return []
    }
    let steps = Int64(timestamps.count - 1)
    // &-: differences wrap around and are undone by the decoder.
    let span = UInt64(bitPattern: last &- first)
    let interval = Int64(bitPattern: (span &+ UInt64(steps) / 2) / UInt64(steps))
    residuals.removeAll(keepingCapacity: true)
    var place = first
    for timestamp in timestamps.dropFirst() {
      place &+= interval
      residuals.append(timestamp &- place)
    }
    var bytes = [TimestampVector.Shape.grid.rawValue]
    Varint.append(UInt64(bitPattern: interval), to: &bytes)
    packer.append(residuals, to: &bytes)
    // On the grid without exceptions nothing is shorter.
    guard bytes.count > 10 else { return bytes }
    alternative.removeAll(keepingCapacity: true)
    alternative.append(TimestampVector.Shape.steps.rawValue)
    residuals.removeAll(keepingCapacity: true)
    for (timestamp, next) in zip(timestamps, timestamps.dropFirst()) {
      residuals.append(next &- timestamp)
    }
    packer.append(residuals, to: &alternative)
    return alternative.count < bytes.count ? alternative : bytes
  }
}
