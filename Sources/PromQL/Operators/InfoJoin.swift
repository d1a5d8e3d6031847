import RegularExpressions
import SeriesModel

/// The labels by which a series finds its info series.
private let identifyingLabels = LabelNameSet([LabelName.instance, LabelName.job])

/// Adds the labels of info series to the series of the first argument.
func joinInfo(_ call: VectorCall) throws -> any VectorSource {
  guard let plan = call.plan.infoSelector else {
    preconditionFailure("the planner makes a selector for every function that joins info series")
  }
  let context = call.context
  let names = try plan.nameMatchers.map(CompiledMatcher.init)
  let data = try plan.dataMatchers.map(CompiledMatcher.init)
  let infos = try InfoSeries(plan, call)
  let takenNames = Set(plan.dataMatchers.map(\.name))
  // Without info series, a series lacks every label of theirs.
  let needsInfo = data.contains { $0.matches("") == false }
  var collector = ColumnCollector(stepCount: call.grid.count, in: context)
  try call.vector(0).forEach(in: context) { column in
    let name = column.labels.metricName ?? ""
    if names.allSatisfy({ $0.matches(name) }) {
      // Info series are not enriched themselves.
      try collector.merge(column)
      return
    }
    let candidates = infos.candidates(for: column.labels)
    var lastFound: [Int]?
    var result = 0
    try column.forEachPresentStep { step in
      let found = try candidates.compactMap { try infos.newest(of: $0, at: step) }
      if found.isEmpty, needsInfo { return }
      if found != lastFound {
        let labels = try infos.enrich(column.labels, from: found, taking: takenNames)
        result = try collector.index(for: labels, dropsName: column.dropsName)
        lastFound = found
      }
      try collector.set(valueOf: column, step: step, ofSeriesAt: result)
    }
  }
  return collector.vector()
}

/// The info series of a query, and when each has a sample.
private struct InfoSeries {
  private var labels: [Labels] = []
  /// `times[series][step]`: the time of the newest sample.
  private var times: [[Double]] = []
  /// The series that share identifying labels, for each name.
  private var groups: [Labels: [String: [Int]]] = [:]

  init(_ plan: InfoSelectorPlan, _ call: VectorCall) throws {
    let selection = InstantSelection(
      data: call.context.selections[plan.selectionIndex], grid: call.grid,
      referenceTime: plan.referenceTime, lookbackDelta: call.context.lookbackDelta,
      reading: .timestamp, refusesHistograms: true, selectorRange: call.plan.sourceRange,
      context: call.context)
    try selection.forEach(in: call.context) { column in
      let key = column.labels.keeping(identifyingLabels)
      groups[key, default: [:]][column.labels.metricName ?? "", default: []].append(labels.count)
      labels.append(column.labels)
      times.append(column.values)
    }
  }

  /// The series that may enrich the series with `seriesLabels`: one list for
  /// each name, sorted by name.
  func candidates(for seriesLabels: Labels) -> [[Int]] {
    let key = seriesLabels.keeping(identifyingLabels)
    guard key.isEmpty == false, let byName = groups[key] else { return [] }
    return byName.sorted { $0.key < $1.key }.map(\.value)
  }

  /// Which of `candidates` has the newest sample at a step; nil when none has
  /// one.
  func newest(of candidates: [Int], at step: Int) throws -> Int? {
    var newest: Int?
    for index in candidates where times[index][step].isAbsent == false {
      guard let best = newest, times[index][step] <= times[best][step] else {
        newest = index
        continue
      }
      if times[index][step] == times[best][step] {
        let time = Int64((times[best][step] * 1000).rounded())
        throw QueryError.execution(
          "found duplicate series for info metric:"
            + " existing \(labels[best].bracedDescription) @ \(time),"
            + " new \(labels[index].bracedDescription) @ \(time)")
      }
    }
    return newest
  }

  /// Adds the labels of info series that `base` lacks.
  ///
  /// - Parameter names: The labels to take; all when empty.
  func enrich(_ base: Labels, from found: [Int], taking names: Set<String>) throws -> Labels {
    var added = LabelsBuilder()
    for index in found {
      for label in labels[index] where label.name != LabelName.metricName {
        guard names.isEmpty || names.contains(label.name) else { continue }
        if let known = added[label.name], known != label.value {
          throw QueryError.execution("conflicting label: \(label.name)")
        }
        if base[label.name] == nil { added.set(label.name, to: label.value) }
      }
    }
    var builder = LabelsBuilder(base)
    for label in added.labels() { builder.set(label.name, to: label.value) }
    return builder.labels()
  }
}

/// A matcher whose regular expression is compiled.
private struct CompiledMatcher {
  private let matcher: Matcher
  private let expression: RegularExpression?

  init(_ matcher: Matcher) throws {
    self.matcher = matcher
    switch matcher.operation {
    case .equal, .notEqual: expression = nil
    case .matchesRegex, .notMatchesRegex: expression = try RegularExpression(matcher.value)
    }
  }

  func matches(_ value: String) -> Bool {
    switch matcher.operation {
    case .equal: value.compareUTF8(with: matcher.value) == 0
    case .notEqual: value.compareUTF8(with: matcher.value) != 0
    case .matchesRegex: expression?.matches(value) ?? false
    case .notMatchesRegex: expression?.matches(value) == false
    }
  }
}
