import Configuration
import Exposition
import HTTPClient
import SeriesModel

/// One target: its series as they were last time, and its place in the
/// schedule. Used on the scrape thread alone.
final class TargetScraper {
  private(set) var target: ScrapeTarget
  /// The target's health as the API shows it.
  var status: TargetStatus

  /// Where the target stands among all.
  var index = 0
  /// When the next scrape is due.
  var due: Duration = .zero
  /// Rises when `due` is set anew, so that older entries of the queue lapse.
  var scheduleNumber = 0
  /// The fetch under way, with the moment it began.
  var fetch: (token: UInt64, timestamp: Timestamp, start: Duration)?
  /// Whether the store refused samples of the last scrape.
  var hadRejections = false
  /// Whether a scrape waits to be stored.
  var isWaiting = false

  private var request: RepeatedRequest?
  private var cache = ScrapeCache()
  /// Shape: `series[slot]`, for the slots of `cache`.
  private var series: [SeriesState] = []
  private var reportIDs: [SeriesID?]
  /// Metadata that changed and was not stored yet.
  private var unstoredMetadata: [String: MetricMetadata] = [:]
  /// The series that ended and have no stale marker in the store yet, with the
  /// time of the scrape that ended them in milliseconds since 1970.
  private var unstoredMarkers: [SeriesID: Int64] = [:]
  private var scrapeNumber: UInt64 = 0
  /// The scrape whose tracked series have no stale marker yet; 0 for none.
  /// A scrape of exactly the same series leaves it as it is.
  private var lastGoodNumber: UInt64 = 0
  /// The ids of the last batch, when that was a good scrape without marker,
  /// repeated series and times of the samples' own: another scrape of the same
  /// series then has the same ids. Else empty.
  private var repeatableIDs: [SeriesID] = []

  private struct SeriesState {
    /// Nil until the series is first stored.
    var id: SeriesID?
    /// The last scrape that had the series in such a way that its end is to be
    /// marked; 0 for none.
    var trackedNumber: UInt64 = 0
  }

  init(_ target: ScrapeTarget) {
    self.target = target
    status = TargetStatus(target: target)
    reportIDs = Array(repeating: nil, count: TargetScraper.reportNames.count)
  }

  /// Takes a new configuration of the same series.
  func update(_ target: ScrapeTarget) {
    self.target = target
    status.target = target
    request = nil
  }

  /// What to ask the target, set up once.
  func request(userAgent: String) -> RepeatedRequest {
    if let request { return request }
    let made = RepeatedRequest(target.fetchRequest(userAgent: userAgent))
    request = made
    return made
  }

  /// The series that report on each scrape, as Prometheus names them.
  static let reportNames = [
    "up", "scrape_duration_seconds", "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling", "scrape_series_added",
  ]

  /// Whether the target was ever scraped.
  var wasScraped: Bool { scrapeNumber > 0 }

  /// The series that get a stale marker when the target goes at `timestamp`,
  /// each with the marker's time in milliseconds since 1970.
  func finalMarkers(at timestamp: Timestamp) -> [SeriesID: Int64] {
    var markers = unstoredMarkers
    for state in series where isLive(state) {
      if let id = state.id { markers[id] = timestamp.milliseconds }
    }
    for case let id? in reportIDs { markers[id] = timestamp.milliseconds }
    return markers
  }

  /// Removes the markers of those series that the target has.
  func removeLiveSeries(from markers: inout [SeriesID: Int64]) {
    for state in series where isLive(state) {
      if let id = state.id { markers[id] = nil }
    }
    for case let id? in reportIDs { markers[id] = nil }
  }

  private func isLive(_ state: SeriesState) -> Bool {
    lastGoodNumber > 0 && state.trackedNumber == lastGoodNumber
  }
}

