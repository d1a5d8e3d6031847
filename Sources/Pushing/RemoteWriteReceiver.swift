import Compression
import Instrumentation
import PushProtocols
import SeriesModel
import Synchronization

/// Receives remote write requests of versions 1.0 and 2.0 and appends their
/// samples.
///
/// A request is one batch: what is accepted of it becomes visible and durable
/// at once, before the answer. A refused sample or series costs the others
/// nothing; bytes that are no request store nothing at all.
///
/// Methods may be called from any thread.
package final class RemoteWriteReceiver: Sendable {
  /// Bounds on what one request may ask for.
  package struct Limits: Equatable, Sendable {
    /// The most bytes of a body, and the most it may declare to decompress to.
    package var maximumBodyBytes = 32 << 20
    /// The most samples of a request; a histogram counts for 12 and more, by its
    /// buckets.
    package var maximumSampleCount = 2_000_000
    /// How far after the clock's time a sample may lie, in milliseconds.
    package var futureToleranceMilliseconds = AppendOptions.futureToleranceMilliseconds
    /// Limits on the labels of a series.
    package var labels = LabelLimits()

    /// Creates the default limits.
    package init() {}
  }

  private let destination: PushDestination
  private let limits: Limits
  private let clock: @Sendable () -> Timestamp
  private let metrics: RemoteWriteMetrics

  private let cache = SeriesCache()

  /// Guards memory that no request uses at the moment. No other lock is taken
  /// while it is held.
  private let idleWorkspaces = Mutex<[RemoteWriteWorkspace]>([])

  /// Creates a receiver.
  ///
  /// - Parameters:
  ///   - destination: Where the samples go.
  ///   - registry: Gets the counters of requests and samples.
  ///   - limits: Bounds on a request.
  ///   - clock: Tells the time, by which samples of the future are refused.
  /// - Throws: ``InstrumentationError`` when `registry` has other metrics of
  ///   the same names.
  package init(
    destination: PushDestination, registry: Registry, limits: Limits = Limits(),
    clock: @escaping @Sendable () -> Timestamp
  ) throws(InstrumentationError) {
    self.destination = destination
    self.limits = limits
    self.clock = clock
    self.metrics = try RemoteWriteMetrics(registry)
  }

  /// Stores what `body` holds and returns once it is durable.
  ///
  /// - Parameters:
  ///   - body: As sent.
  ///   - contentType: The header `Content-Type`, whose parameter `proto` says
  ///     which version it is; nil counts as `application/x-protobuf`, version 1.0.
  ///   - contentEncoding: The header `Content-Encoding`; nil counts as `snappy`.
  /// - Returns: 204 when everything is stored; 400 when something is refused or
  ///   the body is no request; 413 or 415 for a body too large or of another
  ///   kind; 500 or 503 when the store can't take it. Answers to version 2.0 say
  ///   in header fields how much is stored.
  package func receive(
    body: [UInt8], contentType: String?, contentEncoding: String?
  ) -> PushAnswer {
    let answer: PushAnswer
    switch version(contentType: contentType, contentEncoding: contentEncoding) {
    case .failure(let refusal): answer = refusal.answer
    case .success(.one): answer = store(body, version: .one)
    case .success(.two):
      var stored = store(body, version: .two)
      // Where nothing was stored, the header fields say so.
      stored.headers.merge(RemoteWriteResult.writtenHeaders()) { known, _ in known }
      answer = stored
    }
    metrics.requests["\(answer.status)"].increment()
    return answer
  }

  private func store(_ body: [UInt8], version: RemoteWriteRequest.Version) -> PushAnswer {
    guard body.count <= limits.maximumBodyBytes else {
      return PushAnswer(
        status: 413,
        text: "the body has \(body.count) bytes, more than the \(limits.maximumBodyBytes) "
          + "allowed: send smaller requests")
    }
    var workspace = idleWorkspaces.withLock { $0.popLast() } ?? RemoteWriteWorkspace()
    defer { recycle(workspace) }
    do {
      // Safety: a UInt8 has no padding, so that each byte is set.
      try unsafe Snappy.decompress(
        body.span.bytes, limit: limits.maximumBodyBytes, into: &workspace.message)
    } catch {
      return PushAnswer(status: 400, text: "\(error)")
    }
    do {
      let result = try workspace.readAndAppend(
        version, to: destination.appender, cache: cache, limits: limits, now: clock())
      metrics.count(result)
      var answer = result.answer
      if version == .two {
        answer.headers.merge(result.writtenHeaders) { known, _ in known }
      }
      return answer
    } catch PushProtocolError.tooManySymbols {
      return PushAnswer(
        status: 413, text: "\(PushProtocolError.tooManySymbols): send smaller requests")
    } catch PushProtocolError.tooManySamples {
      return PushAnswer(
        status: 413,
        text: "the request has more than the \(limits.maximumSampleCount) samples allowed: "
          + "send smaller requests")
    } catch let error as PushProtocolError {
      return PushAnswer(status: 400, text: "\(error)")
    } catch {
      return destination.answer(to: error)
    }
  }

  private func recycle(_ workspace: consuming RemoteWriteWorkspace) {
    guard workspace.isWorthKeeping else { return }
    workspace.removeAll()
    let workspace = workspace
    idleWorkspaces.withLock { idle in
      if idle.count < 8 { idle.append(workspace) }
    }
  }

  /// Which message the headers announce, or why it can't be read.
  private func version(
    contentType: String?, contentEncoding: String?
  ) -> Result<RemoteWriteRequest.Version, HeaderRefusal> {
    let accepted =
      "accepted is \"application/x-protobuf\" with \"proto=io.prometheus.write.v2.Request\", "
      + "with \"proto=prometheus.WriteRequest\" or without either, in the content encoding "
      + "\"snappy\""
    var version = RemoteWriteRequest.Version.one
    if let contentType, contentType.isEmpty == false {
      var parts = contentType.split(separator: ";", omittingEmptySubsequences: false)
        .map { $0.trimmingBlanks() }
      let mediaType = parts.removeFirst()
      let message = parts.first { $0.lowercased().hasPrefix("proto=") }?.dropFirst(6)
      let known = RemoteWriteRequest.Version(message: message)
      guard mediaType.lowercased() == "application/x-protobuf", let known else {
        return .failure(
          HeaderRefusal("content type \"\(contentType)\" is not supported; \(accepted)"))
      }
      version = known
    }
    if let contentEncoding, contentEncoding.isEmpty == false,
      contentEncoding.trimmingBlanks().lowercased() != "snappy"
    {
      return .failure(
        HeaderRefusal("content encoding \"\(contentEncoding)\" is not supported; \(accepted)"))
    }
    return .success(version)
  }
}

