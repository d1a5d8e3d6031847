import PromQLSyntax

extension Evaluator {
  func mixedBinary(_ plan: MixedBinaryPlan, on grid: StepGrid) throws -> any VectorSource {
    let operation = plan.operation
    let scalars = try scalar(plan.scalar, on: grid)
    let operand = try vector(plan.vector, on: grid)
    let dropsName = operation.changesMetric || plan.returnsBool
    return MappedVector(operand: operand) { [context] column in
      if dropsName { column.dropsName = true }
      if operation.isTrim || column.histograms.isEmpty == false {
        combineElements(of: &column, with: scalars, plan, context)
        return column.hasValues
      }
      for step in column.values.indices where column.values[step].isAbsent == false {
        let value = column.values[step]
        if plan.isScalarLeft == false {
          column.values[step] = operation.elementResult(
            value, scalars[step], returnsBool: plan.returnsBool)
        } else if operation.isComparison, plan.returnsBool == false {
          // The vector's value is kept, on whichever side it stands.
          if operation.compares(scalars[step], value) == false { column.values[step] = .absent }
        } else {
          column.values[step] = operation.elementResult(
            scalars[step], value, returnsBool: plan.returnsBool)
        }
      }
      return column.hasValues
    }
  }
}

/// Applies an operator to a series that has histograms, or one that only
/// histograms have.
private func combineElements(
  of column: inout SeriesColumn, with scalars: [Double], _ plan: MixedBinaryPlan,
  _ context: EvaluationContext
) {
  let operation = ElementOperation(operation: plan.operation, returnsBool: plan.returnsBool)
  for step in column.values.indices {
    guard let element = column.element(at: step) else { continue }
    let scalar = BinaryElement.number(scalars[step])
    let outcome =
      plan.isScalarLeft
      ? operation.outcome(scalar, element) : operation.outcome(element, scalar)
    if let remark = outcome.remark {
      context.annotations.insert(remark.kind, remark.message, at: plan.sourceRange)
    }
    let keepsElement = plan.isScalarLeft && plan.operation.isComparison && !plan.returnsBool
    column.set(keepsElement && outcome.element != nil ? element : outcome.element, at: step)
  }
}
