import Dispatch
import Foundation
import HTTPClient
import HTTPServer
import Synchronization
import TestSupport
import Testing

/// Starts a server on a free loopback port.
private func startServer(_ routes: [Route]) throws -> Server {
  let server = try Server(.init(listenAddresses: [ListenAddress(host: "127.0.0.1", port: 0)]))
  try server.start(routing: Router(routes))
  return server
}

extension Server {
  fileprivate func url(_ target: String) -> String {
    "http://127.0.0.1:\(addresses[0].port)\(target)"
  }
}

extension Fetcher {
  /// Polls until that many fetches are over.
  fileprivate func results(_ count: Int) -> [UInt64: Result<FetchResponse, FetchError>] {
    var results: [UInt64: Result<FetchResponse, FetchError>] = [:]
    while results.count < count {
      for completion in poll(timeoutMilliseconds: 1000) {
        results[completion.token] = completion.result
      }
    }
    return results
  }
}

/// The error that a fetch ends with.
private func failure(of request: FetchRequest) -> FetchError? {
  do {
    _ = try Fetcher.fetch(request)
    return nil
  } catch {
    return error
  }
}

private func gzipped(_ body: [UInt8]) -> Response {
  Response(headers: Headers([("Content-Encoding", "gzip")]), body: body)
}

struct FetcherTests {
  @Test func requestArrivesAsGiven() throws {
    let server = try startServer([
      Route([.get, .post, .put, .delete, Method("PURGE")], "/x") { request in
        let names = ["content-type", "x-a", "x-empty", "user-agent", "accept-encoding"]
        let fields = names.map { "\($0)=\(request.headers[$0] ?? "none")" }
        let body = String(decoding: request.body, as: UTF8.self)
        return .text(200, "\(request.method) \(fields.joined(separator: " ")) \(body)")
      }
    ])
    var request = FetchRequest(url: server.url("/x"))
    request.userAgent = "agent/1"
    request.headers = [("X-A", "b"), ("X-Empty", "")]
    let rest = "x-a=b x-empty= user-agent=agent/1 accept-encoding=gzip"
    for (method, body) in [
      ("GET", nil), ("POST", "body"), ("POST", nil), ("PUT", "body"), ("DELETE", nil),
      ("PURGE", nil), ("GET", "odd"),
    ] {
      request.method = method
      request.body = body.map { Array($0.utf8) }
      let response = try Fetcher.fetch(request)
      let text = String(decoding: response.body, as: UTF8.self)
      #expect(text == "\(method) content-type=none \(rest) \(body ?? "")\n")
    }
    request.method = "POST"
    request.headers = [("content-type", "text/x")]
    request.acceptsGzip = false
    let text = String(decoding: try Fetcher.fetch(request).body, as: UTF8.self)
    #expect(text.hasPrefix("POST content-type=text/x x-a=none x-empty=none"))
    #expect(text.contains("accept-encoding=none"))
  }

  @Test func answerIsComplete() throws {
    let server = try startServer([
      Route([.get], "/x") { _ in
        var response = Response.text(418, "short and stout")
        response.headers.add("X-Pot", " tea ")
        return response
      }
    ])
    var request = FetchRequest(url: server.url("/x"))
    let response = try Fetcher.fetch(request)
    #expect(response.status == 418)
    #expect(response.contentType == "text/plain; charset=utf-8")
    #expect(response.header("x-pot") == "tea")
    #expect(response.header("x-none") == nil)
    #expect(response.body == Array("short and stout\n".utf8))
    #expect(response.remainingEncoding == nil)
    #expect(response.duration > .zero && response.duration < .seconds(10))
    request.method = "HEAD"
    #expect(try Fetcher.fetch(request).body.isEmpty)
    #expect(try Fetcher.fetch(request).header("Content-Length") == "16")
  }

  @Test(arguments: [
    (FetchRequest(url: "ftp://127.0.0.1/"), "unsupported protocol: "),
    (FetchRequest(url: "file:///etc/hostname"), "unsupported protocol: "),
    (FetchRequest(url: "http://host name/"), "invalid request: "),
    (FetchRequest(url: ""), "invalid request: "),
    (FetchRequest(url: "http://127.0.0.1:99999/"), "invalid request: "),
    (FetchRequest(url: "http://nobody.invalid/"), "couldn't resolve the host: "),
    (badMethod, "invalid request: the method is not a word"),
    (badHeader, "invalid request: the header \"X-A\" holds a forbidden character"),
  ])
  func badRequestIsExplained(request: FetchRequest, message: String) throws {
    let error = try #require(failure(of: request))
    #expect(error.description.hasPrefix(message), "\(error)")
  }

  private static var badMethod: FetchRequest {
    var request = FetchRequest(url: "http://127.0.0.1/")
    request.method = "GET /x HTTP/1.1\r\nX:"
    return request
  }

  private static var badHeader: FetchRequest {
    var request = FetchRequest(url: "http://127.0.0.1/")
    request.headers = [("X-A", "b\r\nX-Injected: c")]
    return request
  }

