import Configuration
import HTTPServer
import Scraping
import SeriesModel
import Testing

private let a = "a{instance=\"i\", job=\"j\"}"
private let b = "b{instance=\"i\", job=\"j\"}"

@Suite struct StalenessTests {
  @Test func seriesMissingFromTheNextGoodScrapeIsStale() throws {
    let harness = try ScrapeHarness()
    harness.scrape("a 1\nb 2\n")
    harness.scrape("a 3\n")
    harness.scrape("a 4\n")
    harness.scrape("b 5\na 6\n")
    #expect(harness.values(a) == [1, 3, 4, 6])
    #expect(harness.values(b) == [2, nil, 5])
    let ups = harness.appender.samples("up{instance=\"i\", job=\"j\"}")
    #expect(harness.appender.samples(b)[1].timestamp == ups[1].timestamp)
  }

  @Test(arguments: [
    Response(status: 500), Response(contentType: "text/plain", body: Array("a 1\nb x\n".utf8)),
    Response(contentType: "text/html", body: Array("a 1".utf8)),
  ])
  func failedScrapeStalesAllSeriesOnce(_ failure: Response) throws {
    let harness = try ScrapeHarness()
    harness.scrape("a 1\nb 2\n")
    harness.target.set(failure)
    harness.scrape(count: 2)
    harness.scrape("a 3\n")
    #expect(harness.values(a) == [1, nil, 3])
    #expect(harness.values(b) == [2, nil])
    #expect(harness.report("up") == [1, 0, 0, 1])
  }

  @Test func emptyBodyStalesAllSeriesAndIsGood() throws {
    let harness = try ScrapeHarness()
    harness.scrape("a 1\n")
    harness.target.set(Response(status: 200))
    harness.scrape()
    harness.scrape("a 2\n")
    #expect(harness.values(a) == [1, nil, 2])
    #expect(harness.report("up") == [1, 1, 1])
    #expect(harness.report("scrape_series_added") == [1, 0, 0])
  }

  @Test func seriesWithTimesOfItsOwnIsNotStaled() throws {
    let harness = try ScrapeHarness()
    harness.scrape("a 1 1699999990000\nb 1\n")
    harness.scrape("b 2\n")
    #expect(harness.appender.samples(a) == [Sample(milliseconds: 1_699_999_990_000, value: 1)])
    #expect(harness.values(b) == [1, 2])
  }

  @Test func seriesWithTimesOfItsOwnIsStaledWhereThatIsTracked() throws {
    let harness = try ScrapeHarness { $0.tracksTimestampStaleness = true }
    harness.scrape("a 1 1699999990000\nb 1\n")
    harness.scrape("b 2\n")
    #expect(harness.values(a) == [1, nil])
  }

  @Test func seriesThatGetsTimesOfItsOwnIsStaledOnce() throws {
    let harness = try ScrapeHarness()
    harness.scrape("a 1\n")
    harness.scrape("a 2 1700000000000\n")
    harness.scrape("a 3 1700000000001\n")
    #expect(harness.values(a).filter { $0 == nil }.count == 1)
    #expect(harness.values(a).count == 4)
  }

  @Test func givenTimesAreLeftOutWhereTheyAreNotHonoured() throws {
    let harness = try ScrapeHarness { $0.honorsTimestamps = false }
    harness.scrape("a 1 5\nb 1\n")
    harness.scrape("b 2\n")
    #expect(harness.values(a) == [1, nil])
    #expect(harness.appender.samples(a)[0].timestamp == harness.appender.samples(b)[0].timestamp)
  }

  @Test func seriesWrittenInAnotherWayIsNotStaled() throws {
    let harness = try ScrapeHarness()
    harness.scrape("a{x=\"1\"} 1\nb 1\n")
    harness.scrape("b 2\na{x=\"1\",} 2\n")
    #expect(harness.values("a{instance=\"i\", job=\"j\", x=\"1\"}") == [1, 2])
  }

