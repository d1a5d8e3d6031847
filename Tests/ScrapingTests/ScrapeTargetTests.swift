import Configuration
import Scraping
import SeriesModel
import Testing

struct LabelClash: Sendable, CustomTestStringConvertible {
  var text: String
  var stored: String
  var storedWhenHonored: String

  var testDescription: String { text }
}

@Suite struct ScrapeTargetTests {
  static let clashes: [LabelClash] = [
    LabelClash(
      text: "a 1", stored: "a{env=\"e\", instance=\"i\", job=\"j\"}",
      storedWhenHonored: "a{env=\"e\", instance=\"i\", job=\"j\"}"),
    LabelClash(
      text: "a{job=\"x\"} 1",
      stored: "a{env=\"e\", exported_job=\"x\", instance=\"i\", job=\"j\"}",
      storedWhenHonored: "a{env=\"e\", instance=\"i\", job=\"x\"}"),
    LabelClash(
      text: "a{job=\"x\",exported_job=\"y\",env=\"z\"} 1",
      stored: "a{env=\"e\", exported_env=\"z\", exported_exported_job=\"x\", exported_job=\"y\", "
        + "instance=\"i\", job=\"j\"}",
      storedWhenHonored: "a{env=\"z\", exported_job=\"y\", instance=\"i\", job=\"x\"}"),
    LabelClash(
      text: "a{instance=\"\"} 1", stored: "a{env=\"e\", instance=\"i\", job=\"j\"}",
      storedWhenHonored: "a{env=\"e\", job=\"j\"}"),
  ]

  @Test(arguments: clashes, [false, true])
  func clashingLabelsAreRenamedOrHonored(_ row: LabelClash, _ honorsLabels: Bool) throws {
    let harness = try ScrapeHarness(row.text) {
      $0.honorsLabels = honorsLabels
      $0.staticTargets[0].labels = ["instance": "i", "env": "e", "__internal": "x"]
    }
    harness.scrape(count: 2)
    #expect(harness.appender.seriesNames == [honorsLabels ? row.storedWhenHonored : row.stored])
    #expect(harness.values("up{env=\"e\", instance=\"i\", job=\"j\"}") == [1, 1])
  }

  @Test func labelsSteerTheScrape() throws {
    var job = ScrapeConfiguration(jobName: "j", scrapeInterval: .seconds(10))
    job.parameters = ["x": ["1"]]
    job.staticTargets = [
      TargetGroup(
        addresses: ["h:1", "h:2", "h:1"],
        labels: [
          "__metrics_path__": "/p", "__scheme__": "https", "__param_x": "2", "__param_y": "3",
          "__scrape_interval__": "30s", "__scrape_timeout__": "20s", "job": "k", "env": "e",
        ])
    ]
    let (targets, failures) = ScrapeTarget.targets(of: job)
    #expect(failures.isEmpty)
    #expect(targets.map(\.url) == ["https://h:1/p?x=2&y=3", "https://h:2/p?x=2&y=3"])
    #expect(targets[0].labels == ["job": "k", "env": "e", "instance": "h:1"])
    #expect(targets[0].interval == .seconds(30))
    #expect(targets[0].timeout == .seconds(20))
    #expect(
      targets[0].discoveredLabels == [
        "__address__": "h:1", "__metrics_path__": "/p", "__scheme__": "https", "__param_x": "2",
        "__param_y": "3", "__scrape_interval__": "30s", "__scrape_timeout__": "20s", "job": "k",
        "env": "e",
      ])
  }

  @Test(arguments: [
    (
      ["__scrape_interval__": "x"],
      "target h:1: label __scrape_interval__ is \"x\", expected a duration"
    ),
    (
      ["__scrape_timeout__": "0s"],
      "target h:1: label __scrape_timeout__ is \"0s\", expected a duration"
    ),
    (
      ["__scrape_timeout__": "2m"],
      "target h:1: scrape timeout cannot be greater than scrape interval (2m > 1m)"
    ),
  ])
  func labelsThatCannotSteerAreRefused(_ labels: [String: String], _ message: String) {
    var job = ScrapeConfiguration(jobName: "j")
    job.staticTargets = [
      TargetGroup(addresses: ["h:1"], labels: Labels(labels.map { Label($0.key, $0.value) }))
    ]
    let (targets, failures) = ScrapeTarget.targets(of: job)
    #expect(targets.isEmpty)
    #expect(failures.map(\.description) == [message])
  }
}
