import LMDB
import SeriesModel
import Synchronization

/// Writes a store to another directory, as it is at one moment.
///
/// As a reader of another process does, it opens the segments of the journal
/// first, so that their bytes stay, and takes a state of the tables behind them.
/// That state names a checkpoint. When it is among the segments, these hold
/// everything that was acknowledged before the call and is not in the tables;
/// when it is not, another checkpoint came in between, and all begins again.
enum StoreCopy {
  private static let attemptLimit = 100
  private static let partialSuffix = ".partial"

  /// Makes the directory `destination`, complete and on the disk when this
  /// returns. Until then it has another name, with `.partial` at the end.
  ///
  /// - Parameter includesHead: Whether the journal is copied. If not, no seal
  ///   may be under way.
  /// - Throws: ``StorageError``: `exists`, `destinationInside`, `diskFull`, or
  ///   what failed. Nothing is left then.
  static func make(
    of contents: StoreContents, at destination: String, includesHead: Bool
  ) throws(StorageError) {
    let destination = withoutTrailingSlashes(destination)
    try checkDestination(destination, of: contents)
    let parent = parent(of: destination)
    let mark = String(UInt64.random(in: .min ... .max), radix: 16)
    let partial = "\(destination).\(mark)\(partialSuffix)"
    do throws(FileError) {
      try FileSystem.createDirectory(parent)
    } catch {
      throw StorageError(error)
    }
    try checkRoom(for: contents, in: parent)
    do throws(StorageError) {
      try write(contents, to: partial, includesHead: includesHead)
      guard FileSystem.exists(destination) == false else { throw .exists(destination) }
      do throws(FileError) {
        try FileSystem.rename(partial, to: destination)
        try FileSystem.synchronizeDirectory(parent)
      } catch {
        throw StorageError(error)
      }
      contents.options.onEvent(.copied(to: destination))
    } catch {
      discard(partial)
      throw error
    }
  }

  /// Refuses a destination that exists, or that is in the directory that is
  /// copied, unless it is in the place for snapshots there.
  static func checkDestination(
    _ destination: String, of contents: StoreContents
  ) throws(StorageError) {
    let directory = FileSystem.resolved(contents.directory)
    let path = FileSystem.resolved(destination)
    if path == directory
      || path.hasPrefix(directory + "/") && path.hasPrefix(directory + "/snapshots/") == false
    {
      throw .destinationInside(destination, directory: contents.directory)
    }
    guard FileSystem.exists(destination) == false else { throw .exists(destination) }
  }

  /// Deletes what crashes left of copies that were being made in a directory.
  static func removePartialCopies(in directory: String) throws(FileError) {
    guard FileSystem.exists(directory) else { return }
    for name in try FileSystem.list(directory) where name.hasSuffix(partialSuffix) {
      try FileSystem.deleteDirectory(directory + "/" + name)
    }
  }

  private static func discard(_ partial: String) {
    do throws(FileError) {
      if FileSystem.exists(partial) { try FileSystem.deleteDirectory(partial) }
    } catch {
      // The first error is the one to tell; what is left has a telling name.
    }
  }

  /// Refuses a copy that would fill the disk.
  private static func checkRoom(
    for contents: StoreContents, in parent: String
  ) throws(StorageError) {
    let journal: Int
    do throws(FileError) {
      journal = try FileSystem.byteCount(ofDirectory: contents.journalDirectory.path)
    } catch {
      throw StorageError(error)
    }
    let needed =
      try contents.usedTableByteCount() + journal + contents.options.minimumFreeByteCount
    guard let free = contents.options.freeByteCount(onDiskOf: parent), free < needed else {
      return
    }
    throw .diskFull(path: parent, freeByteCount: free, requiredByteCount: needed)
  }

  private static func write(
    _ contents: StoreContents, to partial: String, includesHead: Bool
  ) throws(StorageError) {
    let journal = JournalDirectory(dataDirectory: partial)
    do throws(FileError) {
      try FileSystem.createDirectory(journal.path)
    } catch {
      throw StorageError(error)
    }
    let segments = try copyTables(of: contents, to: partial, includesHead: includesHead)
    if segments.isEmpty == false {
      try copy(segments, to: journal, besideTablesIn: partial)
    }
    do throws(FileError) {
      // The table of readers that looking at the copy has left.
      try FileSystem.delete(partial + "/lock.mdb")
      try journal.synchronize()
      try FileSystem.synchronizeDirectory(partial)
    } catch {
      throw StorageError(error)
    }
  }

  /// Copies the tables, and returns the segments that belong to them.
  private static func copyTables(
    of contents: StoreContents, to partial: String, includesHead: Bool
  ) throws(StorageError) -> [OpenSegment] {
    var missing: UInt64 = 0
    for _ in 0..<attemptLimit {
      let segments = includesHead ? try pinnedSegments(of: contents.journalDirectory) : []
      do throws(LMDBError) {
        try contents.schema.environment.copy(toFile: partial + "/data.mdb")
      } catch {
        throw StorageError(error)
      }
      guard includesHead else {
        try forgetCheckpoint(inCopy: partial)
        return []
      }
      let checkpoint = try checkpointSegment(inCopy: partial)
      if checkpoint == 0 || segments.contains(where: { $0.number == checkpoint }) {
        return segments.filter { $0.number >= checkpoint }
      }
      do throws(FileError) {
        try FileSystem.delete(partial + "/data.mdb")
      } catch {
        throw StorageError(error)
      }
      // Twice the same one is none that came in between.
      if missing == checkpoint { break }
      missing = checkpoint
    }
    throw .damagedJournal(
      segment: contents.journalDirectory.path(ofSegment: missing), offset: 0,
      reason: "the checkpoint is missing")
  }

