import PromQLSyntax

extension Evaluator {
  func aggregate(_ plan: AggregationPlan, on grid: StepGrid) throws -> any VectorSource {
    switch plan.aggregator {
    case .countValues:
      return try countValues(plan, on: grid)
    case .topK, .bottomK, .limitK, .limitRatio:
      return try choose(plan, on: grid)
    case .quantile:
      let ranks = try parameter(of: plan, on: grid)
      warnAboutQuantiles(ranks, at: plan.parameterRange)
      return try fold(plan, on: grid) { QuantileAccumulator(stepCount: grid.count, ranks: ranks) }
    case .sum:
      return try fold(plan, on: grid) { SumAccumulator(stepCount: grid.count) }
    case .avg:
      return try fold(plan, on: grid) { MeanAccumulator(stepCount: grid.count) }
    case .min:
      return try fold(plan, on: grid) {
        ExtremeAccumulator(stepCount: grid.count) { $0 > $1 }
      }
    case .max:
      return try fold(plan, on: grid) {
        ExtremeAccumulator(stepCount: grid.count) { $0 < $1 }
      }
    case .group, .count:
      return try fold(plan, on: grid) {
        CountAccumulator(stepCount: grid.count, isGroup: plan.aggregator == .group)
      }
    case .stddev, .stdvar:
      return try fold(plan, on: grid) {
        VarianceAccumulator(stepCount: grid.count, takesRoot: plan.aggregator == .stddev)
      }
    }
  }

  /// The scalar parameter of an aggregation, `values[step]`.
  func parameter(of plan: AggregationPlan, on grid: StepGrid) throws -> [Double] {
    guard let node = plan.parameter else {
      preconditionFailure("the parser demands a parameter of \(plan.aggregator.rawValue)")
    }
    return try scalar(node, on: grid)
  }

  /// Feeds every series of the operand to the accumulator of its group; none
  /// is kept.
  private func fold<Accumulator: StepAccumulator>(
    _ plan: AggregationPlan, on grid: StepGrid, make: () -> Accumulator
  ) throws -> any VectorSource {
    var groups = GroupIndex(GroupKey(plan.grouping))
    var accumulators: [Accumulator] = []
    var dropsName: [Bool] = []
    var reservation = context.budget.reservation()
    let remarks = AggregationRemarks(context: context, plan: plan)
    try vector(plan.operand, on: grid).forEach(in: context) { column in
      let index = groups.index(of: column.labels)
      if index == accumulators.count {
        try reservation.extend(by: grid.count)
        accumulators.append(make())
        dropsName.append(false)
      }
      if column.dropsName { dropsName[index] = true }
      try reservation.extend(by: accumulators[index].add(column.values))
      if column.hasHistograms {
        try reservation.extend(by: accumulators[index].add(histogramsOf: column, remarks))
      }
    }
    let columns = accumulators.indices.map { index in
      var column = SeriesColumn(
        labels: groups.labels[index], dropsName: dropsName[index], values: [])
      accumulators[index].finish(into: &column, remarks)
      return column
    }
    return MaterializedVector(columns.filter(\.hasValues), reservation: reservation)
  }
}