  @Test func refusedConnectionIsNamed() throws {
    let server = try startServer([])
    let url = server.url("/")
    server.shutdown(deadline: .zero)
    let error = try #require(failure(of: FetchRequest(url: url)))
    guard case .connectionRefused = error else {
      Issue.record("got \(error)")
      return
    }
    #expect(error.description.hasPrefix("connection refused: Failed to connect to 127.0.0.1 port"))
  }

  @Test func silentServerTimesOut() throws {
    let release = DispatchSemaphore(value: 0)
    let server = try startServer([
      Route([.get], "/x") { _ in
        release.wait()
        return .text(200, "")
      }
    ])
    var request = FetchRequest(url: server.url("/x"))
    request.timeoutMilliseconds = 50
    #expect(failure(of: request) == .timedOut(afterMilliseconds: 50))
    release.signal()
  }

  struct BrokenAnswer: Sendable, CustomTestStringConvertible {
    let id: String
    let bytes: String
    let message: String
    var testDescription: String { id }
  }

  @Test(arguments: [
    BrokenAnswer(id: "nothing", bytes: "", message: "connection lost: "),
    BrokenAnswer(
      id: "short body", bytes: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
      message: "connection lost: "),
    BrokenAnswer(
      id: "short chunk", bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
      message: "connection lost: "),
    BrokenAnswer(
      id: "not HTTP", bytes: "SSH-2.0-OpenSSH_9.2\r\n", message: "the answer is not HTTP: "),
    BrokenAnswer(
      id: "not gzip",
      bytes: "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
      message: "unsupported or broken content encoding: "),
    BrokenAnswer(
      id: "unknown encoding",
      bytes: "HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\nContent-Length: 3\r\n\r\nabc",
      message: "unsupported or broken content encoding: "),
    BrokenAnswer(
      id: "endless header",
      bytes: "HTTP/1.1 200 OK\r\n"
        + String(repeating: "X-A: \(String(repeating: "x", count: 1000))\r\n", count: 300),
      message: "the header is larger than the limit of 262144 bytes"),
  ])
  func brokenAnswerIsExplained(answer: BrokenAnswer) throws {
    let listener = LoopbackListener { connection in
      _ = connection.read(through: "\r\n\r\n")
      connection.send(answer.bytes)
    }
    let error = try #require(failure(of: FetchRequest(url: "http://127.0.0.1:\(listener.port)/")))
    #expect(error.description.hasPrefix(answer.message), "\(error)")
  }

  @Test func gzipIsDecompressed() throws {
    let content = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let file = GzipBuilder.file(holding: content)
    let server = try startServer([Route([.get], "/x") { _ in gzipped(file) }])
    var request = FetchRequest(url: server.url("/x"))
    #expect(try Fetcher.fetch(request).body == content)
    #expect(try Fetcher.fetch(request).remainingEncoding == nil)
    request.acceptsGzip = false
    #expect(try Fetcher.fetch(request).body == file)
    #expect(try Fetcher.fetch(request).remainingEncoding == "gzip")
  }

  @Test func bodyLimitIsExact() throws {
    let content = Array("0123456789".utf8)
    let server = try startServer([
      Route([.get], "/plain") { _ in Response(body: content) },
      Route([.get], "/gzip") { _ in gzipped(GzipBuilder.file(holding: content)) },
    ])
    for target in ["/plain", "/gzip"] {
      var request = FetchRequest(url: server.url(target))
      request.maximumBodyBytes = 10
      #expect(try Fetcher.fetch(request).body == content)
      request.maximumBodyBytes = 9
      #expect(failure(of: request) == .bodyTooLarge(limit: 9))
    }
  }

  @Test func gzipBombIsStoppedAtTheLimit() throws {
    let bomb = GzipBuilder.bomb(zeroCount: 100_000_000)
    #expect(bomb.count < 1_000_000)
    let server = try startServer([Route([.get], "/x") { _ in gzipped(bomb) }])
    var request = FetchRequest(url: server.url("/x"))
    request.maximumBodyBytes = 1_000_000
    #expect(failure(of: request) == .bodyTooLarge(limit: 1_000_000))
  }

  @Test func redirectsAreFollowedToTheLimit() throws {
    let server = try startServer([
      Route([.get], "/hops/{count}") { request in
        let count = Int(request.captures["count"] ?? "") ?? 0
        if count == 0 { return .text(200, "arrived") }
        var response = Response.text(302, "a longer body that is not the answer's")
        response.headers["Location"] = "/hops/\(count - 1)"
        response.headers["X-Hop"] = "1"
        return response
      },
      Route([.get], "/away") { _ in
        Response(status: 302, headers: Headers([("Location", "file:///etc/hostname")]))
      },
    ])
    var request = FetchRequest(url: server.url("/hops/10"))
    request.maximumBodyBytes = 8
    let response = try Fetcher.fetch(request)
    #expect(response.body == Array("arrived\n".utf8))
    #expect(response.header("X-Hop") == nil)
    request.url = server.url("/hops/11")
    #expect(failure(of: request) == .tooManyRedirects(limit: 10))
    request.maximumBodyBytes = 100
    request.followsRedirects = false
    #expect(try Fetcher.fetch(request).status == 302)
    request = FetchRequest(url: server.url("/away"))
    let error = try #require(failure(of: request))
    #expect(error.description.hasPrefix("unsupported protocol: "))
  }

