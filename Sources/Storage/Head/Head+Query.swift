import ChunkEncoding
import SeriesModel

/// The samples that the head has for some series and a time range, copied.
struct HeadSamples: Sendable {
  /// A chunk, and where its bytes are.
  struct Chunk: Sendable {
    var description: ChunkDescription
    var timestamps: Range<Int>
    var payload: Range<Int>
  }

  /// What one series has.
  struct Series: Sendable {
    /// In the order in which they were written.
    var chunks: Range<Int>
    /// Where the samples of the buffer are.
    var buffered: Range<Int>
  }

  private(set) var chunks: [Chunk] = []
  private(set) var bytes: [UInt8] = []
  private(set) var buffered = SampleColumns()

  /// Copies what the series in a slot has between `start` and `end`,
  /// inclusive.
  mutating func add(slot: Int, of head: Head, start: Int64, end: Int64) -> Series {
    let firstChunk = chunks.count
    addChunks(ofSlot: slot, in: head.frozen, start: start, end: end)
    addChunks(ofSlot: slot, in: head.closed, start: start, end: end)
    let series = head.open[slot]
    if series.slab.isNone == false, series.appender.lastTimestamp >= start,
      series.appender.firstTimestamp <= end
    {
      let firstByte = bytes.count
      head.arena.copyBytes(of: series.slab, count: series.appender.byteCount, to: &bytes)
      chunks.append(
        Chunk(
          description: series.appender.description, timestamps: firstByte..<firstByte,
          payload: firstByte..<bytes.count))
    }
    let firstBuffered = buffered.count
    if let columns = head.buffers[slot]?.columns {
      let first = columns.firstIndex(notBefore: start)
      let endIndex = end == .max ? columns.count : columns.firstIndex(notBefore: end + 1)
      if first < endIndex { buffered.append(columns, at: first..<endIndex) }
    }
    return Series(
      chunks: firstChunk..<chunks.count, buffered: firstBuffered..<buffered.count)
  }

  private mutating func addChunks(
    ofSlot slot: Int, in list: borrowing ChunkList, start: Int64, end: Int64
  ) {
    guard list.hasChunks(ofSlot: slot) else { return }
    for chunk in list.chunks(ofSlot: slot)
    where chunk.description.maxTimestamp >= start && chunk.description.minTimestamp <= end {
      let firstByte = bytes.count
      bytes.append(contentsOf: list.timestamps(of: chunk))
      let firstPayloadByte = bytes.count
      bytes.append(contentsOf: list.payload(of: chunk))
      chunks.append(
        Chunk(
          description: chunk.description, timestamps: firstByte..<firstPayloadByte,
          payload: firstPayloadByte..<bytes.count))
    }
  }
}

extension Head {
  /// Whether a series has a chunk or a sample in memory that overlaps the range.
  func hasSamples(slot: Int, overlapping range: ClosedRange<Int64>) -> Bool {
    let series = open[slot]
    if series.slab.isNone == false, series.appender.lastTimestamp >= range.lowerBound,
      series.appender.firstTimestamp <= range.upperBound
    {
      return true
    }
    return frozen.hasChunks(ofSlot: slot, overlapping: range)
      || closed.hasChunks(ofSlot: slot, overlapping: range)
      || buffers[slot]?.columns.timestamps.contains { range.contains($0) } ?? false
  }

  /// The series that queries find and that ``hasSamples(slot:overlapping:)``.
  func series(withSamplesIn range: ClosedRange<Int64>) -> SeriesRuns {
    var runs: [SeriesRuns.Run] = []
    for slot in 0..<slots.capacity where slots.flags[slot].contains(.isVisible) {
      guard hasSamples(slot: slot, overlapping: range) else { continue }
      let id = slots.ids[slot].rawValue
      // Slots are mostly in the order of ids.
      if let last = runs.last, last.last + 1 == id {
        runs[runs.count - 1].last = id
      } else {
        runs.append(SeriesRuns.Run(first: id, last: id))
      }
    }
    return SeriesRuns(unsorted: runs)
  }
}
