package import SeriesModel

extension SampleColumns {
  /// Decodes a chunk and appends all of its samples.
  ///
  /// Safe on any bytes: a damaged chunk throws or, where nothing tells the
  /// damage, gives other samples, strictly rising in time. Nothing is appended
  /// when it throws. The caller tells damage by a checksum.
  ///
  /// - Parameters:
  ///   - description: What the chunk's directory says.
  ///   - payload: Exactly the bytes of the chunk.
  package mutating func append(
    chunk description: ChunkDescription, payload: Span<UInt8>
  ) throws(ChunkError) {
    guard ChunkClass(rawValue: description.classByte) != nil else {
      throw .unknownClass(description.classByte)
    }
    let count = description.sampleCount
    // Every further sample takes two bits at least, so that a false count
    // can't make the arrays grow far beyond the payload.
    guard count > 0, count <= ChunkDescription.largestSampleCount,
      (count - 1) / 4 <= payload.count
    else { throw .truncated }
    let start = self.count
    timestamps.append(contentsOf: repeatElement(0, count: count))
    values.append(contentsOf: repeatElement(0, count: count))
    do throws(ChunkError) {
      try XORChunkDecoder.decode(
        payload, firstTimestamp: description.minTimestamp, from: start,
        timestamps: &timestamps, values: &values)
      guard timestamps[start + count - 1] == description.maxTimestamp else {
        throw .contradictory
      }
    } catch {
      timestamps.removeSubrange(start...)
      values.removeSubrange(start...)
      throw error
    }
  }
}
