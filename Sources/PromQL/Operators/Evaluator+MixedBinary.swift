import PromQLSyntax

extension Evaluator {
  func mixedBinary(_ plan: MixedBinaryPlan, on grid: StepGrid) throws -> any VectorSource {
    let operation = plan.operation
    let scalars = try scalar(plan.scalar, on: grid)
    let operand = try vector(plan.vector, on: grid)
    let dropsName = operation.changesMetric || plan.returnsBool
    return MappedVector(operand: operand) { [context] column in
      if operation.isTrim {
        context.informIncompatibleFloats(operation, at: plan.sourceRange)
        return false
      }
      if dropsName { column.dropsName = true }
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
