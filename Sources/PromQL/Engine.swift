import PromQLSyntax
import RegularExpressions
import SeriesModel

/// Evaluates PromQL over anything ``Queryable``.
///
/// An engine holds settings and no state, so one value may serve any number of
/// threads. It reads, and never writes.
package struct Engine: Sendable {
  /// The settings.
  package let options: EngineOptions

  /// Creates an engine.
  package init(options: EngineOptions = EngineOptions()) {
    self.options = options
  }

  /// Parses `text` with every function the engine knows.
  ///
  /// - Throws: ``QueryError/parse(_:)``.
  package func parse(_ text: String) throws(QueryError) -> Expression {
    do throws(ParseError) {
      return try Parser.parse(
        text, functions: FunctionRegistry.standard.table, options: parserOptions)
    } catch {
      throw .parse(error.description)
    }
  }

  /// Parses an instant vector selector, such as `up{job="a"}`, into its
  /// matchers.
  ///
  /// - Throws: ``QueryError/parse(_:)``, also when every matcher matches the
  ///   empty string.
  package func matchers(ofSelector text: String) throws(QueryError) -> [Matcher] {
    let matchers: [Matcher]
    do throws(ParseError) {
      matchers = try Parser.parseMetricSelector(text, options: Engine.parserOptions)
    } catch {
      throw .parse(error.description)
    }
    guard matchers.contains(where: Engine.requiresLabel) else {
      throw .parse("match[] must contain at least one non-empty matcher")
    }
    return matchers
  }

  /// The matchers of each selector in `text`, in written order.
  ///
  /// - Throws: ``QueryError/parse(_:)``.
  package func selectors(in text: String) throws(QueryError) -> [[Matcher]] {
    var selectors: [[Matcher]] = []
    try parse(text).forEachNode { node in
      switch node {
      case .vectorSelector(let selector): selectors.append(selector.matchers)
      case .rangeSelector(let node): selectors.append(node.selector.matchers)
      default: break
      }
    }
    return selectors
  }

  /// True when a series without the matcher's label is not selected.
  private static func requiresLabel(_ matcher: Matcher) -> Bool {
    switch matcher.operation {
    case .equal: matcher.value.isEmpty == false
    case .notEqual: matcher.value.isEmpty
    case .matchesRegex: parserOptions.checkPattern(matcher.value) != .matchesEmpty
    case .notMatchesRegex: parserOptions.checkPattern(matcher.value) == .matchesEmpty
    }
  }

  private var parserOptions: ParserOptions {
    var parserOptions = Engine.parserOptions
    if options.usesExperimentalFeatures == false { parserOptions.features = [] }
    return parserOptions
  }

  private static let parserOptions = ParserOptions(checkPattern: { pattern in
    do throws(RegularExpressionError) {
      let expression = try RegularExpression(pattern)
      return expression.matches("") ? .matchesEmpty : .requiresText
    } catch {
      return .invalid(reason: error.description)
    }
  })

  /// Evaluates `text` at one moment.
  ///
  /// - Throws: ``QueryError``.
  package func instantQuery(
    _ text: String, at time: Timestamp, over queryable: any Queryable,
    options: QueryOptions = QueryOptions()
  ) throws(QueryError) -> QueryResult {
    let times = QueryTimes(start: time.milliseconds, end: time.milliseconds, step: 0)
    let evaluation = try begin(text, times: times, over: queryable, options: options)
    return try evaluation.run { plan, evaluator in
      try evaluator.instantValue(of: plan)
    }
  }

  /// Evaluates `text` at `start`, `start + step`, ... up to and including
  /// `end`.
  ///
  /// - Parameter stepMilliseconds: The distance of the moments; positive.
  /// - Throws: ``QueryError``.
  package func rangeQuery(
    _ text: String, from start: Timestamp, through end: Timestamp, stepMilliseconds: Int64,
    over queryable: any Queryable, options: QueryOptions = QueryOptions()
  ) throws(QueryError) -> QueryResult {
    precondition(stepMilliseconds > 0, "the step of a range query is positive")
    let times = QueryTimes(
      start: start.milliseconds, end: end.milliseconds, step: stepMilliseconds)
    let evaluation = try begin(text, times: times, over: queryable, options: options)
    return try evaluation.run { plan, evaluator in
      .matrix(try evaluator.rangeValue(of: plan))
    }
  }

  private func begin(
    _ text: String, times: QueryTimes, over queryable: any Queryable, options: QueryOptions
  ) throws(QueryError) -> Evaluation {
    let began = ContinuousClock.now
    let expression = try parse(text)
    if times.step > 0 {
      let type = expression.valueType
      guard type == .scalar || type == .instantVector else {
        throw .parse(
          "invalid expression type \"\(type.documentedName)\" for range query,"
            + " must be Scalar or instant Vector")
      }
    }
    let timeout = [self.options.timeout, options.timeout].compactMap { $0 }.min()
    let lookback = options.lookbackDeltaMilliseconds ?? 0
    return Evaluation(
      text: text, expression: expression, times: times, queryable: queryable,
      lookbackDelta: lookback > 0 ? lookback : self.options.lookbackDeltaMilliseconds,
      defaultSubqueryStep: self.options.defaultSubqueryStepMilliseconds,
      rewrites: self.options.rewrites,
      usesExperimentalFeatures: self.options.usesExperimentalFeatures,
      spread: self.options.spread,
      maximumSamples: self.options.maximumSamples, began: began,
      deadline: timeout.map { began + $0 }, options: options)
  }
}

