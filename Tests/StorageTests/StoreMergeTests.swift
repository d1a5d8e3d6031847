import SeriesModel
import Storage
import TestSupport
import Testing

@Suite struct StoreMergeTests {
  private let directory = TemporaryDirectory("merging")
  private let hour: Int64 = 3_600_000

  /// Days become one window each while the store lives on, and nothing a query
  /// sees changes, also when the store is closed in the middle.
  @Test func daysAreMerged() throws {
    let path = directory.path("data")
    var store = try Store.open(directory: path)
    var expected: [Labels: [Sample]] = [:]
    for day in 0..<3 as Range<Int64> {
      for step in 0..<96 as Range<Int64> {
        var batch = SampleBatch()
        for number in 0..<20 {
          let labels: Labels = ["__name__": "m", "n": "\(number)"]
          let timestamp = day * 24 * hour + step * hour / 4
          let value = Double(number) + Double(step * step) / 10
          batch.add(
            try store.seriesID(for: labels), timestampMilliseconds: timestamp, value: value)
          expected[labels, default: []].append(Sample(milliseconds: timestamp, value: value))
        }
        #expect(try store.append(batch).rejections.isEmpty)
      }
      try store.sealEverything()
      #expect(try store.samples() == expected)
      if day == 1 {
        try store.close()
        store = try Store.open(directory: path)
      }
    }
    #expect(store.statistics.windowCount == 36)
    // Two days were sealed before the last restart, the third one just now; each
    // turn merges for a while only.
    for _ in 0..<20 { try store.maintain(now: Timestamp(milliseconds: 0)) }
    #expect(store.statistics.mergedWindowCount == 1)
    #expect(store.statistics.windowCount == 25)
    #expect(try store.samples() == expected)
    let day = 24 * hour
    #expect(try store.samples(from: day - hour / 4).allSatisfy { $0.value.count == 193 })
    // A late sample goes to the merged day.
    let late: Labels = ["__name__": "m", "n": "3"]
    try store.append(late, [(hour / 8, -1)])
    expected[late]?.insert(Sample(milliseconds: hour / 8, value: -1), at: 1)
    try store.close()
    store = try Store.open(directory: path)
    #expect(try store.samples() == expected)
    #expect(store.statistics.windowCount == 25)
    try store.close()
  }
}
