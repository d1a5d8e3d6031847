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
/// Shape: `slots[i]`, `values[i]` and `timestamp(at: i)` make one sample;
/// samples stand in the order of the text. Meant to be reused for many scrapes,
/// also of different targets.
package struct ParsedScrape {
  /// The series of each sample, as a slot of the ``ScrapeCache``.
  package private(set) var slots: [Int32] = []
  /// The values.
  package private(set) var values: [Double] = []
  /// True when the series, and their order, are those of the last scrape, and
  /// none is repeated, new or vanished. The slots are the same then, unless the
  /// last scrape repeated some.
  package internal(set) var hasSeriesOfLastScrape = false
  /// Whether any sample has a time of its own.
  package var hasTimestamps: Bool { timestamps.isEmpty == false }
  /// The samples, by index, whose series stood in the text before.
  package private(set) var repeatedSamples: [Int] = []
  /// The series that the last scrape did not have, each once.
  package private(set) var newSeries: [ScrapedSeries] = []
  /// The slots of the series that only the last scrape had.
  package private(set) var vanishedSlots: [Int] = []
  /// What the text says about metric families, where that is news.
  package private(set) var changedMetadata: [String: MetricMetadata] = [:]
  /// Empty while no sample has a time of its own; ends with the last that has.
  private var timestamps: [Int64?] = []

  /// Creates a scrape without samples.
  package init() {}

  /// The number of samples, repeated ones included.
  package var count: Int { slots.count }

  /// Milliseconds since 1970-01-01T00:00Z if the text gives the sample a time.
  package func timestamp(at index: Int) -> Int64? {
    index < timestamps.count ? timestamps[index] : nil
  }

  /// Removes everything and keeps the memory.
  package mutating func removeAll() {
    slots.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
    timestamps.removeAll(keepingCapacity: true)
    repeatedSamples.removeAll(keepingCapacity: true)
    newSeries.removeAll(keepingCapacity: true)
    vanishedSlots.removeAll(keepingCapacity: true)
    changedMetadata.removeAll()
    hasSeriesOfLastScrape = false
  }

  mutating func add(slot: Int, value: Double, timestamp: Int64?, isRepeated: Bool) {
    if isRepeated { repeatedSamples.append(slots.count) }
    if let timestamp {
      let missing = slots.count - timestamps.count
      if missing > 0 { timestamps.append(contentsOf: repeatElement(nil, count: missing)) }
      timestamps.append(timestamp)
    }
    slots.append(Int32(slot))
    values.append(value)
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

extension ParsedScrape {
  /// Appends `count` samples without meaning, to be set by ``withColumns(_:)``.
  mutating func makeRoom(for count: Int) {
    slots.append(contentsOf: repeatElement(0, count: count))
    values.append(contentsOf: repeatElement(0, count: count))
  }

  /// Removes all but the first `count` samples.
  mutating func removeRoom(after count: Int) {
    slots.removeLast(slots.count - count)
    values.removeLast(values.count - count)
  }

  /// Lets `body` set slots and values in place.
  mutating func withColumns(
    _ body: (_ slots: inout MutableSpan<Int32>, _ values: inout MutableSpan<Double>) -> Void
  ) {
    // Moved out, as two parts of a value can't be changed at a time.
    var slots: [Int32] = []
    var values: [Double] = []
    swap(&slots, &self.slots)
    swap(&values, &self.values)
    var slotSpan = slots.mutableSpan
    var valueSpan = values.mutableSpan
    body(&slotSpan, &valueSpan)
    swap(&slots, &self.slots)
    swap(&values, &self.values)
  }
}
