import PromQLSyntax
import SeriesModel

extension Evaluator {
  /// The value of an instant query.
  func instantValue(of plan: LogicalPlan) throws -> QueryValue {
    let time = Timestamp(milliseconds: plan.grid.start)
    if case .string(let text) = plan.root { return .string(text, time) }
    if case .range(let range) = plan.root { return .matrix(try matrix(range, on: plan.grid)) }
    if plan.root.isScalar {
      let value = try scalar(plan.root, on: plan.grid)[0]
      return .scalar(Sample(timestamp: time, value: value))
    }
    var elements: [VectorElement] = []
    var reservation = context.budget.reservation()
    var seen: Set<Labels> = []
    let vector = try vector(plan.root, on: plan.grid)
    // Stored series have labels of their own.
    let isDistinct = if case .selector = plan.root { true } else { false }
    try vector.forEach(in: context) { column in
      let labels = column.resultLabels
      guard isDistinct || seen.insert(labels).inserted else { throw QueryError.sameLabelSets }
      let histogram = column.histogram(at: 0)
      try reservation.extend(by: histogram?.sampleCost ?? 1)
      let value = histogram?.sum ?? column.values[0]
      elements.append(
        VectorElement(
          labels: labels, sample: Sample(timestamp: time, value: value), histogram: histogram))
    }
    return .vector(elements)
  }

  /// The value of a range query.
  func rangeValue(of plan: LogicalPlan) throws -> [MatrixSeries] {
    let vector =
      plan.root.isScalar
      ? vector(ofScalar: try scalar(plan.root, on: plan.grid))
      : try vector(plan.root, on: plan.grid)
    var collector = ColumnCollector(stepCount: plan.grid.count, in: context)
    try vector.forEach(in: context) { column in
      var column = column
      column.labels = column.resultLabels
      try collector.merge(column)
    }
    let times = plan.grid.times
    return collector.vector().columns.map { column in
      MatrixSeries(labels: column.labels, samples: column.samples(at: times))
    }.sortedByLabels()
  }

  /// The samples in the one window of a range vector that is a whole query.
  private func matrix(_ plan: RangePlan, on grid: StepGrid) throws -> [MatrixSeries] {
    let series = try range(plan, on: grid)
    let reader = try series.makeReader()
    let geometry = geometry(of: plan, on: grid)
    var result: [MatrixSeries] = []
    var reservation = context.budget.reservation()
    var seen: Set<Labels> = []
    for index in 0..<series.seriesCount {
      try context.checkpoint()
      guard let found = try reader.read(seriesAt: index) else { continue }
      let windows = WindowedSeries(
        labels: found.labels, samples: found.samples, geometry: geometry, context: context)
      var samples = SampleColumns()
      try windows.forEachWindow { samples = windows.samples(in: $0) }
      guard samples.isEmpty == false else { continue }
      let labels =
        found.dropsName ? found.labels.removing(SeriesColumn.metadataLabels) : found.labels
      guard seen.insert(labels).inserted else { throw QueryError.sameLabelSets }
      try reservation.extend(by: samples.cost)
      result.append(MatrixSeries(labels: labels, samples: samples))
    }
    return result.sortedByLabels()
  }
}

extension [MatrixSeries] {
  /// The series in the order of their labels.
  fileprivate func sortedByLabels() -> [MatrixSeries] {
    // Indices are moved quicker than series.
    let labels = map(\.labels)
    return labels.indices.sorted { labels[$0] < labels[$1] }.map { self[$0] }
  }
}

extension WindowedSeries {
  /// The samples of a window; with a modifier, those at its edges are made.
  fileprivate func samples(in window: Window) -> SampleColumns {
    var result = SampleColumns()
    func append(_ range: Range<Int>) {
      for index in range { result.append(samples, at: index) }
    }
    guard geometry.modifier != nil else {
      append(window.samples)
      return result
    }
    guard let edges = EdgeValues(of: window, in: self, asCounter: false) else { return result }
    result.append(timestampMilliseconds: window.start, value: edges.left)
    append(edges.inner)
    result.append(timestampMilliseconds: window.end, value: edges.right)
    return result
  }
}
