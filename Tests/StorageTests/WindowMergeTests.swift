import ChunkEncoding
import LMDB
import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// Samples that were written to windows, by series and time; what was written
/// last at a time counts.
private struct WindowModel {
  private(set) var samples: [SeriesID: [Int64: UInt64]] = [:]

  mutating func add(_ columns: SampleColumns, of id: SeriesID) {
    for (timestamp, value) in zip(columns.timestamps, columns.values) {
      samples[id, default: [:]][timestamp] = value.bitPattern
    }
  }

  func columns(of id: SeriesID) -> [Sample] {
    (samples[id] ?? [:]).sorted { $0.key < $1.key }
      .map { Sample(milliseconds: $0.key, value: Double(bitPattern: $0.value)) }
  }
}

@Suite struct WindowMergeTests {
  private let fixture: TableFixture
  private let chunks: ChunkTable
  private let windows: WindowTable
  private static let day = Window(
    containing: 1_700_000_000_000, lengthMilliseconds: Window.dayLengthMilliseconds)

  init() throws {
    fixture = try TableFixture()
    chunks = ChunkTable(fixture.schema)
    windows = WindowTable(fixture.schema)
  }

  /// Writes a part of random chunks of some series to a window.
  private func writePart(
    to window: Window, seriesCount: UInt64, model: inout WindowModel,
    using generator: inout SeededGenerator
  ) throws {
    var compressor = ChunkCompressor()
    try fixture.write { transaction throws(StorageError) in
      var run = ChunkRun(window: window, part: try chunks.takePart(in: &transaction))
      for id in 1...seriesCount where generator.next() % 3 > 0 {
        for _ in 0...(generator.next() % 2) {
          var columns = SampleColumns()
          let room = window.lengthMilliseconds / 2
          let start = window.startMilliseconds + Int64(generator.next() % UInt64(room / 2))
          for index in 0..<Int64(1 + generator.next() % 300) where index * 15_000 < room {
            columns.append(
              timestampMilliseconds: start / 15_000 * 15_000 + index * 15_000
                + (start < 15_000 ? 15_000 : 0),
              value: Double(generator.next() % 1000) / 10)
          }
          columns = columns.within(window)
          guard columns.isEmpty == false else { continue }
          run.add(compressor.encode(columns, at: 0..<columns.count), of: SeriesID(id))
          model.add(columns, of: SeriesID(id))
        }
      }
      try chunks.write(&run, in: &transaction)
    }
  }

  /// The samples of a series over all windows, as a reader merges them.
  private func read(_ id: SeriesID) throws -> [Sample] {
    try fixture.read { view throws(StorageError) in
      var merge = SampleMerge()
      for row in try windows.rows(in: view) {
        try chunks.forEachChunk(
          of: PostingsList(sorted: [id]), in: row, overlapping: .min ... .max, view: view
        ) { chunk throws(StorageError) in try merge.add(chunk) }
      }
      var columns = SampleColumns()
      merge.append(within: .min ... .max, to: &columns)
      return zip(columns.timestamps, columns.values).map { Sample(milliseconds: $0, value: $1) }
    }
  }

  private func rows() throws -> [WindowRow] {
    try fixture.read { view throws(StorageError) in try windows.rows(in: view) }
  }

  private func expectEverything(
    of model: WindowModel, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for id in model.samples.keys {
      #expect(try read(id) == model.columns(of: id), sourceLocation: sourceLocation)
    }
  }

  private func shortWindow(_ number: Int64) -> Window {
    Window(
      containing: WindowMergeTests.day.startMilliseconds
        + number * Window.shortLengthMilliseconds,
      lengthMilliseconds: Window.shortLengthMilliseconds)
  }

