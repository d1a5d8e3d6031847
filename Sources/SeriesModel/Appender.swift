/// Samples that become visible, and durable, together.
///
/// Shape: `seriesIDs[i]`, `timestamps[i]` and `values[i]` make one sample, with
/// the optional columns where they are not empty. Samples may be in any order and
/// belong to any number of series.
public struct SampleBatch: Sendable {
  /// The series of each sample, from ``Appender/seriesID(for:)``.
  public private(set) var seriesIDs: [SeriesID] = []
  /// Milliseconds since 1970-01-01T00:00Z.
  public private(set) var timestamps: [Int64] = []
  /// The values; of a histogram its sum.
  public private(set) var values: [Double] = []
  /// The histograms, nil where a sample is a number; empty when all are.
  public private(set) var histograms: [NativeHistogram?] = []
  /// When each counter began, in milliseconds since 1970-01-01T00:00Z, 0 where
  /// that is not known; empty when none is.
  public private(set) var startTimestamps: [Int64] = []
  /// What the source said about metric families, by family name.
  public var metadata: [String: MetricMetadata] = [:]
  /// Exemplars of series that have a sample, in this batch or before; those of
  /// one series ascending in time.
  public var exemplars: [BatchExemplar] = []

  /// Creates an empty batch.
  public init() {}

  /// The number of samples.
  public var count: Int { seriesIDs.count }

  /// True when there is neither a sample, nor metadata, nor an exemplar.
  public var isEmpty: Bool { seriesIDs.isEmpty && metadata.isEmpty && exemplars.isEmpty }

  /// Adds one sample that is a number.
  public mutating func add(_ seriesID: SeriesID, timestampMilliseconds: Int64, value: Double) {
    if histograms.isEmpty == false { histograms.append(nil) }
    if startTimestamps.isEmpty == false { startTimestamps.append(0) }
    seriesIDs.append(seriesID)
    timestamps.append(timestampMilliseconds)
    values.append(value)
  }

  /// Adds one sample that is a number, of a counter that began at a known time.
  public mutating func add(
    _ seriesID: SeriesID, timestampMilliseconds: Int64, value: Double,
    startTimestampMilliseconds: Int64
  ) {
    startTimestamps.pad(with: 0, to: count)
    add(seriesID, timestampMilliseconds: timestampMilliseconds, value: value)
    if startTimestamps.count < count { startTimestamps.append(0) }
    startTimestamps[count - 1] = startTimestampMilliseconds
  }

  /// Adds one sample that is a histogram.
  ///
  /// - Parameter startTimestampMilliseconds: When the counter began, or 0 where
  ///   that is not known.
  public mutating func add(
    _ seriesID: SeriesID, timestampMilliseconds: Int64, histogram: NativeHistogram,
    startTimestampMilliseconds: Int64 = 0
  ) {
    histograms.pad(with: nil, to: count)
    if startTimestampMilliseconds == 0 {
      add(seriesID, timestampMilliseconds: timestampMilliseconds, value: histogram.sum)
    } else {
      add(
        seriesID, timestampMilliseconds: timestampMilliseconds, value: histogram.sum,
        startTimestampMilliseconds: startTimestampMilliseconds)
    }
    if histograms.count < count { histograms.append(nil) }
    histograms[count - 1] = histogram
  }

  /// Adds one sample for each series, all of one time.
  ///
  /// An empty batch shares the memory of the arrays.
  ///
  /// - Parameter values: Shape: `values[i]` belongs to `seriesIDs[i]`.
  /// - Precondition: There are as many values as series.
  public mutating func add(
    _ seriesIDs: [SeriesID], timestampMilliseconds: Int64, values: [Double]
  ) {
    precondition(seriesIDs.count == values.count, "each series has one value")
    if self.seriesIDs.isEmpty {
      self.seriesIDs = seriesIDs
      self.values = values
    } else {
      self.seriesIDs.append(contentsOf: seriesIDs)
      self.values.append(contentsOf: values)
    }
    timestamps.append(
      contentsOf: repeatElement(timestampMilliseconds, count: seriesIDs.count))
    if histograms.isEmpty == false { histograms.pad(with: nil, to: count) }
    if startTimestamps.isEmpty == false { startTimestamps.pad(with: 0, to: count) }
  }

  /// Makes room for `count` samples in all.
  public mutating func reserveCapacity(_ count: Int) {
    seriesIDs.reserveCapacity(count)
    timestamps.reserveCapacity(count)
    values.reserveCapacity(count)
  }

