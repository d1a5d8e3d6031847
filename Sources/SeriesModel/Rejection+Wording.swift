extension Rejection: CustomStringConvertible {
  /// The series, the time in UTC, why the sample was refused and what to do.
  public var description: String {
    "\(labels) at \(sample.timestamp.rfc3339): \(reason.explanation)"
  }
}

extension RejectionReason {
  fileprivate var explanation: String {
    switch self {
    case .duplicateTimestamp:
      "the series has another value at the same time; send each sample once, or choose with "
        + "--storage.on-duplicate which of them counts"
    case .beyondRetention:
      "the sample is older than what the retention keeps; send it while it is younger, or keep "
        + "samples for longer with --storage.tsdb.retention.time"
    case .tooFarInFuture:
      "the sample lies more than \(AppendOptions.futureToleranceMilliseconds / 60_000) minutes in "
        + "the future; check the clock of the sender"
    case .tooManyBuckets:
      "the histogram has more than \(NativeHistogram.largestBucketCount) buckets and custom "
        + "bounds; lower its resolution"
    case .unknownSeries:
      "the series was dropped meanwhile; send the sample again"
    }
  }
}
