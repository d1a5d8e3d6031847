import FaultInjection
import Glibc

/// The segment that is being written, and the numbers of the journal.
///
/// Used by one thread at a time: the one that commits.
final class Journal {
  private var writer: SegmentWriter
  private var buffer: RecordBuffer
  /// The highest segment number there is.
  private(set) var lastSegmentNumber: UInt64
  /// The segments that a restart reads, the checkpoint included.
  private(set) var segmentNumbers: [UInt64]
  /// The bytes of the log segments but the one that is being written.
  private var olderByteCount: Int

  /// Goes on behind `lastSequence`, in the segment of `writer`.
  init(
    writer: consuming SegmentWriter, lastSequence: UInt64, olderSegments: [UInt64],
    olderByteCount: Int
  ) {
    lastSegmentNumber = writer.header.number
    segmentNumbers = olderSegments + [writer.header.number]
    buffer = RecordBuffer(segment: writer.header, firstSequence: lastSequence + 1)
    self.olderByteCount = olderByteCount
    self.writer = writer
  }

  /// The sequence number of the last record.
  var lastSequence: UInt64 { buffer.nextSequence - 1 }

  /// The bytes of the log that a restart reads.
  var byteCount: Int { olderByteCount + writer.byteCount - SegmentHeader.byteCount }

  /// Writes records and returns once they are on the disk.
  func commit(_ records: [BatchRecord]) throws(StorageError) {
    buffer.startNextSync()
    for record in records {
      buffer.appendRecord(record.kind) { record.encode(into: &$0) }
    }
    let bytes = buffer.bytes
    do throws(FileError) {
      try writer.write(bytes.span)
      FaultPoint.reached("journal.written")
      try writer.synchronize()
      FaultPoint.reached("journal.synced")
    } catch {
      throw StorageError(error)
    }
  }

  /// Goes on in another segment, which is on the disk already.
  func rotate(to next: consuming SegmentWriter) {
    buffer = RecordBuffer(segment: next.header, firstSequence: buffer.nextSequence)
    olderByteCount += writer.byteCount - SegmentHeader.byteCount
    lastSegmentNumber = next.header.number
    segmentNumbers.append(next.header.number)
    writer = next
  }

  /// Deletes the segment when nothing was written to it.
  func discardIfEmpty(in directory: JournalDirectory) {
    guard writer.byteCount == SegmentHeader.byteCount else { return }
    do throws(FileError) {
      try directory.deleteSegment(writer.header.number)
    } catch {
      // An empty segment does no harm; the next start deletes it.
    }
  }

  /// Takes note that the segments below the checkpoint's number are gone.
  func didCheckpoint(in segment: UInt64) {
    segmentNumbers = [segment] + segmentNumbers.filter { $0 > segment }
    olderByteCount = 0
  }
}

/// Seconds on a clock that only goes forward.
func monotonicSeconds() -> Double {
  var time = timespec()
  _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
