import SeriesModel
import Synchronization
import TestSupport
import Testing

@testable import Storage

/// What a store tells its owner of its work.
@Suite struct StoreEventTests {
  private let directory = TemporaryDirectory("events")
  private let hour: Int64 = 3_600_000

  private final class Events: Sendable {
    private let list = Mutex<[StoreEvent]>([])

    func add(_ event: StoreEvent) { list.withLock { $0.append(event) } }

    /// Returns the events since the last call.
    func take() -> [StoreEvent] {
      list.withLock { list in
        defer { list = [] }
        return list
      }
    }
  }

  private func fill(_ store: Store, windows: Range<Int64>) throws {
    for window in windows {
      try store.append(
        ["__name__": "m"], (0..<60).map { (window * 2 * hour + $0 * 60_000, Double($0)) })
      try store.sealEverything()
    }
  }

  @Test func deletionsAndCopiesAreTold() throws {
    let events = Events()
    var options = StoreOptions()
    options.onEvent = { events.add($0) }
    let store = try Store.open(directory: directory.path("data"), options: options)
    try fill(store, windows: 0..<2)
    #expect(events.take() == [])
    let summary = try store.delete(
      matching: [[Matcher("__name__", .equal, "m")]], from: .earliest,
      through: Timestamp(milliseconds: hour))
    #expect(events.take() == [.deleted(summary, .min...hour)])
    try store.cleanTombstones()
    for turn in 0..<5 { try store.maintain(now: Timestamp(milliseconds: Int64(turn))) }
    let cleaning = events.take()
    #expect(cleaning.last == .cleaned)
    #expect(cleaning.filter { $0 == .cleaned }.count == 1)
    #expect(cleaning.contains { if case .merged = $0 { true } else { false } })
    try store.copy(to: directory.path("copy"))
    #expect(events.take() == [.copied(to: directory.path("copy"))])
    try store.close()
  }

  @Test func windowsThatRetentionDeletesAreToldWithTheReason() throws {
    for cause in [StoreEvent.Cause.time, .size] {
      let events = Events()
      var options = StoreOptions()
      options.onEvent = { events.add($0) }
      if cause == .time { options.retentionMilliseconds = 3 * hour }
      if cause == .size { options.retentionByteCount = 1 }
      let store = try Store.open(directory: directory.path("\(cause)"), options: options)
      try fill(store, windows: 0..<3)
      try store.maintain(now: Timestamp(milliseconds: 0))
      let dropped = events.take().compactMap { event -> WindowRow? in
        guard case .dropped(let row, cause) = event else { return nil }
        return row
      }
      #expect(dropped.map(\.window.startMilliseconds) == [0])
      #expect(dropped.map(\.sampleCount) == [60])
      #expect(dropped.map(\.maxTimestamp) == [59 * 60_000])
      try store.close()
    }
  }
}
