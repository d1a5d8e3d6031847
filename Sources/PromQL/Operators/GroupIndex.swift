import PromQLSyntax
import SeriesModel

/// Which labels put series into the same group.
struct GroupKey {
  private let names: LabelNameSet
  private let keeps: Bool

  /// The groups of an aggregation.
  init(_ grouping: Grouping) {
    switch grouping {
    case .by(let names):
      self.names = LabelNameSet(names)
      keeps = true
    case .without(let names):
      self.names = LabelNameSet(names + [LabelName.metricName])
      keeps = false
    }
  }

  /// The groups in which the series of two vectors meet.
  init(_ matching: VectorMatching) {
    self.init(matching.isOn ? .by(matching.labels) : .without(matching.labels))
  }

  /// The labels of the group that a series with `labels` belongs to.
  func group(of labels: Labels) -> Labels {
    var bytes: [UInt8] = []
    appendGroup(of: labels, to: &bytes)
    return Labels(trustedEncodedBytes: bytes)
  }

  /// Appends the encoded labels of the group that a series with `labels` belongs
  /// to.
  func appendGroup(of labels: Labels, to bytes: inout [UInt8]) {
    if keeps, names.isEmpty { return }
    labels.appendEncoded(to: &bytes) { names.contains($0) == keeps }
  }
}

/// Numbers groups in the order in which they come.
struct GroupIndex {
  /// The labels of each group.
  private(set) var labels: [Labels] = []
  private let key: GroupKey
  private var indexOfLabels: [Labels: Int] = [:]
  /// The labels of the group that is looked up, whose memory is used again.
  private var group: [UInt8] = []

  /// Numbers the groups that `key` makes.
  init(_ key: GroupKey) {
    self.key = key
  }

  /// The number of groups so far.
  var count: Int { labels.count }

  /// The index of the group of the series with `seriesLabels`; a new group gets
  /// the next index.
  mutating func index(of seriesLabels: Labels) -> Int {
    group.removeAll(keepingCapacity: true)
    key.appendGroup(of: seriesLabels, to: &group)
    let group = Labels(trustedEncodedBytes: group)
    if let index = indexOfLabels[group] { return index }
    indexOfLabels[group] = labels.count
    labels.append(group)
    return labels.count - 1
  }

  /// The index of the group of the series with `seriesLabels`; nil for a group
  /// not seen yet.
  func knownIndex(of seriesLabels: Labels) -> Int? {
    indexOfLabels[key.group(of: seriesLabels)]
  }
}