/// Why the headers of a request are refused.
private struct HeaderRefusal: Error {
  let answer: PushAnswer

  init(_ text: String) {
    answer = PushAnswer(status: 415, text: text)
  }
}

extension RemoteWriteRequest.Version {
  /// The version whose message has this name; without a name the first.
  fileprivate init?(message: Substring?) {
    switch message {
    case nil, "prometheus.WriteRequest": self = .one
    case "io.prometheus.write.v2.Request": self = .two
    default: return nil
    }
  }
}

extension StringProtocol {
  /// The text without blanks and tabs at its ends.
  func trimmingBlanks() -> SubSequence {
    let isBlank = { (character: Character) in character == " " || character == "\t" }
    var text = self[...]
    while let first = text.first, isBlank(first) { text.removeFirst() }
    while let last = text.last, isBlank(last) { text.removeLast() }
    return text
  }
}

/// What a receiver counts.
private struct RemoteWriteMetrics: Sendable {
  let requests: Family<Counter>
  private let stored: Counter
  private let storedHistograms: Counter
  private let refused: Family<Counter>
  private let invalidLabels: Counter
  private let exemplars: Counter
  private let refusedExemplars: Family<Counter>

  init(_ registry: Registry) throws(InstrumentationError) {
    requests = try registry.register(
      .counters(
        "tsdb_remote_write_requests_total",
        help: "Remote write requests received, by the status code of the answer.",
        labels: "code"))
    stored = try registry.register(
      .counter(
        "tsdb_remote_write_stored_samples_total",
        help: "Samples and native histograms stored that came by remote write."))
    storedHistograms = try registry.register(
      .counter(
        "tsdb_remote_write_stored_histograms_total",
        help: "Native histograms stored that came by remote write."))
    refused = try registry.register(
      .counters(
        "tsdb_remote_write_refused_samples_total",
        help: "Samples and native histograms refused that came by remote write.",
        labels: "reason"))
    invalidLabels = try registry.register(
      .counter(
        "prometheus_api_remote_write_invalid_labels_samples_total",
        help: "Samples refused because of the labels of their series."))
    exemplars = try registry.register(
      .counter(
        "tsdb_remote_write_stored_exemplars_total",
        help: "Exemplars stored that came by remote write."))
    refusedExemplars = try registry.register(
      .counters(
        "tsdb_remote_write_refused_exemplars_total",
        help: "Exemplars refused that came by remote write; they fail no request.",
        labels: "reason"))
  }

  func count(_ result: RemoteWriteResult) {
    stored.increment(by: Double(result.storedCount))
    storedHistograms.increment(by: Double(result.storedHistogramCount))
    exemplars.increment(by: Double(result.exemplarCount))
    for (reason, count) in result.refusedExemplarCounts {
      refusedExemplars[reason].increment(by: Double(count))
    }
    invalidLabels.increment(by: Double(result.invalidLabelsSampleCount))
    for (reason, count) in result.refusedCounts {
      refused[reason].increment(by: Double(count))
    }
  }
}
