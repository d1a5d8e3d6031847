import ChunkEncoding
import SeriesModel

extension Head {
  /// The slots of the series that a deletion is of, ascending by id.
  func slots(selectedBy deletion: Deletion) throws(StorageError) -> [Int] {
    try deletion.seriesIDs(in: slots.index).ids.compactMap { slots.slot(of: $0) }
  }

  /// Forgets the last samples of series, where they are in a closed range of
  /// time and in no open chunk.
  ///
  /// The head compares the next sample of a series with its last one; one that
  /// is deleted must not make it a duplicate.
  mutating func forgetLastSamples(ofSlots slots: [Int], in range: ClosedRange<Int64>) {
    for slot in slots
    where open[slot].slab.isNone && open[slot].appender.sampleCount > 0
      && range.contains(open[slot].appender.lastTimestamp)
    {
      open[slot].appender = XORChunkAppender()
    }
  }

  /// The series and the number of samples in memory that a deletion is of;
  /// samples of chunks that reach over an end of its range are all counted.
  func contents(
    of deletion: Deletion
  ) throws(StorageError) -> (ids: [SeriesID], sampleCount: Int) {
    var ids: [SeriesID] = []
    var sampleCount = 0
    for slot in try slots(selectedBy: deletion) {
      var samples = HeadSamples()
      let series = samples.add(
        slot: slot, of: self, start: deletion.range.lowerBound, end: deletion.range.upperBound)
      guard series.isEmpty == false else { continue }
      ids.append(slots.ids[slot])
      sampleCount += samples.chunks[series.chunks].reduce(series.buffered.count) {
        $0 + $1.description.sampleCount
      }
    }
    return (ids, sampleCount)
  }
}
