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
    var description: String { rejection.description }
  }

  private let appender: any Appender
  private let directory: PushGroupDirectory
  private let metrics: PushGatewayMetrics
  private let clock: @Sendable () -> Timestamp

  /// Guards the order of what is appended and written for the groups; held
  /// meanwhile, so the locks of the appender are taken within it.
  private let writing: Mutex<Writing>
  /// The groups as they were stored last, changed with `writing` held alone;
  /// held for no longer than a look at them takes.
  private let storedGroups: Mutex<[Labels: StoredGroup]>

  private struct Writing {
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
    var groups: [Labels: StoredGroup] = [:]
    for (number, group) in contents.groups {
      groups[group.labels] = StoredGroup(group: group, fileNumber: number)
    }
    metrics.groupCount.set(to: Double(groups.count))
    writing = Mutex(Writing(nextNumber: contents.nextNumber))
    storedGroups = Mutex(groups)
  }

  /// The groups as they are now, sorted by their labels; waits for no change
  /// that is under way.
  var groups: [PushGroup] {
    storedGroups.withLock { $0.values.map(\.group) }.sorted { $0.labels < $1.labels }
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
    try writing.withLock { writing in
      let stored = storedGroups.withLock { $0[labels] }
      let old = stored?.group ?? PushGroup(labels: labels)
      var group = old
      try append(&writing) { stamp in
        group = old
        try change(&group, stamp)
        return PushChange(from: old, to: group)
      }
      let number = stored?.fileNumber ?? writing.nextNumber
      try directory.write(group, number: number)
      writing.nextNumber = max(writing.nextNumber, number + 1)
      show(StoredGroup(group: group, fileNumber: number), for: labels)
    }
  }

  /// Removes the group with these labels, if there is one, and appends a stale
  /// marker for each of its series.
  ///
  /// - Throws: What the appender or the directory throws.
  func remove(_ labels: Labels) throws {
    try writing.withLock { writing in
      guard let stored = storedGroups.withLock({ $0[labels] }) else { return }
      try append(&writing) { _ in PushChange(removing: stored.group) }
      try directory.remove(number: stored.fileNumber)
      show(nil, for: labels)
    }
  }

  /// Appends the values of all groups at `now`, as one batch.
  ///
  /// - Throws: What the appender throws.
  func restamp(now: Timestamp) throws {
    try writing.withLock { writing in
      let groups = storedGroups.withLock { $0.values.map(\.group) }
      guard groups.isEmpty == false else { return }
      var change = PushChange()
      for group in groups { change.samples += group.samples }
      let result = try appender.append(batch(of: change, at: writing.takeStamp(now: now)))
      metrics.count(result.rejections)
    }
  }

  private func show(_ stored: StoredGroup?, for labels: Labels) {
    let count = storedGroups.withLock { groups in
      groups[labels] = stored
      return groups.count
    }
    metrics.groupCount.set(to: Double(count))
  }

  /// Appends a change at the present time, and again a little later when
  /// another source has written one of its series at the same time or retention
  /// has dropped one meanwhile.
  private func append(
    _ writing: inout Writing, _ makeChange: (Timestamp) throws -> PushChange
  ) throws {
    var attempts = 0
    while true {
      let stamp = writing.takeStamp(now: clock())
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
