import SeriesModel
import TestSupport
import Testing

@testable import Storage

@Suite struct StoreInformationTests {
  private let directory = TemporaryDirectory("information")
  private var path: String { directory.path("data") }

  /// Fills a store with series of random labels, and returns these.
  private func makeStore(seriesCount: Int) throws -> [Labels] {
    let store = try Store.open(directory: path)
    var generator = SeededGenerator(seed: 8)
    let labels = (0..<seriesCount).map { generator.labels($0) }
    var batch = SampleBatch()
    for one in labels {
      let id = try store.seriesID(for: one)
      for minute in Int64(0)..<130 {
        batch.add(id, timestampMilliseconds: minute * 60_000, value: Double(minute))
      }
    }
    _ = try store.append(batch)
    try store.sealEverything()
    try store.close()
    return labels
  }

  private func highest(_ counts: [String: Int], _ limit: Int) -> [Cardinality.Count] {
    let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    return sorted.prefix(limit).map { Cardinality.Count(name: $0.key, count: $0.value) }
  }

  @Test(arguments: [0, 1, 3, 1000])
  func cardinalitiesAreThoseOfTheLabels(limit: Int) throws {
    let labels = try makeStore(seriesCount: 400)
    var values: [String: Set<String>] = [:]
    var metrics: [String: Int] = [:]
    var pairs: [String: Int] = [:]
    for label in labels.joined() {
      values[label.name, default: []].insert(label.value)
      if label.name == LabelName.metricName { metrics[label.value, default: 0] += 1 }
      pairs[Matcher(label.name, .equal, label.value).description, default: 0] += 1
    }
    let information = try StoreInformation.read(directory: path, limit: limit)
    #expect(information.cardinality.valuesOfNames == highest(values.mapValues(\.count), limit))
    #expect(information.cardinality.seriesOfMetrics == highest(metrics, limit))
    #expect(information.cardinality.seriesOfLabels == highest(pairs, limit))
  }

  @Test func countsAndPagesAddUp() throws {
    _ = try makeStore(seriesCount: 50)
    let information = try StoreInformation.read(directory: path, limit: 1)
    #expect(information.seriesCount == 50)
    #expect(information.windows.map(\.sampleCount) == [50 * 120, 50 * 10])
    #expect(information.chunkShares.reduce(0) { $0 + $1.sampleCount } == 50 * 130)
    #expect(
      information.chunkShares.reduce(0) { $0 + $1.chunkCount }
        == information.windows.reduce(0) { $0 + $1.chunkCount })
    #expect(information.chunkShares.allSatisfy { $0.payloadByteCount > 0 })
    #expect(information.tables.map(\.name) == Schema.tableNames)
    // Some pages are of the file itself and of the list of tables.
    let pageCount = information.tables.reduce(information.freePageCount) { $0 + $1.pageCount }
    let usedPageCount = information.usedByteCount / information.pageByteCount
    #expect((2...8).contains(usedPageCount - pageCount))
    #expect(information.journalByteCount > 0)
    #expect(information.deletionCount == 0)
  }
}
