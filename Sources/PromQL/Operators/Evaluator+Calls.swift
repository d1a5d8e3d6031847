import PromQLSyntax
import SeriesModel

/// What a function of whole vectors gets.
struct VectorCall {
  /// The call.
  let plan: CallPlan
  /// The evaluation times.
  let grid: StepGrid
  let evaluator: Evaluator

  var context: EvaluationContext { evaluator.context }

  /// The series of the argument at `index`.
  func vector(_ index: Int) throws -> any VectorSource {
    try evaluator.vector(plan.arguments[index].node, on: grid)
  }

  /// The values of the argument at `index`, which is a scalar.
  func scalar(_ index: Int) throws -> [Double] {
    try evaluator.scalar(plan.arguments[index].node, on: grid)
  }

  /// The text of the argument at `index`, which is a string literal.
  func string(_ index: Int) -> String {
    guard case .string(let text) = plan.arguments[index].node else { return "" }
    return text
  }

  /// Where the argument at `index` stands.
  func sourceRange(_ index: Int) -> SourceRange {
    plan.arguments[index].expression.sourceRange
  }
}

extension Evaluator {
  func scalarCall(_ plan: CallPlan, on grid: StepGrid) throws -> [Double] {
    switch plan.function.body {
    case .scalar(let body):
      let arguments = try plan.arguments.map { try scalar($0.node, on: grid) }
      return (0..<grid.count).map { step in
        body(
          ScalarCall(
            arguments: arguments.map { $0[step] }, time: grid.time(at: step),
            times: context.times))
      }
    case .scalarOfVector(let body):
      return try body(VectorCall(plan: plan, grid: grid, evaluator: self))
    default:
      preconditionFailure("\(plan.function.signature.name) does not give a scalar")
    }
  }

  func vectorCall(_ plan: CallPlan, on grid: StepGrid) throws -> any VectorSource {
    let keepsName = plan.function.keepsName
    switch plan.function.body {
    case .elementwise(let body):
      return MappedVector(operand: try vector(plan.arguments[0].node, on: grid)) { column in
        if keepsName == false { column.dropsName = true }
        column.updateValues(body)
        return column.dropHistograms()
      }
    case .histogramwise(let body):
      return MappedVector(operand: try vector(plan.arguments[0].node, on: grid)) { column in
        if keepsName == false { column.dropsName = true }
        guard column.histograms.isEmpty == false else { return false }
        column.values = column.histograms.map { $0.map(body) ?? .absent }
        column.histograms = []
        return column.hasValues
      }
    case .elementwiseWithScalars(let body):
      let scalars = try plan.arguments.dropFirst().map { try scalar($0.node, on: grid) }
      return MappedVector(operand: try vector(plan.arguments[0].node, on: grid)) { column in
        if keepsName == false { column.dropsName = true }
        for step in column.values.indices where column.values[step].isAbsent == false {
          column.values[step] = body(column.values[step], scalars.map { $0[step] }) ?? .absent
        }
        column.histograms = []
        return column.hasValues
      }
    case .calendar(let body):
      guard let argument = plan.arguments.first else {
        return vector(
          ofScalar: (0..<grid.count).map { step in
            Double(body(CalendarMoment(seconds: grid.time(at: step) / 1000)))
          })
      }
      return MappedVector(operand: try vector(argument.node, on: grid)) { column in
        column.dropsName = true
        column.updateValues { value in
          Double(body(CalendarMoment(seconds: FloatOperations.truncated(value))))
        }
        return column.dropHistograms()
      }
    case .vector(let body):
      return try body(VectorCall(plan: plan, grid: grid, evaluator: self))
    case .scalar, .scalarOfVector, .window:
      preconditionFailure("\(plan.function.signature.name) does not give a vector here")
    }
  }

  func windowCall(_ plan: WindowCallPlan, on grid: StepGrid) throws -> any VectorSource {
    guard case .window(let body, let mixedBody) = plan.function.body else {
      preconditionFailure("\(plan.function.signature.name) takes no range vector")
    }
    let arguments = WindowArguments(
      scalars: try plan.scalars.map { try scalar($0, on: grid) },
      argumentRanges: plan.argumentExpressions.map(\.sourceRange), context: context)
    let windows = WindowedFunction(
      series: try range(plan.range, on: grid), geometry: geometry(of: plan.range, on: grid),
      function: plan.function, body: body, mixedBody: mixedBody, arguments: arguments)
    if plan.function.reportsAbsence {
      return try absence(of: windows, described: plan.argumentExpressions[0], on: grid)
    }
    return windows
  }

  /// One series that is 1 wherever `vector` has no value at all.
  ///
  /// - Parameter expression: Gives the series the labels that it asks for by
  ///   one `=` alone.
  func absence(
    of vector: any VectorSource, described expression: Expression, on grid: StepGrid
  ) throws -> any VectorSource {
    var values = [Double](repeating: 1, count: grid.count)
    try vector.forEach(in: context) { column in
      column.forEachPresentStep { values[$0] = .absent }
    }
    let column = SeriesColumn(
      labels: expression.labelsOfAbsentSeries, dropsName: false, values: values)
    return MaterializedVector(column.hasValues ? [column] : [])
  }
}

extension Expression {
  /// The labels a selector demands by exactly one matcher, and that `=`.
  var labelsOfAbsentSeries: Labels {
    let matchers: [Matcher]
    switch withoutParentheses {
    case .vectorSelector(let selector): matchers = selector.matchers
    case .rangeSelector(let selector): matchers = selector.selector.matchers
    default: return Labels()
    }
    var builder = LabelsBuilder()
    var seen: Set<String> = []
    for matcher in matchers where matcher.name != LabelName.metricName {
      if matcher.operation == .equal, seen.insert(matcher.name).inserted {
        builder.set(matcher.name, to: matcher.value)
      } else {
        builder.remove(matcher.name)
      }
    }
    return builder.labels()
  }
}
