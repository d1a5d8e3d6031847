import Synchronization

/// A set of metrics that are written out together.
///
/// A registry is a value of its own, never a global: make one for a program, or
/// one for each part that is measured apart. All methods may be called from any
/// thread.
///
/// ```swift
/// let registry = Registry()
/// let latency = try registry.register(
///   .histogram("query_duration_seconds", help: "Time to answer a query."))
/// latency.time { answerQuery() }
///
/// var text: [UInt8] = []
/// registry.writeText(into: &text)
/// ```
///
/// ## Topics
/// ### Registering
/// - ``register(_:)``
/// - ``registerProcessMetrics()``
/// - ``remove(_:)``
/// ### Writing
/// - ``writeText(into:)``
/// - ``beforeEachCollection(_:)``
public final class Registry: Sendable {
  /// The media type of what ``writeText(into:)`` writes.
  public static let textContentType = "text/plain; version=0.0.4; charset=utf-8"

  /// Guards what is registered. No other lock is taken while it is held.
  private let state = Mutex(State())

  private struct State {
    /// Sorted by name.
    var entries: [Entry] = []
    /// The family name by each sample name that a family writes.
    var familyNames: [String: String] = [:]
    var updates: [@Sendable () -> Void] = []
  }

  /// Creates an empty registry.
  public init() {}

  /// Makes the metric that `descriptor` describes, or returns the one that was
  /// registered before with an equal descriptor.
  ///
  /// Register once and keep what is returned; the metric itself then needs no
  /// look-up.
  ///
  /// - Throws: ``InstrumentationError`` when a name or a bucket bound is not
  ///   valid, or when the registry holds another metric whose samples would
  ///   have the same name. A value that is read by a function is never equal to
  ///   another.
  @discardableResult
  public func register<Metric>(
    _ descriptor: MetricDescriptor<Metric>
  ) throws(InstrumentationError) -> Metric {
    try descriptor.validate()
    let identity = MetricIdentity(descriptor)
    let sampleNames = descriptor.kind.sampleNames(of: descriptor.name)
    // Typed errors do not pass through the closure, a result does.
    let outcome = state.withLock { state -> Result<Metric, InstrumentationError> in
      for sampleName in sampleNames {
        guard let familyName = state.familyNames[sampleName] else { continue }
        let existing = state.entries.first { $0.identity.name == familyName }
        if let existing, existing.identity == identity, let metric = existing.metric as? Metric,
          Metric.self != Reading.self
        {
          return .success(metric)
        }
        return .failure(.alreadyRegistered(descriptor.name, existing: familyName))
      }
      let made = descriptor.make(SeriesName(descriptor.name))
      guard let metric = made as? Metric else {
        preconditionFailure("the descriptor of \(descriptor.name) makes another kind of metric")
      }
      let entry = Entry(identity: identity, metric: made)
      let place = state.entries.firstIndex { $0.identity.name > identity.name }
      state.entries.insert(entry, at: place ?? state.entries.count)
      for sampleName in sampleNames { state.familyNames[sampleName] = descriptor.name }
      return .success(metric)
    }
    return try outcome.get()
  }

  /// Forgets the metric called `name`, which may then be registered anew.
  ///
  /// Whoever still holds the metric may go on using it; it is no longer
  /// written.
  ///
  /// - Returns: False when there was no such metric.
  @discardableResult
  public func remove(_ name: String) -> Bool {
    state.withLock { state in
      guard let place = state.entries.firstIndex(where: { $0.identity.name == name }) else {
        return false
      }
      state.entries.remove(at: place)
      state.familyNames = state.familyNames.filter { $0.value != name }
      return true
    }
  }

  /// Has `update` called each time before the metrics are written.
  ///
  /// For metrics that are taken together from one place: `update` sets them,
  /// once per exposition.
  public func beforeEachCollection(_ update: @escaping @Sendable () -> Void) {
    state.withLock { $0.updates.append(update) }
  }

  /// Appends all metrics in the Prometheus text format, version 0.0.4.
  ///
  /// Families are sorted by name, and metrics within a family by their label
  /// values. Each value is read at one moment, but not all at the same one.
  ///
  /// - Complexity: O(*n*) in the bytes written.
  public func writeText(into output: inout [UInt8]) {
    let (entries, updates) = state.withLock { ($0.entries, $0.updates) }
    for update in updates { update() }
    for entry in entries {
      output.append(contentsOf: entry.header)
      entry.metric.appendSamples(to: &output)
    }
  }
}

/// A metric, or a family of metrics, as a registry sees it.
protocol RegisteredMetric: AnyObject, Sendable {
  /// Appends the lines of all samples.
  func appendSamples(to output: inout [UInt8])
}

/// All that must be equal for two registrations to mean the same metric.
private struct MetricIdentity: Equatable {
  let name: String
  let help: String
  let kind: MetricKind
  let labelNames: [String]
  let isFamily: Bool
  let buckets: HistogramBuckets?

  init<Metric>(_ descriptor: MetricDescriptor<Metric>) {
    name = descriptor.name
    help = descriptor.help
    kind = descriptor.kind
    labelNames = descriptor.labelNames
    isFamily = descriptor.isFamily
    buckets = descriptor.buckets
  }
}

private struct Entry {
  let identity: MetricIdentity
  let metric: any RegisteredMetric
  /// The `# HELP` and `# TYPE` lines.
  let header: [UInt8]

  init(identity: MetricIdentity, metric: any RegisteredMetric) {
    self.identity = identity
    self.metric = metric
    self.header = ExpositionText.header(
      name: identity.name, help: identity.help, kind: identity.kind)
  }
}

extension MetricDescriptor {
  fileprivate func validate() throws(InstrumentationError) {
    guard ExpositionText.isMetricName(name) else { throw .invalidMetricName(name) }
    if isFamily, labelNames.isEmpty { throw .missingLabelNames(metric: name) }
    for (index, labelName) in labelNames.enumerated() {
      guard ExpositionText.isLabelName(labelName), labelName.hasPrefix("__") == false,
        kind.reservedLabelNames.contains(labelName) == false
      else { throw .invalidLabelName(labelName, metric: name) }
      if labelNames[..<index].contains(labelName) {
        throw .duplicateLabelName(labelName, metric: name)
      }
    }
    if let buckets, buckets.isValid == false { throw .invalidBuckets(metric: name) }
  }
}
