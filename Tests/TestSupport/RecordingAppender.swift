import SeriesModel
import Synchronization

/// An appender that keeps what it is given in memory, for tests of what writes
/// through one.
package final class RecordingAppender: Appender {
  /// A sample as it was appended.
  package struct Entry: Hashable, Sendable, CustomStringConvertible {
    /// The labels of its series.
    package var labels: Labels
    /// Its time and value; of a histogram the sum.
    package var sample: Sample
    /// The histogram, if it is one.
    package var histogram: NativeHistogram?
    /// When its counter began, or 0.
    package var startTimestamp: Int64

    /// Creates an entry.
    package init(
      _ labels: Labels, milliseconds: Int64, value: Double, startTimestamp: Int64 = 0
    ) {
      self.labels = labels
      self.sample = Sample(milliseconds: milliseconds, value: value)
      self.startTimestamp = startTimestamp
    }

    /// Creates an entry of a histogram.
    package init(
      _ labels: Labels, milliseconds: Int64, histogram: NativeHistogram, startTimestamp: Int64 = 0
    ) {
      self.init(
        labels, milliseconds: milliseconds, value: histogram.sum, startTimestamp: startTimestamp)
      self.histogram = histogram
    }

    package var description: String {
      let value = sample.value.isStaleMarker ? "stale" : "\(sample.value)"
      return "\(labels) \(value) @\(sample.timestamp.milliseconds)"
    }
  }

  /// What a failing appender throws.
  package struct Failure: Error, Equatable {
    /// Whether the failure passes by itself.
    package var isTransient: Bool

    /// Creates a failure.
    package init(isTransient: Bool) {
      self.isTransient = isTransient
    }
  }

  private struct State {
    var ids: [Labels: SeriesID] = [:]
    var labels: [Labels] = []
    var batches: [[Entry]] = []
    var metadata: [String: MetricMetadata] = [:]
    var exemplars: [Exemplar] = []
    var failure: Failure?
    var reject: @Sendable (Entry) -> RejectionReason? = { _ in nil }
  }

  private let state = Mutex(State())

  /// Creates an appender that accepts everything.
  package init() {}

  /// The samples accepted, batch by batch.
  package var batches: [[Entry]] { state.withLock { $0.batches } }

  /// The samples accepted, in the order in which they came.
  package var entries: [Entry] { batches.flatMap(\.self) }

  /// All metadata that came, by family name; the last one counts.
  package var metadata: [String: MetricMetadata] { state.withLock { $0.metadata } }

  /// All exemplars that came, of whatever series.
  package var exemplars: [Exemplar] { state.withLock { $0.exemplars } }

  /// The number of series that an id was asked for.
  package var seriesCount: Int { state.withLock { $0.labels.count } }

  /// Forgets the samples that came.
  package func removeAll() {
    state.withLock { $0.batches.removeAll() }
  }

  /// Lets every append fail until nil is given.
  package func fail(with failure: Failure?) {
    state.withLock { $0.failure = failure }
  }

  /// Has samples refused for which `reject` gives a reason.
  package func reject(_ reject: @escaping @Sendable (Entry) -> RejectionReason?) {
    state.withLock { $0.reject = reject }
  }

  package func seriesID(for labels: Labels) throws -> SeriesID {
    state.withLock { state in
      if let id = state.ids[labels] { return id }
      state.labels.append(labels)
      let id = SeriesID(UInt64(state.labels.count))
      state.ids[labels] = id
      return id
    }
  }

  package func append(
    _ batches: [SampleBatch], options: AppendOptions
  ) throws -> [AppendResult] {
    try state.withLock { state in
      if let failure = state.failure { throw failure }
      return batches.map { batch in
        var accepted: [Entry] = []
        var rejections: [Rejection] = []
        for index in 0..<batch.count {
          var entry = Entry(
            state.labels[Int(batch.seriesIDs[index].rawValue) - 1],
            milliseconds: batch.timestamps[index], value: batch.values[index])
          if batch.histograms.isEmpty == false { entry.histogram = batch.histograms[index] }
          if batch.startTimestamps.isEmpty == false {
            entry.startTimestamp = batch.startTimestamps[index]
          }
          let isLate = entry.sample.timestamp > options.latestAccepted
          if let reason = isLate ? .tooFarInFuture : state.reject(entry) {
            rejections.append(
              Rejection(
                labels: reason == .unknownSeries ? Labels() : entry.labels, sample: entry.sample,
                reason: reason, batchIndex: index))
          } else {
            accepted.append(entry)
          }
        }
        state.batches.append(accepted)
        state.metadata.merge(batch.metadata) { _, new in new }
        state.exemplars += batch.exemplars.map(\.exemplar)
        return AppendResult(acceptedCount: accepted.count, rejections: rejections)
      }
    }
  }
}
