import Glibc
import SeriesModel

/// Where scraping takes the time from.
package protocol ScrapeClock: Sendable {
  /// The time of day.
  func now() -> Timestamp
  /// The time since some moment in the past; it never goes back.
  func uptime() -> Duration
}

/// The clocks of the machine.
package struct SystemClock: ScrapeClock {
  /// Creates the clock.
  package init() {}

  package func now() -> Timestamp {
    let time = SystemClock.read(CLOCK_REALTIME)
    return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }

  package func uptime() -> Duration {
    let time = SystemClock.read(CLOCK_MONOTONIC)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }

  private static func read(_ clock: clockid_t) -> timespec {
    var time = timespec()
    // Safety: the call writes the one value it is given.
    let result = unsafe clock_gettime(clock, &time)
    precondition(result == 0, "the machine has no clock \(clock)")
    return time
  }
}
