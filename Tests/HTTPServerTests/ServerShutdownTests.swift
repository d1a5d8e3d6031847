import Dispatch
import Foundation
import HTTPClient
import HTTPServer
import TestSupport
import Testing

struct ServerShutdownTests {
  @Test func runningRequestIsFinished() throws {
    let (started, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let server = try startServer([
      Route([.get], "/slow") { _ in
        started.signal()
        release.wait()
        return .text(200, "finished")
      }
    ])
    let port = server.port
    let connection = try server.connect()
    connection.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(started.wait(timeout: .now() + 10) == .success)

    let isDown = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      server.shutdown(deadline: .seconds(60))
      isDown.signal()
    }
    // The port closes first.
    while LoopbackConnection(port: port) != nil { sched_yield() }
    release.signal()
    let answer = connection.readToEnd()
    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(answer.contains("\r\nConnection: close\r\n"))
    #expect(answer.hasSuffix("finished\n"))
    #expect(isDown.wait(timeout: .now() + 10) == .success)
  }

  @Test func handlerPastTheDeadlineIsToldAndAnsweredFor() throws {
    let (started, gone) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let server = try startServer([
      Route([.get], "/slow") { request in
        started.signal()
        while !request.isClientGone { sched_yield() }
        gone.signal()
        return .text(200, "too late")
      }
    ])
    let connection = try server.connect()
    connection.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(started.wait(timeout: .now() + 10) == .success)
    server.shutdown(deadline: .zero)
    #expect(connection.readToEnd().hasPrefix("HTTP/1.1 503 "))
    #expect(gone.wait(timeout: .now() + 10) == .success)
  }

  @Test func handlerThatDoesNotAskIsWaitedForAndAnswers() throws {
    let (started, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let server = try startServer([
      Route([.get], "/slow") { _ in
        started.signal()
        release.wait()
        return .text(200, "finished")
      }
    ]) { $0.handlerLimit = 1 }
    let (running, waiting) = (try server.connect(), try server.connect())
    running.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(started.wait(timeout: .now() + 10) == .success)
    waiting.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    while server.statistics.queuedRequestCount == 0 { sched_yield() }

    let isDown = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      server.shutdown(deadline: .milliseconds(1))
      isDown.signal()
    }
    // The one that waits is sent away, while the other runs.
    let refusal = waiting.read(through: "shutting down\n")
    #expect(refusal.hasPrefix("HTTP/1.1 503 "))
    #expect(refusal.contains("\r\nRetry-After: 1\r\n"))
    #expect(isDown.wait(timeout: .now()) == .timedOut)
    release.signal()
    let answer = running.readToEnd()
    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(answer.hasSuffix("finished\n"))
    #expect(isDown.wait(timeout: .now() + 10) == .success)
  }

  @Test func clientsThatHoldTheServerUpAreCutOff() throws {
    let server = try startServer([
      Route([.get], "/large") { _ in Response(body: Array(repeating: 0, count: 64 << 20)) },
      Route([.get, .post], "/small") { _ in .text(200, "small") },
    ])
    let (unread, unsent, idle) = (
      try server.connect(), try server.connect(), try server.connect()
    )
    unread.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    unsent.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc")
    #expect(unread.read(through: "\r\n").hasPrefix("HTTP/1.1 200 OK\r\n"))
    idle.send("GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(idle.read(through: "small\n").hasPrefix("HTTP/1.1 200 OK\r\n"))
    while server.statistics.activeRequestCount < 2 { sched_yield() }
    server.shutdown(deadline: .milliseconds(1))
    #expect(unread.readToEnd().utf8.count < 64 << 20)
    #expect(unsent.readToEnd().isEmpty)
    #expect(idle.readToEnd().isEmpty)
  }

  @Test func idleServerStopsAtOnce() throws {
    let server = try startServer([Route([.get], "/") { _ in .text(200, "root") }])
    let (unused, used) = (try server.connect(), try server.connect())
    used.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(used.read(through: "root\n").contains("200 OK"))
    let port = server.port
    server.shutdown(deadline: .seconds(60))
    server.shutdown(deadline: .seconds(60))
    #expect(unused.readToEnd().isEmpty)
    #expect(used.readToEnd().isEmpty)
    #expect(LoopbackConnection(port: port) == nil)
    #expect(server.statistics.activeRequestCount == 0)
  }
}
