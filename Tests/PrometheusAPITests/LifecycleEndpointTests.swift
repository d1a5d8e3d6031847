import HTTPServer
import Testing

@testable import PrometheusAPI

@Suite struct LifecycleEndpointTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let id: String
    var failure: String?
    var suspension: String?
    let status: Int
    let note: String

    var testDescription: String { id }
  }

  /// A full disk heals by itself and queries go on: whoever restarts what is not
  /// healthy, or sends queries elsewhere, must not be told to.
  @Test(arguments: [
    Case(id: "all is well", status: 200, note: "."),
    Case(
      id: "the disk is full", suspension: "no room", status: 200,
      note: ".\nIt takes no samples at the moment: no room"),
    Case(id: "a write failed", failure: "broken", status: 503, note: ": broken"),
  ])
  func healthTellsWhatARestartWouldMend(_ row: Case) {
    let endpoints = LifecycleEndpoints(
      lifecycle: Lifecycle(
        isEnabled: false, reload: {}, quit: {}, failure: { row.failure },
        suspension: { row.suspension }))
    for answer in [endpoints.healthy, endpoints.ready] {
      let response = answer(Request(method: .get, target: "/"))
      #expect(response.status == row.status)
      let text = String(decoding: response.body, as: UTF8.self)
      #expect(text.hasSuffix(row.note + "\n"), "\(text)")
    }
  }
}
