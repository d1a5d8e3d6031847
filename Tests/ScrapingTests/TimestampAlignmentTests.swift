import Configuration
import Scraping
import SeriesModel
import Testing

@Suite struct TimestampAlignmentTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var interval: Duration
    var alignment: TimestampAlignment
    /// How much later than its time a scrape may begin, in milliseconds.
    var reach: Int64
    var testDescription: String { "\(interval), \(alignment)" }
  }

  @Test(arguments: [
    Row(interval: .seconds(10), alignment: TimestampAlignment(), reach: 2),
    Row(interval: .seconds(1), alignment: TimestampAlignment(), reach: 2),
    // The tolerance is a hundredth of the interval at most.
    Row(interval: .milliseconds(150), alignment: TimestampAlignment(), reach: 1),
    Row(interval: .milliseconds(50), alignment: TimestampAlignment(), reach: 0),
    Row(
      interval: .seconds(10), alignment: TimestampAlignment(tolerance: .milliseconds(7)), reach: 7),
    Row(
      interval: .milliseconds(300), alignment: TimestampAlignment(tolerance: .milliseconds(7)),
      reach: 3),
    Row(interval: .seconds(10), alignment: TimestampAlignment(tolerance: .zero), reach: 0),
    Row(interval: .seconds(10), alignment: TimestampAlignment(isOn: false), reach: 0),
  ])
  func scrapeThatIsLateByTheToleranceHasItsTime(_ row: Row) throws {
    let harness = try ScrapeHarness("a 1\n", alignment: row.alignment) {
      $0.scrapeInterval = row.interval
      $0.scrapeTimeout = row.interval
    }
    // Steps of a millisecond hit the schedule.
    harness.scrape(step: .milliseconds(1))
    let first = try #require(times(harness).first)
    let interval = Int64(row.interval / .milliseconds(1))
    for lateness in 0...12 as ClosedRange<Int64> where lateness * 4 < interval {
      let scheduled = first + interval * (lateness + 1)
      let now = harness.clock.now().milliseconds
      harness.clock.advance(by: .milliseconds(scheduled + lateness - now))
      harness.scrape(step: .zero)
      let expected = scheduled + (lateness <= row.reach ? 0 : lateness)
      #expect(times(harness).last == expected, "late by \(lateness) ms")
    }
  }

  private func times(_ harness: ScrapeHarness) -> [Int64] {
    harness.appender.samples("a{instance=\"i\", job=\"j\"}").map(\.timestamp.milliseconds)
  }

  @Test func everySampleOfAScrapeHasItsTimeButThoseWithTheirOwn() throws {
    let harness = try ScrapeHarness("a 1\nb 1\nc 1 1700000000777\n")
    harness.scrape(step: .milliseconds(1))
    let first = try #require(times(harness).first)
    harness.clock.advance(by: .milliseconds(10_002))
    harness.scrape("a 2\nc 2 1700000010777\n", step: .zero)
    let scheduled = Timestamp(milliseconds: first + 10_000)
    for name in ["a", "b", "up", "scrape_duration_seconds", "scrape_series_added"] {
      let series = "\(name){instance=\"i\", job=\"j\"}"
      #expect(harness.appender.samples(series).last?.timestamp == scheduled, "\(name)")
    }
    #expect(harness.values("b{instance=\"i\", job=\"j\"}") == [1, nil])
    #expect(
      harness.appender.samples("c{instance=\"i\", job=\"j\"}").map(\.timestamp.milliseconds)
        == [1_700_000_000_777, 1_700_000_010_777])
  }

  /// The schedule counts from the time of day with all its digits, so that
  /// fractions of a millisecond do not make scrapes late.
  @Test func fractionsOfAMillisecondDoNotAddUp() throws {
    let harness = try ScrapeHarness("a 1\n", alignment: TimestampAlignment(isOn: false)) {
      $0.scrapeInterval = .milliseconds(100)
      $0.scrapeTimeout = .milliseconds(100)
    }
    harness.scrape(count: 2, step: .microseconds(700))
    harness.scrape(count: 3, step: .microseconds(100))
    let times = times(harness)
    #expect(times.count == 5)
    #expect(zip(times[2...], times[3...]).allSatisfy { $1 - $0 == 100 })
  }
}
