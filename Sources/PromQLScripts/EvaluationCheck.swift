import PromQL
import PromQLSyntax
import SeriesModel

/// Evaluates the query of a script in every way that must give the same, and
/// compares.
struct EvaluationCheck {
  let engine: Engine
  let store: any Queryable
  let evaluation: Evaluation

  /// - Throws: The first difference from what is expected.
  func run() throws(Mismatch) {
    switch evaluation.time {
    case .range(let from, let through, let step):
      try checkRange(ResultGrid(from: from, through: through, step: step))
    case .instant(let time):
      let time = rangeVectorGrid?.through ?? time
      try checkInstant(evaluation.expression, at: time, as: nil)
      for (expression, moment) in pinnedVariants(at: time) {
        try checkInstant(expression, at: moment, as: "as \(expression)")
      }
    }
  }

  /// The query with its selectors pinned, and times at which it must not
  /// matter.
  private func pinnedVariants(at time: Int64) -> [(expression: String, time: Int64)] {
    guard let parsed = try? engine.parse(evaluation.expression),
      let pinned = SelectorPinning.pinned(
        parsed, of: evaluation.expression, at: Timestamp(milliseconds: time))
    else { return [] }
    let moments = time == 0 ? [-1000, 0, 1000] : [-10 * time, 0, time / 5, time, 10 * time]
    return moments.map { (pinned, $0) }
  }

  // MARK: Ways to evaluate

  private func checkInstant(
    _ expression: String, at time: Int64, as variant: String?
  ) throws(Mismatch) {
    let circumstance = variant.map { "\($0) at \(timeText(time))" }
    let result = try inCircumstance(circumstance) { () throws(Mismatch) in
      let result = try self.result { () throws(QueryError) in
        try engine.instantQuery(
          expression, at: Timestamp(milliseconds: time), over: store)
      }
      if let result { try check(result, at: time) }
      return result
    }
    guard let result, mayBeRange(result.value, expression) else { return }
    let minute: Int64 = 60_000
    let asRange = "as a range query from \(timeText(time - minute)) to \(timeText(time + minute))"
    try inCircumstance(circumstance.map { "\($0), \(asRange)" } ?? asRange) {
      () throws(Mismatch) in
      let range = try self.result { () throws(QueryError) in
        try engine.rangeQuery(
          expression, from: Timestamp(milliseconds: time - minute),
          through: Timestamp(milliseconds: time + minute), stepMilliseconds: minute, over: store)
      }
      if let range { try checkStep(of: range.value, like: result.value, at: time) }
    }
  }

  private func checkRange(_ grid: ResultGrid) throws(Mismatch) {
    let result = try self.result { () throws(QueryError) in
      try engine.rangeQuery(
        evaluation.expression, from: Timestamp(milliseconds: grid.from),
        through: Timestamp(milliseconds: grid.through), stepMilliseconds: grid.step, over: store)
    }
    guard let result else { return }
    try checkAnnotations(of: result)
    guard case .matrix(let matrix) = result.value else {
      throw Mismatch("a range query gave something else than series")
    }
    try checkSeries(matrix, on: grid)
  }

  /// Runs a query and checks that it fails if it must.
  ///
  /// - Returns: The result; nil for a failure as expected.
  private func result(
    of query: () throws(QueryError) -> QueryResult
  ) throws(Mismatch) -> QueryResult? {
    let expectations = evaluation.expectations
    let result: QueryResult
    do throws(QueryError) {
      result = try query()
    } catch {
      guard expectations.mustFail else { throw Mismatch("the query failed: \(error)") }
      if let pattern = expectations.failure.first, pattern.matches("\(error)") == false {
        throw Mismatch("expected the query to fail with \(pattern), and it failed with: \(error)")
      }
      return nil
    }
    if expectations.mustFail { throw Mismatch("expected the query to fail, and it has a result") }
    return result
  }

  private func inCircumstance<Result>(
    _ circumstance: String?, _ body: () throws(Mismatch) -> Result
  ) throws(Mismatch) -> Result {
    do throws(Mismatch) {
      return try body()
    } catch {
      var mismatch = error
      mismatch.circumstance = circumstance
      throw mismatch
    }
  }

  /// Whether the middle of a range query must have the same value.
  private func mayBeRange(_ value: QueryValue, _ expression: String) -> Bool {
    switch value {
    case .string, .matrix: return false
    case .scalar, .vector: break
    }
    if evaluation.expectations.isOrdered { return false }
    return ["start()", "end()", "range()", "step()"].allSatisfy { expression.contains($0) == false }
  }

  // MARK: Comparing

