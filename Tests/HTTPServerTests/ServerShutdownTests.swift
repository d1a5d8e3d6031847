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

  @Test func hungHandlerDoesNotHoldUpTheShutdown() throws {
    let (started, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let server = try startServer([
      Route([.get], "/hung") { _ in
        started.signal()
        release.wait()
        return .text(200, "too late")
      }
    ])
    let connection = try server.connect()
    connection.send("GET /hung HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(started.wait(timeout: .now() + 10) == .success)
    server.shutdown(deadline: .milliseconds(1))
    #expect(connection.readToEnd().hasPrefix("HTTP/1.1 503 "))
    release.signal()
  }

  @Test func idleServerStopsAtOnce() throws {
    let server = try startServer([])
    let idle = try server.connect()
    let port = server.port
    server.shutdown(deadline: .seconds(60))
    server.shutdown(deadline: .seconds(60))
    #expect(idle.readToEnd().isEmpty)
    #expect(LoopbackConnection(port: port) == nil)
    #expect(server.statistics.activeRequestCount == 0)
  }
}
