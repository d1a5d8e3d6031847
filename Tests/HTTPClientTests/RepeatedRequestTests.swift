import HTTPClient
import HTTPServer
import Synchronization
import Testing

@Suite struct RepeatedRequestTests {
  private static func server(_ answer: @escaping @Sendable (Request) -> Response) throws -> Server {
    let server = try Server(
      Server.Configuration(listenAddresses: [ListenAddress(host: "127.0.0.1", port: 0)]))
    try server.start(routing: Router([], fallback: answer))
    return server
  }

  private static func url(_ server: Server) -> String {
    "http://127.0.0.1:\(server.addresses[0].port)/x"
  }

  /// Runs one fetch to its end.
  private static func run(
    _ fetcher: Fetcher, _ request: RepeatedRequest, token: UInt64
  ) throws -> FetchResponse {
    fetcher.add(request, token: token)
    while true {
      if let completion = fetcher.poll(timeoutMilliseconds: 1000).first {
        #expect(completion.token == token)
        return try completion.result.get()
      }
    }
  }

  @Test func eachAnswerIsThatOfItsOwnTime() throws {
    let count = Mutex(0)
    let server = try Self.server { request in
      let number = count.withLock { count in
        count += 1
        return count
      }
      return .text(number % 3 == 0 ? 500 : 200, "\(number) \(request.headers["X-A"] ?? "none")")
    }
    defer { server.shutdown(deadline: .zero) }
    var request = FetchRequest(url: Self.url(server))
    request.headers = [("X-A", "b")]
    let repeated = RepeatedRequest(request)
    let fetcher = try Fetcher()
    for number in 1...7 {
      let response = try Self.run(fetcher, repeated, token: UInt64(number))
      #expect(response.status == (number % 3 == 0 ? 500 : 200))
      #expect(response.body == Array("\(number) b\n".utf8))
    }
    #expect(fetcher.activeCount == 0)
  }

  @Test func requestGoesOnAfterACancellationAndAFailure() throws {
    let server = try Self.server { _ in .text(200, "here") }
    let repeated = RepeatedRequest(FetchRequest(url: Self.url(server)))
    let fetcher = try Fetcher()
    fetcher.add(repeated, token: 1)
    fetcher.cancel(token: 1)
    #expect(try Self.run(fetcher, repeated, token: 2).body == Array("here\n".utf8))
    server.shutdown(deadline: .zero)
    #expect(throws: FetchError.self) { try Self.run(fetcher, repeated, token: 3) }
    #expect(throws: FetchError.self) { try Self.run(fetcher, repeated, token: 4) }
  }

  /// A request beside the repeated one gets nothing of its settings.
  @Test func handlesOfOtherRequestsAreTheirOwn() throws {
    let server = try Self.server { .text(200, $0.headers["X-A"] ?? "none") }
    defer { server.shutdown(deadline: .zero) }
    var request = FetchRequest(url: Self.url(server))
    request.headers = [("X-A", "b")]
    let fetcher = try Fetcher()
    do {
      let repeated = RepeatedRequest(request)
      #expect(try Self.run(fetcher, repeated, token: 1).body == Array("b\n".utf8))
    }
    let plain = RepeatedRequest(FetchRequest(url: Self.url(server)))
    #expect(try Self.run(fetcher, plain, token: 2).body == Array("none\n".utf8))
  }

  @Test func bodyIsHandedOverAsItWasSent() throws {
    let file = GzipBuilder.file(holding: Array("text".utf8))
    let server = try Self.server { request in
      var response = Response(contentType: "text/plain", body: file)
      response.headers["content-encoding"] = "GZIP"
      response.headers["X-Asked"] = request.headers["Accept-Encoding"] ?? "none"
      return response
    }
    defer { server.shutdown(deadline: .zero) }
    var request = FetchRequest(url: Self.url(server))
    request.keepsEncoding = true
    let response = try Fetcher.fetch(request)
    #expect(response.body == file)
    #expect(response.remainingEncoding == "GZIP")
    #expect(response.header("x-asked") == "gzip")
  }
}
