import Instrumentation
import PushProtocols
import SeriesModel
import Synchronization

/// What a push does to its group.
package enum PushMethod: String, Sendable, CaseIterable {
  /// Replaces the whole group.
  case replace = "PUT"
  /// Replaces the metric families of the same names and keeps the others.
  case add = "POST"
  /// Removes the group.
  case delete = "DELETE"
}

/// Groups of pushed metrics, as the Prometheus Pushgateway keeps them.
///
/// A push is stored at once, under the time at which it came, and answered once
/// both its samples and the group are durable. From then on the owner calls
/// ``restamp(now:)`` at an interval, which appends every group's current values
/// again, so that they do not go stale: a pushed value holds until it is
/// replaced or its group is deleted. Series that end so get a stale marker.
///
/// Of the Pushgateway's own checks, those against other groups are not made,
/// a second `TYPE` or one after its samples is accepted, and a histogram without
/// a `+Inf` bucket is stored without one.
///
/// Methods may be called from any thread.
package final class PushGateway: Sendable {
  /// Bounds on what one push may ask for.
  package struct Limits: Equatable, Sendable {
    /// The most bytes of a body, as sent and after decompression.
    package var maximumBodyBytes = 32 << 20
    /// The most samples of a push.
    package var maximumSampleCount = 250_000
    /// The most pushes at a time, those that wait for another included: they are
    /// stored one after the other, and each holds a thread of the HTTP server,
    /// which has other work as well. More are to be sent again.
    package var maximumConcurrentPushCount = 24
    /// Limits on the labels of a series.
    package var labels = LabelLimits()

    /// Creates the default limits.
    package init() {}
  }

  /// What could not be loaded at the start, and where it is now, in words for
  /// the log.
  package let loadProblems: [String]

  private let store: PushGroupStore
  private let destination: PushDestination
  private let limits: Limits
  private let metrics: PushGatewayMetrics
  /// The calls of ``handle(_:rawPath:body:contentType:contentEncoding:)`` under way.
  private let pushCount = Atomic(0)

  /// Opens the groups kept in `directory`, which is made when it is missing.
  ///
  /// - Parameters:
  ///   - directory: A directory for the gateway alone; its parent exists.
  ///   - destination: Where the samples go.
  ///   - registry: Gets the gateway's own metrics.
  ///   - limits: Bounds on a push.
  ///   - clock: Tells when a push comes.
  /// - Throws: ``PushFileError`` when the directory can't be used, or
  ///   ``InstrumentationError``. A file without a usable group is no error, see
  ///   ``loadProblems``.
  package init(
    directory: String, destination: PushDestination, registry: Registry,
    limits: Limits = Limits(), clock: @escaping @Sendable () -> Timestamp
  ) throws {
    self.destination = destination
    self.limits = limits
    metrics = try PushGatewayMetrics(registry)
    let directory = try PushGroupDirectory(path: directory)
    let contents = try directory.load()
    loadProblems = contents.problems
    store = PushGroupStore(
      contents, in: directory, appender: destination.appender, metrics: metrics, clock: clock)
  }

  /// The groups as they are now, sorted by their labels; waits for no push.
  package var groups: [PushGroup] { store.groups }

  /// Does what a client asks for and returns once it is durable.
  ///
  /// - Parameters:
  ///   - method: What to do.
  ///   - rawPath: The path as sent, not decoded and without the query string;
  ///     see ``PushPath``.
  ///   - body: As sent; not looked at by ``PushMethod/delete``.
  ///   - contentType: The header `Content-Type`; whatever is not protobuf is
  ///     read as text.
  ///   - contentEncoding: The header `Content-Encoding`: `gzip` or nothing.
  /// - Returns: 200 for a push and 202 for a deletion, without text; 301, 400,
  ///   404, 413 or 415 for what is refused, 500 or 503 when it can't be stored,
  ///   503 also when there are too many pushes at a time.
  package func handle(
    _ method: PushMethod, rawPath: String, body: [UInt8] = [], contentType: String? = nil,
    contentEncoding: String? = nil
  ) -> PushAnswer {
    let count = pushCount.add(1, ordering: .relaxed).newValue
    defer { pushCount.subtract(1, ordering: .relaxed) }
    let answer: PushAnswer
    if count > limits.maximumConcurrentPushCount {
      answer = PushAnswer(
        status: 503, headers: ["Retry-After": "1"],
        text: "more than \(limits.maximumConcurrentPushCount) pushes at a time, send it again")
    } else {
      do throws(PushPathError) {
        let path = try PushPath(rawPath: rawPath)
        switch method {
        case .delete:
          answer = delete(path.groupingLabels)
        case .replace, .add:
          answer = push(
            body, to: path, replacing: method == .replace, contentType: contentType,
            contentEncoding: contentEncoding)
        }
      } catch {
        answer = error.answer
      }
    }
    metrics.requests["push", method.rawValue.lowercased(), "\(answer.status)"].increment()
    return answer
  }

  /// Appends the current values of all groups at `now`, as one batch.
  ///
  /// - Throws: What the appender throws; the values are appended again the next
  ///   time.
  package func restamp(now: Timestamp) throws {
    try store.restamp(now: now)
  }

  private func push(
    _ body: [UInt8], to path: PushPath, replacing: Bool, contentType: String?,
    contentEncoding: String?
  ) -> PushAnswer {
    if let problem = limits.labels.problem(of: path.groupingLabels) {
      return PushAnswer(
        status: 400,
        text: "the grouping labels are refused: \(problem.description(under: limits.labels))")
    }
    do {
      let content = try PushContent(
        body, contentType: contentType, contentEncoding: contentEncoding, path: path,
        limits: limits)
      try store.update(path.groupingLabels) { group, stamp in
        try group.apply(content, replacing: replacing, at: stamp)
      }
      return PushAnswer(status: 200)
    } catch PushContent.Refusal.unreadable(let answer) {
      return answer
    } catch PushContent.Refusal.inconsistent(let reason) {
      return refuse(reason, in: path.groupingLabels)
    } catch {
      return answer(to: error)
    }
  }

  /// Notes in the group that a push was refused, and says why.
  private func refuse(_ reason: String, in labels: Labels) -> PushAnswer {
    do {
      try store.update(labels) { group, stamp in group.lastFailure = stamp }
    } catch {
      return answer(to: error)
    }
    return PushAnswer(
      status: 400,
      text: "pushed metrics are invalid or inconsistent with existing metrics: \(reason)")
  }

  private func delete(_ labels: Labels) -> PushAnswer {
    do {
      try store.remove(labels)
      return PushAnswer(status: 202)
    } catch {
      return answer(to: error)
    }
  }

  private func answer(to error: any Error) -> PushAnswer {
    switch error {
    case let error as PushGroupStore.Refused:
      PushAnswer(status: 500, text: "the store has refused a sample: \(error)")
    case let error as PushFileError:
      PushAnswer(status: 500, text: "the group can't be kept, nothing has changed: \(error)")
    default:
      destination.answer(to: error)
    }
  }
}

extension PushGroup {
  /// Takes over what was pushed at `stamp`.
  ///
  /// - Throws: ``PushContent/Refusal/inconsistent(_:)`` when a pushed series is
  ///   also one of a family that stays.
  fileprivate mutating func apply(
    _ content: PushContent, replacing: Bool, at stamp: Timestamp
  ) throws(PushContent.Refusal) {
    if replacing { families.removeAll() }
    for name in content.families.keys { families[name] = nil }
    let staying = Set(families.values.lazy.flatMap(\.samples).map(\.labels))
    for (name, family) in content.families {
      for sample in family.samples where staying.contains(sample.labels) {
        throw .inconsistent("series \(sample.labels) belongs to another metric of the group")
      }
      families[name] = family
      families[name]?.pushedAt = stamp
    }
    lastSuccess = stamp
  }
}
