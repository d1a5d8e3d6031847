import Dispatch
import Glibc
import HTTPClient
import HTTPServer
import Synchronization
import TestSupport
import Testing

/// Starts a server on a free loopback port.
func startServer(
  _ routes: [Route], configure: (inout Server.Configuration) -> Void = { _ in }
) throws -> Server {
  var configuration = Server.Configuration(
    listenAddresses: [ListenAddress(host: "127.0.0.1", port: 0)])
  configuration.handlerLimit = 2
  configure(&configuration)
  let server = try Server(configuration)
  try server.start(routing: Router(routes))
  return server
}

extension Server {
  var port: UInt16 { addresses[0].port }

  func request(_ target: String, method: String = "GET", body: [UInt8]? = nil) -> FetchRequest {
    var request = FetchRequest(url: "http://127.0.0.1:\(port)\(target)")
    request.method = method
    request.body = body
    return request
  }

  func connect() throws -> LoopbackConnection {
    try #require(LoopbackConnection(port: port))
  }
}

extension FetchResponse {
  var text: String { String(decoding: body, as: UTF8.self) }
}

extension Fetcher {
  /// Polls until the fetch of that token is over.
  func result(_ token: UInt64) throws -> FetchResponse {
    while true {
      for completion in poll(timeoutMilliseconds: 1000) where completion.token == token {
        return try completion.result.get()
      }
    }
  }
}

struct ServerTests {
  private static let echo = Route([.get, .post, .put], "/echo/{rest...}") { request in
    var response = Response(contentType: "application/octet-stream", body: request.body)
    response.headers["X-Path"] = request.rawPath
    response.headers["X-Query"] = request.rawQuery
    response.headers["X-Method"] = request.method.name
    response.headers["X-Remote"] = request.remoteAddress
    return response
  }

  @Test(arguments: [Route.Work.brief, .long, .immediate])
  func handlerAnswers(work: Route.Work) throws {
    let server = try startServer([
      Route([.get], "/hello", work: work) { _ in .text(201, "hello") }
    ])
    let response = try Fetcher.fetch(server.request("/hello"))
    #expect(response.status == 201)
    #expect(response.text == "hello\n")
    #expect(response.contentType == "text/plain; charset=utf-8")
    #expect(try Fetcher.fetch(server.request("/other")).status == 404)
    let refused = try Fetcher.fetch(server.request("/hello", method: "DELETE"))
    #expect(refused.status == 405)
    #expect(refused.header("allow") == "GET, HEAD")
  }