  /// The segments as they are at one moment, open.
  private static func pinnedSegments(
    of directory: JournalDirectory
  ) throws(StorageError) -> [OpenSegment] {
    do throws(FileError) {
      var lastError: FileError?
      for _ in 0..<attemptLimit {
        do throws(FileError) {
          let segments = try directory.openSegments()
          if try directory.segmentNumbers() == segments.map(\.number) { return segments }
        } catch {
          // A segment that was listed may be gone before it is opened.
          guard error.isNotFound else { throw error }
          lastError = error
        }
      }
      guard let lastError else { return [] }
      throw lastError
    } catch {
      throw StorageError(error)
    }
  }

  /// Copies segments, and stores with the tables how far their records go: a
  /// copy is complete, and what it lacks later is damage.
  private static func copy(
    _ segments: [OpenSegment], to journal: JournalDirectory, besideTablesIn partial: String
  ) throws(StorageError) {
    let schema = try Schema(directory: partial)
    let (checkpoint, sealedThrough) = try schema.environment.read { view throws(StorageError) in
      (
        try schema.metaValue(.checkpointSegment, in: view) ?? 0,
        try schema.metaValue(.sealedThrough, in: view) ?? 0
      )
    }
    var end = sealedThrough
    do throws(FileError) {
      var logs: [OpenSegment] = []
      // The last one first: the writer may go on in it at any moment, and when
      // it has records the others get no more.
      for segment in segments.reversed() where try copy(segment, to: journal) {
        if segment.number > checkpoint { logs.insert(segment, at: 0) }
      }
      for segment in logs {
        end = lastSequence(
          ofCopyAt: journal.path(ofSegment: segment.number),
          try OpenFile(path: journal.path(ofSegment: segment.number), mode: .reading).readAll(),
          isLast: segment.number == logs.last?.number, after: end)
      }
    } catch {
      throw StorageError(error)
    }
    let copiedThrough = end
    try schema.environment.write { transaction throws(StorageError) in
      try schema.setMetaValue(.copiedThrough, to: copiedThrough, in: &transaction)
    }
  }

  /// The sequence number of the last record that a start would read.
  private static func lastSequence(
    ofCopyAt path: String, _ bytes: [UInt8], isLast: Bool, after sequence: UInt64
  ) -> UInt64 {
    var last = sequence
    do throws(SegmentHeader.Problem) {
      var reader = try SegmentReader(
        path: path, bytes: bytes, isLast: isLast, expectedSequence: sequence + 1)
      guard reader.header.kind == .log else { return last }
      while let (header, _) = reader.next() { last = max(last, header.sequence) }
    } catch {
      // Its damage is found whenever it is read.
    }
    return last
  }

  /// Copies a segment that somebody may be writing, and says whether it has
  /// records; one without is left out.
  ///
  /// While a file is read that grows, a later part may be seen without an
  /// earlier one. So its bytes are read once to learn how far they go, and once
  /// more up to there: by then all that stands before the last write seen is
  /// whole, and what is not whole of that was never acknowledged.
  private static func copy(
    _ segment: OpenSegment, to journal: JournalDirectory
  ) throws(FileError) -> Bool {
    let seen = try segment.file.readAll()
    let end = seen.span.lastIndexOfNonzero(from: 0).map { $0 + 1 } ?? 0
    guard end > SegmentHeader.byteCount else { return false }
    let bytes = try segment.file.readPrefix(byteCount: end)
    let copy = try OpenFile(path: journal.path(ofSegment: segment.number), mode: .creating)
    try copy.write(bytes.span, atByteOffset: 0)
    // A record may end in zeros.
    try copy.truncate(toByteCount: seen.count)
    try copy.synchronizeData()
    return true
  }

  // MARK: The copied tables

  /// The segment that the copied tables name as their checkpoint, or 0.
  private static func checkpointSegment(inCopy path: String) throws(StorageError) -> UInt64 {
    var options = EnvironmentOptions()
    options.isReadOnly = true
    let schema = try Schema(directory: path, options: options)
    return try schema.environment.read { view throws(StorageError) in
      try schema.metaValue(.checkpointSegment, in: view) ?? 0
    }
  }

  /// Makes the copied tables a store without a journal.
  private static func forgetCheckpoint(inCopy path: String) throws(StorageError) {
    let schema = try Schema(directory: path)
    try schema.environment.write { transaction throws(StorageError) in
      try schema.setMetaValue(.checkpointSegment, to: 0, in: &transaction)
    }
  }

  // MARK: Paths

  private static func withoutTrailingSlashes(_ path: String) -> String {
    let end = path.lastIndex { $0 != "/" }
    return end.map { String(path[...$0]) } ?? path
  }

  private static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}

extension OpenStore {
  /// Copies what a checkpoint made just now has written to the tables; the next
  /// one waits until this returns.
  func copyTables(to destination: String) throws(StorageError) {
    try maintenance.withLock { state throws(StorageError) in
      if let failure = queue.failure { throw .failedEarlier(failure) }
      try checkpoint(.journal, state: &state)
      try StoreCopy.make(of: contents, at: destination, includesHead: false)
    }
  }
}
