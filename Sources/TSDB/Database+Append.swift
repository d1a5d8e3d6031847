import SeriesModel
import Storage

extension Database: Appender {
  public func seriesID(for labels: Labels) throws -> SeriesID {
    try wrappingStorageErrors { try writableStore().seriesID(for: labels) }
  }

  public func append(
    _ batches: [SampleBatch], options: AppendOptions = AppendOptions()
  ) throws -> [AppendResult] {
    try wrappingStorageErrors { try writableStore().append(batches, options: options) }
  }

  /// Appends one sample and returns once it is on disk.
  ///
  /// For many samples make a ``SampleBatch``: it costs one write to the disk.
  ///
  /// - Parameters:
  ///   - value: Any bit pattern.
  ///   - labels: The series, the metric name included.
  ///   - timestamp: Any moment within the retention, in any order.
  /// - Throws: ``TSDBError`` with code `refused` when the series has another
  ///   value at that moment, or the moment is older than the retention.
  public func append(_ value: Double, to labels: Labels, at timestamp: Timestamp) throws {
    var batch = SampleBatch()
    batch.add(
      try seriesID(for: labels), timestampMilliseconds: timestamp.milliseconds, value: value)
    try appendAll(batch)
  }

  /// Appends one native histogram and returns once it is on disk.
  ///
  /// For many samples make a ``SampleBatch``: it costs one write to the disk.
  ///
  /// - Parameters:
  ///   - histogram: At most ``NativeHistogram/largestBucketCount`` buckets and
  ///     custom bounds; its content is kept bit for bit and not checked.
  ///   - labels: The series, the metric name included. It may have numbers too.
  ///   - timestamp: Any moment within the retention, in any order.
  ///   - startTimestamp: When the counter behind it began, or nil.
  /// - Throws: As ``append(_:to:at:)``, and when the histogram is too
  ///   large.
  public func append(
    _ histogram: NativeHistogram, to labels: Labels, at timestamp: Timestamp,
    startingAt startTimestamp: Timestamp? = nil
  ) throws {
    var batch = SampleBatch()
    batch.add(
      try seriesID(for: labels), timestampMilliseconds: timestamp.milliseconds,
      histogram: histogram, startTimestampMilliseconds: startTimestamp?.milliseconds ?? 0)
    try appendAll(batch)
  }

  private func appendAll(_ batch: SampleBatch) throws {
    if let rejection = try append(batch).rejections.first {
      throw TSDBError(.refused, "a sample was refused (\(rejection.reason.rawValue)): \(rejection)")
    }
  }

  func writableStore() throws -> Store {
    guard let writer else {
      throw TSDBError(.readOnly, "the database was opened for reading only")
    }
    return writer
  }
}
