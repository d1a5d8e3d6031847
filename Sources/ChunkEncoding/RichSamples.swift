internal import SeriesModel

/// Samples of which some are histograms or have a start timestamp.
///
/// Layout:
///
///     flags: 1 some samples are histograms, 2 all are,      1 byte
///            4 some samples have a start timestamp
///     class of the values: 2, 3 or 4                        1 byte
///     byte count of the values                              LEB128
///     the values; of histograms their sums
///     with some, not all: 1 bit for each sample, low bits   ceil(n / 8) bytes
///     first: 1 for a histogram
///     with start timestamps: see ``StartTimestamps``
///     for each histogram: see ``HistogramCoding``
enum RichSamples {
  fileprivate struct Flags: OptionSet {
    let rawValue: UInt8

    static let hasHistograms = Flags(rawValue: 1)
    static let hasOnlyHistograms = Flags(rawValue: 2)
    static let hasStartTimestamps = Flags(rawValue: 4)
    static let all: Flags = [.hasHistograms, .hasOnlyHistograms, .hasStartTimestamps]
  }

  /// What a chunk holds beside its timestamps and values.
  struct Decoded {
    /// Empty when there is none.
    var histograms: [NativeHistogram?] = []
    /// Empty when there is none.
    var startTimestamps: [Int64] = []
  }

  /// Whether any of the samples is more than a value.
  static func areAny(in columns: SampleColumns, at range: Range<Int>) -> Bool {
    if columns.isPlain { return false }
    return hasHistograms(columns, at: range) || hasStartTimestamps(columns, at: range)
  }

  private static func hasHistograms(_ columns: SampleColumns, at range: Range<Int>) -> Bool {
    columns.histograms.isEmpty == false && columns.histograms[range].contains { $0 != nil }
  }

  private static func hasStartTimestamps(
    _ columns: SampleColumns, at range: Range<Int>
  ) -> Bool {
    columns.startTimestamps.isEmpty == false
      && columns.startTimestamps[range].contains { $0 != 0 }
  }

  /// Appends everything but the timestamps of the samples at `range`.
  ///
  /// - Parameter encodeValues: Appends values and returns their class.
  static func append(
    _ columns: SampleColumns, at range: Range<Int>, to bytes: inout [UInt8],
    encodeValues: (ArraySlice<Double>, inout [UInt8]) -> ChunkClass
  ) {
    var flags: Flags = []
    var values = columns.values[range]
    if hasHistograms(columns, at: range) {
      flags.insert(.hasHistograms)
      if columns.histograms[range].contains(nil) == false { flags.insert(.hasOnlyHistograms) }
      for index in range {
        if let histogram = columns.histograms[index] { values[index] = histogram.sum }
      }
    }
    if hasStartTimestamps(columns, at: range) { flags.insert(.hasStartTimestamps) }
    bytes.append(flags.rawValue)
    var encoded: [UInt8] = []
    bytes.append(encodeValues(values, &encoded).rawValue)
    bytes.appendVarint(UInt64(encoded.count))
    bytes += encoded
    if flags.contains(.hasHistograms), flags.contains(.hasOnlyHistograms) == false {
      bytes.appendBits(columns.histograms[range].lazy.map { $0 != nil })
    }
    if flags.contains(.hasStartTimestamps) {
      StartTimestamps.append(
        columns.startTimestamps[range], timestamps: columns.timestamps[range], to: &bytes)
    }
    if flags.contains(.hasHistograms) {
      var coding = HistogramCoding()
      for histogram in columns.histograms[range] {
        if let histogram { coding.append(histogram, to: &bytes) }
      }
    }
  }

  /// Stores the values as the elements of `values` from `start` on, and returns
  /// the rest.
  static func decode(
    _ bytes: Span<UInt8>, timestamps: ArraySlice<Int64>,
    into values: inout MutableSpan<Double>, from start: Int
  ) throws(ChunkError) -> Decoded {
    let count = timestamps.count
    var reader = ChunkReader(bytes)
    let flags = Flags(rawValue: try reader.byte())
    guard Flags.all.isSuperset(of: flags) else { throw .contradictory }
    try decodeValues(&reader, count: count, into: &values, from: start)
    var decoded = Decoded()
    var areHistograms: [Bool] = []
    if flags.contains(.hasHistograms) {
      areHistograms =
        flags.contains(.hasOnlyHistograms)
        ? [Bool](repeating: true, count: count) : try reader.bits(count: count)
    }
    if flags.contains(.hasStartTimestamps) {
      decoded.startTimestamps = try StartTimestamps.decode(&reader, timestamps: timestamps)
    }
    if areHistograms.isEmpty == false {
      decoded.histograms.reserveCapacity(count)
      var coding = HistogramCoding()
      for (index, isHistogram) in areHistograms.enumerated() {
        decoded.histograms.append(
          isHistogram ? try coding.next(from: &reader, sum: values[start + index]) : nil)
      }
    }
    try reader.expectEnd()
    return decoded
  }

