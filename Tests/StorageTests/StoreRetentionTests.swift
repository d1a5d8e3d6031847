import SeriesModel
import Storage
import TestSupport
import Testing

@Suite struct StoreRetentionTests {
  private let directory = TemporaryDirectory("retention")
  private let old: Labels = ["__name__": "old"]
  private let live: Labels = ["__name__": "live"]
  private let hour: Int64 = 3_600_000

  @Test func windowsLeaveAsAWholeWithTheirSeries() throws {
    var options = StoreOptions()
    options.retentionMilliseconds = 10 * hour
    var store = try Store.open(directory: directory.path("data"), options: options)
    let oldID = try store.seriesID(for: old)
    try store.append(old, (0..<100).map { (Int64($0) * 60_000, 1) })
    for index in 0..<48 { try store.append(live, [(Int64(index) * hour / 2, Double(index))]) }
    try store.sealEverything()
    let newest = 47 * hour / 2
    try store.maintain(now: Timestamp(milliseconds: 0))
    #expect(store.statistics.deletedWindowCount == 6)
    #expect(store.statistics.windowCount == 6)
    #expect(try store.samples()[old] == nil)
    #expect(try store.samples()[live]?.first?.timestamp.milliseconds == 12 * hour)
    #expect(try store.samples(from: newest - 10 * hour)[live]?.count == 21)
    #expect(try #require(store.oldestTimestamp).milliseconds >= 12 * hour)
    // The series is still in memory; an hour later it is not, and later its
    // labels are gone too, and its id is not used again.
    try store.maintain(now: Timestamp(milliseconds: hour))
    try store.maintain(now: Timestamp(milliseconds: 2 * hour))
    try store.append(live, [(newest + 3 * hour, 0)])
    try store.sealEverything()
    try store.maintain(now: Timestamp(milliseconds: 2 * hour))
    #expect(try store.series(of: []) == [live])
    #expect(try store.labelValues(of: "__name__", in: []) == ["live"])
    var batch = SampleBatch()
    batch.add(oldID, timestampMilliseconds: newest + 3 * hour, value: 1)
    #expect(try store.append(batch).rejections.map(\.reason) == [.unknownSeries])
    #expect(try store.seriesID(for: old) > oldID)
    try store.close()
    store = try Store.open(directory: directory.path("data"), options: options)
    #expect(try store.series(of: []) == [live])
    try store.close()
  }

  @Test func forgottenSeriesAreFoundAgainByIDAndByLabels() throws {
    let store = try Store.open(directory: directory.path("data"))
    let id = try store.seriesID(for: old)
    try store.append(old, [(1, 1)])
    try store.sealEverything()
    for hours in 0..<4 { try store.maintain(now: Timestamp(milliseconds: Int64(hours) * hour)) }
    #expect(store.statistics.headSeriesCount == 0)
    #expect(try store.samples() == [old: samples([(1, 1)])])
    var batch = SampleBatch()
    batch.add(id, timestampMilliseconds: 2, value: 2)
    #expect(try store.append(batch).acceptedCount == 1)
    #expect(try store.seriesID(for: old) == id)
    #expect(try store.samples() == [old: samples([(1, 1), (2, 2)])])
    try store.close()
  }
}
