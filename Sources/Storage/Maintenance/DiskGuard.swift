import LMDB
import SeriesModel
import Synchronization

/// Keeps the disk from running full: below a threshold the store refuses
/// appends by itself, and takes them again when there is space.
///
/// Queries go on, and so do checkpoints and deletions, for which the rest of
/// the disk is kept.
extension OpenStore {
  /// Looks at the free space, and refuses appends when there is too little.
  ///
  /// One system call; made at each turn of the maintenance and when the journal
  /// has grown by a step, never for each append.
  @discardableResult
  func suspendIfDiskIsFull() -> Int? {
    let options = contents.options
    let free = contents.freeByteCount
    counters.withLock { $0.freeByteCount = free }
    if let free, free < options.minimumFreeByteCount {
      queue.suspend(because: lackOfSpace(freeByteCount: free))
    }
    return free
  }

  /// Looks at the free space, and refuses or takes appends accordingly.
  func watchDisk(_ state: MaintenanceState) {
    guard let free = suspendIfDiskIsFull(), queue.suspension != nil else { return }
    // A checkpoint that waits for space needs what there is more than appends.
    if free >= contents.options.sufficientFreeByteCount, state.pendingCheckpoint == nil {
      queue.resume()
    }
  }

  /// Does what a failed change of journal or tables calls for, and returns the
  /// error to throw.
  ///
  /// Where only space was missing, what was done so far is valid and the rest
  /// can be done later: appends are refused until then. After anything else
  /// nothing is written any more.
  func stopAppends(because error: StorageError) -> StorageError {
    let free = contents.freeByteCount
    guard error.isLackOfSpace(freeByteCount: free) else {
      queue.fail(because: error)
      return error
    }
    let lack = lackOfSpace(freeByteCount: free)
    queue.suspend(because: lack)
    return lack
  }

  private func lackOfSpace(freeByteCount: Int?) -> StorageError {
    .diskFull(
      path: contents.directory, freeByteCount: freeByteCount,
      requiredByteCount: max(
        contents.options.minimumFreeByteCount, SegmentWriter.allocationStepBytes))
  }
}