  @Test func firstOfEqualSeriesWins() throws {
    let harness = try ScrapeHarness()
    for _ in 0..<2 { harness.scrape("a 1\na 2\nb 3\n") }
    #expect(harness.values(a) == [1, 1])
    #expect(harness.report("scrape_samples_scraped") == [3, 3])
    #expect(harness.scheduler.statistics.duplicateSampleCount == 2)
  }

  @Test(arguments: [
    Response(contentType: "text/plain", body: Array("a 3\n".utf8)), Response(status: 200),
    Response(status: 500),
  ])
  func staleMarkersThatCouldNotBeStoredAreStoredLater(_ response: Response) throws {
    let harness = try ScrapeHarness()
    harness.scrape("a 1\nb 2\n")
    harness.appender.setFailing(true)
    harness.target.set(response)
    harness.scrape()
    harness.scrape("a 4\n")
    #expect(harness.values(b) == [2])
    harness.appender.setFailing(false)
    harness.scrape("a 5\n", count: 2)
    #expect(harness.values(b) == [2, nil])
    let times = harness.appender.samples(b).map(\.timestamp.milliseconds)
    #expect(times.map { $0 - times[0] } == [0, 10_000])
  }

  @Test func limitStalesAllAndLaterScrapesRecover() throws {
    let harness = try ScrapeHarness { $0.limits.sampleCount = 2 }
    harness.scrape("a 1\nb 1\n")
    harness.scrape("a 2\nc 2\nd 2\n")
    #expect(harness.scheduler.statuses[0].lastError == "sample limit exceeded")
    harness.scrape("a 3\nc 3\n")
    harness.scrape("c 4\n")
    #expect(harness.values(a) == [1, nil, 3, nil])
    #expect(harness.values(b) == [1, nil])
    #expect(harness.values("c{instance=\"i\", job=\"j\"}") == [3, 4])
    #expect(harness.values("d{instance=\"i\", job=\"j\"}") == [])
    #expect(harness.report("up") == [1, 0, 1, 1])
    #expect(harness.report("scrape_samples_scraped") == [2, 3, 2, 1])
  }
}

@Suite struct ReloadTests {
  @Test func removedTargetIsStaledAfterTwoIntervals() throws {
    let harness = try ScrapeHarness()
    harness.scrape("a 1\n")
    let last = harness.appender.samples(a)[0].timestamp
    harness.reload([])
    #expect(harness.scheduler.statuses.isEmpty)
    harness.pass(.seconds(20))
    #expect(harness.values(a) == [1])
    harness.pass(.seconds(2))
    #expect(harness.values(a) == [1, nil])
    #expect(harness.report("up") == [1, nil])
    #expect(harness.report("scrape_series_added") == [1, nil])
    let staleTime = harness.appender.samples(a)[1].timestamp.milliseconds
    #expect(abs(staleTime - last.milliseconds - 10_000) <= 200)
    harness.pass(.seconds(60))
    #expect(harness.target.requestCount == 1)
    #expect(harness.values(a).count == 2)
  }

  @Test func targetThatComesBackIsNotStaled() throws {
    let harness = try ScrapeHarness()
    harness.scrape("a 1\n")
    harness.reload([])
    harness.pass(.seconds(3))
    harness.reload([harness.job()])
    harness.scrape("a 2\n", count: 4)
    #expect(harness.values(a) == [1, 2, 2, 2, 2])
    #expect(harness.report("up") == [1, 1, 1, 1, 1])
  }

  @Test func markersOfARemovedTargetAreStoredOnceTheStoreCan() throws {
    let harness = try ScrapeHarness()
    harness.scrape("a 1\nb 1\n")
    harness.appender.setFailing(true)
    harness.scrape("a 2\n")
    harness.reload([])
    harness.pass(.seconds(25))
    harness.appender.setFailing(false)
    harness.pass(.seconds(60))
    #expect(harness.values(a) == [1, nil])
    #expect(harness.values(b) == [1, nil])
    #expect(harness.report("up") == [1, nil])
    let ends = try [a, b].map { series in
      try #require(harness.appender.samples(series).last).timestamp.milliseconds
    }
    #expect(abs(ends[0] - ends[1] - 10_000) <= 200)
  }

