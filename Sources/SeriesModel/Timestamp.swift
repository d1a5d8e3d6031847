/// A moment, in milliseconds since 1970-01-01T00:00Z without leap seconds.
public struct Timestamp: Hashable, Comparable, Sendable {
  /// Milliseconds since 1970-01-01T00:00Z; may be negative.
  public var milliseconds: Int64

  /// Creates a timestamp from milliseconds since 1970-01-01T00:00Z.
  public init(milliseconds: Int64) {
    self.milliseconds = milliseconds
  }

  /// The earliest moment there is.
  public static let earliest = Timestamp(milliseconds: .min)
  /// The latest moment there is.
  public static let latest = Timestamp(milliseconds: .max)

  /// The moment as seconds since 1970, with the milliseconds as a fraction.
  public var seconds: Double { Double(milliseconds) / 1000 }

  public static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.milliseconds < right.milliseconds
  }
}