  @Test func pathAndQueryArriveRaw() throws {
    let server = try startServer([Self.echo])
    let connection = try server.connect()
    connection.send(
      "GET /echo/a%2Fb+c//%C3%A9/../x?q=%41+b&x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    let answer = connection.readToEnd()
    #expect(answer.contains("\r\nX-Path: /echo/a%2Fb+c//%C3%A9/../x\r\n"))
    #expect(answer.contains("\r\nX-Query: q=%41+b&x\r\n"))
    #expect(answer.contains("\r\nX-Remote: 127.0.0.1:"))
  }

  @Test(arguments: [0, 1, 32 << 10, (32 << 10) + 1, 3_000_000])
  func bodiesOfAllSizesGoBothWays(byteCount: Int) throws {
    let server = try startServer([Self.echo])
    let body = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let response = try Fetcher.fetch(server.request("/echo/", method: "POST", body: body))
    #expect(response.status == 200)
    #expect(response.body == body)
  }

  @Test func headHasLengthButNoBody() throws {
    let server = try startServer([
      Route([.get], "/small") { _ in .text(200, "12345") },
      Route([.get], "/large") { _ in Response(body: Array(repeating: 0, count: 100_000)) },
    ])
    for (target, length) in [("/small", "6"), ("/large", "100000")] {
      let connection = try server.connect()
      connection.send("HEAD \(target) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      let answer = connection.readToEnd()
      #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
      #expect(answer.contains("\r\nContent-Length: \(length)\r\n"))
      #expect(answer.hasSuffix("\r\n\r\n"))
    }
  }

  @Test func chunkedBodyIsJoined() throws {
    let server = try startServer([Self.echo])
    let connection = try server.connect()
    connection.send(
      "POST /echo/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.send("3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n")
    #expect(connection.readToEnd().hasSuffix("\r\n\r\nabcdefgh"))
  }

  @Test func continueIsSentBeforeTheBody() throws {
    let server = try startServer([Self.echo])
    let connection = try server.connect()
    connection.send(
      "POST /echo/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n"
        + "Expect: 100-continue\r\n\r\n")
    #expect(connection.read(through: "\r\n\r\n").hasPrefix("HTTP/1.1 100 Continue"))
    connection.send("abc")
    #expect(connection.readToEnd().hasSuffix("\r\n\r\nabc"))
  }

  struct Body: Sendable, CustomTestStringConvertible {
    let header: String
    let body: String
    let status: Int
    var testDescription: String { header }
  }

  @Test(arguments: [
    Body(header: "Content-Length: 100", body: String(repeating: "x", count: 100), status: 200),
    Body(header: "Content-Length: 101", body: String(repeating: "x", count: 101), status: 413),
    Body(header: "Content-Length: 201", body: "", status: 413),
    Body(header: "Content-Length: 99999999999", body: "", status: 413),
    Body(header: "Content-Length: 101\r\nExpect: 100-continue", body: "", status: 413),
    Body(
      header: "Transfer-Encoding: chunked",
      body: "64\r\n\(String(repeating: "x", count: 100))\r\n0\r\n\r\n", status: 200),
    Body(
      header: "Transfer-Encoding: chunked",
      body: "64\r\n\(String(repeating: "x", count: 100))\r\n1\r\nx\r\n0\r\n\r\n", status: 413),
  ])
  func bodyLimitIsExact(body: Body) throws {
    let server = try startServer([Self.echo]) { $0.bodyLimitBytes = 100 }
    let connection = try server.connect()
    connection.send(
      "POST /echo/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\(body.header)\r\n\r\n")
    connection.send(body.body)
    let answer = connection.readToEnd()
    #expect(answer.hasPrefix("HTTP/1.1 \(body.status) "))
    if body.status == 413 {
      #expect(answer.hasSuffix("the request body is larger than the limit of 100 bytes\n"))
      #expect(server.statistics.refusedBodyCount == 1)
    }
  }

  @Test func endlessBodyIsCutOff() throws {
    let server = try startServer([Self.echo]) { $0.bodyLimitBytes = 100 }
    let connection = try server.connect()
    connection.send("POST /echo/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in 0..<1000 { connection.send("64\r\n\(String(repeating: "x", count: 100))\r\n") }
    #expect(!connection.readToEnd().contains("200 OK"))
  }

  @Test func tooLongHeadIsRefused() throws {
    let server = try startServer([Self.echo])
    let connection = try server.connect()
    connection.send("GET /echo/\(String(repeating: "x", count: 200_000)) HTTP/1.1\r\n\r\n")
    #expect(!connection.readToEnd().contains("200 OK"))
    #expect(try Fetcher.fetch(server.request("/echo/")).status == 200)
  }

  @Test func pipelinedRequestsAreAnsweredInOrder() throws {
    let server = try startServer([Self.echo])
    let connection = try server.connect()
    connection.send(
      "GET /echo/1 HTTP/1.1\r\nHost: a\r\n\r\nGET /echo/2 HTTP/1.1\r\nHost: a\r\n"
        + "Connection: close\r\n\r\n")
    let answers = connection.readToEnd().split(separator: "X-Path: ").map { $0.prefix(7) }
    #expect(answers.dropFirst() == ["/echo/1", "/echo/2"])
  }

  @Test func slowHandlerDoesNotHoldUpOthers() throws {
    let release = DispatchSemaphore(value: 0)
    let server = try startServer([
      Route([.get], "/slow") { _ in
        release.wait()
        return .text(200, "slow")
      },
      Route([.get], "/quick") { _ in .text(200, "quick") },
      Route([.get], "/inline", work: .immediate) { _ in .text(200, "inline") },
    ])
    let fetcher = try Fetcher()
    fetcher.add(server.request("/slow"), token: 1)
    for token in 2...20 as ClosedRange<UInt64> {
      fetcher.add(server.request(token % 2 == 0 ? "/quick" : "/inline"), token: token)
      #expect(try fetcher.result(token).status == 200)
    }
    #expect(server.statistics.activeRequestCount >= 1)
    release.signal()
    #expect(try fetcher.result(1).text == "slow\n")
  }

  @Test func takenPlacesHoldUpNeitherOtherWorkNorNewConnections() throws {
    let (started, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let server = try startServer([
      Route([.get], "/slow") { _ in
        started.signal()
        release.wait()
        return .text(200, "slow")
      },
      Route([.get], "/long", work: .long) { _ in .text(200, "long") },
      Route([.get], "/inline", work: .immediate) { _ in .text(200, "inline") },
    ])
    let slow = try (0..<2).map { _ in try server.connect() }
    for connection in slow {
      connection.send("GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    }
    for _ in slow { #expect(started.wait(timeout: .now() + 10) == .success) }
    for target in ["/inline", "/long", "/other"] {
      let connection = try server.connect()
      connection.send("GET \(target) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      #expect(connection.readToEnd().hasPrefix("HTTP/1.1 \(target == "/other" ? 404 : 200) "))
    }
    for _ in slow { release.signal() }
    for connection in slow { #expect(connection.readToEnd().hasSuffix("slow\n")) }
  }

  @Test func thoseThatWaitHaveTheirTurnInOrder() throws {
    let (started, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let order = Mutex<[String]>([])
    let server = try startServer([
      Route([.get], "/{name}") { request in
        order.withLock { $0.append(request.captures["name"] ?? "") }
        started.signal()
        release.wait()
        return .text(200, request.waitingTime > .zero ? "waited" : "at once")
      }
    ]) { $0.handlerLimit = 1 }
    let names = ["a", "b", "c", "d"]
    var connections: [LoopbackConnection] = []
    for (index, name) in names.enumerated() {
      let connection = try server.connect()
      connection.send("GET /\(name) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      connections.append(connection)
      if index == 0 { #expect(started.wait(timeout: .now() + 10) == .success) }
      while server.statistics.queuedRequestCount < index { sched_yield() }
    }
    for (index, connection) in connections.enumerated() {
      if index > 0 { #expect(started.wait(timeout: .now() + 10) == .success) }
      release.signal()
      #expect(connection.readToEnd().hasSuffix(index == 0 ? "at once\n" : "waited\n"))
    }
    #expect(order.withLock { $0 } == names)
    #expect(server.statistics.queuedRequestCount == 0)
  }

  /// How a client leaves while its request waits, and when its turn comes.
  struct Departure: Sendable, CustomTestStringConvertible {
    let closesWhole: Bool
    let hasTurnAtOnce: Bool
    var testDescription: String { "whole: \(closesWhole), turn at once: \(hasTurnAtOnce)" }
  }

  @Test(arguments: [
    Departure(closesWhole: true, hasTurnAtOnce: false),
    Departure(closesWhole: true, hasTurnAtOnce: true),
    Departure(closesWhole: false, hasTurnAtOnce: false),
    Departure(closesWhole: false, hasTurnAtOnce: true),
  ])
  func whatWaitsIsNotDoneWhenTheClientLeaves(departure: Departure) throws {
    let (started, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let order = Mutex<[String]>([])
    let server = try startServer([
      Route([.get], "/{name}") { request in
        order.withLock { $0.append(request.captures["name"] ?? "") }
        started.signal()
        release.wait()
        return .text(200, "done")
      }
    ]) {
      $0.handlerLimit = 1
      $0.queueCapacity = 2
    }
    func wait(until isTrue: () -> Bool) {
      let begin = ContinuousClock.now
      while isTrue() == false && ContinuousClock.now - begin < .seconds(20) { usleep(1000) }
      #expect(isTrue())
    }
    var connections: [LoopbackConnection] = []
    for (index, name) in ["a", "b", "c"].enumerated() {
      let connection = try server.connect()
      connection.send("GET /\(name) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      connections.append(connection)
      if index == 0 { #expect(started.wait(timeout: .now() + 10) == .success) }
      wait { server.statistics.queuedRequestCount == index }
    }
    if departure.closesWhole { connections[1].disconnect() } else { connections[1].finishSending() }
    if departure.hasTurnAtOnce == false {
      wait { server.statistics.queuedRequestCount == 1 }
      // Its place is free for another.
      let fourth = try server.connect()
      fourth.send("GET /d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      connections.append(fourth)
      wait { server.statistics.queuedRequestCount == 2 }
    }
    for _ in connections { release.signal() }
    if departure.closesWhole == false {
      #expect(connections[1].readToEnd().hasPrefix("HTTP/1.1 503 "))
    }
    for connection in [connections[0]] + connections[2...] {
      #expect(connection.readToEnd().hasSuffix("done\n"))
    }
    #expect(order.withLock { $0 } == (departure.hasTurnAtOnce ? ["a", "c"] : ["a", "c", "d"]))
    #expect(server.statistics.queuedRequestCount == 0)
    #expect(server.statistics.refusedRequestCount == 0)
  }

  @Test func silentConnectionIsClosed() throws {
    let server = try startServer([Self.echo]) { $0.idleTimeout = .seconds(1) }
    let connection = try server.connect()
    connection.send("GET /echo/ HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(connection.readToEnd().hasPrefix("HTTP/1.1 200 OK\r\n"))
    while server.statistics.openConnectionCount > 0 { sched_yield() }
  }

  @Test func timeInTheHandlerIsNotSilence() throws {
    let server = try startServer([
      Route([.get], "/slow") { request in
        let arrival = ContinuousClock.now
        while !request.isClientGone && ContinuousClock.now - arrival < .seconds(2) { usleep(10000) }
        return Response(body: Array(repeating: 0, count: request.isClientGone ? 0 : 8 << 20))
      },
      Route([.get], "/quick") { _ in .text(200, "quick") },
    ]) { $0.idleTimeout = .seconds(1) }
    let connection = try server.connect()
    connection.send(
      "GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /quick HTTP/1.1\r\nHost: a\r\n"
        + "Connection: close\r\n\r\n")
    let answers = connection.readToEnd()
    #expect(answers.hasSuffix("quick\n"))
    #expect(answers.utf8.count > 8 << 20)
  }

  @Test func longWorkHoldsUpLongWorkAlone() throws {
    let (started, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let server = try startServer([
      Route([.get], "/long", work: .long) { _ in
        started.signal()
        release.wait()
        return .text(200, "long")
      },
      Route([.get], "/quick") { _ in .text(200, "quick") },
    ]) {
      $0.handlerLimit = 1
      $0.longHandlerLimit = 1
    }
    let fetcher = try Fetcher()
    fetcher.add(server.request("/long"), token: 1)
    while started.wait(timeout: .now()) == .timedOut { _ = fetcher.poll(timeoutMilliseconds: 1) }
    fetcher.add(server.request("/long"), token: 2)
    while server.statistics.queuedRequestCount == 0 { _ = fetcher.poll(timeoutMilliseconds: 1) }
    fetcher.add(server.request("/quick"), token: 3)
    #expect(try fetcher.result(3).text == "quick\n")
    release.signal()
    release.signal()
    var texts: [String] = []
    while texts.count < 2 {
      texts += try fetcher.poll(timeoutMilliseconds: 1000).map { try $0.result.get().text }
    }
    #expect(texts == ["long\n", "long\n"])
  }

  @Test func fullQueueIsAnsweredAtOnce() throws {
    let (started, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let server = try startServer([
      Route([.get], "/slow") { _ in
        started.signal()
        release.wait()
        return .text(200, "slow")
      }
    ]) {
      $0.handlerLimit = 1
      $0.queueCapacity = 1
    }
    let fetcher = try Fetcher()
    fetcher.add(server.request("/slow"), token: 1)
    while started.wait(timeout: .now()) == .timedOut { _ = fetcher.poll(timeoutMilliseconds: 1) }
    fetcher.add(server.request("/slow"), token: 2)
    while server.statistics.queuedRequestCount == 0 { _ = fetcher.poll(timeoutMilliseconds: 1) }
    fetcher.add(server.request("/slow"), token: 3)
    let refused = try fetcher.result(3)
    #expect(refused.status == 503)
    #expect(refused.header("Retry-After") == "1")
    #expect(server.statistics.refusedRequestCount == 1)
    release.signal()
    release.signal()
    var statuses: [Int] = []
    while statuses.count < 2 {
      statuses += try fetcher.poll(timeoutMilliseconds: 1000).map { try $0.result.get().status }
    }
    #expect(statuses == [200, 200])
  }

  @Test func clientsBeyondTheLimitWaitForTheirTurn() throws {
    let server = try startServer([Self.echo]) { $0.connectionLimit = 2 }
    let request = "GET /echo/ HTTP/1.1\r\nHost: a\r\n\r\n"
    let connections = try (0..<3).map { _ in try server.connect() }
    for connection in connections { connection.send(request) }
    #expect(connections[0].read(through: "\r\n\r\n").contains("200 OK"))
    #expect(connections[1].read(through: "\r\n\r\n").contains("200 OK"))
    #expect(server.statistics.openConnectionCount == 2)
    connections[0].disconnect()
    #expect(connections[2].read(through: "\r\n\r\n").contains("200 OK"))
  }

  @Test func handlerSeesThatTheClientLeft() throws {
    let (started, gone) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let wasGoneAtStart = Atomic(true)
    let server = try startServer([
      Route([.get], "/slow") { request in
        wasGoneAtStart.store(request.isClientGone, ordering: .relaxed)
        started.signal()
        while !request.isClientGone { sched_yield() }
        gone.signal()
        return .text(200, "nobody reads this")
      }
    ])
    let connection = try server.connect()
    connection.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(started.wait(timeout: .now() + 10) == .success)
    let wasGone = wasGoneAtStart.load(ordering: .relaxed)
    #expect(!wasGone)
    connection.disconnect()
    #expect(gone.wait(timeout: .now() + 10) == .success)
  }

  @Test func fieldsThatWouldBreakTheMessageAreLeftOut() throws {
    let server = try startServer([
      Route([.get], "/") { _ in
        Response(headers: Headers([("X-Bad", "a\r\nX-Injected: b"), ("X-Good", "c")]))
      }
    ])
    let response = try Fetcher.fetch(server.request("/"))
    #expect(response.header("X-Injected") == nil)
    #expect(response.header("X-Good") == "c")
  }

  @Test func everyAddressIsServed() throws {
    let server = try startServer([Self.echo]) {
      $0.listenAddresses.append(ListenAddress(host: "localhost", port: 0))
    }
    for address in server.addresses {
      let response = try Fetcher.fetch(FetchRequest(url: "http://\(address)/echo/"))
      #expect(response.status == 200)
    }
  }
}
