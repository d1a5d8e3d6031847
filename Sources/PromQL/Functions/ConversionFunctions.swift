import PromQLSyntax
import SeriesModel

/// Functions between types, and of presence and time.
let conversionFunctions: [FunctionDefinition] = [
  FunctionDefinition(
    "scalar", [.instantVector], returns: .scalar,
    summary: "The value of a vector's only series; NaN if it has not exactly one.",
    body: .scalarOfVector { call in
      var values = [Double].absent(count: call.grid.count)
      var isAmbiguous = [Bool](repeating: false, count: call.grid.count)
      try call.vector(0).forEach(in: call.context) { column in
        for (step, value) in column.values.enumerated() where value.isAbsent == false {
          if values[step].isAbsent == false { isAmbiguous[step] = true }
          values[step] = value
        }
      }
      return zip(values, isAmbiguous).map { $0.isAbsent || $1 ? .nan : $0 }
    }),
  FunctionDefinition(
    "vector", [.scalar], summary: "A series without labels that has a scalar's value.",
    body: .vector { call in
      call.evaluator.vector(ofScalar: try call.scalar(0))
    }),
  FunctionDefinition(
    "absent", [.instantVector], summary: "1 where a vector has no series.",
    body: .vector { call in
      try call.evaluator.absence(
        of: call.vector(0), described: call.plan.arguments[0].expression, on: call.grid)
    }),
  FunctionDefinition(
    "timestamp", [.instantVector], dependsOnTime: true, selectorReading: .timestamp,
    summary: "The times of the samples, in seconds since 1970.",
    body: .vector { call in
      let grid = call.grid
      let vector = try call.vector(0)
      if case .selector(let plan) = call.plan.arguments[0].node, plan.reading == .timestamp {
        // The selector gives the times already.
        return MappedVector(operand: vector) { column in
          column.dropsName = true
          return true
        }
      }
      return MappedVector(operand: vector) { column in
        column.dropsName = true
        for step in column.values.indices where column.isPresent(at: step) {
          column.values[step] = Double(grid.time(at: step)) / 1000
        }
        column.histograms = []
        return true
      }
    }),
  FunctionDefinition(
    "start_timestamp", [.instantVector], isExperimental: true, dependsOnTime: true,
    selectorReading: .startTimestamp,
    summary: "The times from which counters count, in seconds since 1970; 0 where unknown.",
    body: .vector { call in
      // Only samples have start timestamps, and nothing that is computed.
      guard case .selector(let plan) = call.plan.arguments[0].node,
        plan.reading == .startTimestamp
      else { return MaterializedVector([]) }
      return MappedVector(operand: try call.vector(0)) { column in
        column.dropsName = true
        return true
      }
    }),
]