  /// Every step leaves every sample in one place, whatever the size of a step,
  /// and whoever takes the next one.
  @Test(arguments: [1, 3000, 1 << 20])
  func readersSeeTheSameAfterEveryStep(byteBudget: Int) throws {
    var generator = SeededGenerator(seed: UInt64(byteBudget))
    var model = WindowModel()
    for number in [0, 3, 4, 11] as [Int64] {
      for _ in 0..<3 {
        try writePart(
          to: shortWindow(number), seriesCount: 25, model: &model, using: &generator)
      }
    }
    try writePart(
      to: WindowMergeTests.day, seriesCount: 25, model: &model, using: &generator)
    try expectEverything(of: model)
    let sources = try rows().map(\.window)
    #expect(sources.count == 5)
    _ = try WindowMerge.begin(sources, into: WindowMergeTests.day, in: fixture.schema)
    var stepCount = 0
    var isMoved = false
    while isMoved == false {
      // Anew each time, as after a restart.
      var merge = try #require(try WindowMerge.underWay(in: fixture.schema))
      if byteBudget == 1 { merge.batchSampleCount = 1 }
      isMoved = try merge.moveSome(byteBudget: byteBudget)
      stepCount += 1
      if byteBudget > 1 || stepCount % 8 == 0 { try expectEverything(of: model) }
    }
    if byteBudget == 1 { #expect(stepCount == model.samples.count) }
    try #require(try WindowMerge.underWay(in: fixture.schema)).finish()
    try expectEverything(of: model)
    let row = try #require(try rows().first)
    #expect(try rows().count == 1)
    #expect(row.window == WindowMergeTests.day)
    #expect(row.partCount == 1)
    #expect(row.seriesCount == model.samples.count)
    #expect(row.sampleCount == model.samples.values.reduce(0) { $0 + $1.count })
    #expect(row.minTimestamp == model.samples.values.compactMap { $0.keys.min() }.min())
    #expect(row.maxTimestamp == model.samples.values.compactMap { $0.keys.max() }.max())
    #expect(try WindowMerge.underWay(in: fixture.schema) == nil)
    let windowsInKeys = Set(try fixture.entries(of: "chunks").map { Array($0.key.prefix(20)) })
    #expect(windowsInKeys.count == 1)
  }

  /// What is written to the windows while they are merged stays where it is,
  /// and counts more than what was there before.
  @Test func partsWrittenMeanwhileStay() throws {
    var generator = SeededGenerator(seed: 77)
    var model = WindowModel()
    for number in [1, 2] as [Int64] {
      try writePart(to: shortWindow(number), seriesCount: 40, model: &model, using: &generator)
    }
    let sources = try rows().map(\.window)
    var merge = try WindowMerge.begin(sources, into: WindowMergeTests.day, in: fixture.schema)
    for number in [1, 2] as [Int64] {
      try writePart(to: shortWindow(number), seriesCount: 40, model: &model, using: &generator)
    }
    try writePart(to: WindowMergeTests.day, seriesCount: 40, model: &model, using: &generator)
    while try merge.moveSome(byteBudget: 2000) == false {
      try expectEverything(of: model)
    }
    try merge.finish()
    try expectEverything(of: model)
    let remaining = try rows()
    #expect(remaining.count == 3)
    #expect(remaining.map(\.partCount) == [2, 1, 1])
    // And once more, into one part.
    var second = try WindowMerge.begin(
      remaining.map(\.window), into: WindowMergeTests.day, in: fixture.schema)
    while try second.moveSome(byteBudget: 1 << 20) == false {}
    try second.finish()
    try expectEverything(of: model)
    #expect(try rows().map(\.partCount) == [1])
  }

  @Test func damagedWindowIsNamed() throws {
    var generator = SeededGenerator(seed: 78)
    var model = WindowModel()
    for number in [1, 2] as [Int64] {
      try writePart(to: shortWindow(number), seriesCount: 10, model: &model, using: &generator)
    }
    let sources = try rows().map(\.window)
    #expect(try WindowMerge.damages(in: sources, of: fixture.schema).isEmpty)
    var (key, value) = try #require(try fixture.entries(of: "chunks").last)
    value[value.count - 1] ^= 1
    try fixture.overwrite(key, in: "chunks", with: value)
    let damages = try WindowMerge.damages(in: sources, of: fixture.schema)
    #expect(damages.map(\.window) == [sources[1]])
  }
}

extension SampleColumns {
  /// The samples within a window.
  fileprivate func within(_ window: Window) -> SampleColumns {
    var columns = SampleColumns()
    for (timestamp, value) in zip(timestamps, values)
    where timestamp >= window.startMilliseconds && timestamp <= window.lastMilliseconds {
      columns.append(timestampMilliseconds: timestamp, value: value)
    }
    return columns
  }
}

@Suite struct MergeRuleTests {
  private struct Case: Sendable, CustomTestStringConvertible {
    var id: String
    var retentionDays: Int64
    var windows: [(start: Int64, length: Int64)]
    var newestHour: Int64
    var partCount: UInt32 = 1
    /// The rows of windows that are being written to.
    var busyRows: [Int] = []
    /// Start and length of the target in hours; nil when nothing is due.
    var target: (start: Int64, length: Int64)?
    var sourceCount = 0

    var testDescription: String { id }

    static let all = [
      Case(id: "nothing", retentionDays: 15, windows: [], newestHour: 0, target: nil),
      Case(
        id: "day not long ended", retentionDays: 15, windows: [(0, 2), (2, 2)], newestHour: 47,
        target: nil),
      Case(
        id: "day ended a day ago", retentionDays: 15, windows: [(0, 2), (22, 2), (24, 2)],
        newestHour: 49, target: (0, 24), sourceCount: 2),
      Case(
        id: "late day window is merged with the short ones", retentionDays: 15,
        windows: [(0, 2), (0, 24)], newestHour: 49, target: (0, 24), sourceCount: 2),
      Case(
        id: "a day alone is merged already", retentionDays: 15, windows: [(0, 24)],
        newestHour: 4900, target: nil),
      Case(
        id: "retention too short for days", retentionDays: 9, windows: [(0, 2)], newestHour: 490,
        target: nil),
      Case(
        id: "16 days", retentionDays: 160, windows: [(0, 24), (24, 24), (384, 24)],
        newestHour: 409, target: (0, 384), sourceCount: 2),
      Case(
        id: "retention too short for 16 days", retentionDays: 159,
        windows: [(0, 24), (24, 24)], newestHour: 4090, target: nil),
      Case(
        id: "many parts", retentionDays: 1, windows: [(0, 2)], newestHour: 3, partCount: 17,
        target: (0, 2), sourceCount: 1),
      Case(
        id: "a day that is written to", retentionDays: 15, windows: [(0, 2), (22, 2)],
        newestHour: 49, busyRows: [1], target: nil),
      Case(
        id: "another day is written to", retentionDays: 15, windows: [(0, 2), (24, 2)],
        newestHour: 490, busyRows: [0], target: (24, 24), sourceCount: 1),
      Case(
        id: "too many parts for readers to wait", retentionDays: 1, windows: [(0, 2)],
        newestHour: 3, partCount: 65, busyRows: [0], target: (0, 2), sourceCount: 1),
      Case(
        id: "many parts but not ended", retentionDays: 1, windows: [(0, 2)], newestHour: 2,
        partCount: 17, target: nil),
    ]
  }

