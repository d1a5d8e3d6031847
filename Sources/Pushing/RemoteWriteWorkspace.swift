import PushProtocols
import SeriesModel

/// The memory that one remote write request needs, to be used for many.
struct RemoteWriteWorkspace: Sendable {
  /// The request after decompression.
  var message: [UInt8] = []

  private var series = RemoteWriteSeries()
  private var batch = SampleBatch()

  /// False after a request so large that its memory should be given back.
  var isWorthKeeping: Bool {
    message.capacity <= 4 << 20 && batch.count <= 1 << 18
  }

  /// Forgets the last request and keeps the memory.
  mutating func removeAll() {
    message.removeAll(keepingCapacity: true)
    series.removeAll()
    batch.removeAll()
  }

  /// Reads ``message`` as a whole, then appends its samples as one batch.
  ///
  /// - Throws: ``PushProtocolError`` before anything is stored, or what `appender`
  ///   throws.
  mutating func readAndAppend(
    _ version: RemoteWriteRequest.Version, to appender: any Appender, cache: SeriesCache,
    limits: RemoteWriteReceiver.Limits, now: Timestamp
  ) throws -> RemoteWriteResult {
    batch.removeAll()
    var result = RemoteWriteResult()
    try read(version, limits: limits, appender: appender, cache: cache, result: &result)
    guard batch.isEmpty == false else { return result }
    let latest = now.milliseconds.addingReportingOverflow(limits.futureToleranceMilliseconds)
    let options = AppendOptions(
      latestAccepted: latest.overflow ? .latest : Timestamp(milliseconds: latest.partialValue))
    result.add(try appender.append(batch, options: options), of: batch)
    if result.hasVanishedSeries { cache.removeAll() }
    return result
  }

  private mutating func read(
    _ version: RemoteWriteRequest.Version, limits: RemoteWriteReceiver.Limits,
    appender: any Appender, cache: SeriesCache, result: inout RemoteWriteResult
  ) throws {
    let message = message
    var request = RemoteWriteRequest(
      message.span, version: version, limits: limits.labels,
      maximumSampleCount: limits.maximumSampleCount)
    var position = SeriesCache.Position()
    while try request.nextSeries(into: &series) {
      // In version 2 the same bytes mean something else in each request.
      let labelRange = version == .one ? series.labelRange : nil
      var known = labelRange.flatMap {
        cache.seriesID(for: message.span.extracting($0), at: &position)
      }
      let isCached = known != nil
      if isCached == false {
        try request.readLabels(of: &series)
        if let problem = series.problem {
          result.refuse(
            series.refusedText, because: problem, under: limits.labels,
            sampleCount: series.sampleCount)
          continue
        }
        if version == .two, series.sampleCount == 0 {
          result.refuseEmpty(series.labels)
          continue
        }
        guard series.sampleCount > 0 || series.exemplarCount > 0 else { continue }
        known = try appender.seriesID(for: series.labels)
        if let known, let labelRange {
          cache.insert(known, for: message.span.extracting(labelRange))
        }
      }
      guard let id = known else { continue }
      if let problem = series.histogramProblem {
        if isCached { try request.readLabels(of: &series) }
        result.refuseHistograms(
          of: series.labels, because: problem, count: series.refusedHistogramCount)
      }
      addSamples(of: id)
      if series.exemplarCount > 0 {
        for exemplar in request.exemplars(of: series) {
          if let exemplar {
            batch.exemplars.append(BatchExemplar(seriesID: id, exemplar: exemplar))
          } else {
            result.refusedExemplarCounts["invalid-labels", default: 0] += 1
          }
        }
      }
    }
    batch.metadata = request.metadata
  }

  /// Adds the samples and histograms of the series that was read last.
  private mutating func addSamples(of id: SeriesID) {
    if series.startTimestamps.isEmpty {
      for index in series.timestamps.indices {
        batch.add(
          id, timestampMilliseconds: series.timestamps[index], value: series.values[index])
      }
    } else {
      for index in series.timestamps.indices {
        batch.add(
          id, timestampMilliseconds: series.timestamps[index], value: series.values[index],
          startTimestampMilliseconds: series.startTimestamps[index])
      }
    }
    for sample in series.histograms {
      batch.add(
        id, timestampMilliseconds: sample.timestamp, histogram: sample.histogram,
        startTimestampMilliseconds: sample.startTimestamp)
    }
  }
}

