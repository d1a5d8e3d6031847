package import SeriesModel

/// The encoded samples of a closed chunk.
package struct EncodedChunk: Hashable, Sendable {
  /// What a directory stores.
  package var description: ChunkDescription
  /// The timestamps as a `TimestampVector`; chunks of equal timestamps have
  /// equal bytes. Empty for ``ChunkClass/xor``.
  package var timestamps: [UInt8]
  /// The values, and for ``ChunkClass/xor`` the timestamps.
  package var payload: [UInt8]

  /// Creates an encoded chunk.
  package init(description: ChunkDescription, timestamps: [UInt8], payload: [UInt8]) {
    self.description = description
    self.timestamps = timestamps
    self.payload = payload
  }

  /// The bytes of timestamps and values together.
  package var byteCount: Int { timestamps.count + payload.count }

  /// Appends the samples to `columns`; nothing when it throws.
  package func decode(into columns: inout SampleColumns) throws(ChunkError) {
    try columns.append(chunk: description, timestamps: timestamps.span, payload: payload.span)
  }
}

/// Encodes closed chunks, each in the class that takes the fewest bytes.
///
/// Its memory is used again for each chunk; use one for many.
package struct ChunkCompressor: Sendable {
  /// Packed decimals that take no more bits a value are taken as they are:
  /// XORed values seldom take less, and looking costs as much as encoding.
  private static let goodBitsPerValue = 8

  private var timestampEncoder = TimestampVectorEncoder()
  private var decimalEncoder = DecimalValuesEncoder()
  private var alternative: [UInt8] = []

  /// Creates a compressor.
  package init() {}

  /// Encodes the samples at `range`.
  ///
  /// - Precondition: The range is within the columns, not empty, and has at
  ///   most ``ChunkDescription/largestSampleCount`` samples, whose timestamps
  ///   rise strictly.
  /// - Complexity: O(*n*), some 20 ns a sample for 240 samples.
  package mutating func encode(_ columns: SampleColumns, at range: Range<Int>) -> EncodedChunk {
    precondition(range.isEmpty == false && range.count <= ChunkDescription.largestSampleCount)
    let timestamps = columns.timestamps[range]
    var chunk = EncodedChunk(
      description: ChunkDescription(
        classByte: 0, sampleCount: range.count, minTimestamp: timestamps[range.lowerBound],
        maxTimestamp: timestamps[range.upperBound - 1]),
      timestamps: timestampEncoder.vector(of: timestamps), payload: [])
    var chunkClass = ChunkClass.rich
    if RichSamples.areAny(in: columns, at: range) {
      RichSamples.append(columns, at: range, to: &chunk.payload) { values, bytes in
        encode(values, to: &bytes)
      }
    } else {
      chunkClass = encode(columns.values[range], to: &chunk.payload)
    }
    chunk.description.classByte = chunkClass.rawValue
    return chunk
  }

  /// Encodes the first samples at `range`, as many of them as take no more than
  /// `byteCount` bytes, or one.
  ///
  /// - Precondition: As for ``encode(_:at:)``.
  package mutating func encode(
    _ columns: SampleColumns, at range: Range<Int>, fitting byteCount: Int
  ) -> EncodedChunk {
    var range = range
    var chunk = encode(columns, at: range)
    while chunk.byteCount > byteCount, range.count > 1 {
      var count = (range.count + 1) / 2
      // Plain chunks are halved, so that those of other series end with them.
      if chunk.description.classByte == ChunkClass.rich.rawValue {
        count = max(1, min(range.count - 1, range.count * byteCount / chunk.byteCount))
      }
      range = range.lowerBound..<range.lowerBound + count
      chunk = encode(columns, at: range)
    }
    return chunk
  }

  private mutating func encode(
    _ values: ArraySlice<Double>, to payload: inout [UInt8]
  ) -> ChunkClass {
    let first = values[values.startIndex]
    if values.allSatisfy({ $0.bitPattern == first.bitPattern }) {
      ConstantValues.append(first, to: &payload)
      return .constant
    }
    let isDecimal = decimalEncoder.append(values, to: &payload)
    if isDecimal, payload.count * 8 <= values.count * ChunkCompressor.goodBitsPerValue {
      return .decimals
    }
    alternative.removeAll(keepingCapacity: true)
    XORValues.append(values, to: &alternative)
    if isDecimal, payload.count <= alternative.count { return .decimals }
    payload = alternative
    return .xorValues
  }
}
