/// What a server knows of its queries, and allows.
package struct QuerySupervision: Sendable {
  /// The longest text of a query, in bytes.
  package var maximumByteCount: Int
  /// The queries that are running.
  package let active: ActiveQueries
  /// Where they are written down.
  package let log: QueryLog

  /// The longest text if nothing else is said.
  package static let defaultMaximumByteCount = 16 << 10

  /// Creates the supervision of a server that has no queries yet.
  package init(
    maximumByteCount: Int = QuerySupervision.defaultMaximumByteCount,
    active: ActiveQueries = ActiveQueries(), log: QueryLog = QueryLog()
  ) {
    self.maximumByteCount = maximumByteCount
    self.active = active
    self.log = log
  }
}
