import Numbers
package import SeriesModel

/// Writes and reads histograms, each relative to the one before.
///
/// Layout of one histogram, in chunks without the sum, which stands among the
/// values there:
///
///     sum                                                       8 bytes
///
///     flags: 1 another layout than before, 2 other buckets,     1 byte
///            4 raw counts, 8 and 16 the hint
///     layout: schema                                            zigzag LEB128
///             zero threshold                                    8 bytes
///             number of custom bounds                           LEB128
///             the custom bounds                                 8 bytes each
///     buckets: the indices of the positive ones, of the negative ones, each:
///       number of runs of consecutive indices                   LEB128
///       for each run:
///         index (the first run), or the indices left out        zigzag, LEB128
///         length                                                LEB128
///     one bit for each count, low bits first: 1 where it        ceil(n / 8) bytes
///     differs from before
///     for each count that differs:
///       count - before                                          zigzag LEB128
///       raw: its bits XOR those before                          8 bytes
///
/// The counts are that of all observations, that of the zero bucket, those of
/// the positive and those of the negative buckets. What was before is the count
/// of the same bucket in the histogram before, or 0; where counts are not raw and
/// the one before is no integer, it counts as 0. Counts are raw unless all are
/// integers below 2^53. Before the first histogram stands an empty one of schema
/// 0. Fixed bytes have the most significant one first.
package struct HistogramCoding: Sendable {
  private struct Flags: OptionSet {
    let rawValue: UInt8

    static let newLayout = Flags(rawValue: 1)
    static let newBuckets = Flags(rawValue: 2)
    static let rawCounts = Flags(rawValue: 4)
    static let hintShift: UInt8 = 3
    static let largest: UInt8 = 31
  }

  // The histogram before.
  private var schema = 0
  private var zeroThreshold = 0.0
  private var customBounds: [Double] = []
  private var positiveIndices: [Int32] = []
  private var negativeIndices: [Int32] = []
  private var counts: [Double] = [0, 0]

  /// Begins before the first histogram.
  package init() {}

  // MARK: Writing

  /// Appends a histogram with its sum.
  package mutating func appendWithSum(_ histogram: NativeHistogram, to bytes: inout [UInt8]) {
    bytes.appendWord(histogram.sum.bitPattern)
    append(histogram, to: &bytes)
  }

  /// Appends a histogram without its sum, as what it differs in from the one
  /// before.
  mutating func append(_ histogram: NativeHistogram, to bytes: inout [UInt8]) {
    let isNewLayout =
      schema != histogram.schema
      || zeroThreshold.bitPattern != histogram.zeroThreshold.bitPattern
      || customBounds.map(\.bitPattern) != histogram.customBounds.map(\.bitPattern)
    let hasNewBuckets =
      positiveIndices != histogram.positiveBuckets.indices
      || negativeIndices != histogram.negativeBuckets.indices
    let added =
      [histogram.count, histogram.zeroCount] + histogram.positiveBuckets.counts
      + histogram.negativeBuckets.counts
    let areRaw = added.allSatisfy { HistogramCoding.integer($0) != nil } == false
    var flags = Flags(rawValue: histogram.counterResetHint.rawValue << Flags.hintShift)
    if isNewLayout { flags.insert(.newLayout) }
    if hasNewBuckets { flags.insert(.newBuckets) }
    if areRaw { flags.insert(.rawCounts) }
    bytes.append(flags.rawValue)
    if isNewLayout {
      schema = histogram.schema
      zeroThreshold = histogram.zeroThreshold
      customBounds = histogram.customBounds
      appendLayout(to: &bytes)
    }
    if hasNewBuckets {
      HistogramCoding.append(histogram.positiveBuckets.indices, to: &bytes)
      HistogramCoding.append(histogram.negativeBuckets.indices, to: &bytes)
      moveCounts(
        toPositive: histogram.positiveBuckets.indices,
        negative: histogram.negativeBuckets.indices)
    }
    appendCounts(added, areRaw: areRaw, to: &bytes)
    counts = added
  }

  private func appendLayout(to bytes: inout [UInt8]) {
    bytes.appendZigZag(Int64(schema))
    bytes.appendWord(zeroThreshold.bitPattern)
    bytes.appendVarint(UInt64(customBounds.count))
    for bound in customBounds { bytes.appendWord(bound.bitPattern) }
  }

  private static func append(_ indices: [Int32], to bytes: inout [UInt8]) {
    var runs: [Range<Int>] = []
    var start = 0
    for place in indices.indices
    where place + 1 == indices.count || Int(indices[place + 1]) != Int(indices[place]) + 1 {
      runs.append(start..<place + 1)
      start = place + 1
    }
    bytes.appendVarint(UInt64(runs.count))
    for (number, run) in runs.enumerated() {
      let first = Int64(indices[run.lowerBound])
      if number == 0 {
        bytes.appendZigZag(first)
      } else {
        bytes.appendVarint(UInt64(first - Int64(indices[run.lowerBound - 1]) - 1))
      }
      bytes.appendVarint(UInt64(run.count))
    }
  }

  private func appendCounts(_ added: [Double], areRaw: Bool, to bytes: inout [UInt8]) {
    let differences = zip(added, counts).map { count, before in
      areRaw
        ? count.bitPattern ^ before.bitPattern
        : UInt64(
          bitPattern: (HistogramCoding.integer(count) ?? 0)
            - (HistogramCoding.integer(before) ?? 0))
    }
    bytes.appendBits(differences.lazy.map { $0 != 0 })
    for difference in differences where difference != 0 {
      if areRaw {
        bytes.appendWord(difference)
      } else {
        bytes.appendZigZag(Int64(bitPattern: difference))
      }
    }
  }

  /// The count as an integer below 2^53 that gives the same bits, or nil.
  private static func integer(_ count: Double) -> Int64? {
    guard count.magnitude < 0x1p53, count.rounded(.towardZero) == count,
      count != 0 || count.sign == .plus
    else { return nil }
    return Int64(count)
  }

  /// Makes ``counts`` those of other buckets: 0 where there was none.
  private mutating func moveCounts(toPositive positive: [Int32], negative: [Int32]) {
    var moved = Array(counts[..<2])
    moved.reserveCapacity(2 + positive.count + negative.count)
    var place = 2
    for (indices, before) in [(positive, positiveIndices), (negative, negativeIndices)] {
      var old = 0
      for index in indices {
        while old < before.count, before[old] < index { old += 1 }
        let isKept = old < before.count && before[old] == index
        moved.append(isKept ? counts[place + old] : 0)
      }
      place += before.count
    }
    counts = moved
    positiveIndices = positive
    negativeIndices = negative
  }

  // MARK: Reading

  /// Reads what ``appendWithSum(_:to:)`` wrote at `offset`, and moves `offset`
  /// past it; safe on any bytes.
  package mutating func nextWithSum(
    in bytes: Span<UInt8>, at offset: inout Int
  ) throws(ChunkError) -> NativeHistogram {
    var reader = ChunkReader(bytes.extracting(offset...))
    let sum = Double(bitPattern: try reader.word())
    let histogram = try next(from: &reader, sum: sum)
    offset += reader.offset
    return histogram
  }

  /// Reads the next histogram, whatever the bytes are.
  mutating func next(
    from reader: inout ChunkReader, sum: Double
  ) throws(ChunkError) -> NativeHistogram {
    let byte = try reader.byte()
    let flags = Flags(rawValue: byte)
    guard byte <= Flags.largest,
      let hint = NativeHistogram.CounterResetHint(rawValue: byte >> Flags.hintShift)
    else { throw .contradictory }
    if flags.contains(.newLayout) { try readLayout(from: &reader) }
    if flags.contains(.newBuckets) {
      // Each bucket has a bit at least.
      let positive = try HistogramCoding.indices(from: &reader)
      let negative = try HistogramCoding.indices(from: &reader)
      moveCounts(toPositive: positive, negative: negative)
    }
    try readCounts(from: &reader, areRaw: flags.contains(.rawCounts))
    let split = 2 + positiveIndices.count
    return NativeHistogram(
      schema: schema, counterResetHint: hint, zeroThreshold: zeroThreshold,
      zeroCount: counts[1], count: counts[0], sum: sum,
      positiveBuckets: HistogramBuckets(
        checkedIndices: positiveIndices, counts: Array(counts[2..<split])),
      negativeBuckets: HistogramBuckets(
        checkedIndices: negativeIndices, counts: Array(counts[split...])),
      customBounds: customBounds)
  }

  /// Reads schema, zero threshold and bounds.
  private mutating func readLayout(from reader: inout ChunkReader) throws(ChunkError) {
    schema = Int(try reader.zigZag())
    zeroThreshold = Double(bitPattern: try reader.word())
    let boundCount = try reader.varint()
    guard boundCount <= UInt64(reader.remainingCount / 8) else { throw .truncated }
    customBounds.removeAll()
    customBounds.reserveCapacity(Int(boundCount))
    for _ in 0..<boundCount { customBounds.append(Double(bitPattern: try reader.word())) }
  }

  /// Reads the indices of one side's buckets, which are written as runs.
  private static func indices(from reader: inout ChunkReader) throws(ChunkError) -> [Int32] {
    let runCount = try reader.varint()
    // A run takes two bytes at least.
    guard runCount <= UInt64(reader.remainingCount / 2) else { throw .truncated }
    // The bits of the counts follow.
    let limit = 8 * UInt64(reader.remainingCount)
    var indices: [Int32] = []
    var next: Int64 = 0
    for number in 0..<runCount {
      let gap = number == 0 ? try reader.zigZag() : Int64(bitPattern: try reader.varint())
      let length = try reader.varint()
      guard length > 0, length <= limit - UInt64(indices.count),
        number == 0 || gap > 0,
        let first = Int32(exactly: next.addingReportingOverflow(gap).partialValue),
        let last = Int32(exactly: Int64(first) + Int64(length) - 1)
      else { throw .contradictory }
      indices.append(contentsOf: first...last)
      next = Int64(last) + 1
    }
    return indices
  }

  private mutating func readCounts(
    from reader: inout ChunkReader, areRaw: Bool
  ) throws(ChunkError) {
    let differ = try reader.bits(count: counts.count)
    for (index, differs) in differ.enumerated() {
      if areRaw {
        guard differs else { continue }
        counts[index] = Double(bitPattern: counts[index].bitPattern ^ (try reader.word()))
      } else {
        let before = HistogramCoding.integer(counts[index]) ?? 0
        let (count, isOverflow) = before.addingReportingOverflow(
          differs ? try reader.zigZag() : 0)
        guard isOverflow == false, count.magnitude < 1 << 53 else { throw .contradictory }
        counts[index] = Double(count)
      }
    }
    // Buckets without observations are not there.
    guard counts[2...].contains(0) == false else { throw .contradictory }
  }
}

extension [UInt8] {
  mutating func appendVarint(_ number: UInt64) { Varint.append(number, to: &self) }

  mutating func appendZigZag(_ number: Int64) { Varint.appendZigZag(number, to: &self) }

  /// Appends 8 bytes, the most significant one first.
  mutating func appendWord(_ word: UInt64) {
    for shift in stride(from: UInt64(56), through: 0, by: -8) {
      append(UInt8(truncatingIfNeeded: word >> shift))
    }
  }
}