  /// Removes everything and keeps the memory.
  public mutating func removeAll() {
    seriesIDs.removeAll(keepingCapacity: true)
    timestamps.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
    histograms.removeAll(keepingCapacity: true)
    startTimestamps.removeAll(keepingCapacity: true)
    metadata.removeAll(keepingCapacity: true)
    exemplars.removeAll(keepingCapacity: true)
  }
}

/// Limits on what an append accepts.
public struct AppendOptions: Sendable {
  /// How far ahead the clock of a source may be, as in Prometheus: what is
  /// scraped or pushed may lie this much in the future, in milliseconds.
  package static let futureToleranceMilliseconds: Int64 = 10 * 60 * 1000

  /// The latest timestamp accepted, inclusive; later samples are refused.
  public var latestAccepted: Timestamp

  /// Creates options.
  public init(latestAccepted: Timestamp = .latest) {
    self.latestAccepted = latestAccepted
  }
}

/// What becomes of a sample when its series has another value at the same
/// timestamp.
///
/// A sample that equals the stored one bit for bit is accepted under every
/// policy, and costs nothing.
public enum DuplicatePolicy: String, Sendable, CaseIterable {
  /// The new sample is refused, and the stored one stays.
  case reject
  /// The new sample is accepted and dropped, and the stored one stays.
  case keep
  /// The new sample takes the place of the stored one.
  case replace
}

/// Why a sample was refused.
public enum RejectionReason: String, Hashable, Sendable, CaseIterable {
  /// The series has another value at the same timestamp.
  case duplicateTimestamp = "duplicate-timestamp"
  /// The timestamp is older than the retention.
  case beyondRetention = "beyond-retention"
  /// The timestamp is later than ``AppendOptions/latestAccepted``.
  case tooFarInFuture = "too-far-in-future"
  /// The histogram has more than ``NativeHistogram/largestBucketCount`` buckets
  /// and custom bounds.
  case tooManyBuckets = "too-many-buckets"
  /// The store does not know the series id any more; ask for it anew.
  case unknownSeries = "unknown-series"
}

/// One refused sample.
public struct Rejection: Hashable, Sendable {
  /// The series, or the empty set when its id is unknown.
  public var labels: Labels
  /// The sample that was refused.
  public var sample: Sample
  /// Why.
  public var reason: RejectionReason
  /// Where the sample stands in its batch.
  public var batchIndex: Int

  /// Creates a rejection.
  public init(labels: Labels, sample: Sample, reason: RejectionReason, batchIndex: Int) {
    self.labels = labels
    self.sample = sample
    self.reason = reason
    self.batchIndex = batchIndex
  }
}

/// What became of a batch.
public struct AppendResult: Sendable {
  /// The number of samples accepted, exact duplicates of stored samples included,
  /// and under ``DuplicatePolicy/keep`` those that were dropped.
  public var acceptedCount: Int
  /// The refused samples, in batch order. The rest of the batch is stored.
  public var rejections: [Rejection]
  /// The number of exemplars stored, those counted that are stored already.
  public var acceptedExemplarCount = 0
  /// The number of refused exemplars, by reason.
  public var refusedExemplarCounts: [ExemplarRefusal: Int] = [:]

  /// Creates a result.
  public init(acceptedCount: Int, rejections: [Rejection]) {
    self.acceptedCount = acceptedCount
    self.rejections = rejections
  }
}

/// The one way for samples to enter a store.
///
/// Every source, scraped or pushed, writes through this protocol.
public protocol Appender: Sendable {
  /// The id of the series with these labels, made when there is none yet.
  ///
  /// A new series becomes durable and visible with its first sample.
  ///
  /// - Complexity: O(1) for a series that is known in memory.
  /// - Throws: When the store can't be read or has failed.
  func seriesID(for labels: Labels) throws -> SeriesID

  /// Appends batches, each visible whole or not at all, and returns once
  /// all of them are as durable as the store's settings promise.
  ///
  /// A refused sample costs the other samples nothing.
  ///
  /// - Returns: One result for each batch, in order.
  /// - Throws: When nothing could be stored: the disk failed, or the store is
  ///   closed or overloaded.
  func append(_ batches: [SampleBatch], options: AppendOptions) throws -> [AppendResult]
}

extension Appender {
  /// Appends one batch.
  public func append(
    _ batch: SampleBatch, options: AppendOptions = AppendOptions()
  ) throws -> AppendResult {
    try append([batch], options: options)[0]
  }
}
