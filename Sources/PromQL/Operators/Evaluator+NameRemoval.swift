import PromQLSyntax
import SeriesModel

/// Functions and operators that change values take the metric name away.
///
/// Columns keep it, marked by ``SeriesColumn/dropsName``, until the query is
/// done, which costs nothing. Unless ``EngineOptions/usesExperimentalFeatures`` is set,
/// names have to be gone at once where the query can tell: see
/// ``PromQLSyntax/Expression/distinguishesNames``.
extension Evaluator {
  /// The series of `source`, which are those of `node`, without the names that
  /// it drops.
  ///
  /// - Throws: When series that differed in names alone meet.
  func withoutDroppedNames(
    _ source: any VectorSource, of node: PlanNode, on grid: StepGrid
  ) throws -> any VectorSource {
    let renamed = MappedVector(operand: source) { column in
      column.labels = column.resultLabels
      column.dropsName = false
      return true
    }
    guard node.mayDifferInNamesAlone else { return renamed }
    var collector = ColumnCollector(stepCount: grid.count, in: context)
    var seen: Set<Labels> = []
    try renamed.forEach(in: context) { column in
      if seen.insert(column.labels).inserted == false, node.joinsNoSeries {
        throw QueryError.sameLabelSets
      }
      try collector.merge(column)
    }
    return collector.vector()
  }
}

extension PlanNode {
  /// True for what may mark series as nameless.
  var mayDropNames: Bool {
    switch self {
    case .call, .windowCall, .mixedBinary, .vectorBinary, .negation, .selector: true
    case .number, .string, .range, .aggregation, .scalarBinary, .setOperation, .stepInvariant:
      false
    }
  }

  /// True when series may have the same labels but for the metric name; where
  /// this is false, they may not.
  fileprivate var mayDifferInNamesAlone: Bool {
    switch self {
    case .number, .string, .scalarBinary: false
    case .selector(let plan): plan.selector.hasOneName == false
    case .range(let plan): plan.mayDifferInNamesAlone
    case .call(let plan):
      plan.function.keepsName || plan.arguments.contains { $0.node.mayDifferInNamesAlone }
    case .windowCall(let plan): plan.range.mayDifferInNamesAlone
    case .aggregation(let plan): plan.mayDifferInNamesAlone
    case .mixedBinary(let plan): plan.vector.mayDifferInNamesAlone
    case .vectorBinary(let plan):
      plan.left.mayDifferInNamesAlone || plan.right.mayDifferInNamesAlone
    case .setOperation(let plan): plan.operation == .or || plan.left.mayDifferInNamesAlone
    case .negation(let operand): operand.mayDifferInNamesAlone
    case .stepInvariant(let inner, _): inner.mayDifferInNamesAlone
    }
  }

  /// True when equal labels are an error even if the series have values at
  /// different steps.
  fileprivate var joinsNoSeries: Bool {
    switch self {
    case .windowCall, .negation: true
    default: false
    }
  }
}

extension RangePlan {
  fileprivate var mayDifferInNamesAlone: Bool {
    switch source {
    case .selector(let plan): plan.selector.hasOneName == false
    case .subquery(let node, _): node.mayDifferInNamesAlone
    }
  }
}

extension AggregationPlan {
  fileprivate var mayDifferInNamesAlone: Bool {
    switch aggregator {
    case .topK, .bottomK, .limitK, .limitRatio: operand.mayDifferInNamesAlone
    default: grouping.keeps(LabelName.metricName)
    }
  }
}

extension VectorSelector {
  /// True when all selected series have the same metric name.
  fileprivate var hasOneName: Bool {
    matchers.contains { $0.name == LabelName.metricName && $0.operation == .equal }
  }
}

extension Expression {
  /// True when the result may depend on when metric names are removed: where
  /// the expression names labels that describe the metric, selects several
  /// metrics, or joins vectors.
  var distinguishesNames: Bool {
    preorder.contains { node in
      switch node {
      case .vectorSelector(let selector): selector.hasOneName == false
      case .rangeSelector(let node): node.selector.hasOneName == false
      case .string(let literal): isMetadata(literal.value)
      case .aggregation(let node): SeriesColumn.metadataNames.contains { node.grouping.keeps($0) }
      case .binary(let node):
        node.operation == .or || node.matching?.labels.contains(where: isMetadata) == true
          || node.matching?.includedLabels.contains(where: isMetadata) == true
      case .number, .subquery, .call, .unary, .parenthesized: false
      }
    }
  }

  private func isMetadata(_ label: String) -> Bool {
    SeriesColumn.metadataNames.contains(label)
  }
}

extension Grouping {
  /// True when groups are told apart by the label, which describes the metric.
  fileprivate func keeps(_ label: String) -> Bool {
    switch self {
    case .by(let names): names.contains(label)
    case .without(let names): label != LabelName.metricName && names.contains(label) == false
    }
  }
}
