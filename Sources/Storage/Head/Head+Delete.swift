import ChunkEncoding
import SeriesModel

extension Head {
  /// The series and the number of samples in memory that a deletion is of;
  /// samples of chunks that reach over an end of its range are all counted.
  func contents(
    of deletion: Deletion
  ) throws(StorageError) -> (ids: [SeriesID], sampleCount: Int) {
    var ids: [SeriesID] = []
    var sampleCount = 0
    for id in try deletion.seriesIDs(in: slots.index).ids {
      guard let slot = slots.slot(of: id) else { continue }
      var samples = HeadSamples()
      let series = samples.add(
        slot: slot, of: self, start: deletion.range.lowerBound, end: deletion.range.upperBound)
      guard series.isEmpty == false else { continue }
      ids.append(id)
      sampleCount += samples.chunks[series.chunks].reduce(series.buffered.count) {
        $0 + $1.description.sampleCount
      }
    }
    return (ids, sampleCount)
  }
}
