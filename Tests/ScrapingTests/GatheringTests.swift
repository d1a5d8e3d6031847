import Configuration
import HTTPServer
import Scraping
import SeriesModel
import Synchronization
import Testing

/// Scrapes that end close together are stored together.
@Suite struct GatheringTests {
  private func harness(targetCount: Int) throws -> ScrapeHarness {
    let harness = try ScrapeHarness("a 1\n", gatheringTime: .milliseconds(100))
    let job = harness.job { job in
      job.scrapeInterval = .seconds(1)
      job.scrapeTimeout = .seconds(1)
      job.staticTargets = (0..<targetCount).map { index in
        TargetGroup(addresses: [harness.target.address], labels: ["instance": "i\(index)"])
      }
    }
    harness.reload([job])
    return harness
  }

  @Test func manyTargetsShareAppends() throws {
    let harness = try harness(targetCount: 50)
    harness.scrape(count: 500, step: .milliseconds(1))
    harness.scheduler.storeWaiting()
    #expect(harness.appender.batchCount == 500)
    #expect(harness.appender.appendCount <= 110)
    #expect(harness.appender.appendCount >= 50)
    #expect(harness.scheduler.statistics.acceptedSampleCount == 500 * 6)
  }

  @Test func slowStoreMakesFewScrapesLate() throws {
    let harness = try harness(targetCount: 50)
    let clock = harness.clock
    let appendCount = Mutex(0)
    harness.appender.onAppend { _ in
      appendCount.withLock { $0 += 1 }
      clock.advance(by: .microseconds(4900))
    }
    harness.scrape(count: 400, step: .milliseconds(1))
    harness.scheduler.storeWaiting()
    var lateCount = 0
    for index in 0..<50 {
      let series = "a{instance=\"i\(index)\", job=\"j\"}"
      let times = harness.appender.samples(series).map(\.timestamp.milliseconds)
      lateCount += zip(times, times.dropFirst()).count { $1 - $0 != 1000 }
    }
    #expect(appendCount.withLock { $0 } > 30)
    #expect(lateCount <= 4)
  }

  @Test func scrapeWaitsOnlyForWhatComesInTime() throws {
    let harness = try harness(targetCount: 1)
    for count in 1...3 {
      harness.scrape(step: .milliseconds(1))
      harness.pass(.milliseconds(100))
      #expect(harness.appender.batchCount == count)
    }
  }

  @Test func reloadStoresWhatWaits() throws {
    let harness = try harness(targetCount: 50)
    harness.scrape(count: 7, step: .milliseconds(1))
    harness.reload([])
    #expect(harness.appender.batchCount == 7)
  }

  /// The store forgets series while the ids of the last batch are used again.
  @Test func forgottenSeriesOfAnUnchangedScrapeAreStoredUnderNewIDs() throws {
    let harness = try ScrapeHarness("a 1\nb 2\n")
    harness.scrape(count: 3)
    harness.appender.forgetSeries()
    harness.scrape(count: 3)
    #expect(harness.values("a{instance=\"i\", job=\"j\"}") == [1, 1, 1, 1, 1, 1])
    #expect(harness.values("b{instance=\"i\", job=\"j\"}") == [2, 2, 2, 2, 2, 2])
    #expect(harness.report("up") == [1, 1, 1, 1, 1, 1])
    harness.scrape("b 2\n")
    #expect(harness.values("a{instance=\"i\", job=\"j\"}").last == .some(nil))
  }

  @Test func unchangedScrapesAreReportedLikeOthers() throws {
    let harness = try ScrapeHarness("a 1\nb 2\n")
    harness.scrape(count: 3)
    #expect(harness.report("scrape_samples_scraped") == [2, 2, 2])
    #expect(harness.report("scrape_series_added") == [2, 0, 0])
    harness.target.set(.text(500, "down"))
    harness.scrape()
    #expect(harness.report("up") == [1, 1, 1, 0])
    #expect(harness.values("a{instance=\"i\", job=\"j\"}") == [1, 1, 1, nil])
    harness.scrape("a 3\nb 4\n", count: 2)
    #expect(harness.values("a{instance=\"i\", job=\"j\"}") == [1, 1, 1, nil, 3, 3])
    harness.scrape("a 3\nb 4 1700000000777\n")
    #expect(harness.values("b{instance=\"i\", job=\"j\"}") == [2, 2, 2, nil, 4, 4, 4, nil])
  }
}
