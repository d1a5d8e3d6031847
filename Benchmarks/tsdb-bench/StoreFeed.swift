import SeriesModel
import Storage

/// Appends scrapes of a fleet to a store.
struct StoreFeed {
  private let store: Store
  private let ids: [SeriesID]
  private var fleet: SeriesFleet
  private var values: [Double] = []
  private var batch = SampleBatch()
  private var nextTimestamp = SeriesFleet.startMilliseconds

  /// Registers the series of `fleet` in `store`.
  init(_ fleet: SeriesFleet, into store: Store) throws {
    self.store = store
    self.fleet = fleet
    ids = try fleet.labels.map { try store.seriesID(for: $0) }
  }

  /// The number of series.
  var seriesCount: Int { ids.count }

  /// The time of the last scrape in milliseconds.
  var lastTimestamp: Int64 { nextTimestamp - SeriesFleet.scrapeIntervalMilliseconds }

  /// Appends one sample of each series, in one commit.
  mutating func appendScrape() throws {
    fleet.scrape(into: &values)
    batch.removeAll()
    for (id, value) in zip(ids, values) {
      batch.add(id, timestampMilliseconds: nextTimestamp, value: value)
    }
    nextTimestamp += SeriesFleet.scrapeIntervalMilliseconds
    let result = try store.append(batch)
    guard result.acceptedCount == ids.count else {
      throw BenchmarkError.wrongResult("\(result.rejections.count) samples were refused")
    }
  }

  /// Does what is due in the store, as the owner of a store does every few
  /// seconds.
  func maintain() throws {
    try store.maintain(now: Timestamp(milliseconds: lastTimestamp))
  }

  /// Everything that there is of the fleet.
  var wholeSelection: SeriesSelection {
    SeriesSelection(
      matchers: [Matcher(LabelName.job, .equal, fleet.job)], start: .earliest, end: .latest)
  }
}
