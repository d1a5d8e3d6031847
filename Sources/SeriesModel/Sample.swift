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
/// Shape: `timestamps[i]` and `values[i]` belong together, and so do the
/// optional columns where they are not empty. The columns are meant to be
/// reused: ``removeAll()`` keeps their memory.
public struct SampleColumns: Sendable {
  /// Milliseconds since 1970-01-01T00:00Z, strictly increasing.
  public var timestamps: [Int64] = []
  /// The values, as many as there are timestamps; of a histogram its sum, so
  /// that a stale marker shows here for every sample.
  public var values: [Double] = []
  /// The histograms, nil where a sample is a number; empty when all are.
  public var histograms: [NativeHistogram?] = []
  /// When each counter began, in milliseconds since 1970-01-01T00:00Z, 0 where
  /// that is not known; empty when none is.
  public var startTimestamps: [Int64] = []

  /// Creates empty columns.
  public init() {}

  /// The number of samples.
  public var count: Int { timestamps.count }

  /// True when there is no sample.
  public var isEmpty: Bool { timestamps.isEmpty }

  /// The histogram at `index`, or nil for a number.
  public func histogram(at index: Int) -> NativeHistogram? {
    histograms.isEmpty ? nil : histograms[index]
  }

  /// When the counter of the sample at `index` began, or 0.
  public func startTimestamp(at index: Int) -> Int64 {
    startTimestamps.isEmpty ? 0 : startTimestamps[index]
  }

  /// Appends one sample that is a number.
  public mutating func append(
    timestampMilliseconds: Int64, value: Double, startTimestampMilliseconds: Int64 = 0
  ) {
    appendOptional(nil, startTimestamp: startTimestampMilliseconds)
    timestamps.append(timestampMilliseconds)
    values.append(value)
  }

  /// Appends one sample that is a histogram.
  public mutating func append(
    timestampMilliseconds: Int64, histogram: NativeHistogram,
    startTimestampMilliseconds: Int64 = 0
  ) {
    appendOptional(histogram, startTimestamp: startTimestampMilliseconds)
    timestamps.append(timestampMilliseconds)
    values.append(histogram.sum)
  }

  /// Appends the sample at `index` of other columns.
  public mutating func append(_ columns: SampleColumns, at index: Int) {
    appendOptional(
      columns.histogram(at: index), startTimestamp: columns.startTimestamp(at: index))
    timestamps.append(columns.timestamps[index])
    values.append(columns.values[index])
  }

  private mutating func appendOptional(_ histogram: NativeHistogram?, startTimestamp: Int64) {
    if histograms.isEmpty == false || histogram != nil {
      histograms.pad(with: nil, to: count)
      histograms.append(histogram)
    }
    if startTimestamps.isEmpty == false || startTimestamp != 0 {
      startTimestamps.pad(with: 0, to: count)
      startTimestamps.append(startTimestamp)
    }
  }

  /// Removes every sample and keeps the memory.
  public mutating func removeAll() {
    timestamps.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
    histograms.removeAll(keepingCapacity: true)
    startTimestamps.removeAll(keepingCapacity: true)
  }
}

extension Array {
  /// Appends `element` until there are `count`.
  mutating func pad(with element: Element, to count: Int) {
    append(contentsOf: repeatElement(element, count: Swift.max(0, count - self.count)))
  }
}
