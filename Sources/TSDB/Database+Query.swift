import PromQL
import PromQLSyntax
import SeriesModel

extension Database {
  /// Evaluates a PromQL expression at one moment.
  ///
  /// - Throws: ``QueryError``.
  public func query(
    _ expression: String, at time: Timestamp, options: QueryOptions = QueryOptions()
  ) throws(QueryError) -> QueryResult {
    try engine.instantQuery(expression, at: time, over: store, options: options)
  }

  /// Evaluates a PromQL expression at `start`, `start + step`, ... up to and
  /// including `end`.
  ///
  /// - Precondition: The step is positive; traps otherwise.
  /// - Throws: ``QueryError``.
  public func query(
    _ expression: String, from start: Timestamp, through end: Timestamp, stepMilliseconds: Int64,
    options: QueryOptions = QueryOptions()
  ) throws(QueryError) -> QueryResult {
    try engine.rangeQuery(
      expression, from: start, through: end, stepMilliseconds: stepMilliseconds, over: store,
      options: options)
  }

  /// The exemplars of the series that the selectors of a PromQL expression
  /// select, in the closed range of time; sorted by labels.
  ///
  /// - Throws: ``QueryError`` when the expression is malformed, or
  ///   ``TSDBError``.
  public func exemplars(
    _ expression: String, from start: Timestamp, through end: Timestamp
  ) throws -> [SeriesExemplars] {
    try exemplars(
      of: engine.selectors(in: expression).map { matchers in
        SeriesSelection(matchers: matchers, start: start, end: end)
      })
  }

  /// The syntax tree of an expression.
  ///
  /// - Throws: ``QueryError/parse(_:)``.
  package func parse(_ expression: String) throws(QueryError) -> Expression {
    try engine.parse(expression)
  }

  /// The matchers of a selector such as `up{job="a"}`.
  ///
  /// - Throws: ``QueryError/parse(_:)``.
  package func matchers(ofSelector text: String) throws(QueryError) -> [Matcher] {
    try engine.matchers(ofSelector: text)
  }
}

extension Database: Queryable {
  public func snapshot(of selections: [SeriesSelection]) throws -> any QuerySnapshot {
    try wrappingStorageErrors { try store.snapshot(of: selections) }
  }

  public func labelNames(of selections: [SeriesSelection]) throws -> [String] {
    try wrappingStorageErrors { try store.labelNames(of: selections) }
  }

  public func labelValues(
    of name: String, in selections: [SeriesSelection]
  ) throws -> [String] {
    try wrappingStorageErrors { try store.labelValues(of: name, in: selections) }
  }

  public func series(of selections: [SeriesSelection]) throws -> [Labels] {
    try wrappingStorageErrors { try store.series(of: selections) }
  }
}

extension Database: ExemplarQueryable {
  public func exemplars(of selections: [SeriesSelection]) throws -> [SeriesExemplars] {
    try wrappingStorageErrors { try store.exemplars(of: selections) }
  }
}
