import Synchronization

/// Metrics that share a name and differ in their label values.
///
/// Register one with ``MetricDescriptor/counters(_:help:labels:)`` and its
/// likes. A metric comes into being when its label values are first asked for;
/// ask in advance for those that should be written as 0.
///
/// Each combination of values is a metric of its own that lives until it is
/// removed: never take a label value from an unbounded set, such as a path or
/// a user's name.
public final class Family<Metric: AnyObject & Sendable>: Sendable {
  /// The names of the labels, in the order in which values are given.
  public let labelNames: [String]

  private let name: SeriesName
  private let make: @Sendable (SeriesName) -> Child

  /// Guards the children. No other lock is taken while it is held.
  private let state = Mutex(State())

  private struct State {
    var children: [[String]: Child] = [:]
    /// The keys of `children`, in the order in which they are written.
    var sortedValues: [[String]] = []
  }

  /// One object, as users and as the registry see it.
  private struct Child {
    let metric: Metric
    let registered: any RegisteredMetric
  }

  init(
    _ name: SeriesName, labelNames: [String], make: @escaping @Sendable (SeriesName) -> Metric
  ) where Metric: RegisteredMetric {
    self.name = name
    self.labelNames = labelNames
    self.make = { name in
      let metric = make(name)
      return Child(metric: metric, registered: metric)
    }
  }

  /// The metric with these label values, made when there is none yet.
  ///
  /// Keep the metric where it is used often: this takes a lock and a look-up.
  ///
  /// - Precondition: There is one value for each of ``labelNames``, in their
  ///   order; traps otherwise.
  public subscript(values: String...) -> Metric {
    precondition(
      values.count == labelNames.count,
      "\(name.base) needs a value for each of the labels \(labelNames)")
    return state.withLock { state in
      if let child = state.children[values] { return child.metric }
      let child = make(name.adding(labels: zip(labelNames, values)))
      let place = state.sortedValues.partitionPoint { $0.lexicographicallyPrecedes(values) }
      state.sortedValues.insert(values, at: place)
      state.children[values] = child
      return child.metric
    }
  }

  /// Removes the metric with these label values.
  ///
  /// - Returns: False when there was no such metric.
  @discardableResult
  public func remove(_ values: String...) -> Bool {
    state.withLock { state in
      guard state.children.removeValue(forKey: values) != nil else { return false }
      state.sortedValues.removeAll { $0 == values }
      return true
    }
  }

  /// Removes every metric of the family.
  public func removeAll() {
    state.withLock { $0 = State() }
  }
}

extension Family: RegisteredMetric {
  func appendSamples(to output: inout [UInt8]) {
    let metrics = state.withLock { state in
      state.sortedValues.compactMap { state.children[$0]?.registered }
    }
    for metric in metrics { metric.appendSamples(to: &output) }
  }
}

extension [[String]] {
  /// The number of elements at the front for which `isBefore` holds; it holds
  /// for no element after them.
  fileprivate func partitionPoint(_ isBefore: ([String]) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
