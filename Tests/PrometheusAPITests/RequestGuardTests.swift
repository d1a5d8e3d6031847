import HTTPServer
import Testing

@testable import PrometheusAPI

@Suite struct RequestGuardTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let id: String
    var listenHosts = ["127.0.0.1"]
    var method = Method.get
    var headers: [String: String]
    let isServed: Bool

    var testDescription: String { id }
  }

  @Test(arguments: [
    Case(id: "localhost", headers: ["Host": "localhost:9090"], isServed: true),
    Case(id: "loopback", headers: ["Host": "127.0.0.1:9090"], isServed: true),
    Case(id: "other loopback", headers: ["Host": "127.0.0.2"], isServed: true),
    Case(id: "IPv6 loopback", headers: ["Host": "[::1]:9090"], isServed: true),
    Case(id: "listed name", headers: ["Host": "metrics.example:9090"], isServed: true),
    Case(id: "rebound name", headers: ["Host": "evil.example:9090"], isServed: false),
    Case(
      id: "name that starts like loopback", headers: ["Host": "127.0.0.1.evil"], isServed: false),
    Case(id: "foreign address", headers: ["Host": "192.0.2.1:9090"], isServed: false),
    Case(
      id: "address of an open listener", listenHosts: ["0.0.0.0"],
      headers: ["Host": "192.0.2.1:9090"], isServed: true),
    Case(
      id: "machine's name of an open listener", listenHosts: ["0.0.0.0"],
      headers: ["Host": "box:9090"], isServed: true),
    Case(
      id: "rebound name on an open listener", listenHosts: ["0.0.0.0"],
      headers: ["Host": "evil.example"], isServed: false),
    Case(id: "machine's name of a loopback listener", headers: ["Host": "box"], isServed: false),
    Case(id: "no host", headers: [:], isServed: true),
    Case(
      id: "reading from another origin",
      headers: ["Host": "localhost:9090", "Origin": "http://evil.example"], isServed: true),
    Case(
      id: "writing from another origin", method: .post,
      headers: ["Host": "localhost:9090", "Origin": "http://evil.example"], isServed: false),
    Case(
      id: "writing from another port", method: .post,
      headers: ["Host": "localhost:9090", "Origin": "http://localhost:3000"], isServed: false),
    Case(
      id: "writing from the own origin", method: .post,
      headers: ["Host": "localhost:9090", "Origin": "http://localhost:9090"], isServed: true),
    Case(
      id: "opaque origin", method: .put, headers: ["Host": "localhost:9090", "Origin": "null"],
      isServed: false),
    Case(
      id: "cross-site without origin", method: .delete,
      headers: ["Host": "localhost:9090", "Sec-Fetch-Site": "cross-site"], isServed: false),
    Case(id: "writing program", method: .post, headers: ["Host": "localhost:9090"], isServed: true),
  ])
  func onlyOwnNamesAndOwnOriginsAreServed(_ row: Case) {
    let guardian = RequestGuard(
      listenHosts: row.listenHosts, machineNames: ["box"], additionalNames: ["Metrics.Example"])
    let request = Request(
      method: row.method, target: "/",
      headers: Headers(row.headers.map { (name: $0.key, value: $0.value) }))
    let refusal = guardian.refusal(of: request)
    #expect((refusal == nil) == row.isServed)
    #expect(refusal.map { $0.status == 403 } ?? true)
  }
}