/// What became of a remote write request.
struct RemoteWriteResult {
  /// The samples and histograms that are stored.
  private(set) var storedCount = 0
  /// The histograms among them.
  private(set) var storedHistogramCount = 0
  /// The number of refused samples by reason.
  private(set) var refusedCounts: [String: Int] = [:]
  /// The refused samples whose series has refused labels.
  private(set) var invalidLabelsSampleCount = 0
  /// The series refused for having no sample.
  private var emptySeriesCount = 0
  private(set) var exemplarCount = 0
  /// The number of refused exemplars by reason; they don't fail the request.
  var refusedExemplarCounts: [String: Int] = [:]
  /// True when retention dropped a series between the two steps of the request.
  private(set) var hasVanishedSeries = false
  /// The first refused series and the reason, for people.
  private var firstRefusal: String?

  mutating func refuse(
    _ series: String, because problem: LabelProblem, under limits: LabelLimits, sampleCount: Int
  ) {
    invalidLabelsSampleCount += sampleCount
    refusedCounts[problem.rawValue, default: 0] += sampleCount
    if firstRefusal == nil {
      firstRefusal = "\(series): \(problem.description(under: limits))"
    }
  }

  /// Refuses some histograms of a series.
  mutating func refuseHistograms(
    of labels: Labels, because problem: HistogramProblem, count: Int
  ) {
    refusedCounts["invalid-histogram", default: 0] += count
    if firstRefusal == nil { firstRefusal = "\(labels): \(problem)" }
  }

  /// Refuses a series without a sample, as version 2 asks for.
  mutating func refuseEmpty(_ labels: Labels) {
    emptySeriesCount += 1
    guard firstRefusal == nil else { return }
    firstRefusal =
      "TimeSeries must contain at least one sample or histogram for series \(labels)"
  }

  mutating func add(_ result: AppendResult, of batch: SampleBatch) {
    storedCount += result.acceptedCount
    if batch.histograms.isEmpty == false {
      let refused = result.rejections.count { batch.histograms[$0.batchIndex] != nil }
      storedHistogramCount += batch.histograms.count { $0 != nil } - refused
    }
    exemplarCount += result.acceptedExemplarCount
    for (reason, count) in result.refusedExemplarCounts {
      refusedExemplarCounts[reason.rawValue, default: 0] += count
    }
    for rejection in result.rejections {
      refusedCounts[rejection.reason.rawValue, default: 0] += 1
      if rejection.reason == .unknownSeries { hasVanishedSeries = true }
      if firstRefusal == nil {
        firstRefusal = rejection.description
      }
    }
  }

  var answer: PushAnswer {
    guard let firstRefusal else { return PushAnswer(status: 204) }
    // Retention dropped a series between the two steps of this request. Sent
    // again, its samples are accepted and the others are duplicates.
    if hasVanishedSeries {
      return PushAnswer(
        status: 503, headers: ["Retry-After": "1"],
        text: "a series was dropped while its samples came in, send them again")
    }
    return PushAnswer(
      status: 400,
      text: "stored \(counted(storedCount, "sample")), refused \(refusedText); "
        + "first refused: \(firstRefusal)")
  }

  /// How much is refused, by reason: `3 (1 too-old, 2 unknown-symbol)`.
  private var refusedText: String {
    let empty = "\(emptySeriesCount) series without samples"
    guard refusedCounts.isEmpty == false else { return empty }
    let reasons = refusedCounts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    let samples =
      "\(refusedCounts.values.reduce(0, +)) (\(reasons.joined(separator: ", ")))"
    return emptySeriesCount == 0 ? samples : "\(samples) and \(empty)"
  }

  /// The header fields with which an answer of version 2 says what is stored.
  var writtenHeaders: [String: String] {
    RemoteWriteResult.writtenHeaders(
      samples: storedCount - storedHistogramCount, histograms: storedHistogramCount,
      exemplars: exemplarCount)
  }

  static func writtenHeaders(
    samples: Int = 0, histograms: Int = 0, exemplars: Int = 0
  ) -> [String: String] {
    [
      "X-Prometheus-Remote-Write-Samples-Written": "\(samples)",
      "X-Prometheus-Remote-Write-Histograms-Written": "\(histograms)",
      "X-Prometheus-Remote-Write-Exemplars-Written": "\(exemplars)",
    ]
  }
}
