import Configuration
import Foundation
import Scraping
import SeriesModel
import Testing

/// Something that one thread waits for and another brings about.
private final class Event: @unchecked Sendable {
  // `condition` protects `hasHappened`.
  private let condition = NSCondition()
  private var hasHappened = false

  func happen() {
    condition.withLock {
      hasHappened = true
      condition.broadcast()
    }
  }

  /// Waits for it; false when ten seconds went by.
  func wait() -> Bool {
    let deadline = Date(timeIntervalSinceNow: 10)
    return condition.withLock {
      while hasHappened == false {
        guard condition.wait(until: deadline) else { return hasHappened }
      }
      return true
    }
  }
}

@Suite struct ScrapeManagerTests {
  @Test func managerScrapesOnItsOwnThreadUntilItIsStopped() throws {
    let target = try FakeTarget("a 1\n")
    let appender = RecordingAppender()
    let reached = Event()
    appender.onAppend { if $0 >= 3 { reached.happen() } }
    let manager = ScrapeManager(
      appender: appender, logger: RecordingLogger(), userAgent: "tsdb/test")
    try manager.start(try ServerConfiguration.scraping([target.address], every: .milliseconds(50)))
    #expect(reached.wait())
    manager.stop()
    let count = appender.batchCount
    #expect(manager.statistics.scrapeCount >= 2)
    #expect(manager.targets.map(\.health) == [.up])
    #expect(manager.targets[0].scrapePool == "scrape")
    let labels = "{instance=\"\(target.address)\", job=\"scrape\"}"
    #expect(appender.values("a\(labels)").count >= 3)
    #expect(appender.values("a\(labels)").allSatisfy { $0 == 1 })
    #expect(appender.batchCount == count)
  }

  @Test func reloadReachesTheThread() throws {
    let first = try FakeTarget("a 1\n")
    let second = try FakeTarget("b 1\n")
    let appender = RecordingAppender()
    let manager = ScrapeManager(
      appender: appender, logger: RecordingLogger(), userAgent: "tsdb/test")
    // The thread sleeps for an hour unless the reload wakes it.
    try manager.start(try ServerConfiguration.scraping([first.address], every: .seconds(3600)))
    #expect(manager.targets.map(\.target.url) == ["http://\(first.address)/metrics"])
    let reached = Event()
    appender.onAppend { _ in
      if appender.seriesNames.contains(where: { $0.hasPrefix("b{") }) { reached.happen() }
    }
    manager.reload(
      try ServerConfiguration.scraping([second.address], every: .milliseconds(50)))
    #expect(manager.targets.map(\.target.url) == ["http://\(second.address)/metrics"])
    #expect(reached.wait())
    manager.stop()
    // Nobody takes the configuration any more, and nobody waits for it.
    manager.reload(ServerConfiguration())
  }

  @Test func stopDoesNotWaitForSlowTargets() throws {
    let manager = ScrapeManager(
      appender: RecordingAppender(), logger: RecordingLogger(), userAgent: "tsdb/test")
    try manager.start(try ServerConfiguration.scraping(["192.0.2.1:1"], every: .milliseconds(100)))
    let start = ContinuousClock.now
    manager.stop()
    #expect(ContinuousClock.now - start < .seconds(5))
  }
}
