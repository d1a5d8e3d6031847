import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// A sample of a series, its time apart.
private struct ModelSample: Equatable {
  var bits: UInt64
  var histogram: NativeHistogram?
  var startTimestamp: Int64

  init(_ batch: SampleBatch, at index: Int) {
    bits = batch.values[index].bitPattern
    histogram = batch.histograms.isEmpty ? nil : batch.histograms[index]
    startTimestamp = batch.startTimestamps.isEmpty ? 0 : batch.startTimestamps[index]
  }

  init(_ columns: SampleColumns, at index: Int) {
    bits = columns.values[index].bitPattern
    histogram = columns.histogram(at: index)
    startTimestamp = columns.startTimestamp(at: index)
  }

  func isSameValue(as other: ModelSample) -> Bool {
    bits == other.bits && histogram == other.histogram
  }
}

/// What a store must hold: the value of each series at each time.
private struct Model {
  var samples: [Labels: [Int64: ModelSample]] = [:]
  var newest = Int64.min

  /// Adds a sample as the policy has it, and says whether it is refused.
  mutating func add(
    _ labels: Labels, _ timestamp: Int64, _ sample: ModelSample, policy: DuplicatePolicy
  ) -> Bool {
    if let known = samples[labels]?[timestamp] {
      if known.isSameValue(as: sample) { return false }
      if policy != .replace { return policy == .reject }
    }
    samples[labels, default: [:]][timestamp] = sample
    newest = max(newest, timestamp)
    return false
  }

  mutating func delete(_ isDeleted: (Labels) -> Bool, _ range: ClosedRange<Int64>) {
    for labels in samples.keys where isDeleted(labels) {
      samples[labels] = samples[labels]?.filter { range.contains($0.key) == false }
    }
  }

  /// The samples of each series that a selection must give, by time.
  func samples(of selection: SeriesSelection) throws -> [Labels: [(Int64, ModelSample)]] {
    let resolver = try MatcherResolver(selection.matchers)
    let range = selection.start.milliseconds...selection.end.milliseconds
    var found: [Labels: [(Int64, ModelSample)]] = [:]
    for (labels, samples) in samples where resolver.selects(labels) {
      let chosen = samples.filter { range.contains($0.key) }.sorted { $0.key < $1.key }
      if chosen.isEmpty == false { found[labels] = chosen.map { ($0.key, $0.value) } }
    }
    return found
  }
}

/// A snapshot of some selections, and what it must hold whenever it is read.
private struct HeldSnapshot {
  let snapshot: any QuerySnapshot
  let selections: [SeriesSelection]
  let model: Model

  init(of selections: [SeriesSelection], in queryable: some Queryable, _ model: Model) throws {
    self.selections = selections
    self.model = model
    snapshot = try queryable.snapshot(of: selections)
  }

  /// Reads everything, in the order of the sets or in any other, behind a sample
  /// that is there already.
  func check(_ generator: inout SeededGenerator) throws {
    for (selection, set) in zip(selections, snapshot.seriesSets) {
      let expected = try model.samples(of: selection)
      let cursor = try set.makeCursor()
      var order = Array(0..<set.count)
      if generator.next() % 2 == 0 { order.shuffle(using: &generator) }
      var found: Set<Labels> = []
      for index in order {
        var columns = SampleColumns()
        columns.append(timestampMilliseconds: .min, value: 5)
        try cursor.read(seriesAt: index, into: &columns)
        let labels = set.labels(at: index)
        let samples = expected[labels] ?? []
        if columns.count > 1 { found.insert(labels) }
        #expect(Array(columns.timestamps.dropFirst()) == samples.map(\.0))
        #expect((1..<columns.count).map { ModelSample(columns, at: $0) } == samples.map(\.1))
      }
      #expect(found == Set(expected.keys))
    }
    #expect(snapshot.warnings.isEmpty)
  }
}

/// Random operations on a store and on a dictionary, compared again and again.
@Suite struct StoreModelTests {
  private struct Run {
    /// Nil for a store in memory, which is never opened again.
    let path: String?
    var generator: SeededGenerator
    var options: StoreOptions
    var store: Store
    var model = Model()
    var clock: Int64 = 1_700_000_000_000
    let allLabels: [Labels]
    /// How many samples in a hundred are rich.
    var richShare = 0

    init(
      path: String?, seed: UInt64, options: StoreOptions, seriesCount: Int = 12
    ) throws {
      self.path = path
      self.options = options
      generator = SeededGenerator(seed: seed)
      store =
        try path.map { try Store.open(directory: $0, options: options) }
        ?? Store.inMemory(options: options)
      allLabels = (0..<seriesCount).map { index in
        ["__name__": "metric_\(index % 3)", "instance": "host-\(index)", "job": "\(index % 2)"]
      }
    }

