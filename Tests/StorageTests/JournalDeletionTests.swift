import TestSupport
import Testing

@testable import Storage

@Suite struct JournalDeletionTests {
  private let directory = TemporaryDirectory()

  private func makeSegment(byteCount: Int) throws -> JournalDirectory {
    let journal = JournalDirectory(dataDirectory: directory.path)
    try FileSystem.createDirectory(journal.path)
    let file = try OpenFile(path: journal.path(ofSegment: 7), mode: .creating)
    try file.write(Array(repeating: 0xA5, count: byteCount).span, atByteOffset: 0)
    return journal
  }

  @Test func slowlyDeletedSegmentLeavesNothingBehind() throws {
    let journal = try makeSegment(byteCount: 2 << 20 + 5)
    try journal.deleteSegment(7, pauseMicroseconds: 20_000)
    #expect(try FileSystem.list(journal.path) == [])
  }

  /// A second process reads segments that it opened while they were still
  /// needed.
  @Test func segmentThatAReaderHasOpenKeepsItsBytes() throws {
    let journal = try makeSegment(byteCount: 3 << 20)
    let segments = try journal.openSegments()
    try journal.deleteSegment(7, pauseMicroseconds: 20_000)
    #expect(try journal.segmentNumbers() == [])
    #expect(try segments.map { try $0.file.readAll().count } == [3 << 20])
  }

  @Test func segmentThatIsBeingDeletedCountsAsGone() throws {
    let journal = try makeSegment(byteCount: 10)
    let deleter = try OpenFile(path: journal.path(ofSegment: 7), mode: .reading)
    #expect(try deleter.tryLock(.exclusive))
    let error = #expect(throws: FileError.self) { try journal.openSegments() }
    #expect(error?.isNotFound == true)
    _ = consume deleter
  }

  @Test func leftoversOfAnInterruptedDeletionAreRemoved() throws {
    let journal = try makeSegment(byteCount: 10)
    try FileSystem.rename(
      journal.path(ofSegment: 7), to: journal.path(ofSegment: 7) + ".deleted")
    try journal.removeDeletedSegments()
    #expect(try FileSystem.list(journal.path) == [])
  }
}
