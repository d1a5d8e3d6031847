/// What is told of the work of a store as it is done; each gets the seconds
/// that one piece took, on the thread that did it.
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
