import SeriesModel

/// Whether scrapes that begin a little beside their time are given that time.
///
/// Regular times take a fraction of the space that jitter takes. A sample's own
/// time, where the target gives one, is never changed.
package struct TimestampAlignment: Hashable, Sendable {
  /// False: every scrape has the time at which it began.
  package var isOn: Bool
  /// How far beside its time a scrape may begin; at most a hundredth of the
  /// target's interval counts.
  package var tolerance: Duration

  /// Creates a rule; as it stands, that of Prometheus.
  package init(isOn: Bool = true, tolerance: Duration = .milliseconds(2)) {
    self.isOn = isOn
    self.tolerance = tolerance
  }

  /// The time given to a scrape of `target` that begins at `now`: the target's
  /// own time when that is as near as the tolerance, inclusive.
  func timestamp(of target: ScrapeTarget, at now: Timestamp) -> Timestamp {
    guard isOn else { return now }
    let tolerance = Int64(min(tolerance, target.interval / 100) / .milliseconds(1))
    let untilNext = Int64(target.delay(from: now) / .milliseconds(1))
    let sinceLast = Int64(target.interval / .milliseconds(1)) - untilNext
    if untilNext <= tolerance { return Timestamp(milliseconds: now.milliseconds + untilNext) }
    if sinceLast <= tolerance { return Timestamp(milliseconds: now.milliseconds - sinceLast) }
    return now
  }
}