    mutating func chance(_ percent: Int) -> Bool {
      Int.random(in: 0..<100, using: &generator) < percent
    }

    /// Mostly the present, sometimes the recent or the far past.
    mutating func timestamp() -> Int64 {
      if chance(80) { return clock + Int64.random(in: -20...20, using: &generator) }
      if chance(80) { return clock - Int64.random(in: 0...10_000_000, using: &generator) }
      return clock - Int64.random(in: 0...500_000_000, using: &generator)
    }

    mutating func append() throws {
      var batch = SampleBatch()
      var labelsOfSamples: [Labels] = []
      // Sometimes a series is filled in from a time in the past on, over what
      // is there.
      let backfill = chance(20) ? (allLabels.randomElement(using: &generator), timestamp()) : nil
      for index in 0..<Int.random(in: 1...40, using: &generator) {
        let labels =
          backfill?.0 ?? allLabels[Int.random(in: 0..<allLabels.count, using: &generator)]
        let timestamp = backfill.map { $0.1 / 1000 * 1000 + Int64(index) * 5000 } ?? timestamp()
        // The same value for the same place makes exact duplicates. Zeros take no
        // bytes.
        let value = timestamp % 5 == 0 ? 0 : Double(timestamp % 1000) + (chance(2) ? 0.5 : 0)
        add(value, to: &batch, of: try store.seriesID(for: labels), at: timestamp)
        labelsOfSamples.append(labels)
      }
      let result = try store.append(batch)
      #expect(result.acceptedCount + result.rejections.count == batch.count)
      let reasons = Dictionary(
        uniqueKeysWithValues: result.rejections.map { ($0.batchIndex, $0.reason) })
      for index in 0..<batch.count where reasons[index] != .beyondRetention {
        let isRefused = model.add(
          labelsOfSamples[index], batch.timestamps[index], ModelSample(batch, at: index),
          policy: options.duplicatePolicy)
        #expect((reasons[index] == .duplicateTimestamp) == isRefused)
      }
      for rejection in result.rejections {
        #expect(rejection.labels == labelsOfSamples[rejection.batchIndex])
      }
      clock += Int64.random(in: 0...60_000, using: &generator)
    }

    /// Adds a number, or a histogram in its place, which is the same for the same
    /// number most times.
    mutating func add(
      _ value: Double, to batch: inout SampleBatch, of id: SeriesID, at timestamp: Int64
    ) {
      // A few series have histograms for the most part.
      let share = id.rawValue % 4 == 0 ? 3 * richShare : richShare
      let start = chance(richShare) ? timestamp - Int64(value) - 1 : 0
      guard chance(share) else {
        batch.add(
          id, timestampMilliseconds: timestamp, value: value, startTimestampMilliseconds: start)
        return
      }
      var seeded = SeededGenerator(seed: UInt64(value) / 100)
      var histogram = NativeHistogram.random(using: &seeded)
      histogram.sum = value
      batch.add(
        id, timestampMilliseconds: timestamp, histogram: histogram,
        startTimestampMilliseconds: start)
    }

    /// Deletes some series in a range that is mostly of the recent past.
    mutating func delete() throws {
      let job = Int.random(in: 0..<3, using: &generator)
      let ends = [timestamp(), timestamp()].sorted()
      let range = chance(20) ? .min ... .max : ends[0]...ends[1]
      let matcher =
        job == 2 ? Matcher("instance", .equal, "host-5") : Matcher("job", .equal, "\(job)")
      _ = try store.delete(
        matching: [[matcher]], from: Timestamp(milliseconds: range.lowerBound),
        through: Timestamp(milliseconds: range.upperBound))
      model.delete({ $0[matcher.name] == matcher.value }, range)
    }

    mutating func step() throws {
      switch Int.random(in: 0..<100, using: &generator) {
      case 0..<77: try append()
      case 77..<80: try delete()
      case 80: try store.cleanTombstones()
      case 81..<90: try store.maintain(now: Timestamp(milliseconds: clock))
      case 90..<93: try store.sealEverything()
      case 93..<95: clock += chance(50) ? 8_000_000 : 90_000_000
      case 95..<98:
        guard let path else { return }
        try store.close()
        store = try Store.open(directory: path, options: options)
      default: try reopenWithoutClose()
      }
    }

    mutating func reopenWithoutClose() throws {
      guard let path else { return }
      let copy = path + "-copy"
      try copyDirectory(path, to: copy)
      // A second process that only reads finds the same.
      try compare(StoreReader.open(directory: copy))
      let copied = try Store.open(directory: copy, options: options)
      #expect(copied.warnings.isEmpty)
      try compare(copied)
      try copied.close()
      try removeDirectory(copy)
    }