  private func check(_ result: QueryResult, at time: Int64) throws(Mismatch) {
    try checkAnnotations(of: result)
    switch (result.value, evaluation.value) {
    case (.scalar(let sample), .scalar(let expected)):
      guard ValueComparison.areClose(expected, sample.value) else {
        throw Mismatch("expected \(numberText(expected)), found \(numberText(sample.value))")
      }
    case (.string(let text, _), .string(let expected)):
      guard text == expected else {
        throw Mismatch(
          "expected \(expected.quotedForPromQL), found \(text.quotedForPromQL)")
      }
    case (.vector(let elements), .series(let expected)):
      try ResultComparison(
        grid: .moment(time), expected: rows(expected), found: elements.map { ResultRow($0) },
        isOrdered: evaluation.expectations.isOrdered
      ).check()
    case (.matrix(let matrix), .rangeVector):
      try checkSeries(matrix, on: rangeVectorGrid ?? .moment(time))
    case (let value, let expected):
      throw Mismatch("expected \(kind(of: expected)), found \(kind(of: value))")
    }
  }

  /// The grid of an expected range vector.
  private var rangeVectorGrid: ResultGrid? {
    guard case .rangeVector(_, let from, let through, let step) = evaluation.value else {
      return nil
    }
    return ResultGrid(from: from, through: through, step: step)
  }

  private func checkSeries(_ matrix: [MatrixSeries], on grid: ResultGrid) throws(Mismatch) {
    guard zip(matrix, matrix.dropFirst()).allSatisfy({ $0.labels < $1.labels }) else {
      throw Mismatch("the series of the result are not sorted by their labels")
    }
    let expected: [ExpectedSeries]
    switch evaluation.value {
    case .series(let series), .rangeVector(let series, _, _, _): expected = series
    case .scalar(let number):
      // A range query has a series without labels in the place of a scalar.
      throw Mismatch("expected the scalar \(numberText(number)), found series")
    case .string: throw Mismatch("expected a string, found series")
    }
    var found: [ResultRow] = []
    for series in matrix { found.append(try ResultRow(series, on: grid)) }
    try ResultComparison(
      grid: grid, expected: rows(expected), found: found, isOrdered: false
    ).check()
  }

  /// Compares one step of a range query with the value of an instant query that
  /// was found to be as expected.
  private func checkStep(
    of value: QueryValue, like instant: QueryValue, at time: Int64
  ) throws(Mismatch) {
    guard case .matrix(let matrix) = value else {
      throw Mismatch("a range query gave something else than series")
    }
    var found: [ResultRow] = []
    for series in matrix {
      guard let index = series.samples.timestamps.firstIndex(of: time) else { continue }
      var only = SampleColumns()
      only.append(series.samples, at: index)
      found.append(
        try ResultRow(MatrixSeries(labels: series.labels, samples: only), on: .moment(time)))
    }
    let expected: [ResultRow] =
      switch instant {
      case .scalar(let sample): [ResultRow(labels: Labels(), values: [.number(sample.value)])]
      case .vector(let elements): elements.map { ResultRow($0) }
      case .string, .matrix: []
      }
    try ResultComparison(
      grid: .moment(time), expected: expected, found: found, isOrdered: false
    ).check()
  }

  private func rows(_ series: [ExpectedSeries]) -> [ResultRow] {
    series.map { ResultRow(labels: $0.labels, values: $0.values) }
  }

  private func kind(of value: ExpectedValue) -> String {
    switch value {
    case .series: "series"
    case .rangeVector: "a range vector"
    case .scalar(let number): "the scalar \(numberText(number))"
    case .string: "a string"
    }
  }

  private func kind(of value: QueryValue) -> String {
    switch value {
    case .vector: "series"
    case .matrix: "a range vector"
    case .scalar(let sample): "the scalar \(numberText(sample.value))"
    case .string: "a string"
    }
  }

  private func checkAnnotations(of result: QueryResult) throws(Mismatch) {
    let expectations = evaluation.expectations
    try check(
      result.warnings.map(\.description), "warning", match: expectations.warnings,
      needsOne: expectations.needsWarning, forbidsAll: expectations.forbidsWarnings)
    try check(
      result.infos.map(\.description), "info", match: expectations.infos,
      needsOne: expectations.needsInfo, forbidsAll: expectations.forbidsInfos)
  }

  private func check(
    _ found: [String], _ kind: String, match patterns: [TextPattern], needsOne: Bool,
    forbidsAll: Bool
  ) throws(Mismatch) {
    if forbidsAll, let first = found.first { throw Mismatch("unexpected \(kind): \(first)") }
    if needsOne, found.isEmpty { throw Mismatch("expected one \(kind) at least, found none") }
    guard patterns.isEmpty == false else { return }
    for pattern in patterns where found.contains(where: pattern.matches) == false {
      let all = found.isEmpty ? "none" : found.map(\.quotedForPromQL).joined(separator: ", ")
      throw Mismatch("expected a \(kind) with \(pattern), found \(all)")
    }
    for text in found where patterns.contains(where: { $0.matches(text) }) == false {
      throw Mismatch("unexpected \(kind): \(text)")
    }
  }
}
