import Foundation
import HTTPServer
import SeriesModel
import TSDB
import TestSupport
import Testing

@testable import PrometheusAPI

/// `admin/tsdb/snapshot`, without a socket.
@Suite struct SnapshotEndpointTests {
  private let directory = TemporaryDirectory()
  private let database: Database
  private let labels: Labels = ["__name__": "m"]

  init() throws {
    database = try Database.open(at: directory.path("data"))
    try database.append(1, to: labels, at: Timestamp(milliseconds: 1000))
  }

  private var snapshots: [String] {
    get throws {
      let path = directory.path("data/snapshots")
      guard FileManager.default.fileExists(atPath: path) else { return [] }
      return try FileManager.default.contentsOfDirectory(atPath: path)
    }
  }

  private func ask(
    _ query: String = "", isEnabled: Bool = true, headers: Headers = Headers(), body: String = ""
  ) -> (status: Int, json: String) {
    let endpoints = AdminEndpoints(
      database: database, isEnabled: isEnabled,
      clock: { Timestamp(milliseconds: 1_795_230_888_678) })
    let router = Router([
      Route(
        [.post, .put], "/api/v1/admin/tsdb/snapshot", handler: answering(endpoints.snapshot))
    ])
    let response = router.respond(
      to: Request(
        method: .post, target: "/api/v1/admin/tsdb/snapshot" + query, headers: headers,
        body: Array(body.utf8)))
    return (response.status, String(decoding: response.body, as: UTF8.self))
  }

  @Test func nothingIsCopiedUnlessEnabled() throws {
    let answer = ask(isEnabled: false)
    #expect(answer.status == 500)
    #expect(
      answer.json
        == #"{"status":"error","errorType":"unavailable","error":"admin APIs disabled"}"#)
    #expect(try snapshots == [])
  }

  @Test func answerNamesTheSnapshot() throws {
    let answer = ask()
    #expect(answer.status == 200)
    let name = try #require(try snapshots.first)
    #expect(answer.json == #"{"status":"success","data":{"name":"\#(name)"}}"#)
    #expect(name.hasPrefix("20261121T031448Z-"))
    #expect(name.dropFirst(17).allSatisfy { $0.isHexDigit })
    let copy = try Database.openReadOnly(at: directory.path("data/snapshots/\(name)"))
    #expect(try copy.series(of: []) == [labels])
    // Two within one second have names of their own.
    #expect(ask().status == 200)
    #expect(try snapshots.count == 2)
    try database.close()
  }

  @Test(arguments: [("true", 0), ("1", 0), ("false", 1), ("0", 1), ("", 1)])
  func openChunksCanBeLeftOut(_ text: String, _ seriesCount: Int) throws {
    #expect(ask("?skip_head=\(text)").status == 200)
    let name = try #require(try snapshots.first)
    let copy = try Database.openReadOnly(at: directory.path("data/snapshots/\(name)"))
    guard
      case .vector(let found) = try copy.query("m", at: Timestamp(milliseconds: 1000)).value
    else {
      Issue.record("an instant query gives a vector")
      return
    }
    #expect(found.count == seriesCount)
  }

  @Test func formInTheBodyIsRead() throws {
    let form = Headers([(name: "Content-Type", value: "application/x-www-form-urlencoded")])
    let answer = ask(headers: form, body: "skip_head=maybe")
    #expect(answer.status == 400)
    #expect(
      answer.json == #"{"status":"error","errorType":"bad_data","error":"#
        + #""unable to parse boolean 'skip_head' argument: \"maybe\""}"#)
    #expect(try snapshots == [])
  }

  @Test func failureIsTold() throws {
    try database.close()
    let answer = ask()
    #expect(answer.status == 500)
    #expect(answer.json.contains(#""errorType":"internal""#))
    #expect(answer.json.contains("create snapshot: "))
  }
}
