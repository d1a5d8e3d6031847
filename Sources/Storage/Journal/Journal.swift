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
  /// The last sequence number that is on the disk for certain.
  private var synchronizedSequence: UInt64

  /// Goes on behind `lastSequence`, in the segment of `writer`.
  init(
    writer: consuming SegmentWriter, lastSequence: UInt64, olderSegments: [UInt64],
    olderByteCount: Int
  ) {
    lastSegmentNumber = writer.header.number
    segmentNumbers = olderSegments + [writer.header.number]
    buffer = RecordBuffer(segment: writer.header, firstSequence: lastSequence + 1)
    self.olderByteCount = olderByteCount
    synchronizedSequence = lastSequence
    self.writer = writer
  }

  /// The sequence number of the last record.
  var lastSequence: UInt64 { buffer.nextSequence - 1 }

  /// The bytes of the log that a restart reads.
  var byteCount: Int { olderByteCount + writer.byteCount - SegmentHeader.byteCount }

  /// Writes records, and says whether the segment took more of the disk.
  ///
  /// - Parameter isSynchronized: Whether they are on the disk when this
  ///   returns; if not, ``makeSync()`` tells of them.
  /// - Throws: ``StorageError`` `diskFull` when there is no room: then nothing
  ///   was written, and later records may be. After any other error the
  ///   journal must not be written any more.
  func commit(
    _ records: [BatchRecord], isSynchronized: Bool
  ) throws(StorageError) -> Bool {
    buffer.startNextWrite()
    for record in records {
      buffer.appendRecord(record.kind) { record.encode(into: &$0) }
    }
    let hasGrown = try reserve()
    let bytes = buffer.bytes
    do throws(FileError) {
      try writer.write(bytes.span)
      FaultPoint.reached("journal.written")
      if isSynchronized { try synchronize() }
      FaultPoint.reached("journal.synced")
    } catch {
      throw StorageError(error)
    }
    return hasGrown
  }

  /// Makes room for the records in the buffer, or forgets them.
  private func reserve() throws(StorageError) -> Bool {
    do throws(FileError) {
      return try writer.reserve(buffer.bytes.count)
    } catch {
      let byteCount = buffer.bytes.count
      buffer.discardRecords()
      guard error.isLackOfSpace else { throw StorageError(error) }
      throw .diskFull(path: error.path, freeByteCount: nil, requiredByteCount: byteCount)
    }
  }

  // MARK: Syncing

  /// What is to be synced, and what that covers.
  struct Sync: ~Copyable {
    let file: OpenFile
    let lastSequence: UInt64
  }

  /// What was written and not synced; nil when there is nothing.
  ///
  /// Sync the file on any thread while others commit, then call
  /// ``didSynchronize(through:)``.
  func makeSync() throws(FileError) -> Sync? {
    guard lastSequence > synchronizedSequence else { return nil }
    return Sync(file: try writer.duplicateFile(), lastSequence: lastSequence)
  }

  /// Takes note that everything up to `sequence`, inclusive, is on the disk.
  func didSynchronize(through sequence: UInt64) {
    synchronizedSequence = max(synchronizedSequence, sequence)
    buffer.didSynchronize(through: sequence)
  }

  /// Returns once everything that was written is on the disk.
  func synchronize() throws(FileError) {
    guard lastSequence > synchronizedSequence else { return }
    try writer.synchronize()
    didSynchronize(through: lastSequence)
  }

  /// Goes on in another segment, which is on the disk already.
  ///
  /// What was written to this one is synced first: a record must not outlive
  /// one that came before it.
  func rotate(to next: consuming SegmentWriter) throws(StorageError) {
    do throws(FileError) {
      try synchronize()
    } catch {
      throw StorageError(error)
    }
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
