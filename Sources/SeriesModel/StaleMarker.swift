/// The NaN that says a series has ended, at least for now.
///
/// It is told from other NaNs by its bits alone; `isNaN` holds for all.
public enum StaleMarker {
  /// The bits of the stale marker.
  public static let bitPattern: UInt64 = 0x7FF0_0000_0000_0002

  /// The stale marker as a value.
  public static let value = Double(bitPattern: bitPattern)

  /// The NaN with which parsers replace every other NaN they read.
  public static let ordinaryNaN = Double(bitPattern: 0x7FF8_0000_0000_0001)
}

extension Double {
  /// True for the stale marker and for no other value.
  public var isStaleMarker: Bool { bitPattern == StaleMarker.bitPattern }
}