    /// No sample from here on is beyond retention.
    var oldestKept: Int64 {
      options.retentionMilliseconds == .max || model.newest == .min
        ? .min : model.newest - options.retentionMilliseconds
    }

    /// A bound of a selection: any time, or just that of a sample.
    mutating func bound() -> Int64 {
      if chance(50), let labels = allLabels.randomElement(using: &generator),
        let time = model.samples[labels]?.keys.sorted().randomElement(using: &generator)
      {
        return time + Int64.random(in: -1...1, using: &generator)
      }
      return timestamp()
    }

    mutating func hold(_ queryable: some Queryable) throws -> HeldSnapshot {
      let matchers: [[Matcher]] = [
        [], [Matcher("job", .equal, "1")], [Matcher("instance", .matchesRegex, "host-.*[0257]")],
        [Matcher("__name__", .notEqual, "metric_1"), Matcher("job", .equal, "0")],
      ]
      var selections: [SeriesSelection] = []
      for _ in 0..<4 {
        let ends = [bound(), bound()].sorted().map { max($0, oldestKept) }
        let range = chance(15) ? oldestKept ... .max : ends[0]...ends[1]
        selections.append(
          SeriesSelection(
            matchers: matchers.randomElement(using: &generator) ?? [],
            start: Timestamp(milliseconds: range.lowerBound),
            end: Timestamp(milliseconds: range.upperBound)))
      }
      return try HeldSnapshot(of: selections, in: queryable, model)
    }

    func compare(_ queryable: some Queryable) throws {
      let start = oldestKept
      let found = try queryable.columns(from: start)
      for labels in allLabels {
        let expected = (model.samples[labels] ?? [:]).filter { $0.key >= start }
          .sorted { $0.key < $1.key }
        let columns = found[labels] ?? SampleColumns()
        #expect(columns.timestamps == expected.map(\.key))
        #expect(
          columns.timestamps.indices.map { ModelSample(columns, at: $0) }
            == expected.map(\.value))
      }
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64], [0, 30])
  func storeHoldsWhatTheModelHolds(seed: UInt64, richShare: Int) throws {
    let directory = TemporaryDirectory("model")
    var options = StoreOptions()
    options.checkpointThresholdBytes = seed.isMultiple(of: 2) ? 4000 : 1 << 20
    options.duplicatePolicy = DuplicatePolicy.allCases[Int(seed / 2) % 3]
    options.retentionMilliseconds = seed < 3 || seed == 6 ? .max : 100_000_000
    var run = try Run(path: directory.path("data"), seed: seed, options: options)
    run.richShare = richShare
    for step in 0..<300 {
      try run.step()
      if step % 25 == 0 { try run.compare(run.store) }
      if step % 10 == 0 { try run.hold(run.store).check(&run.generator) }
    }
    try run.compare(run.store)
    try run.store.close()
    let reopened = try Store.open(directory: directory.path("data"), options: options)
    try run.compare(reopened)
    #expect(reopened.warnings.isEmpty)
    try reopened.close()
    let reader = try StoreReader.open(directory: directory.path("data"))
    try run.compare(reader)
  }

  @Test(arguments: [5, 6, 7] as [UInt64])
  func storeInMemoryHoldsWhatTheModelHolds(seed: UInt64) throws {
    var options = StoreOptions()
    options.checkpointThresholdBytes = seed.isMultiple(of: 2) ? 4000 : 1 << 20
    options.retentionMilliseconds = seed < 7 ? .max : 100_000_000
    var run = try Run(path: nil, seed: seed, options: options)
    run.richShare = seed == 7 ? 30 : 0
    for step in 0..<300 {
      try run.step()
      if step % 25 == 0 { try run.compare(run.store) }
    }
    try run.compare(run.store)
    try run.store.close()
  }

  /// Many series, most of which have a sample here and there, and snapshots that
  /// are read after further steps.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func heldSnapshotsStayAsTheyWere(seed: UInt64) throws {
    var options = StoreOptions()
    options.checkpointThresholdBytes = seed.isMultiple(of: 2) ? 4000 : 1 << 20
    options.retentionMilliseconds = seed < 4 ? .max : 100_000_000
    var run = try Run(path: nil, seed: seed, options: options, seriesCount: 150)
    run.richShare = seed == 3 ? 10 : 0
    var held: [HeldSnapshot] = []
    for step in 0..<150 {
      try run.step()
      guard step % 5 == 0 else { continue }
      held.append(try run.hold(run.store))
      if held.count == 3 { try held.removeFirst().check(&run.generator) }
    }
    for snapshot in held { try snapshot.check(&run.generator) }
    try run.store.close()
  }
}
