import SeriesModel
import Storage

/// What makes a database have many series.
package struct DatabaseCardinality: Sendable {
  /// A name with a count or a size.
  package struct Entry: Hashable, Sendable {
    package var name: String
    package var count: Int
  }

  /// The series.
  package var seriesCount = 0
  /// The distinct labels, each a name with a value.
  package var labelCount = 0
  /// The chunks in memory.
  package var chunkCount = 0
  /// A time that no sample is older than; nil when there is none.
  package var oldest: Timestamp?
  /// The time of the newest sample; nil when there is none.
  package var newest: Timestamp?
  /// Metric names by the number of their series.
  package var seriesOfMetrics: [Entry] = []
  /// Label names by the number of their values.
  package var valuesOfNames: [Entry] = []
  /// Label names by the bytes of their values, counted anew in each series.
  package var valueBytesOfNames: [Entry] = []
  /// Labels, as `name=value`, by the number of the series that have them.
  package var seriesOfLabels: [Entry] = []
}

extension Database {
  /// Counts series and labels.
  ///
  /// - Parameter limit: The length of each list, which has the highest counts,
  ///   the highest first.
  /// - Complexity: O(*n*) in the labels of all series, which are read.
  package func cardinality(limit: Int) throws -> DatabaseCardinality {
    var cardinality = DatabaseCardinality()
    // How many series have each value, by name.
    var counts: [String: [String: Int]] = [:]
    for labels in try series(of: []) {
      cardinality.seriesCount += 1
      for label in labels { counts[label.name, default: [:]][label.value, default: 0] += 1 }
    }
    typealias Entry = DatabaseCardinality.Entry
    var labels: [Entry] = []
    for (name, values) in counts {
      cardinality.labelCount += values.count
      cardinality.valuesOfNames.append(Entry(name: name, count: values.count))
      cardinality.valueBytesOfNames.append(
        Entry(name: name, count: values.reduce(0) { $0 + $1.key.utf8.count * $1.value }))
      labels += values.map { Entry(name: "\(name)=\($0.key)", count: $0.value) }
    }
    cardinality.seriesOfLabels = labels
    cardinality.seriesOfMetrics = (counts[LabelName.metricName] ?? [:])
      .map { Entry(name: $0.key, count: $0.value) }
    for list in [
      \DatabaseCardinality.seriesOfMetrics, \.valuesOfNames, \.valueBytesOfNames,
      \.seriesOfLabels,
    ] {
      cardinality[keyPath: list].keepHighest(limit)
    }
    if let statistics = writer?.statistics {
      cardinality.chunkCount = statistics.openChunkCount + statistics.closedChunkCount
      cardinality.oldest = statistics.oldestTimestamp
    }
    cardinality.newest = newestTimestamp
    return cardinality
  }
}

extension [DatabaseCardinality.Entry] {
  /// Keeps the entries with the highest counts, the highest first, equal ones
  /// by name.
  fileprivate mutating func keepHighest(_ limit: Int) {
    sort { $0.count == $1.count ? $0.name < $1.name : $0.count > $1.count }
    removeLast(Swift.max(0, count - limit))
  }
}
