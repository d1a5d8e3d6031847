import Instrumentation
import Pushing
import SeriesModel
import Synchronization
import TestSupport

/// A time that stands still until it is told to go on.
final class ManualClock: Sendable {
  private let milliseconds = Mutex<Int64>(1_700_000_000_000)

  var now: Timestamp { Timestamp(milliseconds: milliseconds.withLock { $0 }) }

  func advance(byMilliseconds count: Int64) {
    milliseconds.withLock { $0 += count }
  }
}

/// A gateway over a recording appender, in a directory of its own.
struct GatewaySetup {
  let parent = TemporaryDirectory("push-gateway")
  let appender = RecordingAppender()
  let clock = ManualClock()
  let registry = Registry()
  let gateway: PushGateway

  var directory: String { parent.path("pushgateway") }

  init(limits: PushGateway.Limits = .init()) throws {
    gateway = try GatewaySetup.open(
      parent.path("pushgateway"), appender: appender, clock: clock, registry: registry,
      limits: limits)
  }

  static func open(
    _ directory: String, appender: RecordingAppender, clock: ManualClock,
    registry: Registry = Registry(), limits: PushGateway.Limits = .init()
  ) throws -> PushGateway {
    try PushGateway(
      directory: directory,
      destination: PushDestination(appender: appender) {
        ($0 as? RecordingAppender.Failure)?.isTransient == true ? 7 : nil
      },
      registry: registry, limits: limits, clock: { clock.now })
  }

  /// Opens the same directory again, as after a restart.
  func reopened() throws -> PushGateway {
    try GatewaySetup.open(directory, appender: appender, clock: clock)
  }

  /// Pushes and moves the clock on by a second before.
  @discardableResult
  func push(
    _ text: String, _ method: PushMethod = .replace, to path: String = "/metrics/job/j",
    contentType: String? = "text/plain; version=0.0.4; charset=utf-8",
    contentEncoding: String? = nil
  ) -> PushAnswer {
    clock.advance(byMilliseconds: 1000)
    return gateway.handle(
      method, rawPath: path, body: Array(text.utf8), contentType: contentType,
      contentEncoding: contentEncoding)
  }

  /// What was appended since the last call: series, and value or `stale`.
  func appended() -> [String] {
    let entries = appender.entries
    appender.removeAll()
    return entries.map { entry in
      let isTime = entry.sample.value == entry.sample.timestamp.seconds
      let value =
        entry.sample.value.isStaleMarker ? "stale" : isTime ? "now" : "\(entry.sample.value)"
      return "\(entry.labels) \(value)"
    }.sorted()
  }
}
