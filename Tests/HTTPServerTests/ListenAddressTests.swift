import HTTPServer
import TestSupport
import Testing

struct ListenAddressTests {
  @Test(arguments: [
    (":9090", "", UInt16(9090), ":9090"),
    ("0.0.0.0:9090", "0.0.0.0", 9090, "0.0.0.0:9090"),
    ("[::1]:80", "::1", 80, "[::1]:80"),
    ("localhost:0", "localhost", 0, "localhost:0"),
  ])
  func addressIsParsed(text: String, host: String, port: UInt16, printed: String) throws {
    let address = try ListenAddress(parsing: text)
    #expect(address == ListenAddress(host: host, port: port))
    #expect(address.description == printed)
  }

  @Test(arguments: [
    ("localhost", "the port is missing"),
    ("", "the port is missing"),
    ("a:", "the port is not a number from 0 to 65535"),
    ("a:65536", "the port is not a number from 0 to 65535"),
    ("a:+1", "the port is not a number from 0 to 65535"),
    ("::1:80", "an IPv6 address needs brackets"),
    ("[::1:80", "the brackets don't match"),
    ("[]:80", "the brackets don't match"),
  ])
  func badAddressIsExplained(text: String, reason: String) {
    let expected = HTTPServerError.invalidAddress(text, reason: reason)
    #expect(throws: expected) { try ListenAddress(parsing: text) }
  }

  @Test func takenPortIsNamed() throws {
    let first = try Server(.init(listenAddresses: [ListenAddress(host: "127.0.0.1", port: 0)]))
    let taken = first.addresses[0]
    #expect(taken.host == "127.0.0.1")
    #expect(taken.port != 0)
    do {
      _ = try Server(.init(listenAddresses: [taken]))
      Issue.record("the second server got the port")
    } catch {
      #expect(error == .cannotListen(taken, errorNumber: 98))
      #expect(error.description == "can't listen on \(taken): address already in use")
    }
  }

  @Test func addressOfAnotherMachineIsRefused() {
    let address = ListenAddress(host: "192.0.2.1", port: 0)
    #expect(throws: HTTPServerError.cannotListen(address, errorNumber: 99)) {
      try Server(.init(listenAddresses: [address]))
    }
  }

  @Test func releasedServerFreesItsPort() throws {
    var server: Server? = try Server(
      .init(listenAddresses: [ListenAddress(host: "127.0.0.1", port: 0)]))
    let address = try #require(server?.addresses.first)
    server = nil
    let next = try Server(.init(listenAddresses: [address]))
    #expect(next.addresses == [address])
  }

  @Test(arguments: ["", "localhost", "127.0.0.1", "::"])
  func hostIsReachableOverIPv4(host: String) throws {
    let server = try Server(.init(listenAddresses: [ListenAddress(host: host, port: 0)]))
    #expect(LoopbackConnection(port: server.addresses[0].port) != nil)
  }
}
