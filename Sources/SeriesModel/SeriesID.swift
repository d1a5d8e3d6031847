/// The number under which a store knows a series.
///
/// Ids rise from 1 and are never given to another series, so an id may be kept
/// and used again at any time; once retention has dropped the series, the
/// store answers that it does not know the id.
public struct SeriesID: Hashable, Comparable, Sendable {
  /// The number itself.
  public var rawValue: UInt64

  /// Creates an id from its number.
  public init(_ rawValue: UInt64) {
    self.rawValue = rawValue
  }

  public static func < (left: SeriesID, right: SeriesID) -> Bool {
    left.rawValue < right.rawValue
  }
}