  private static let hour: Int64 = 3_600_000

  @Test(arguments: Case.all)
  private func windowsAreMergedWhenTheyAreDue(_ one: Case) {
    let rows = one.windows.map { start, length in
      WindowRow(
        window: Window(
          containing: start * Self.hour, lengthMilliseconds: length * Self.hour),
        partCount: one.partCount, minTimestamp: start * Self.hour, maxTimestamp: start * Self.hour)
    }
    let rule = MergeRule(
      retentionMilliseconds: one.retentionDays * 24 * Self.hour,
      newest: one.newestHour * Self.hour, busyWindows: Set(one.busyRows.map { rows[$0].window }))
    let due = rule.dueMerge(of: rows, among: rows)
    #expect(due?.target.startMilliseconds == one.target.map { $0.start * Self.hour })
    #expect(due?.target.lengthMilliseconds == one.target.map { $0.length * Self.hour })
    #expect(due?.sources.count ?? 0 == one.sourceCount)
  }

  /// A row of some hours with parts in a range.
  private func row(
    _ start: Int64, _ length: Int64, parts: Range<UInt32>, partCount: UInt32 = 1
  ) -> WindowRow {
    WindowRow(
      window: Window(containing: start * Self.hour, lengthMilliseconds: length * Self.hour),
      partCount: partCount, firstPart: parts.lowerBound, endPart: parts.upperBound,
      minTimestamp: start * Self.hour, maxTimestamp: (start + length) * Self.hour - 1)
  }

  /// Where a retention is too short for merged days, a day of late samples with
  /// later parts must not keep a window of many parts from ever being merged.
  @Test func windowOfManyPartsIsMergedWithTheLongerOneThatHasLaterParts() {
    let rows = [
      row(0, 2, parts: 3..<4), row(2, 2, parts: 0..<20, partCount: 17), row(0, 24, parts: 30..<31),
    ]
    var rule = MergeRule(retentionMilliseconds: 5 * 24 * Self.hour, newest: 40 * Self.hour)
    #expect(rule.dueMerge(of: rows, among: rows) == nil)
    rule.newest = 49 * Self.hour
    let due = rule.dueMerge(of: rows, among: rows)
    #expect(due?.target == rows[2].window)
    #expect(due?.sources == rows.map(\.window))
    // It ends: what is left has one part.
    let merged = [row(0, 24, parts: 31..<32)]
    #expect(rule.dueMerge(of: merged, among: merged) == nil)
    // Readers of very many parts don't wait.
    rule.newest = 30 * Self.hour
    let many = [row(2, 2, parts: 0..<80, partCount: 65), rows[2]]
    #expect(rule.dueMerge(of: many, among: many)?.target == rows[2].window)
    // Nor does what is written to just now.
    rule.newest = 49 * Self.hour
    rule.busyWindows = [rows[2].window]
    #expect(rule.dueMerge(of: rows, among: rows) == nil)
  }

  /// A day that must wait, here for a damaged window with later parts, does not
  /// hold up another one.
  @Test func mergeThatWouldChangeTheOrderDoesNotHoldUpOthers() {
    let rows = [row(0, 2, parts: 0..<1), row(2, 2, parts: 0..<1), row(24, 2, parts: 1..<2)]
    let damaged = row(0, 24, parts: 5..<6)
    let rule = MergeRule(retentionMilliseconds: 15 * 24 * Self.hour, newest: 80 * Self.hour)
    let due = rule.dueMerge(of: rows, among: rows + [damaged])
    #expect(due?.target.startMilliseconds == 24 * Self.hour)
    let fragmented = [
      row(0, 2, parts: 0..<20, partCount: 17), row(24, 2, parts: 0..<20, partCount: 17),
    ]
    let short = MergeRule(retentionMilliseconds: 24 * Self.hour, newest: 80 * Self.hour)
    #expect(
      short.dueMerge(of: fragmented, among: fragmented + [row(0, 24, parts: 30..<31)])?.sources
        == [fragmented[1].window])
  }
}
