import ChunkEncoding
import SeriesModel

extension Head {
  /// Forgets the last samples of the series that a deletion is of, where they
  /// are in its range and in no open chunk.
  ///
  /// The head compares the next sample of a series with its last one; one that
  /// is deleted must not make it a duplicate. Belongs to the moment in which
  /// the head is frozen: the checkpoint then holds what a restart needs to take
  /// the samples that follow as they were taken.
  mutating func forgetLastSamples(of deletion: Deletion) {
    for slot in open.indices
    where open[slot].slab.isNone && open[slot].appender.sampleCount > 0
      && deletion.range.contains(open[slot].appender.lastTimestamp)
      && deletion.selects(slots.labels[slot])
    {
      open[slot].appender = XORChunkAppender()
    }
  }

  /// The number of series and samples in memory that a deletion is of; samples
  /// of chunks that reach over an end of its range are all counted.
  func count(of deletion: Deletion) -> (ids: [SeriesID], sampleCount: Int) {
    var ids: [SeriesID] = []
    var sampleCount = 0
    for slot in open.indices
    where slots.flags[slot].contains(.isVisible) && deletion.selects(slots.labels[slot]) {
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
