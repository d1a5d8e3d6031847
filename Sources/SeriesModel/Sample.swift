/// A value at a moment.
///
/// Equality is of bit patterns, so that a NaN equals itself and `0` differs
/// from `-0`.
public struct Sample: Hashable, Sendable {
  /// When the value was true.
  public var timestamp: Timestamp
  /// The value; any bit pattern, the stale marker included.
  public var value: Double

  /// Creates a sample.
  public init(timestamp: Timestamp, value: Double) {
    self.timestamp = timestamp
    self.value = value
  }

  /// Creates a sample from milliseconds since 1970-01-01T00:00Z.
  public init(milliseconds: Int64, value: Double) {
    self.init(timestamp: Timestamp(milliseconds: milliseconds), value: value)
  }

  public static func == (left: Sample, right: Sample) -> Bool {
    left.timestamp == right.timestamp && left.value.bitPattern == right.value.bitPattern
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(timestamp)
    hasher.combine(value.bitPattern)
  }
}

/// The samples of one series as columns, ascending in time.
///
/// Shape: `timestamps[i]` and `values[i]` belong together. The columns are
/// meant to be reused: ``removeAll()`` keeps their memory.
public struct SampleColumns: Sendable {
  /// Milliseconds since 1970-01-01T00:00Z, strictly increasing.
  public var timestamps: [Int64] = []
  /// The values, as many as there are timestamps.
  public var values: [Double] = []

  /// Creates empty columns.
  public init() {}

  /// The number of samples.
  public var count: Int { timestamps.count }

  /// True when there is no sample.
  public var isEmpty: Bool { timestamps.isEmpty }

  /// Appends one sample.
  public mutating func append(timestampMilliseconds: Int64, value: Double) {
    timestamps.append(timestampMilliseconds)
    values.append(value)
  }

  /// Removes every sample and keeps the memory.
  public mutating func removeAll() {
    timestamps.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
  }
}