extension TargetScraper {
  /// Makes samples of a scrape: those of the text, stale markers for series
  /// that are gone, and the report series.
  ///
  /// - Parameters:
  ///   - text: The body, or why there is none.
  ///   - parsed: Memory to reuse.
  ///   - duration: The time the scrape has taken up to the end of this call.
  /// - Throws: What the store throws when it can't name the report series.
  func prepare(
    _ text: Result<[UInt8], ScrapeError>, at timestamp: Timestamp, _ appender: any Appender,
    using parsed: inout ParsedScrape, duration: () -> Duration
  ) throws -> PreparedScrape {
    var prepared = PreparedScrape(timestamp: timestamp.milliseconds)
    scrapeNumber += 1
    parsed.removeAll()
    do throws(ScrapeError) {
      let body = try text.get()
      if body.isEmpty {
        // Such targets mostly have a bad moment: the cache is kept for later.
        endAllSeries(at: prepared.timestamp)
      } else {
        try readSamples(of: body, into: &parsed, &prepared)
        if canRepeatIDs(parsed) {
          addSamplesAndReport(parsed, duration(), &prepared)
          return prepared
        }
        try addSamples(parsed, appender, &prepared)
      }
    } catch {
      prepared.error = error
      prepared.removeSamples()
      endAllSeries(at: prepared.timestamp)
    }
    forgetVanishedSlots(parsed)
    for (id, timestamp) in unstoredMarkers { prepared.add(staleMarkerOf: id, at: timestamp) }
    try addReport(duration(), appender, &prepared)
    let isRepeatable =
      prepared.error == nil && prepared.scrapedCount > 0 && unstoredMarkers.isEmpty
      && parsed.hasTimestamps == false && parsed.repeatedSamples.isEmpty
    repeatableIDs = isRepeatable ? prepared.batch.seriesIDs : []
    return prepared
  }

  private func readSamples(
    of body: [UInt8], into parsed: inout ParsedScrape, _ prepared: inout PreparedScrape
  ) throws(ScrapeError) {
    do {
      try cache.read(body, into: &parsed)
    } catch {
      prepared.scrapedCount = parsed.count
      throw ScrapeError(error.description)
    }
    prepared.scrapedCount = parsed.count
    unstoredMetadata.merge(parsed.changedMetadata) { _, new in new }
    try checkSampleLimit(parsed)
  }

  /// Whether the samples have the ids of the last batch.
  private func canRepeatIDs(_ parsed: ParsedScrape) -> Bool {
    parsed.hasSeriesOfLastScrape && parsed.hasTimestamps == false && unstoredMarkers.isEmpty
      && repeatableIDs.count == parsed.count + TargetScraper.reportNames.count
  }

  /// Adds everything that a scrape leads to whose series are those of the last
  /// one.
  private func addSamplesAndReport(
    _ parsed: ParsedScrape, _ duration: Duration, _ prepared: inout PreparedScrape
  ) {
    var values: [Double] = []
    values.reserveCapacity(repeatableIDs.count)
    values.append(contentsOf: parsed.values)
    values.append(contentsOf: reportValues(duration, prepared))
    prepared.add(repeatableIDs, values: values, fromSlots: parsed.slots)
    prepared.set(metadata: unstoredMetadata)
  }

  private func addSamples(
    _ parsed: ParsedScrape, _ appender: any Appender, _ prepared: inout PreparedScrape
  ) throws(ScrapeError) {
    let missing = cache.slotLimit - series.count
    if missing > 0 { series.append(contentsOf: repeatElement(SeriesState(), count: missing)) }
    for new in parsed.newSeries { try resolve(new, appender, &prepared) }
    // Scrapes that failed for a limit may have left series behind.
    for slot in parsed.slots where series[Int(slot)].id == nil {
      try resolve(cache.series(inSlot: Int(slot)), appender, &prepared)
    }
    prepared.reserveCapacity(parsed.count + TargetScraper.reportNames.count)
    var endedIDs = addParsedSamples(parsed, &prepared)
    for slot in parsed.vanishedSlots where isLive(series[slot]) {
      if let id = series[slot].id { endedIDs.append(id) }
    }
    if endedIDs.isEmpty == false {
      // The target may write a series in another way than before.
      let present = Set(
        series.lazy.filter { $0.trackedNumber == self.scrapeNumber }.compactMap(\.id))
      for id in endedIDs where present.contains(id) == false {
        unstoredMarkers[id] = prepared.timestamp
      }
    }
    lastGoodNumber = scrapeNumber
    prepared.set(metadata: unstoredMetadata)
  }

  /// Adds the samples that were read.
  ///
  /// - Returns: The series whose end was to be marked and no more is, because
  ///   the target now gives their times.
  private func addParsedSamples(
    _ parsed: ParsedScrape, _ prepared: inout PreparedScrape
  ) -> [SeriesID] {
    var endedIDs: [SeriesID] = []
    var repeated = parsed.repeatedSamples[...]
    let honorsTimestamps = target.configuration.honorsTimestamps
    let tracksTimestamps = target.configuration.tracksTimestampStaleness
    for index in 0..<parsed.count {
      let slot = Int(parsed.slots[index])
      let timestamp = honorsTimestamps ? parsed.timestamp(at: index) : nil
      if repeated.first == index {
        repeated.removeFirst()
        if timestamp == nil {
          prepared.duplicateCount += 1
          continue
        }
      }
      guard let id = series[slot].id else { continue }
      prepared.add(
        id, at: timestamp ?? prepared.timestamp, value: parsed.values[index],
        fromSlot: parsed.slots[index])
      if timestamp == nil || tracksTimestamps {
        series[slot].trackedNumber = scrapeNumber
      } else if isLive(series[slot]) {
        series[slot].trackedNumber = 0
        endedIDs.append(id)
      }
    }
    return endedIDs
  }

