import PromQLSyntax

extension Evaluator {
  func setOperation(_ plan: SetOperationPlan, on grid: StepGrid) throws -> any VectorSource {
    switch plan.operation {
    case .or: try union(plan, on: grid)
    default: try intersection(plan, on: grid)
    }
  }

  /// `and` and `unless`: the left series where the right side has some series
  /// of the same group, or where it has none.
  private func intersection(_ plan: SetOperationPlan, on grid: StepGrid) throws -> any VectorSource
  {
    var groups = GroupIndex(GroupKey(plan.matching))
    var present: [[Bool]] = []
    try vector(plan.right, on: grid).forEach(in: context) { column in
      let number = groups.index(of: column.labels)
      if number == present.count { present.append(Array(repeating: false, count: grid.count)) }
      column.forEachPresentStep { present[number][$0] = true }
    }
    let keepsPresent = plan.operation == .and
    return MappedVector(operand: try vector(plan.left, on: grid)) { [groups, present] column in
      guard let number = groups.knownIndex(of: column.labels) else {
        return keepsPresent == false
      }
      for step in column.values.indices where present[number][step] != keepsPresent {
        column.removeValue(at: step)
      }
      return column.hasValues
    }
  }

  /// `or`: the left series, and the right ones where the left side has no
  /// series of their group.
  private func union(_ plan: SetOperationPlan, on grid: StepGrid) throws -> any VectorSource {
    var groups = GroupIndex(GroupKey(plan.matching))
    var present: [[Bool]] = []
    var collector = ColumnCollector(stepCount: grid.count, in: context)
    try vector(plan.left, on: grid).forEach(in: context) { column in
      let number = groups.index(of: column.labels)
      if number == present.count { present.append(Array(repeating: false, count: grid.count)) }
      column.forEachPresentStep { present[number][$0] = true }
      try collector.merge(column)
    }
    try vector(plan.right, on: grid).forEach(in: context) { column in
      var column = column
      if let number = groups.knownIndex(of: column.labels) {
        for step in column.values.indices where present[number][step] {
          column.removeValue(at: step)
        }
      }
      if column.hasValues { try collector.merge(column) }
    }
    return collector.vector()
  }
}
