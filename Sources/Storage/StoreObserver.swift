/// What is told of the work of a store as it is done; each gets the seconds
/// that one piece took, on the thread that did it.
///
/// That thread holds up others: all appends during ``didSynchronize``, and all
/// maintenance, deletions and copies during ``didCheckpoint``. So be quick, and
/// call no method of the store that appends, finds series, deletes, seals, copies,
/// maintains or closes: it would wait for itself. ``Store/statistics``
/// and queries may be called.
package struct StoreObserver: Sendable {
  /// A write of the journal and its sync, once for all that wait for it.
  package var didSynchronize: @Sendable (_ seconds: Double) -> Void
  /// A checkpoint that moved chunks and series to the tables.
  package var didCheckpoint: @Sendable (_ seconds: Double) -> Void

  /// Creates an observer; by default nobody is told.
  package init(
    didSynchronize: @escaping @Sendable (Double) -> Void = { _ in },
    didCheckpoint: @escaping @Sendable (Double) -> Void = { _ in }
  ) {
    self.didSynchronize = didSynchronize
    self.didCheckpoint = didCheckpoint
  }
}
