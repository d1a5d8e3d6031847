import ChunkEncoding
import LMDB
import SeriesModel

/// Reads the journal as a start would, and decodes what it holds.
struct JournalCheck {
  let contents: StoreContents

  func run(
    _ segments: [OpenSegment], _ transaction: borrowing ReadTransaction,
    report: inout IntegrityReport
  ) throws(StorageError) {
    let head: Head
    do throws(StorageError) {
      let (recovered, recoveredHead) = try Recovery.run(
        contents, segments: segments, transaction: transaction)
      for damage in recovered.damages {
        report.add(damage.path, "at byte \(damage.byteOffset): \(damage.reason)")
      }
      report.byteCount += recovered.logByteCount
      head = recoveredHead
    } catch {
      try report.add(error)
      return
    }
    for slot in head.open.indices where head.slots.flags[slot].contains(.isVisible) {
      check(slot, of: head, report: &report)
    }
  }

  private func check(_ slot: Int, of head: Head, report: inout IntegrityReport) {
    var samples = HeadSamples()
    let series = samples.add(slot: slot, of: head, start: .min, end: .max)
    report.sampleCount += series.buffered.count
    var columns = SampleColumns()
    for chunk in samples.chunks[series.chunks] {
      report.chunkCount += 1
      report.sampleCount += chunk.description.sampleCount
      columns.removeAll()
      do throws(ChunkError) {
        try columns.append(
          chunk: chunk.description, timestamps: samples.bytes.span.extracting(chunk.timestamps),
          payload: samples.bytes.span.extracting(chunk.payload))
      } catch {
        report.add(
          contents.journalDirectory.path,
          "a chunk of \(head.slots.labels(at: slot)) from \(chunk.description.minTimestamp) to "
            + "\(chunk.description.maxTimestamp) ms does not decode (\(error))")
      }
    }
  }
}
