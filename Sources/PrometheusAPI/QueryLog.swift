import Glibc
import PromQL
import SeriesModel
import Synchronization

/// Writes a line of JSON for each query into a file, as Prometheus does.
///
/// There is no file until one is named. What can't be written is counted, and
/// keeps no query from being answered.
package final class QueryLog: Sendable {
  /// Why there is no log.
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  private struct State {
    var descriptor: Int32 = -1
    var failureCount = 0
  }

  /// Protects the file; lines are written under it, so that they stay whole.
  private let state = Mutex(State())

  /// Creates a log without a file.
  package init() {}

  deinit {
    let descriptor = state.withLock { $0.descriptor }
    if descriptor >= 0 { close(descriptor) }
  }

  /// True when there is a file.
  package var isOpen: Bool { state.withLock { $0.descriptor >= 0 } }

  /// The lines that could not be written.
  package var failureCount: Int { state.withLock { $0.failureCount } }

  /// Writes into another file from now on, or into none; the same file is
  /// opened anew, so that it can be moved away before.
  ///
  /// - Throws: ``Failure`` when it can't be opened; all stays as it was then.
  package func use(path: String?) throws(Failure) {
    var descriptor: Int32 = -1
    if let path {
      descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
      if descriptor < 0 {
        let reason = unsafe String(cString: strerror(errno))
        throw Failure(description: "can't open the query log \(path.quotedAsJSON): \(reason)")
      }
    }
    let opened = descriptor
    let old = state.withLock { state in
      defer { state.descriptor = opened }
      return state.descriptor
    }
    if old >= 0 { close(old) }
  }

  /// Writes the line of a query.
  ///
  /// - Parameters:
  ///   - now: The moment of the line.
  ///   - path: Where it was asked for, such as `/api/v1/query`.
  ///   - error: Why it failed; nil when it has a result.
  ///   - statistics: What it cost; nil when that is not known.
  ///   - waitingTime: How long it waited before it began.
  func write(
    _ query: ActiveQueries.Query, at now: Timestamp, method: String, path: String,
    error: String?, statistics: QueryStatistics?, waitingTime: Duration
  ) {
    guard isOpen else { return }
    var json = JSONWriter()
    json.object { json in
      json.member("time", now.rfc3339)
      json.member("level", "INFO")
      json.member("msg", "promql query logged")
      json.name("params")
      json.object { json in json.writeParameters(of: query) }
      if let error { json.member("error", error) }
      if let statistics { json.write(statistics, waitingTime: waitingTime) }
      json.name("httpRequest")
      json.object { json in
        json.member("clientIP", query.client)
        json.member("method", method)
        json.member("path", path)
      }
    }
    append(json.bytes + [UInt8(ascii: "\n")])
  }

  private func append(_ line: [UInt8]) {
    state.withLock { state in
      guard state.descriptor >= 0 else { return }
      // One call: with O_APPEND, lines of several processes don't mix either.
      let written = unsafe line.withUnsafeBytes { bytes in
        unsafe Glibc.write(state.descriptor, bytes.baseAddress, bytes.count)
      }
      if written != line.count { state.failureCount += 1 }
    }
  }
}

extension JSONWriter {
  /// Writes the members `query`, `start`, `end` and `step`; the step in whole
  /// seconds.
  fileprivate mutating func writeParameters(of query: ActiveQueries.Query) {
    let (start, end, step): (Timestamp, Timestamp, Int64) =
      switch query.time {
      case .instant(let time): (time, time, 0)
      case .range(let from, let through, let step): (from, through, step)
      }
    member("end", end.rfc3339)
    member("query", query.text)
    member("start", start.rfc3339)
    member("step", Int(step / 1000))
  }
}
