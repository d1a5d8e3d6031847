import SeriesModel

/// A series as its target writes it.
package struct ScrapedSeries: Hashable, Sendable {
  /// The slot that the ``ScrapeCache`` gave it.
  package var slot: Int
  /// Its labels.
  package var labels: Labels
  /// The labels that the target writes with an empty value. They are no part
  /// of `labels`, but say that the series is to have none of that name.
  package var emptyLabelNames: [String]
}

/// What one scrape of a target says, as columns.
///
/// Shape: `slots[i]`, `values[i]` and `timestamps[i]` make one sample; samples
/// stand in the order of the text. Meant to be reused for many scrapes.
package struct ParsedScrape {
  /// The series of each sample, as a slot of the ``ScrapeCache``.
  package private(set) var slots: [Int32] = []
  /// The values.
  package private(set) var values: [Double] = []
  /// Milliseconds since 1970-01-01T00:00Z where the text gives a time.
  package private(set) var timestamps: [Int64?] = []
  /// The samples, by index, whose series stood in the text before.
  package private(set) var repeatedSamples: [Int] = []
  /// The series that the last scrape did not have, each once.
  package private(set) var newSeries: [ScrapedSeries] = []
  /// The slots of the series that only the last scrape had.
  package private(set) var vanishedSlots: [Int] = []
  /// What the text says about metric families, where that is news.
  package private(set) var changedMetadata: [String: MetricMetadata] = [:]

  /// Creates a scrape without samples.
  package init() {}

  /// The number of samples, repeated ones included.
  package var count: Int { slots.count }

  mutating func removeAll(reserving count: Int) {
    slots.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
    timestamps.removeAll(keepingCapacity: true)
    repeatedSamples.removeAll(keepingCapacity: true)
    newSeries.removeAll(keepingCapacity: true)
    vanishedSlots.removeAll(keepingCapacity: true)
    changedMetadata.removeAll()
    slots.reserveCapacity(count)
    values.reserveCapacity(count)
    timestamps.reserveCapacity(count)
  }

  mutating func add(slot: Int, value: Double, timestamp: Int64?, isRepeated: Bool) {
    if isRepeated { repeatedSamples.append(slots.count) }
    slots.append(Int32(slot))
    values.append(value)
    timestamps.append(timestamp)
  }

  mutating func add(newSeries series: ScrapedSeries) {
    newSeries.append(series)
  }

  mutating func add(vanishedSlot slot: Int) {
    vanishedSlots.append(slot)
  }

  mutating func add(changedMetadata entry: MetricMetadata, of family: String) {
    changedMetadata[family] = entry
  }
}