  @Test func authorizationStaysWithItsHost() throws {
    let target = try startServer([
      Route([.get], "/") { .text(200, $0.headers["Authorization"] ?? "none") }
    ])
    let location = target.url("/")
    let server = try startServer([
      Route([.get], "/") { _ in
        Response(status: 302, headers: Headers([("Location", location)]))
      }
    ])
    var request = FetchRequest(url: server.url("/"))
    request.headers = [("Authorization", "Bearer secret")]
    #expect(try Fetcher.fetch(request).body == Array("none\n".utf8))
    request.url = location
    #expect(try Fetcher.fetch(request).body == Array("Bearer secret\n".utf8))
  }

  @Test func connectionIsKeptForTheNextFetch() throws {
    let server = try startServer([
      Route([.get], "/x") { .text(200, $0.remoteAddress) }
    ])
    let fetcher = try Fetcher()
    var clients: Set<[UInt8]> = []
    for token in 0..<5 as Range<UInt64> {
      fetcher.add(FetchRequest(url: server.url("/x")), token: token)
      clients.insert(try #require(fetcher.results(1)[token]).get().body)
    }
    #expect(clients.count == 1)
  }

  @Test func fiftyFetchesRunAtATime() throws {
    let arrived = Atomic(0)
    let server = try {
      var configuration = Server.Configuration(
        listenAddresses: [ListenAddress(host: "127.0.0.1", port: 0)])
      configuration.handlerLimit = 50
      let server = try Server(configuration)
      // Nobody is answered until all have come.
      try server.start(
        routing: Router([
          Route([.get], "/{name}") { request in
            arrived.add(1, ordering: .relaxed)
            while arrived.load(ordering: .relaxed) < 50 && !request.isClientGone { usleep(500) }
            return .text(200, request.captures["name"] ?? "")
          }
        ]))
      return server
    }()
    let fetcher = try Fetcher()
    for token in 0..<50 as Range<UInt64> {
      fetcher.add(FetchRequest(url: server.url("/\(token)")), token: token)
    }
    #expect(fetcher.activeCount == 50)
    for (token, result) in fetcher.results(50) {
      #expect(try result.get().body == Array("\(token)\n".utf8))
    }
    #expect(fetcher.activeCount == 0)
  }

  @Test func failuresDoNotDisturbTheOthers() throws {
    let server = try startServer([Route([.get], "/x") { _ in .text(200, "x") }])
    let fetcher = try Fetcher()
    fetcher.add(FetchRequest(url: "nonsense://"), token: 1)
    fetcher.add(FetchRequest(url: server.url("/x")), token: 2)
    fetcher.add(Self.badMethod, token: 3)
    let results = fetcher.results(3)
    #expect(throws: FetchError.self) { try results[1]?.get() }
    #expect(try results[2]?.get().status == 200)
    #expect(throws: FetchError.invalidRequest(detail: "the method is not a word")) {
      try results[3]?.get()
    }
  }

  @Test func bufferIsUsedAgain() throws {
    let server = try startServer([Route([.get], "/x") { _ in .text(200, "x") }])
    let fetcher = try Fetcher()
    var buffer = [UInt8](repeating: 7, count: 1000)
    buffer.reserveCapacity(100_000)
    fetcher.add(FetchRequest(url: server.url("/x")), token: 1, reusing: consume buffer)
    let body = try #require(fetcher.results(1)[1]).get().body
    #expect(body == Array("x\n".utf8))
    #expect(body.capacity >= 100_000)
  }

  @Test func cancelledFetchNeverCompletes() throws {
    let listener = LoopbackListener { connection in _ = connection.readToEnd() }
    let server = try startServer([Route([.get], "/x") { _ in .text(200, "x") }])
    let fetcher = try Fetcher()
    fetcher.add(FetchRequest(url: "http://127.0.0.1:\(listener.port)/"), token: 1)
    _ = fetcher.poll(timeoutMilliseconds: 10)
    fetcher.cancel(token: 1)
    fetcher.cancel(token: 9)
    #expect(fetcher.activeCount == 0)
    fetcher.add(FetchRequest(url: server.url("/x")), token: 1)
    #expect(try fetcher.results(1)[1]?.get().status == 200)
  }

  @Test func wakerEndsThePoll() throws {
    let fetcher = try Fetcher()
    let waker = fetcher.waker
    Thread.detachNewThread { waker.wakeup() }
    let clock = ContinuousClock()
    let duration = clock.measure {
      #expect(fetcher.poll(timeoutMilliseconds: 60_000).isEmpty)
    }
    #expect(duration < .seconds(30))
  }

  @Test func wakerMayOutliveItsFetcher() throws {
    var fetcher: Fetcher? = try Fetcher()
    let waker = try #require(fetcher?.waker)
    fetcher = nil
    waker.wakeup()
  }
}
