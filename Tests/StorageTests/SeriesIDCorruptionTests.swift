import LMDB
import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// An id that a series once had is never given to another, whatever is lost:
/// samples of the one would be read as those of the other.
@Suite struct SeriesIDCorruptionTests {
  private let directory = TemporaryDirectory("ids")
  private var path: String { directory.path("data") }
  private let new: Labels = ["__name__": "new"]

  /// A checkpoint was interrupted behind the index, and the journal, which knew
  /// the new series too, is damaged.
  @Test func idsInTheTablesAreNotUsedAgain() throws {
    try Store.open(directory: path).close()
    do {
      let schema = try Schema(directory: path)
      var insertion = IndexInsertion(
        [IndexedSeries(id: SeriesID(41), labels: ["__name__": "old"])], into: schema)
      try schema.environment.write { transaction throws(StorageError) in
        _ = try insertion.writeSome(in: &transaction, byteBudget: .max)
      }
    }
    let store = try Store.open(directory: path)
    #expect(try store.seriesID(for: new) == SeriesID(42))
    try store.close()
  }

  /// The record that brought a series is lost; a later one still has its
  /// samples, or only an exemplar of it.
  @Test(arguments: [true, false])
  func idsInTheJournalAreNotUsedAgain(hasSamples: Bool) throws {
    var store: Store? = try Store.open(directory: path)
    var batch = SampleBatch()
    let id = try #require(try store?.seriesID(for: ["__name__": "old"]))
    batch.add(id, timestampMilliseconds: 1, value: 1)
    _ = try store?.append(batch)
    if hasSamples {
      _ = try store?.append(["__name__": "old"], [(2, 2)])
    } else {
      var batch = SampleBatch()
      batch.exemplars.append(
        BatchExemplar(
          seriesID: id,
          exemplar: Exemplar(
            labels: ["trace": "1"], value: 1, timestamp: Timestamp(milliseconds: 2))))
      _ = try store?.append(batch)
    }
    let copy = directory.path("copy")
    try copyDirectory(path, to: copy)
    try store?.close()
    store = nil
    try damageFirstRecord(of: copy)
    let reopened = try Store.open(directory: copy)
    #expect(reopened.warnings.isEmpty == false)
    #expect(try reopened.samples().isEmpty)
    #expect(try reopened.seriesID(for: new) > id)
    try reopened.close()
  }

  private func damageFirstRecord(of path: String) throws {
    let journal = JournalDirectory(dataDirectory: path)
    let number = try #require(try journal.segmentNumbers().first)
    let file = try OpenFile(path: journal.path(ofSegment: number), mode: .readingAndWriting)
    let offset = SegmentHeader.byteCount + RecordHeader.byteCount
    let byte = try file.readPrefix(byteCount: offset + 1)[offset]
    let changed: [UInt8] = [byte ^ 1]
    try file.write(changed.span, atByteOffset: offset)
  }
}
