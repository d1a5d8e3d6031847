import PromQL
import SeriesModel
import Synchronization
import TestSupport
import Testing

/// Which data a query asks its store for, and how often.
@Suite struct PlanTests {
  @Test func allSelectorsAreResolvedInOneCall() throws {
    let selections = try selections(of: "a + on() sum(rate(b[5m])) or c offset 1m", at: 600_000)
    #expect(selections == ["a 300001...600000", "b 300001...600000", "c 240001...540000"])
  }

  @Test func equalSelectorsAreReadOnce() throws {
    #expect(try selections(of: "a / on() group_left sum(a)", at: 0) == ["a -299999...0"])
  }

  @Test(arguments: [
    ("a[1m] offset 5s", "a 535001...595000"), ("a @ 100 offset 1s", "a -200999...99000"),
    ("increase(a[1m] anchored)", "a 240001...600000"),
    ("increase(a[1m] smoothed)", "a 240001...900000"), ("a smoothed", "a 300001...900000"),
    ("max_over_time(a[10m:1m])", "a -239999...600000"),
    ("max_over_time(a[10m:1m] @ 60 offset 1m)", "a -839999...0"), ("info(a)", "a 300001...600000"),
  ])
  func rangeOfTimeIsTheOneNeeded(_ query: String, _ expected: String) throws {
    #expect(try selections(of: query, at: 600_000)?.contains(expected) == true)
  }

  @Test func queryWithoutSelectorsAsksForNothing() throws {
    #expect(try selections(of: "1 + time()", at: 0) == nil)
  }

  private func selections(of query: String, at time: Int64) throws -> [String]? {
    let store = RecordingStore()
    _ = try Engine().instantQuery(query, at: Timestamp(milliseconds: time), over: store)
    let calls = store.calls.withLock { $0 }
    #expect(calls.count <= 1)
    return calls.first?.map { selection in
      "\(selection.matchers[0].value)"
        + " \(selection.start.milliseconds)...\(selection.end.milliseconds)"
    }
  }
}

/// An empty store that notes what it is asked for.
private final class RecordingStore: Queryable {
  let calls = Mutex<[[SeriesSelection]]>([])
  private let empty = InMemoryStore()

  func snapshot(of selections: [SeriesSelection]) throws -> any QuerySnapshot {
    calls.withLock { $0.append(selections) }
    return try empty.snapshot(of: selections)
  }

  func labelNames(of selections: [SeriesSelection]) throws -> [String] { [] }

  func labelValues(of name: String, in selections: [SeriesSelection]) throws -> [String] { [] }

  func series(of selections: [SeriesSelection]) throws -> [Labels] { [] }
}
