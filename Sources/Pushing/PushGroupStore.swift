import Instrumentation
import SeriesModel
import Synchronization

/// The groups of a gateway, in memory and on disk, and what is appended for
/// them.
///
/// Each change appends samples first, then writes the group's file, and only
/// then shows in memory: a change that fails half way leaves the group as it
/// was, at the cost of samples that nobody was promised.
final class PushGroupStore: Sendable {
  /// The appender has refused samples for a reason that trying again at a later
  /// time did not remove.
  struct Refused: Error, CustomStringConvertible {
    let rejection: Rejection
    var description: String { "\(rejection.labels): \(rejection.reason.explanation)" }
  }

  private let appender: any Appender
  private let directory: PushGroupDirectory
  private let metrics: PushGatewayMetrics
  private let clock: @Sendable () -> Timestamp

  /// Guards the groups, and the order of what is appended and written for them;
  /// held meanwhile, so the locks of the appender are taken within it.
  private let state: Mutex<State>

  private struct State {
    var groups: [Labels: StoredGroup] = [:]
    var nextNumber: Int
    /// The timestamp of what was appended last.
    var lastStamp = Timestamp.earliest

    /// A timestamp for what comes at `now`, later than the last one: two values
    /// of one series can't share a timestamp.
    ///
    /// When the clock was set back by more than a second it is followed.
    mutating func takeStamp(now: Timestamp) -> Timestamp {
      let (ahead, overflow) = lastStamp.milliseconds.subtractingReportingOverflow(
        now.milliseconds)
      let isAhead = overflow == false && (0..<1000).contains(ahead)
      lastStamp = isAhead ? Timestamp(milliseconds: lastStamp.milliseconds + 1) : now
      return lastStamp
    }
  }

  private struct StoredGroup {
    var group: PushGroup
    var fileNumber: Int
  }

  init(
    _ contents: PushGroupDirectory.Contents, in directory: PushGroupDirectory,
    appender: any Appender, metrics: PushGatewayMetrics, clock: @escaping @Sendable () -> Timestamp
  ) {
    self.directory = directory
    self.appender = appender
    self.metrics = metrics
    self.clock = clock
    var state = State(nextNumber: contents.nextNumber)
    for (number, group) in contents.groups {
      state.groups[group.labels] = StoredGroup(group: group, fileNumber: number)
    }
    metrics.groupCount.set(to: Double(state.groups.count))
    self.state = Mutex(state)
  }

  /// The groups as they are now, sorted by their labels.
  var groups: [PushGroup] {
    state.withLock { $0.groups.values.map(\.group) }.sorted { $0.labels < $1.labels }
  }

  /// Changes the group with these labels, which is made when there is none.
  ///
  /// Appends the families that `change` has changed and the group's times, and
  /// a stale marker for every series that the group has no longer.
  ///
  /// - Parameter change: Called with the group and the time that the change is
  ///   to have, more than once if need be.
  /// - Throws: What `change`, the appender or the directory throws.
  func update(
    _ labels: Labels, _ change: (inout PushGroup, Timestamp) throws -> Void
  ) throws {
    try state.withLock { state in
      let stored = state.groups[labels]
      let old = stored?.group ?? PushGroup(labels: labels)
      var group = old
      try append(&state) { stamp in
        group = old
        try change(&group, stamp)
        return PushChange(from: old, to: group)
      }
      let number = stored?.fileNumber ?? state.nextNumber
      try directory.write(group, number: number)
      state.nextNumber = max(state.nextNumber, number + 1)
      state.groups[labels] = StoredGroup(group: group, fileNumber: number)
      metrics.groupCount.set(to: Double(state.groups.count))
    }
  }

  /// Removes the group with these labels, if there is one, and appends a stale
  /// marker for each of its series.
  ///
  /// - Throws: What the appender or the directory throws.
  func remove(_ labels: Labels) throws {
    try state.withLock { state in
      guard let stored = state.groups[labels] else { return }
      try append(&state) { _ in PushChange(removing: stored.group) }
      try directory.remove(number: stored.fileNumber)
      state.groups[labels] = nil
      metrics.groupCount.set(to: Double(state.groups.count))
    }
  }

  /// Appends the values of all groups at `now`, as one batch.
  ///
  /// - Throws: What the appender throws.
  func restamp(now: Timestamp) throws {
    try state.withLock { state in
      guard state.groups.isEmpty == false else { return }
      var change = PushChange()
      for stored in state.groups.values { change.samples += stored.group.samples }
      let result = try appender.append(batch(of: change, at: state.takeStamp(now: now)))
      metrics.count(result.rejections)
    }
  }

  /// Appends a change at the present time, and again a little later when
  /// another source has written one of its series at the same time or retention
  /// has dropped one meanwhile.
  private func append(
    _ state: inout State, _ makeChange: (Timestamp) throws -> PushChange
  ) throws {
    var attempts = 0
    while true {
      let stamp = state.takeStamp(now: clock())
      let change = try makeChange(stamp)
      let result = try appender.append(batch(of: change, at: stamp))
      guard let rejection = result.rejections.first else { return }
      attempts += 1
      guard attempts < 3 else {
        metrics.count(result.rejections)
        throw Refused(rejection: rejection)
      }
    }
  }

  private func batch(of change: PushChange, at stamp: Timestamp) throws -> SampleBatch {
    var batch = SampleBatch()
    batch.reserveCapacity(change.samples.count + change.vanished.count)
    for sample in change.samples {
      batch.add(
        try appender.seriesID(for: sample.labels), timestampMilliseconds: stamp.milliseconds,
        value: sample.value)
    }
    for labels in change.vanished {
      batch.add(
        try appender.seriesID(for: labels), timestampMilliseconds: stamp.milliseconds,
        value: StaleMarker.value)
    }
    batch.metadata = change.metadata
    return batch
  }
}

/// What is to be appended when a group changes.
private struct PushChange {
  var samples: [PushedSample] = []
  /// The series that are there no longer.
  private(set) var vanished: [Labels] = []
  private(set) var metadata: [String: MetricMetadata] = [:]

  init() {}

  init(removing group: PushGroup) {
    vanished = group.samples.map(\.labels)
  }

  init(from old: PushGroup, to new: PushGroup) {
    let changed = new.families.filter { old.families[$0.key] != $0.value }
    let replaced = old.families.filter { new.families[$0.key] != $0.value }
    samples = changed.values.flatMap(\.samples)
    let present = Set(samples.map(\.labels))
    vanished = replaced.values.flatMap(\.samples).map(\.labels)
      .filter { present.contains($0) == false }
    samples += new.timeSamples
    metadata = changed.mapValues(\.metadata)
    metadata.merge(PushGroup.timeMetadata) { _, own in own }
  }
}
