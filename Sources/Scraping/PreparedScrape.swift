import SeriesModel

/// The samples that one scrape leads to, and where each comes from.
struct PreparedScrape {
  /// What a sample of the batch stands for.
  enum Origin: Equatable {
    /// A sample of the series in this slot.
    case slot(Int32)
    /// A sample of the report series with this index.
    case report(Int)
    /// A stale marker.
    case staleMarker
  }

  /// What is to be appended.
  private(set) var batch = SampleBatch()
  /// Shape: `origins[i]` tells where sample `i` of the batch comes from.
  private(set) var origins: [Origin] = []
  /// When the scrape began, in milliseconds since 1970.
  let timestamp: Int64
  /// Why the scrape failed; nil when it did not.
  var error: ScrapeError?
  /// The samples that were read, duplicates included.
  var scrapedCount = 0
  /// The samples left out because their series stood in the scrape before.
  var duplicateCount = 0
  /// The series that the target did not have at its last scrape.
  var addedSeriesCount = 0

  init(timestamp: Int64) {
    self.timestamp = timestamp
  }

  mutating func add(
    _ id: SeriesID, at timestamp: Int64, value: Double, from origin: Origin
  ) {
    batch.add(id, timestampMilliseconds: timestamp, value: value)
    origins.append(origin)
  }

  mutating func add(staleMarkerOf id: SeriesID, at timestamp: Int64) {
    add(id, at: timestamp, value: StaleMarker.value, from: .staleMarker)
  }

  mutating func reserveCapacity(_ count: Int) {
    batch.reserveCapacity(count)
    origins.reserveCapacity(count)
  }

  mutating func set(metadata: [String: MetricMetadata]) {
    batch.metadata = metadata
  }

  /// Takes back all samples; the scrape failed.
  mutating func removeSamples() {
    batch.removeAll()
    origins.removeAll()
    addedSeriesCount = 0
  }
}