/// One query under way.
private struct Evaluation {
  let text: String
  let expression: Expression
  let times: QueryTimes
  let queryable: any Queryable
  let lookbackDelta: Int64
  let defaultSubqueryStep: Int64
  let rewrites: PlanRewrites
  let usesExperimentalFeatures: Bool
  let spread: SpreadOptions
  let maximumSamples: Int
  let began: ContinuousClock.Instant
  let deadline: ContinuousClock.Instant?
  let options: QueryOptions

  /// Plans the query, takes one view of all its data, and evaluates it.
  func run(
    _ evaluate: (LogicalPlan, Evaluator) throws -> QueryValue
  ) throws(QueryError) -> QueryResult {
    var planner = Planner(
      times: times, text: text, lookbackDelta: lookbackDelta,
      defaultSubqueryStep: defaultSubqueryStep, rewrites: rewrites, maximumSteps: maximumSamples)
    let plan = try planner.plan(expression)
    do {
      let snapshot =
        plan.selections.isEmpty
        ? nil : try queryable.snapshot(of: plan.selections.map(\.selection))
      let budget = SampleBudget(limit: maximumSamples)
      let data = zip(snapshot?.seriesSets ?? [], plan.selections).map { series, planned in
        SelectedData(
          series, useCount: planned.useCount, hasStartTimestamps: usesExperimentalFeatures,
          budget: budget)
      }
      let context = EvaluationContext(
        text: text, times: times, lookbackDelta: lookbackDelta,
        removesNamesAtOnce: usesExperimentalFeatures == false && expression.distinguishesNames,
        budget: budget, selections: data,
        stepCounts: options.countsSteps ? StepCounts(plan.grid) : nil,
        profile: options.explains ? EvaluationProfile() : nil, spread: spread,
        deadline: deadline, cancellation: options.cancellation, progress: options.progress)
      let prepared = ContinuousClock.now
      try context.checkpoint()
      let value = try evaluate(plan, Evaluator(context: context))
      return result(
        value, of: context, prepared: prepared, warnings: snapshot?.warnings ?? [])
    } catch let error as QueryError {
      throw error
    } catch {
      throw .storage("\(error)")
    }
  }

  private func result(
    _ value: QueryValue, of context: EvaluationContext, prepared: ContinuousClock.Instant,
    warnings: [String]
  ) -> QueryResult {
    var statistics = QueryStatistics()
    statistics.seriesCount = context.selections.reduce(0) { $0 + $1.series.count }
    statistics.samplesQueried = context.selections.reduce(context.samplesInWindows) {
      $0 + $1.valuesSelected
    }
    statistics.samplesRead = context.samplesRead
    statistics.samplesPerStep = context.stepCounts?.samples ?? []
    statistics.peakSamples = context.budget.peak
    statistics.elapsedNanoseconds = (ContinuousClock.now - began).wholeNanoseconds
    statistics.preparationNanoseconds = (prepared - began).wholeNanoseconds
    return QueryResult(
      value: value,
      warnings: context.annotations.annotations(of: .warning, in: text)
        + warnings.map { Annotation(kind: .warning, message: $0) },
      infos: context.annotations.annotations(of: .info, in: text), statistics: statistics,
      explanation: context.profile?.roots.map(\.explanation) ?? [])
  }
}

extension Duration {
  /// The duration in nanoseconds, rounded down; not negative.
  var wholeNanoseconds: UInt64 {
    UInt64(components.seconds) * 1_000_000_000 + UInt64(components.attoseconds / 1_000_000_000)
  }
}