  private func checkSampleLimit(_ parsed: ParsedScrape) throws(ScrapeError) {
    guard let limit = target.configuration.limits.sampleCount else { return }
    let honorsTimestamps = target.configuration.honorsTimestamps
    let duplicates = parsed.repeatedSamples.count {
      honorsTimestamps == false || parsed.timestamp(at: $0) == nil
    }
    if parsed.count - duplicates > limit { throw ScrapeError("sample limit exceeded") }
  }

  private func resolve(
    _ scraped: ScrapedSeries, _ appender: any Appender, _ prepared: inout PreparedScrape
  ) throws(ScrapeError) {
    let labels = target.storedLabels(of: scraped)
    if let excess = target.configuration.limits.excess(of: labels) { throw ScrapeError(excess) }
    do {
      series[scraped.slot].id = try appender.seriesID(for: labels)
    } catch {
      throw ScrapeError("the store can't take new series: \(error)")
    }
    prepared.addedSeriesCount += 1
  }

  /// Has each series of the last good scrape get a stale marker.
  private func endAllSeries(at timestamp: Int64) {
    for state in series where isLive(state) {
      if let id = state.id { unstoredMarkers[id] = timestamp }
    }
    lastGoodNumber = 0
  }

  private func forgetVanishedSlots(_ parsed: ParsedScrape) {
    if cache.slotLimit == 0 { series.removeAll() }
    for slot in parsed.vanishedSlots where slot < series.count { series[slot] = SeriesState() }
  }

  private func addReport(
    _ duration: Duration, _ appender: any Appender, _ prepared: inout PreparedScrape
  ) throws {
    for (index, value) in reportValues(duration, prepared).enumerated() {
      prepared.add(reportOf: try reportID(index, appender), value: value)
    }
  }

  /// The values of the report series, in the order of ``reportNames``.
  private func reportValues(_ duration: Duration, _ prepared: PreparedScrape) -> [Double] {
    let count = Double(prepared.scrapedCount)
    return [
      prepared.error == nil ? 1 : 0, duration / .seconds(1), count, count,
      Double(prepared.addedSeriesCount),
    ]
  }

  private func reportID(_ index: Int, _ appender: any Appender) throws -> SeriesID {
    if let id = reportIDs[index] { return id }
    let id = try appender.seriesID(for: target.reportLabels(TargetScraper.reportNames[index]))
    reportIDs[index] = id
    return id
  }
}

extension TargetScraper {
  /// Learns what became of a scrape's batch.
  ///
  /// - Returns: The samples of series that the store had forgotten, under new
  ///   ids, to be appended; nil when there are none.
  func finish(
    _ prepared: PreparedScrape, _ result: AppendResult, _ appender: any Appender
  ) throws -> SampleBatch? {
    for family in prepared.batch.metadata.keys
    where unstoredMetadata[family] == prepared.batch.metadata[family] {
      unstoredMetadata[family] = nil
    }
    unstoredMarkers.removeAll()
    let forgotten = result.rejections.filter { $0.reason == .unknownSeries }
    guard forgotten.isEmpty == false else { return nil }
    repeatableIDs = []
    for rejection in forgotten {
      switch prepared.origin(of: rejection.batchIndex) {
      case .slot(let slot): series[slot].id = nil
      case .report(let index): reportIDs[index] = nil
      case .staleMarker: break
      }
    }
    var batch = SampleBatch()
    for rejection in forgotten {
      let id: SeriesID
      switch prepared.origin(of: rejection.batchIndex) {
      case .slot(let slot):
        if let known = series[slot].id {
          id = known
        } else {
          let labels = target.storedLabels(of: cache.series(inSlot: slot))
          id = try appender.seriesID(for: labels)
          series[slot].id = id
        }
      case .report(let index):
        id = try reportID(index, appender)
      case .staleMarker:
        continue
      }
      batch.add(
        id, timestampMilliseconds: rejection.sample.timestamp.milliseconds,
        value: rejection.sample.value)
    }
    return batch.isEmpty ? nil : batch
  }
}
