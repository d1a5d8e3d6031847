import SeriesModel
import Storage
import TestSupport
import Testing

@Suite struct StoreTests {
  private let directory = TemporaryDirectory("store")
  private let up: Labels = ["__name__": "up", "job": "a"]
  private let down: Labels = ["__name__": "down", "job": "a"]

  private func open(_ change: (inout StoreOptions) -> Void = { _ in }) throws -> Store {
    var options = StoreOptions()
    change(&options)
    return try Store.open(directory: directory.path("data"), options: options)
  }

  @Test func appendedSamplesAreReadBack() throws {
    let store = try open()
    try store.append(up, [(1000, 1), (2000, 2)])
    try store.append(down, [(1500, -1)])
    #expect(
      try store.samples() == [
        up: samples([(1000, 1), (2000, 2)]), down: samples([(1500, -1)]),
      ])
    #expect(
      try store.samples([Matcher("__name__", .equal, "up")], from: 1001, through: 2000)
        == [up: samples([(2000, 2)])])
    #expect(try store.samples(from: 3000).isEmpty)
    #expect(store.newestTimestamp == Timestamp(milliseconds: 2000))
    #expect(store.oldestTimestamp == Timestamp(milliseconds: 1000))
    try store.close()
  }

  /// Neither the value zero nor the time of a single sample takes bytes in a block:
  /// such chunks stand at the same place, and only the directory tells them apart.
  @Test func singleZerosInTheTablesKeepTheirTimes() throws {
    let store = try open()
    var expected: SamplesByLabels = [:]
    for number in 0..<20 as Range<Int64> {
      let labels: Labels = ["__name__": "zero", "number": "\(number)"]
      try store.append(labels, [(1000 * number, 0)])
      expected[labels] = samples([(1000 * number, 0)])
    }
    try store.sealEverything()
    #expect(try store.samples() == expected)
    #expect(try store.samples(from: 5000, through: 6000).count == 2)
    try store.close()
  }

  @Test func samplesSurviveCloseAndReopen() throws {
    var store = try open()
    try store.append(up, (0..<1000).map { (Int64($0) * 15_000, Double($0)) })
    try store.append(up, [(7, 0.5)])
    let expected = try store.samples()
    #expect(expected[up]?.count == 1001)
    for _ in 0..<3 {
      try store.close()
      store = try open()
      #expect(try store.samples() == expected)
    }
    try store.append(up, [(16_000_000, 1)])
    try store.close()
    store = try open()
    #expect(try store.samples()[up]?.count == 1002)
    #expect(store.warnings.isEmpty)
    try store.close()
  }

  @Test func samplesSurviveWithoutClose() throws {
    var store: Store? = try open()
    try store?.append(up, (0..<500).map { (Int64($0) * 15_000, Double($0)) })
    try store?.append(down, [(5, 1), (3, 2)])
    let expected = try #require(try store?.samples())
    for _ in 0..<3 {
      store = nil
      store = try open()
      #expect(try store?.samples() == expected)
    }
    #expect(store?.warnings == [])
    try store?.close()
  }

  @Test func exactDuplicatesAreAcceptedAndOthersRefused() throws {
    let store = try open()
    try store.append(up, [(1000, 1), (2000, 2), (3000, .nan)])
    let result = try store.append(
      up, [(1000, 1), (2000, 5), (3000, .nan), (4000, 4), (4000, 4), (4000, 5), (3500, 1)])
    #expect(result.acceptedCount == 5)
    #expect(
      result.rejections == [
        Rejection(
          labels: up, sample: Sample(milliseconds: 2000, value: 5), reason: .duplicateTimestamp,
          batchIndex: 1),
        Rejection(
          labels: up, sample: Sample(milliseconds: 4000, value: 5), reason: .duplicateTimestamp,
          batchIndex: 5),
      ])
    #expect(
      try store.samples()[up]
        == samples([(1000, 1), (2000, 2), (3000, .nan), (3500, 1), (4000, 4)]))
    #expect(store.statistics.rejectedSampleCounts == [.duplicateTimestamp: 2])
    try store.close()
  }

  @Test func samplesOutsideOfTheLimitsAreRefused() throws {
    let store = try open { $0.retentionMilliseconds = 1000 }
    let options = AppendOptions(latestAccepted: Timestamp(milliseconds: 10_000))
    let result = try store.append(
      up, [(8999, 1), (9000, 1), (10_000, 1), (10_001, 1)], options: options)
    #expect(result.acceptedCount == 2)
    #expect(result.rejections.map(\.reason) == [.beyondRetention, .tooFarInFuture])
    var batch = SampleBatch()
    batch.add(SeriesID(77), timestampMilliseconds: 9500, value: 1)
    let unknown = try store.append(batch)
    #expect(unknown.rejections.map(\.reason) == [.unknownSeries])
    #expect(unknown.rejections.map(\.labels) == [Labels()])
    try store.close()
  }

  @Test func aSeriesIsInvisibleBeforeItsFirstSample() throws {
    let store = try open()
    _ = try store.seriesID(for: up)
    #expect(try store.series(of: []).isEmpty)
    #expect(try store.labelNames(of: []).isEmpty)
    try store.append(up, [(1, 1)])
    #expect(try store.series(of: []) == [up])
    #expect(try store.labelNames(of: []) == ["__name__", "job"])
    #expect(try store.labelValues(of: "job", in: []) == ["a"])
    try store.close()
  }

  @Test func seriesIDsStayOverReopen() throws {
    var store = try open()
    let first = try store.seriesID(for: up)
    try store.append(up, [(1, 1)])
    try store.close()
    store = try open()
    #expect(try store.seriesID(for: up) == first)
    #expect(try store.seriesID(for: down) > first)
    var batch = SampleBatch()
    batch.add(first, timestampMilliseconds: 2, value: 2)
    #expect(try store.append(batch).acceptedCount == 1)
    try store.close()
  }

  @Test func metadataSurvivesCloseAndCrash() throws {
    var store = try open()
    var batch = SampleBatch()
    batch.metadata = [
      "up": MetricMetadata(type: .gauge, help: "Is it\nup?", unit: "1"),
      "long": MetricMetadata(type: .counter, help: String(repeating: "ä", count: 3000)),
    ]
    try _ = store.append(batch)
    let expected = store.metadata
    #expect(expected["up"] == batch.metadata["up"])
    #expect(expected["long"]?.help == String(repeating: "ä", count: 1500))
    try store.close()
    store = try open()
    #expect(store.metadata == expected)
    batch.metadata = ["up": MetricMetadata(type: .counter)]
    try _ = store.append(batch)
    try #require(store.metadata(of: "up")?.type == .counter)
    store = try reopenWithoutClose(&store)
    #expect(store.metadata(of: "up") == MetricMetadata(type: .counter))
    #expect(store.metadata.count == 2)
    try store.close()
  }

  private func reopenWithoutClose(_ store: inout Store) throws -> Store {
    let copy = directory.path("copy")
    try copyDirectory(directory.path("data"), to: copy)
    return try Store.open(directory: copy)
  }

  @Test func directoryInUseNamesTheProcess() throws {
    let store = try open()
    #expect {
      try open()
    } throws: { error in
      guard case .inUse(_, let processID?) = error as? StorageError else { return false }
      return processID > 0
    }
    try store.close()
  }

  @Test func closedStoreRefusesAppends() throws {
    let store = try open()
    try store.close()
    #expect(throws: StorageError.notWritable) { try store.append(up, [(1, 1)]) }
    try store.close()
  }

  @Test func anyTimestampIsAcceptedInAnyOrder() throws {
    var store = try open { $0.retentionMilliseconds = .max }
    let times: [Int64] = [
      1_700_000_000_000, 0, -1, .min, .max, 1_700_000_000_001, 86_400_000, .min + 1, .max - 1,
    ]
    for time in times { try store.append(up, [(time, Double(time))]) }
    let expected = samples(times.sorted().map { ($0, Double($0)) })
    #expect(try store.samples()[up] == expected)
    try store.close()
    store = try open { $0.retentionMilliseconds = .max }
    #expect(try store.samples()[up] == expected)
    try store.maintain(now: Timestamp(milliseconds: 0))
    try store.maintain(now: Timestamp(milliseconds: 3_600_000))
    #expect(store.statistics.openChunkCount == 0)
    #expect(try store.samples()[up] == expected)
    try store.close()
  }
}

