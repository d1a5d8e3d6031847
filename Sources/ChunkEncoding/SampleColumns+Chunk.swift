package import SeriesModel

extension SampleColumns {
  /// Decodes a chunk and appends all of its samples.
  ///
  /// Safe on any bytes: a damaged chunk throws or, where nothing tells the
  /// damage, gives other samples, strictly rising in time. Nothing is appended
  /// when it throws. The caller tells damage by a checksum.
  ///
  /// - Parameters:
  ///   - description: What the chunk's directory says. Its sample count is
  ///     trusted as far as ``ChunkDescription/largestSampleCount``: packed
  ///     samples may take no bytes at all.
  ///   - timestamps: Exactly the bytes of the chunk's timestamp vector; not
  ///     looked at for ``ChunkClass/xor``.
  ///   - payload: Exactly the bytes of the chunk.
  package mutating func append(
    chunk description: ChunkDescription, timestamps vector: Span<UInt8>, payload: Span<UInt8>
  ) throws(ChunkError) {
    guard let chunkClass = ChunkClass(rawValue: description.classByte) else {
      throw .unknownClass(description.classByte)
    }
    let count = description.sampleCount
    guard count > 0, count <= ChunkDescription.largestSampleCount else { throw .truncated }
    // In XOR streams every further sample takes two bits at least.
    if chunkClass == .xor, (count - 1) / 4 > payload.count { throw .truncated }
    let start = self.count
    var rich = RichSamples.Decoded()
    do throws(ChunkError) {
      rich = try decode(
        chunkClass, description, timestamps: vector, payload: payload, from: start)
    } catch {
      timestamps.removeSubrange(start...)
      values.removeSubrange(start...)
      throw error
    }
    append(rich, at: 0..<count)
  }

  /// Decodes an open chunk, which begins at `base` of `bytes`, and appends all
  /// of its samples; nothing when it throws.
  package mutating func append(
    openChunk appender: XORChunkAppender, bytes: Span<UInt8>, at base: Int
  ) throws(ChunkError) {
    let payload = bytes.extracting(base..<base + appender.byteCount)
    try append(
      chunk: appender.description, timestamps: payload.extracting(0..<0), payload: payload)
  }

  /// Decodes the samples at `range` of a chunk with known timestamps, and appends
  /// them; nothing when it throws.
  ///
  /// Safe on any bytes, as ``append(chunk:timestamps:payload:)`` is. What stands
  /// behind the values that are wanted may go unread.
  ///
  /// - Parameters:
  ///   - description: What the chunk's directory says.
  ///   - times: The timestamps of all samples of the chunk, as
  ///     ``decodeTimestamps(of:from:into:)`` gave them.
  ///   - range: Which of the samples are wanted, one at least.
  ///   - payload: Exactly the bytes of the chunk.
  package mutating func append(
    chunk description: ChunkDescription, times: [Int64], at range: Range<Int>,
    payload: Span<UInt8>
  ) throws(ChunkError) {
    guard let chunkClass = ChunkClass(rawValue: description.classByte) else {
      throw .unknownClass(description.classByte)
    }
    guard chunkClass.hasTimestampVector else { throw .contradictory }
    precondition(
      times.count == description.sampleCount && range.isEmpty == false
        && range.upperBound <= times.count, "the samples are those of the chunk")
    let start = values.count
    let rich: RichSamples.Decoded
    do throws(ChunkError) {
      rich = try appendValues(chunkClass, payload, at: range, times: times[...])
    } catch {
      values.removeSubrange(start...)
      throw error
    }
    timestamps.append(contentsOf: times[range])
    append(rich, at: range)
  }

  /// Decodes the timestamps of a chunk into `times`, whose content is replaced.
  ///
  /// - Parameters:
  ///   - description: What the chunk's directory says, of a class that has a
  ///     timestamp vector.
  ///   - vector: Exactly the bytes of that.
  package static func decodeTimestamps(
    of description: ChunkDescription, from vector: Span<UInt8>, into times: inout [Int64]
  ) throws(ChunkError) {
    let count = description.sampleCount
    guard count > 0, count <= ChunkDescription.largestSampleCount else { throw .truncated }
    times.removeAll(keepingCapacity: true)
    times.append(contentsOf: repeatElement(0, count: count))
    var span = times.mutableSpan
    try TimestampVector.decode(
      vector, count: count, first: description.minTimestamp, last: description.maxTimestamp,
      into: &span, from: 0)
  }

  private mutating func decode(
    _ chunkClass: ChunkClass, _ description: ChunkDescription, timestamps vector: Span<UInt8>,
    payload: Span<UInt8>, from start: Int
  ) throws(ChunkError) -> RichSamples.Decoded {
    let count = description.sampleCount
    guard chunkClass.hasTimestampVector else {
      timestamps.append(contentsOf: repeatElement(0, count: count))
      values.append(contentsOf: repeatElement(0, count: count))
      try XORChunkDecoder.decode(
        payload, firstTimestamp: description.minTimestamp, from: start,
        timestamps: &timestamps, values: &values)
      guard timestamps[start + count - 1] == description.maxTimestamp else {
        throw .contradictory
      }
      return RichSamples.Decoded()
    }
    timestamps.append(contentsOf: repeatElement(0, count: count))
    var span = timestamps.mutableSpan
    try TimestampVector.decode(
      vector, count: count, first: description.minTimestamp, last: description.maxTimestamp,
      into: &span, from: start)
    return try appendValues(chunkClass, payload, at: 0..<count, times: timestamps[start...])
  }

  /// Appends the values at `range` of a chunk.
  ///
  /// - Parameter times: The timestamps of all its samples.
  private mutating func appendValues(
    _ chunkClass: ChunkClass, _ payload: Span<UInt8>, at range: Range<Int>,
    times: ArraySlice<Int64>
  ) throws(ChunkError) -> RichSamples.Decoded {
    let count = times.count
    let start = values.count
    // These are read from the first one on.
    let decoded =
      switch chunkClass {
      case .xor, .xorValues: 0..<range.upperBound
      case .rich: 0..<count
      case .constant, .decimals: range
      }
    values.append(contentsOf: repeatElement(0, count: decoded.count))
    var output = values.mutableSpan
    var rich = RichSamples.Decoded()
    switch chunkClass {
    case .xor:
      throw .contradictory
    case .constant:
      try ConstantValues.decode(payload, count: decoded.count, into: &output, from: start)
    case .decimals:
      try DecimalValues.decode(payload, count: count, at: decoded, into: &output, from: start)
    case .xorValues:
      try XORValues.decode(
        payload, count: count, first: decoded.count, into: &output, from: start)
    case .rich:
      rich = try RichSamples.decode(payload, timestamps: times, into: &output, from: start)
    }
    if range.upperBound < decoded.upperBound {
      values.removeSubrange((start + range.upperBound - decoded.lowerBound)...)
    }
    if range.lowerBound > decoded.lowerBound {
      values.removeSubrange(start..<start + range.lowerBound - decoded.lowerBound)
    }
    return rich
  }

  /// Appends what the last samples have beside timestamps and values.
  ///
  /// - Parameter range: Which of the samples of `rich` these are.
  private mutating func append(_ rich: RichSamples.Decoded, at range: Range<Int>) {
    if rich.histograms.isEmpty == false { setHistograms(ofLast: Array(rich.histograms[range])) }
    if rich.startTimestamps.isEmpty == false {
      setStartTimestamps(ofLast: Array(rich.startTimestamps[range]))
    }
    if isPlain == false { padOptionalColumns() }
  }
}
