import HTTPServer
import SeriesModel
import TSDB
import TestSupport
import Testing

@testable import PrometheusAPI

/// `admin/tsdb/...` over a small database, without a socket.
@Suite struct AdminEndpointTests {
  private let directory = TemporaryDirectory()
  private let database: Database

  init() throws {
    database = try Database.open(at: directory.path("data"))
    var batch = SampleBatch()
    for job in ["a", "b"] {
      let id = try database.seriesID(for: ["__name__": "up", "job": job])
      for step in 0..<10 {
        batch.add(id, timestampMilliseconds: Int64(step) * 60_000, value: 1)
      }
    }
    _ = try database.append(batch)
  }

  private func post(_ target: String, isEnabled: Bool = true) -> (status: Int, json: String) {
    let admin = AdminEndpoints(database: database, isEnabled: isEnabled)
    let router = Router([
      Route([.post, .put], "/delete_series", handler: answering(admin.deleteSeries)),
      Route([.post, .put], "/clean_tombstones", handler: answering(admin.cleanTombstones)),
    ])
    let response = router.respond(to: Request(method: .post, target: target))
    return (response.status, String(decoding: response.body, as: UTF8.self))
  }

  private func sampleCounts() throws -> [String: Int] {
    var counts: [String: Int] = [:]
    let snapshot = try database.snapshot(
      of: [SeriesSelection(matchers: [], start: .earliest, end: .latest)])
    let set = snapshot.seriesSets[0]
    let cursor = try set.makeCursor()
    for index in 0..<set.count {
      var columns = SampleColumns()
      try cursor.read(seriesAt: index, into: &columns)
      counts[set.labels(at: index)["job"] ?? ""] = columns.count
    }
    return counts
  }

  @Test func seriesAreDeletedInTheRangeGiven() throws {
    let answer = post("/delete_series?match[]=up%7Bjob=%22a%22%7D&start=60&end=180")
    #expect(answer.status == 204)
    #expect(answer.json.isEmpty)
    #expect(try sampleCounts() == ["a": 7, "b": 10])
    #expect(post("/delete_series?match[]=up%7Bjob=%22a%22%7D&match[]=none").status == 204)
    #expect(try sampleCounts() == ["b": 10])
    #expect(post("/clean_tombstones").status == 204)
    #expect(try sampleCounts() == ["b": 10])
  }

  @Test func dryRunCounts() throws {
    let answer = post("/delete_series?match[]=up&dry_run=true")
    #expect(answer.status == 200)
    #expect(answer.json == #"{"status":"success","data":{"series":2,"samples":20}}"#)
    #expect(try sampleCounts() == ["a": 10, "b": 10])
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let target: String
    var isEnabled = true
    var status = 400
    var type = "bad_data"
    let message: String

    init(_ target: String, _ message: String) {
      self.target = target
      self.message = message
    }

    /// What a server answers that was started without the endpoints.
    static func disabled(_ target: String) -> Refusal {
      var refusal = Refusal(target, "admin APIs disabled")
      (refusal.isEnabled, refusal.status, refusal.type) = (false, 500, "unavailable")
      return refusal
    }

    var testDescription: String { "\(target) \(isEnabled)" }
  }

  @Test(arguments: [
    .disabled("/delete_series?match[]=up"),
    .disabled("/clean_tombstones"),
    Refusal("/delete_series", "no match[] parameter provided"),
    Refusal(
      "/delete_series?match[]=%7B%7D", "match[] must contain at least one non-empty matcher"),
    Refusal(
      "/delete_series?match[]=%7Bjob=~%22.*%22%7D",
      "match[] must contain at least one non-empty matcher"),
    Refusal(
      "/delete_series?match[]=up&start=9&end=1", "end timestamp must not be before start time"),
    Refusal("/delete_series?match[]=up&start=x", "cannot parse"),
    Refusal("/delete_series?match[]=up&dry_run=1", "is not true or false"),
  ])
  func refusalDeletesNothing(refusal: Refusal) throws {
    let answer = post(refusal.target, isEnabled: refusal.isEnabled)
    #expect(answer.status == refusal.status)
    #expect(answer.json.contains(#""errorType":"\#(refusal.type)""#))
    #expect(answer.json.contains(refusal.message))
    #expect(try sampleCounts() == ["a": 10, "b": 10])
  }
}
