import SeriesModel
import TestSupport
import Testing

@testable import Storage

@Suite struct TombstoneTests {
  private let fixture: TableFixture
  private let table: TombstoneTable
  private let first = Window(
    containing: 0, lengthMilliseconds: Window.shortLengthMilliseconds)
  private let second = Window(
    containing: Window.shortLengthMilliseconds, lengthMilliseconds: Window.shortLengthMilliseconds)

  init() throws {
    fixture = try TableFixture()
    table = TombstoneTable(fixture.schema)
  }

  private func insert(
    _ ids: [UInt64], _ range: ClosedRange<Int64>, _ windows: [(window: Window, partBound: UInt32)]
  ) throws {
    try fixture.write { transaction throws(StorageError) in
      try table.insert(
        PostingsList(unsorted: ids.map(SeriesID.init)), range: range, windows: windows,
        in: &transaction)
    }
  }

  private func tombstones(in window: Window) throws -> WindowTombstones {
    try fixture.read { view throws(StorageError) in
      try table.tombstones(in: view).tombstones(in: window)
    }
  }

  @Test func coverIsOfWindowPartSeriesAndTime() throws {
    try insert([1, 2, 7], 10...20, [(first, 2), (second, 1)])
    let inFirst = try tombstones(in: first)
    #expect(inFirst.contains(timestampMilliseconds: 10, of: SeriesID(1), part: 0))
    #expect(inFirst.contains(timestampMilliseconds: 20, of: SeriesID(7), part: 1))
    #expect(inFirst.contains(timestampMilliseconds: 9, of: SeriesID(1), part: 0) == false)
    #expect(inFirst.contains(timestampMilliseconds: 21, of: SeriesID(1), part: 0) == false)
    #expect(inFirst.contains(timestampMilliseconds: 10, of: SeriesID(1), part: 2) == false)
    #expect(inFirst.contains(timestampMilliseconds: 10, of: SeriesID(3), part: 0) == false)
    let inSecond = try tombstones(in: second)
    #expect(inSecond.contains(timestampMilliseconds: 10, of: SeriesID(1), part: 0))
    #expect(inSecond.contains(timestampMilliseconds: 10, of: SeriesID(1), part: 1) == false)
    #expect(inSecond.seriesIDs.ids.map(\.rawValue) == [1, 2, 7])
    let day = Window(containing: 0, lengthMilliseconds: Window.dayLengthMilliseconds)
    #expect(try tombstones(in: day).isEmpty)
  }

  @Test func droppedWindowsLeaveNothingBehind() throws {
    try insert([1], 0...5, [(first, 1), (second, 1)])
    try insert([2], 3...9, [(first, 4)])
    func drop(_ window: Window) throws {
      _ = try fixture.write { transaction throws(StorageError) in
        try table.drop(window, in: &transaction)
      }
    }
    try drop(first)
    #expect(try tombstones(in: first).isEmpty)
    #expect(try tombstones(in: second).seriesIDs.ids == [SeriesID(1)])
    try drop(second)
    try drop(second)
    #expect(try fixture.entries(of: "tombstones").isEmpty)
    // Another deletion has a number of its own.
    try insert([9], 0...1, [(first, 1)])
    #expect(try tombstones(in: first).seriesIDs.ids == [SeriesID(9)])
  }

  @Test func changedBytesAreNoticed() throws {
    try insert([1, 5, 900], -7...20, [(first, 2)])
    for (key, value) in try fixture.entries(of: "tombstones") {
      for index in value.indices {
        var changed = value
        changed[index] ^= 4
        try fixture.overwrite(key, in: "tombstones", with: changed)
        let error = #expect(throws: StorageError.self) { try tombstones(in: first) }
        guard case .corrupted("tombstones", key, _) = error else {
          Issue.record("byte \(index): \(String(describing: error))")
          continue
        }
      }
      try fixture.overwrite(key, in: "tombstones", with: value)
    }
  }

  // MARK: Time

  struct TimeCase: Sendable, CustomTestStringConvertible {
    let id: String
    let ranges: [ClosedRange<Int64>]
    let joined: [ClosedRange<Int64>]

    var testDescription: String { id }
  }

  @Test(arguments: [
    TimeCase(id: "none", ranges: [], joined: []),
    TimeCase(id: "apart", ranges: [9...12, 1...7], joined: [1...7, 9...12]),
    TimeCase(id: "side by side", ranges: [1...7, 8...9], joined: [1...9]),
    TimeCase(id: "overlapping", ranges: [5...9, 1...6, 2...3], joined: [1...9]),
    TimeCase(
      id: "one within the other", ranges: [1...9, 2...3, 11...11], joined: [1...9, 11...11]),
    TimeCase(id: "all of time", ranges: [5...Int64.max, .min ... .max], joined: [.min ... .max]),
  ])
  func rangesAreJoined(row: TimeCase) {
    let time = DeletedTime(row.ranges)
    #expect(time.ranges == row.joined)
    for start in Int64(0)...13 {
      for end in start...13 {
        let isDeleted = (start...end).map { moment in
          row.ranges.contains { $0.contains(moment) }
        }
        #expect(time.covers(start...end) == isDeleted.allSatisfy { $0 })
        #expect(time.overlaps(start...end) == isDeleted.contains(true))
      }
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
  func exactlyTheDeletedSamplesAreRemoved(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<200 {
      let ranges = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
        let start = Int64.random(in: 0...60, using: &generator)
        return start...start + Int64.random(in: 0...15, using: &generator)
      }
      var columns = SampleColumns()
      for timestamp in Int64(0)..<60 where Bool.random(using: &generator) {
        columns.append(timestampMilliseconds: timestamp, value: Double(timestamp) / 2)
      }
      let start = Int.random(in: 0...columns.count, using: &generator)
      let expected = columns.timestamps.enumerated().filter { index, timestamp in
        index < start || ranges.contains { $0.contains(timestamp) } == false
      }.map(\.element)
      columns.remove(DeletedTime(ranges), from: start)
      #expect(columns.timestamps == expected)
      #expect(columns.values == expected.map { Double($0) / 2 })
    }
  }
}