  @Test func targetsRemovedTogetherAreStaledInOneBatch() throws {
    let harness = try ScrapeHarness()
    let instances = (0..<8).map { "\($0)" }
    let job = harness.job { job in
      job.staticTargets = instances.map {
        TargetGroup(addresses: [harness.target.address], labels: ["instance": $0])
      }
    }
    harness.reload([job])
    harness.scrape("a 1\n", count: instances.count)
    harness.reload([])
    let batchCount = harness.appender.batchCount
    harness.pass(.seconds(60))
    #expect(harness.appender.batchCount == batchCount + 1)
    for instance in instances {
      #expect(harness.values("a{instance=\"\(instance)\", job=\"j\"}").suffix(2) == [1, nil])
    }
  }

  @Test func seriesOfARemovedTargetThatAnotherHasAreNotStaled() throws {
    let harness = try ScrapeHarness()
    let jobs = ["first", "second"].map { name in
      harness.job { job in
        job.jobName = name
        job.staticTargets[0].labels = ["instance": "i", "job": "j"]
      }
    }
    harness.reload(jobs)
    harness.scrape("a 1\n", count: 4)
    harness.reload([jobs[1]])
    harness.pass(.seconds(60))
    #expect(harness.values(a).count > 4)
    #expect(harness.values(a).allSatisfy { $0 == 1 })
    #expect(harness.report("up").contains(nil) == false)
  }

  @Test func unchangedTargetKeepsItsSeriesAndItsPlace() throws {
    let harness = try ScrapeHarness()
    harness.scrape("a 1\n")
    harness.reload([
      harness.job { $0.limits.sampleCount = 100 }, ScrapeConfiguration(jobName: "other"),
    ])
    harness.scrape()
    #expect(harness.report("scrape_series_added") == [1, 0])
    let times = harness.appender.samples(a).map(\.timestamp.milliseconds)
    #expect(times[1] - times[0] == 10_000)
    #expect(harness.scheduler.statuses[0].target.configuration.limits.sampleCount == 100)
  }

  @Test func changedIntervalMovesTheTarget() throws {
    let harness = try ScrapeHarness()
    harness.scrape("a 1\n")
    harness.reload([
      harness.job {
        $0.scrapeInterval = .seconds(2)
        $0.scrapeTimeout = .seconds(1)
      }
    ])
    harness.scrape(count: 3)
    let times = harness.appender.samples(a).map(\.timestamp.milliseconds)
    #expect(times[2] - times[1] == 2000 && times[3] - times[2] == 2000)
    #expect(harness.values(a) == [1, 1, 1, 1])
  }

  @Test func changedLabelsEndTheOldSeries() throws {
    let harness = try ScrapeHarness()
    harness.scrape("a 1\n")
    harness.reload([
      harness.job {
        $0.staticTargets[0].labels = ["instance": "i", "env": "x"]
      }
    ])
    harness.scrape(count: 4)
    #expect(harness.values(a) == [1, nil])
    #expect(harness.values("a{env=\"x\", instance=\"i\", job=\"j\"}") == [1, 1, 1, 1])
  }

  @Test func jobWithTooManyTargetsFailsAsAWhole() throws {
    let harness = try ScrapeHarness()
    harness.scrape("a 1\n")
    harness.reload([
      harness.job {
        $0.staticTargets.append(TargetGroup(addresses: ["127.0.0.1:1"]))
        $0.limits.targetCount = 1
      }
    ])
    harness.scrape(count: 2)
    #expect(harness.values(a) == [1, nil])
    #expect(
      harness.scheduler.statuses.map(\.lastError)
        == Array(
          repeating: "target_limit exceeded (number of targets: 2, limit: 1)", count: 2))
    #expect(harness.target.requestCount == 1)
  }
}
