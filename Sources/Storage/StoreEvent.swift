import SeriesModel

/// Something that a store did and that its owner may want to write down.
package enum StoreEvent: Hashable, Sendable {
  /// Samples were deleted in a closed range of time.
  case deleted(DeletionSummary, ClosedRange<Int64>)
  /// What was deleted has left the tables, as was asked for.
  case cleaned
  /// A copy was made in a directory.
  case copied(to: String)
  /// A window was deleted, which is described as it was before.
  case dropped(WindowRow, because: Cause)
  /// Windows were merged into this one.
  case merged(Window)

  /// Why a window was deleted.
  package enum Cause: Hashable, Sendable {
    /// All that it holds is older than what is kept.
    case time
    /// It is the oldest, and all together take too much space.
    case size
  }
}
