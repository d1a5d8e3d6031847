import SeriesModel
import Storage

/// Something that a database did, in words for a log.
package struct DatabaseEvent: Equatable, Sendable {
  /// One value of an event, by name.
  package struct Field: Equatable, Sendable {
    package var name: String
    package var value: String
  }

  /// True for what follows from other events and is seldom of interest.
  package var isDetail = false
  /// What was done.
  package var message: String
  /// What it was done to, in the order in which to show it.
  package var fields: [Field] = []

  init(_ event: StoreEvent) {
    switch event {
    case .deleted(let summary, let range):
      message = "samples deleted"
      fields = [
        Field(name: "series", value: "\(summary.seriesCount)"),
        Field(name: "samples_at_most", value: "\(summary.sampleCount)"),
      ]
      addTimes(range.lowerBound, range.upperBound)
    case .cleaned:
      message = "deleted samples removed from the tables"
    case .copied(let path):
      message = "snapshot made"
      fields = [Field(name: "path", value: path)]
    case .dropped(let row, let cause):
      message = "window deleted by the retention"
      fields = [Field(name: "limit", value: cause == .time ? "time" : "size")]
      addTimes(row.minTimestamp, row.maxTimestamp)
      fields += [
        Field(name: "series", value: "\(row.seriesCount)"),
        Field(name: "chunks", value: "\(row.chunkCount)"),
        Field(name: "samples", value: "\(row.sampleCount)"),
      ]
    case .merged(let window):
      isDetail = true
      message = "windows merged"
      addTimes(window.startMilliseconds, window.lastMilliseconds)
    }
  }

  /// Adds the ends of a range of time; those of all time are left out.
  private mutating func addTimes(_ first: Int64, _ last: Int64) {
    if first > .min {
      fields.append(Field(name: "from", value: Timestamp(milliseconds: first).rfc3339))
    }
    if last < .max {
      fields.append(Field(name: "through", value: Timestamp(milliseconds: last).rfc3339))
    }
  }
}
