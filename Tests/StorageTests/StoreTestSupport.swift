import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// The samples of series by labels, as a test expects or finds them.
typealias SamplesByLabels = [Labels: [Sample]]

extension Queryable {
  /// Reads everything that matches within a closed range.
  func samples(
    _ matchers: [Matcher] = [], from start: Int64 = .min, through end: Int64 = .max
  ) throws -> SamplesByLabels {
    let selection = SeriesSelection(
      matchers: matchers, start: Timestamp(milliseconds: start), end: Timestamp(milliseconds: end))
    return try snapshot(of: [selection]).samples(ofSelection: 0)
  }
}

extension Queryable {
  /// Reads everything within a closed range, with histograms and start
  /// timestamps.
  func columns(from start: Int64 = .min, through end: Int64 = .max) throws
    -> [Labels: SampleColumns]
  {
    let selection = SeriesSelection(
      matchers: [], start: Timestamp(milliseconds: start), end: Timestamp(milliseconds: end))
    return try snapshot(of: [selection]).columns(ofSelection: 0)
  }
}

extension QuerySnapshot {
  /// Reads the samples of every series of one selection, as plain ones.
  func samples(ofSelection index: Int) throws -> SamplesByLabels {
    try columns(ofSelection: index).mapValues { columns in
      zip(columns.timestamps, columns.values).map { Sample(milliseconds: $0, value: $1) }
    }
  }

  /// Reads every series of one selection, and checks that its samples are in order.
  func columns(ofSelection index: Int) throws -> [Labels: SampleColumns] {
    let set = seriesSets[index]
    let cursor = try set.makeCursor()
    var found: [Labels: SampleColumns] = [:]
    for series in 0..<set.count {
      let labels = set.labels(at: series)
      #expect(found[labels] == nil, "a series comes once")
      var columns = SampleColumns()
      try cursor.read(seriesAt: series, into: &columns)
      #expect(zip(columns.timestamps, columns.timestamps.dropFirst()).allSatisfy { $0 < $1 })
      #expect([0, columns.count].contains(columns.histograms.count))
      #expect([0, columns.count].contains(columns.startTimestamps.count))
      if columns.isEmpty == false { found[labels] = columns }
    }
    return found
  }
}

extension Appender {
  /// Appends samples of one series.
  @discardableResult
  func append(
    _ labels: Labels, _ samples: [(Int64, Double)], options: AppendOptions = AppendOptions()
  ) throws -> AppendResult {
    var batch = SampleBatch()
    let id = try seriesID(for: labels)
    for (timestamp, value) in samples {
      batch.add(id, timestampMilliseconds: timestamp, value: value)
    }
    return try append(batch, options: options)
  }
}

func samples(_ pairs: [(Int64, Double)]) -> [Sample] {
  pairs.map { Sample(milliseconds: $0.0, value: $0.1) }
}

extension StagingRules {
  /// Everything is accepted, and nothing is in the tables.
  static var permissive: StagingRules {
    StagingRules(
      options: AppendOptions(), duplicatePolicy: .reject, oldestKept: { _ in .min },
      sealed: SealedSamples(), knowsForgottenSeries: true)
  }
}
