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
    batch.removeAll()
  }

  /// Reads ``message`` as a whole, then appends its samples as one batch.
  ///
  /// - Throws: ``PushProtocolError`` before anything is stored, or what `appender`
  ///   throws.
  mutating func readAndAppend(
    to appender: any Appender, cache: SeriesCache, limits: RemoteWriteReceiver.Limits,
    now: Timestamp
  ) throws -> RemoteWriteResult {
    batch.removeAll()
    var result = RemoteWriteResult()
    try read(limits: limits, appender: appender, cache: cache, result: &result)
    guard batch.isEmpty == false else { return result }
    let latest = now.milliseconds.addingReportingOverflow(limits.futureToleranceMilliseconds)
    let options = AppendOptions(
      latestAccepted: latest.overflow ? .latest : Timestamp(milliseconds: latest.partialValue))
    result.add(try appender.append(batch, options: options))
    if result.hasVanishedSeries { cache.removeAll() }
    return result
  }

  private mutating func read(
    limits: RemoteWriteReceiver.Limits, appender: any Appender, cache: SeriesCache,
    result: inout RemoteWriteResult
  ) throws {
    let message = message
    var request = RemoteWriteRequest(
      message.span, limits: limits.labels, maximumSampleCount: limits.maximumSampleCount)
    while try request.nextSeries(into: &series) {
      result.histogramCount += series.histogramCount
      let labelRange = series.labelRange
      var known = labelRange.flatMap { cache.seriesID(for: message.span.extracting($0)) }
      if known == nil {
        try request.readLabels(of: &series)
        if let problem = series.problem {
          result.refuse(
            series.refusedText, because: problem, sampleCount: series.timestamps.count)
          continue
        }
        guard series.timestamps.isEmpty == false || series.exemplarCount > 0 else { continue }
        known = try appender.seriesID(for: series.labels)
        if let known, let labelRange {
          cache.insert(known, for: message.span.extracting(labelRange))
        }
      }
      guard let id = known else { continue }
      for index in series.timestamps.indices {
        batch.add(
          id, timestampMilliseconds: series.timestamps[index], value: series.values[index])
      }
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
}

/// What became of a remote write request.
struct RemoteWriteResult {
  private(set) var storedCount = 0
  /// The number of refused samples by reason.
  private(set) var refusedCounts: [String: Int] = [:]
  /// The refused samples whose series has refused labels.
  private(set) var invalidLabelsSampleCount = 0
  private var refusedSeriesCount = 0
  var histogramCount = 0
  private(set) var exemplarCount = 0
  /// The number of refused exemplars by reason; they don't fail the request.
  var refusedExemplarCounts: [String: Int] = [:]
  /// True when retention dropped a series between the two steps of the request.
  private(set) var hasVanishedSeries = false
  /// The first refused series and the reason, for people.
  private var firstRefusal: String?

  mutating func refuse(_ series: String, because problem: LabelProblem, sampleCount: Int) {
    refusedSeriesCount += 1
    invalidLabelsSampleCount += sampleCount
    refusedCounts[problem.rawValue, default: 0] += sampleCount
    if firstRefusal == nil { firstRefusal = "\(series): \(problem)" }
  }

  mutating func add(_ result: AppendResult) {
    storedCount += result.acceptedCount
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
    let reasons = refusedCounts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    var text =
      "stored \(counted(storedCount, "sample")), refused \(refusedCounts.values.reduce(0, +)) "
      + "(\(reasons.joined(separator: ", "))); first refused: \(firstRefusal)"
    if histogramCount > 0 {
      text += "; not stored either: \(counted(histogramCount, "native histogram"))"
    }
    return PushAnswer(status: 400, text: text)
  }
}
