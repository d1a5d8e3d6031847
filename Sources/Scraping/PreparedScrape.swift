import SeriesModel

/// The samples that one scrape leads to, and where each comes from.
///
/// The batch begins with the samples that were read; stale markers follow, and
/// then the report series.
struct PreparedScrape {
  /// What a sample of the batch stands for.
  enum Origin: Equatable {
    /// A sample of the series in this slot.
    case slot(Int)
    /// A stale marker.
    case staleMarker
    /// A sample of the report series with this index.
    case report(Int)
  }

  /// What is to be appended.
  private(set) var batch = SampleBatch()
  /// Shape: `slots[i]` is the slot of the series of sample `i` of the batch.
  private var slots: [Int32] = []
  private var markerCount = 0
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

  /// Where sample `index` of the batch comes from.
  func origin(of index: Int) -> Origin {
    if index < slots.count { return .slot(Int(slots[index])) }
    let reportStart = slots.count + markerCount
    return index < reportStart ? .staleMarker : .report(index - reportStart)
  }

  /// Adds a sample that was read.
  ///
  /// - Precondition: Nothing else was added yet.
  mutating func add(_ id: SeriesID, at timestamp: Int64, value: Double, fromSlot slot: Int32) {
    batch.add(id, timestampMilliseconds: timestamp, value: value)
    slots.append(slot)
  }

  /// Adds the samples that were read and the report, without stale markers,
  /// all at the time of the scrape.
  ///
  /// - Precondition: Nothing was added yet.
  mutating func add(_ ids: [SeriesID], values: [Double], fromSlots slots: [Int32]) {
    batch.add(ids, timestampMilliseconds: timestamp, values: values)
    self.slots = slots
  }

  /// Adds a stale marker.
  ///
  /// - Precondition: All samples that were read were added, no report yet.
  mutating func add(staleMarkerOf id: SeriesID, at timestamp: Int64) {
    batch.add(id, timestampMilliseconds: timestamp, value: StaleMarker.value)
    markerCount += 1
  }

  /// Adds a sample of the next report series.
  mutating func add(reportOf id: SeriesID, value: Double) {
    batch.add(id, timestampMilliseconds: timestamp, value: value)
  }

  mutating func reserveCapacity(_ count: Int) {
    batch.reserveCapacity(count)
    slots.reserveCapacity(count)
  }

  mutating func set(metadata: [String: MetricMetadata]) {
    batch.metadata = metadata
  }

  /// Takes back all samples; the scrape failed.
  mutating func removeSamples() {
    batch.removeAll()
    slots.removeAll()
    markerCount = 0
    addedSeriesCount = 0
  }
}