  private static func decodeValues(
    _ reader: inout ChunkReader, count: Int, into values: inout MutableSpan<Double>,
    from start: Int
  ) throws(ChunkError) {
    let valueClass = ChunkClass(rawValue: try reader.byte())
    let byteCount = try reader.varint()
    guard byteCount <= UInt64(reader.remainingCount) else { throw .truncated }
    let encoded = try reader.span(count: Int(byteCount))
    switch valueClass {
    case .constant:
      try ConstantValues.decode(encoded, count: count, into: &values, from: start)
    case .decimals:
      try DecimalValues.decode(
        encoded, count: count, at: 0..<count, into: &values, from: start)
    case .xorValues:
      try XORValues.decode(encoded, count: count, first: count, into: &values, from: start)
    case .xor, .rich, nil:
      throw .contradictory
    }
  }
}

/// When the counters of the samples of a chunk began.
///
/// Layout:
///
///     shape                                                  1 byte
///     the first less the first timestamp                     zigzag LEB128
///     0, steps:  start - the one before, from the second on, packed
///     1, deltas: start - the timestamp of the sample before,
///                from the second on, packed
///
/// Packed is the layout of ``IntegerPacker``. The start of a counter stays the
/// same for long; a delta begins where the one before ended. Differences wrap
/// around.
enum StartTimestamps {
  private enum Shape: UInt8 {
    case steps = 0
    case deltas = 1
  }

  static func append(
    _ starts: ArraySlice<Int64>, timestamps: ArraySlice<Int64>, to bytes: inout [UInt8]
  ) {
    var packer = IntegerPacker()
    var steps: [UInt8] = []
    packer.append(zip(starts.dropFirst(), starts).map { $0 &- $1 }, to: &steps)
    var deltas: [UInt8] = []
    packer.append(zip(starts.dropFirst(), timestamps).map { $0 &- $1 }, to: &deltas)
    let shape: Shape = steps.count <= deltas.count ? .steps : .deltas
    bytes.append(shape.rawValue)
    bytes.appendZigZag(starts[starts.startIndex] &- timestamps[timestamps.startIndex])
    bytes += shape == .steps ? steps : deltas
  }

  static func decode(
    _ reader: inout ChunkReader, timestamps: ArraySlice<Int64>
  ) throws(ChunkError) -> [Int64] {
    guard let shape = Shape(rawValue: try reader.byte()) else { throw .contradictory }
    let firstTime = timestamps.startIndex
    var starts = [Int64](repeating: 0, count: timestamps.count)
    starts[0] = timestamps[firstTime] &+ (try reader.zigZag())
    let packed = try PackedIntegers(count: starts.count - 1, from: &reader)
    var span = starts.mutableSpan
    try packed.unpack(0..<timestamps.count - 1, into: &span, from: 1)
    for index in 1..<starts.count {
      starts[index] &+= shape == .steps ? starts[index - 1] : timestamps[firstTime + index - 1]
    }
    return starts
  }
}

extension [UInt8] {
  /// Appends one bit for each element, low bits first.
  mutating func appendBits(_ bits: some Sequence<Bool>) {
    var byte: UInt8 = 0
    var place: UInt8 = 0
    for bit in bits {
      if bit { byte |= 1 << place }
      place += 1
      if place == 8 {
        append(byte)
        (byte, place) = (0, 0)
      }
    }
    if place > 0 { append(byte) }
  }
}

extension ChunkReader {
  /// Reads as many bits, low bits first; those behind them are 0.
  @_lifetime(self: copy self)
  mutating func bits(count: Int) throws(ChunkError) -> [Bool] {
    let bytes = try span(count: (count + 7) / 8)
    var bits = [Bool](repeating: false, count: count)
    for index in 0..<count { bits[index] = bytes[index >> 3] >> UInt8(index & 7) & 1 == 1 }
    if count & 7 != 0, bytes[count >> 3] >> UInt8(count & 7) != 0 { throw .contradictory }
    return bits
  }
}