@Suite struct StoreLabelTests {
  private let directory = TemporaryDirectory()

  /// Series in the head, in the tables, and in both, at different times.
  private func makeStore() throws -> Store {
    let store = try Store.open(directory: directory.path("data"))
    try store.append(["__name__": "old", "job": "a"], [(1000, 1)])
    try store.append(["__name__": "both", "job": "b"], [(1000, 1)])
    try store.sealEverything()
    try store.append(["__name__": "both", "job": "b"], [(90_000_000, 2)])
    try store.append(["__name__": "new", "zone": "z"], [(90_000_000, 3)])
    return store
  }

  private func selection(
    _ start: Int64, _ end: Int64, _ matchers: [Matcher] = []
  ) -> [SeriesSelection] {
    [
      SeriesSelection(
        matchers: matchers, start: Timestamp(milliseconds: start),
        end: Timestamp(milliseconds: end))
    ]
  }

  @Test func labelsAreThoseOfSeriesWithSamplesInTheRange() throws {
    let store = try makeStore()
    #expect(try store.labelNames(of: []) == ["__name__", "job", "zone"])
    #expect(try store.labelNames(of: selection(.min, .max)) == ["__name__", "job", "zone"])
    #expect(try store.labelNames(of: selection(0, 2000)) == ["__name__", "job"])
    #expect(
      try store.labelValues(of: "__name__", in: selection(0, 2000)) == ["both", "old"])
    #expect(
      try store.labelValues(of: "__name__", in: selection(80_000_000, 90_000_000))
        == ["both", "new"])
    #expect(try store.labelValues(of: "job", in: selection(80_000_000, 90_000_000)) == ["b"])
    #expect(try store.labelNames(of: selection(10_000_000, 20_000_000)) == [])
    let matcher = Matcher("zone", .equal, "")
    #expect(
      try store.labelValues(of: "__name__", in: selection(.min, .max, [matcher]))
        == ["both", "old"])
    try store.close()
  }

  /// The record that tells the last sample of a series whose chunk was closed
  /// was written without a window length after a restart, and taken for damage
  /// at the next one.
  @Test func lastSampleOutlivesTwoRestarts() throws {
    let path = directory.path("restarts")
    let labels: Labels = ["__name__": "idle"]
    var store = try Store.open(directory: path)
    try store.append(labels, [(1000, 1)])
    try store.sealEverything()
    for round in 0..<3 as Range<Int64> {
      try store.append(["__name__": "busy"], [(2000 + round, 1)])
      try store.close()
      store = try Store.open(directory: path)
      #expect(store.warnings.isEmpty)
      #expect(try store.append(labels, [(1000, 2)]).rejections.count == 1)
    }
    try store.close()
  }

  /// What the series of snapshots say, which look at samples.
  private func expected(
    _ store: Store, _ selections: [SeriesSelection]
  ) throws -> Set<Labels> {
    var labels = Set<Labels>()
    for set in try store.snapshot(of: selections).seriesSets {
      for index in 0..<set.count { labels.insert(set.labels(at: index)) }
    }
    return labels
  }

  /// Series that come, rest and go on at random times, in head and tables.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func labelQueriesAgreeWithSnapshots(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var store = try Store.open(directory: directory.path("data"))
    let matchers: [[Matcher]] = [
      [], [Matcher("job", .equal, "1")], [Matcher("job", .notEqual, "1")],
      [Matcher("path", .matchesRegex, "/2.*")],
      [Matcher("path", .notMatchesRegex, "/(1|2).+"), Matcher("__name__", .notEqual, "")],
      [Matcher("zone", .equal, "")], [Matcher("zone", .matchesRegex, ".+")],
    ]
    for round in 0..<12 {
      for _ in 0..<6 {
        let number = Int.random(in: 0..<40, using: &generator)
        let labels = Labels([
          Label("__name__", "m\(number % 3)"), Label("job", "\(number % 4)"),
          Label("path", "/\(number)"), Label("zone", number % 5 == 0 ? "z" : ""),
        ])
        let time = Int64.random(in: 0..<100_000_000, using: &generator)
        try store.append(labels, [(time, Double(time)), (time + 1000, 0)])
      }
      if round % 3 == 1 { try store.sealEverything() }
      if round % 5 == 4 {
        try store.close()
        store = try Store.open(directory: directory.path("data"))
      }
      for chosen in matchers {
        let start = Int64.random(in: -1000..<100_000_000, using: &generator)
        let end = start + Int64.random(in: 0..<50_000_000, using: &generator)
        for selections in [
          selection(start, end, chosen), selection(.min, .max, chosen),
          selection(start, end, chosen) + selection(0, 10_000_000, matchers[round % 7]),
        ] {
          try check(store, selections)
        }
      }
    }
    try check(store, [])
    try store.close()
    let reader = try StoreReader.open(directory: directory.path("data"))
    #expect(try reader.labelValues(of: "job", in: []) == ["0", "1", "2", "3"])
  }

  private func check(_ store: Store, _ selections: [SeriesSelection]) throws {
    let series = try expected(
      store, selections.isEmpty ? selection(.min, .max) : selections)
    #expect(try store.series(of: selections) == series.sorted())
    #expect(
      try store.labelNames(of: selections) == Set(series.flatMap { $0.map(\.name) }).sorted())
    for name in ["__name__", "job", "path", "zone", "absent"] {
      #expect(
        try store.labelValues(of: name, in: selections)
          == Set(series.compactMap { $0[name] }).sorted())
    }
  }
}
