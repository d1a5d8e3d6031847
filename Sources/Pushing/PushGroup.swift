import SeriesModel

/// The metrics that were pushed under one set of grouping labels, as they are
/// now.
package struct PushGroup: Equatable, Sendable {
  /// The grouping labels, the job among them; every series of the group has
  /// them.
  package let labels: Labels
  /// What was pushed, by the name of the metric family.
  package internal(set) var families: [String: PushedFamily] = [:]
  /// When a push last succeeded, or nil before the first.
  package internal(set) var lastSuccess: Timestamp?
  /// When a push was last refused because of what it holds, or nil.
  package internal(set) var lastFailure: Timestamp?

  /// The labels of the two series below, made once.
  private let successLabels: Labels
  private let failureLabels: Labels

  init(labels: Labels) {
    self.labels = labels
    successLabels = labels.setting(LabelName.metricName, to: PushGroup.successName)
    failureLabels = labels.setting(LabelName.metricName, to: PushGroup.failureName)
  }

  /// The series `push_time_seconds` and `push_failure_time_seconds`.
  var timeSamples: [PushedSample] {
    [
      PushedSample(labels: successLabels, value: lastSuccess?.seconds ?? 0),
      PushedSample(labels: failureLabels, value: lastFailure?.seconds ?? 0),
    ]
  }

  /// Every sample of the group, the two of its times included.
  var samples: [PushedSample] {
    families.sorted { $0.key < $1.key }.flatMap { $0.value.samples } + timeSamples
  }

  static let successName = "push_time_seconds"
  static let failureName = "push_failure_time_seconds"

  /// What the gateway says about the metrics that it makes itself.
  static let timeMetadata = [
    successName: MetricMetadata(
      type: .gauge, help: "Last Unix time when a push to this group succeeded, 0 before any."),
    failureName: MetricMetadata(
      type: .gauge, help: "Last Unix time when a push to this group was refused, 0 before any."),
  ]
}

/// A metric family of a group, as it was pushed last.
package struct PushedFamily: Equatable, Sendable {
  /// What the push said about the family; of unknown type when it did not.
  package internal(set) var metadata = MetricMetadata()
  /// The samples, with all their labels, in the order of the push.
  package internal(set) var samples: [PushedSample] = []
  /// When the family was pushed.
  package internal(set) var pushedAt = Timestamp(milliseconds: 0)
}

/// A series of a group and its value.
///
/// Equality is of the value's bits, so that a NaN equals itself.
package struct PushedSample: Hashable, Sendable {
  /// All labels, the metric name included.
  package var labels: Labels
  /// The value.
  package var value: Double

  package static func == (left: PushedSample, right: PushedSample) -> Bool {
    left.labels == right.labels && left.value.bitPattern == right.value.bitPattern
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(labels)
    hasher.combine(value.bitPattern)
  }
}
