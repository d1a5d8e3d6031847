import Glibc
import SeriesModel

/// Where scraping takes the time from.
package protocol ScrapeClock: Sendable {
  /// The time since 1970-01-01T00:00Z.
  func timeOfDay() -> Duration
  /// The time since some moment in the past; it never goes back.
  func uptime() -> Duration
}

extension ScrapeClock {
  /// The time of day, in whole milliseconds that have passed.
  package func now() -> Timestamp {
    let (seconds, attoseconds) = timeOfDay().components
    return Timestamp(milliseconds: seconds * 1000 + attoseconds / 1_000_000_000_000_000)
  }
}

/// The clocks of the machine.
package struct SystemClock: ScrapeClock {
  /// Creates the clock.
  package init() {}

  package func timeOfDay() -> Duration { SystemClock.read(CLOCK_REALTIME) }

  package func uptime() -> Duration { SystemClock.read(CLOCK_MONOTONIC) }

  private static func read(_ clock: clockid_t) -> Duration {
    var time = timespec()
    // Safety: the call writes the one value it is given.
    let result = unsafe clock_gettime(clock, &time)
    precondition(result == 0, "the machine has no clock \(clock)")
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }
}
