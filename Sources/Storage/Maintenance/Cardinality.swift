import LMDB
import SeriesModel

/// What makes a store have many series: the label names, metric names and
/// labels with the highest counts in the tables.
package struct Cardinality: Sendable {
  /// Something with its count.
  package struct Count: Hashable, Sendable {
    /// A name, or a label as `name="value"`.
    package var name: String
    package var count: Int
  }

  /// Label names by the number of their values, the highest first.
  package private(set) var valuesOfNames: [Count] = []
  /// Metric names by the number of their series, the highest first.
  package private(set) var seriesOfMetrics: [Count] = []
  /// Labels by the number of series that have them, the highest first.
  package private(set) var seriesOfLabels: [Count] = []

  /// Reads the inverted index.
  ///
  /// - Parameter limit: The length of each list, at most.
  init(_ postings: borrowing StoredPostings, limit: Int) throws(StorageError) {
    var names = TopCounts(limit: limit)
    var metrics = TopCounts(limit: limit)
    var labels = TopCounts(limit: limit)
    for name in try postings.labelNames() {
      var valueCount = 0
      try postings.forEachValue(of: name) { value, seriesCount in
        valueCount += 1
        if name == LabelName.metricName {
          metrics.add(seriesCount) { String(decodingUTF8: value) }
        }
        labels.add(seriesCount) {
          Matcher(name, .equal, String(decodingUTF8: value)).description
        }
      }
      names.add(valueCount) { name }
    }
    valuesOfNames = names.sorted
    seriesOfMetrics = metrics.sorted
    seriesOfLabels = labels.sorted
  }
}

/// The highest of any number of counts.
private struct TopCounts {
  private let limit: Int
  private var counts: [Cardinality.Count] = []
  /// What is not above it is not among the highest.
  private var least = 0

  init(limit: Int) {
    self.limit = limit
  }

  mutating func add(_ count: Int, _ name: () -> String) {
    guard limit > 0, counts.count < limit || count > least else { return }
    counts.append(Cardinality.Count(name: name(), count: count))
    if counts.count >= 4 * limit {
      counts = sorted
      least = counts.last?.count ?? 0
    }
  }

  /// The highest first; of equal counts, by name.
  var sorted: [Cardinality.Count] {
    let all = counts.sorted { ($1.count, $0.name) < ($0.count, $1.name) }
    return Array(all.prefix(limit))
  }
}
