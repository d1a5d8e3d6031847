import Exposition
import SeriesModel
import TestSupport
import Testing

/// A cache with the caller's part: the labels of each slot.
struct ScrapeReader {
  var cache = ScrapeCache()
  var scrape = ParsedScrape()
  var labelsBySlot: [Int: Labels] = [:]

  mutating func read(_ text: String) throws(ExpositionError) {
    do {
      try cache.read(Array(text.utf8), into: &scrape)
    } catch {
      labelsBySlot.removeAll()
      throw error
    }
    for series in scrape.newSeries {
      #expect(labelsBySlot.updateValue(series.labels, forKey: series.slot) == nil)
    }
  }

  mutating func forgetVanished() {
    for slot in scrape.vanishedSlots {
      #expect(labelsBySlot.removeValue(forKey: slot) != nil)
    }
  }

  /// The samples as the parser reads them.
  var samples: [ReadEntry] {
    (0..<scrape.count).map { index in
      let labels = labelsBySlot[Int(scrape.slots[index])] ?? Labels()
      return .sample(labels, scrape.values[index], at: scrape.timestamp(at: index))
    }
  }
}

func readSamples(_ text: String) throws -> [ReadEntry] {
  try readAll(text).filter { if case .sample = $0 { true } else { false } }
}

@Suite struct ScrapeCacheTests {
  @Test func secondScrapeKnowsEverySeries() throws {
    var reader = ScrapeReader()
    try reader.read("# TYPE a gauge\na 1\nb{x=\"y\"} 2 7\n")
    #expect(reader.scrape.newSeries.count == 2)
    try reader.read("# TYPE a gauge\na 3\nb{x=\"y\"} 4\n")
    #expect(reader.scrape.newSeries.isEmpty)
    #expect(reader.scrape.vanishedSlots.isEmpty)
    #expect(reader.scrape.values == [3, 4])
    #expect(reader.scrape.hasTimestamps == false)
    #expect(reader.scrape.hasSeriesOfLastScrape)
  }

  @Test func movedAddedAndRemovedLinesAreTold() throws {
    var reader = ScrapeReader()
    try reader.read("a 1\nb 2\nc 3\nd 4\n")
    reader.forgetVanished()
    try reader.read("d 5\nx 6\na 7\nc 8\n")
    #expect(reader.samples == (try readSamples("d 5\nx 6\na 7\nc 8\n")))
    #expect(reader.scrape.newSeries.map(\.labels) == [["__name__": "x"]])
    #expect(reader.scrape.vanishedSlots.map { reader.labelsBySlot[$0] } == [["__name__": "b"]])
    reader.forgetVanished()
    try reader.read("b 1\n")
    #expect(reader.scrape.newSeries.map(\.labels) == [["__name__": "b"]])
    #expect(reader.scrape.vanishedSlots.count == 4)
  }

  @Test func nameThatBeginsAnotherIsNotMistakenForIt() throws {
    var reader = ScrapeReader()
    try reader.read("a 1\n")
    for text in ["ab 2\n", "a {b=\"c\"} 3\n", "a{b=\"c\"} 4\n", "a\t5\n", "a{b=\"c\"}6\n"] {
      try reader.read(text)
      #expect(reader.samples == (try readSamples(text)))
      reader.forgetVanished()
    }
  }

  @Test func repeatedSeriesIsMarked() throws {
    var reader = ScrapeReader()
    for _ in 0..<3 {
      try reader.read("a 1\na 2\nb 3\na 4\n")
      #expect(reader.scrape.repeatedSamples == [1, 3])
      #expect(reader.scrape.values == [1, 2, 3, 4])
      #expect(reader.scrape.vanishedSlots.isEmpty)
    }
  }

  @Test func metadataIsToldOnlyWhenItChanges() throws {
    var reader = ScrapeReader()
    let first = "# HELP a x\n# TYPE a counter\na 1\n"
    try reader.read(first)
    #expect(reader.scrape.changedMetadata == ["a": MetricMetadata(type: .counter, help: "x")])
    try reader.read(first)
    #expect(reader.scrape.changedMetadata.isEmpty)
    try reader.read("# HELP a y\n# TYPE a counter\na 1\n")
    #expect(reader.scrape.changedMetadata == ["a": MetricMetadata(type: .counter, help: "y")])
    try reader.read(first)
    #expect(reader.scrape.changedMetadata == ["a": MetricMetadata(type: .counter, help: "x")])
    #expect(reader.cache.metadata == ["a": MetricMetadata(type: .counter, help: "x")])
  }

  @Test func repeatedMetadataIsAccepted() throws {
    var reader = ScrapeReader()
    let text =
      "# HELP a x\n# TYPE a gauge\na{b=\"1\"} 1\n# HELP a x\n# TYPE a gauge\na{b=\"2\"} 2\n"
    for round in 0..<3 {
      try reader.read(text)
      #expect(reader.scrape.changedMetadata.isEmpty == (round > 0))
      #expect(reader.samples == (try readSamples(text)))
    }
  }

  @Test func vanishedMetadataDoesNotPileUp() throws {
    var reader = ScrapeReader()
    for round in 0..<1_000 {
      try reader.read("# TYPE a\(round) gauge\na\(round) 1\n")
      reader.forgetVanished()
    }
    #expect(reader.cache.metadata.count < 200)
    #expect(reader.cache.metadata["a999"]?.type == .gauge)
    #expect(reader.cache.slotLimit < 10)
  }

  @Test func boundsAreNormalisedByTheTypeThatWasCached() throws {
    var reader = ScrapeReader()
    let text = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\n"
    try reader.read(text)
    try reader.read(text + "h_bucket{le=\"2\"} 1\n")
    #expect(
      reader.scrape.newSeries.map(\.labels) == [["__name__": "h_bucket", "le": "2.0"]])
  }

  @Test func labelsOfASlotAreParsedAgain() throws {
    var reader = ScrapeReader()
    for _ in 0..<2 { try reader.read("# TYPE h histogram\nx 1\nh_bucket{le=\"1\",a=\"\\n\"} 1\n") }
    let slot = Int(reader.scrape.slots[1])
    #expect(
      reader.cache.series(inSlot: slot).labels == ["__name__": "h_bucket", "le": "1.0", "a": "\n"])
  }

  @Test func emptyLabelsAreToldApart() throws {
    var reader = ScrapeReader()
    try reader.read("a{b=\"\",c=\"d\",e=\"\"} 1\nx 2\n")
    #expect(
      reader.scrape.newSeries.map(\.labels) == [["__name__": "a", "c": "d"], ["__name__": "x"]])
    #expect(reader.scrape.newSeries.map(\.emptyLabelNames) == [["b", "e"], []])
    #expect(reader.cache.series(inSlot: 0).emptyLabelNames == ["b", "e"])
  }

  @Test func badTextResetsTheCache() throws {
    var reader = ScrapeReader()
    try reader.read("a 1\nb 2\n")
    #expect(throws: ExpositionError.self) { try reader.read("a 1\nb x\n") }
    #expect(reader.cache.slotLimit == 0)
    try reader.read("a 1\nb 2\n")
    #expect(reader.scrape.newSeries.count == 2)
    #expect(reader.samples == (try readSamples("a 1\nb 2\n")))
  }
}
