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
    timestamps.append(contentsOf: repeatElement(0, count: count))
    values.append(contentsOf: repeatElement(0, count: count))
    do throws(ChunkError) {
      rich = try decode(
        chunkClass, description, timestamps: vector, payload: payload, from: start)
    } catch {
      timestamps.removeSubrange(start...)
      values.removeSubrange(start...)
      throw error
    }
    if rich.histograms.isEmpty == false { setHistograms(ofLast: rich.histograms) }
    if rich.startTimestamps.isEmpty == false { setStartTimestamps(ofLast: rich.startTimestamps) }
    if isPlain == false { padOptionalColumns() }
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

  private mutating func decode(
    _ chunkClass: ChunkClass, _ description: ChunkDescription, timestamps vector: Span<UInt8>,
    payload: Span<UInt8>, from start: Int
  ) throws(ChunkError) -> RichSamples.Decoded {
    let count = description.sampleCount
    guard chunkClass.hasTimestampVector else {
      try XORChunkDecoder.decode(
        payload, firstTimestamp: description.minTimestamp, from: start,
        timestamps: &timestamps, values: &values)
      guard timestamps[start + count - 1] == description.maxTimestamp else {
        throw .contradictory
      }
      return RichSamples.Decoded()
    }
    var timestampSpan = timestamps.mutableSpan
    try TimestampVector.decode(
      vector, count: count, first: description.minTimestamp, last: description.maxTimestamp,
      into: &timestampSpan, from: start)
    let times = timestamps[start...]
    var valueSpan = values.mutableSpan
    switch chunkClass {
    case .xor:
      break
    case .constant:
      try ConstantValues.decode(payload, count: count, into: &valueSpan, from: start)
    case .decimals:
      try DecimalValues.decode(payload, count: count, into: &valueSpan, from: start)
    case .xorValues:
      try XORValues.decode(payload, count: count, into: &valueSpan, from: start)
    case .rich:
      return try RichSamples.decode(
        payload, timestamps: times, into: &valueSpan, from: start)
    }
    return RichSamples.Decoded()
  }
}
