/// Which series a query needs, and of which time.
public struct SeriesSelection: Hashable, Sendable {
  /// Conditions that all hold for a selected series.
  public var matchers: [Matcher]
  /// The first moment needed, inclusive.
  public var start: Timestamp
  /// The last moment needed, inclusive.
  public var end: Timestamp

  /// Creates a selection of the closed time range from `start` to `end`.
  public init(matchers: [Matcher], start: Timestamp, end: Timestamp) {
    self.matchers = matchers
    self.start = start
    self.end = end
  }
}

/// Something that answers queries: a store, or anything that can pose as one.
///
/// The engine reads through this protocol alone.
public protocol Queryable: Sendable {
  /// Takes one consistent view of all `selections`.
  ///
  /// Each appended batch is in the view whole or not at all, across every
  /// selection. The view stays as it is until it is released; release it soon,
  /// since it keeps storage from being reused.
  ///
  /// - Throws: When a regular expression is malformed, or the store can't be
  ///   read.
  func snapshot(of selections: [SeriesSelection]) throws -> any QuerySnapshot

  /// The label names of the matching series, sorted by UTF-8 bytes.
  ///
  /// - Parameter selections: A series counts when any selection selects it; an
  ///   empty list means every series.
  func labelNames(of selections: [SeriesSelection]) throws -> [String]

  /// The values of the label `name` among the matching series, sorted by UTF-8
  /// bytes.
  ///
  /// - Parameter selections: As for ``labelNames(of:)``.
  func labelValues(of name: String, in selections: [SeriesSelection]) throws -> [String]

  /// The label sets of the matching series, sorted, each once.
  ///
  /// - Parameter selections: As for ``labelNames(of:)``.
  func series(of selections: [SeriesSelection]) throws -> [Labels]
}

/// One consistent view of the series of several selections.
public protocol QuerySnapshot: AnyObject, Sendable {
  /// The series of each selection, in the order of the selections asked for.
  var seriesSets: [any SeriesSet] { get }
  /// What the reader should know about the data, such as a damaged chunk that
  /// was left out; complete once every needed sample was read.
  var warnings: [String] { get }
}

/// The series of one selection, each once, in an order of the store's own.
///
/// Samples are read fastest in that order.
public protocol SeriesSet: Sendable {
  /// The number of series.
  var count: Int { get }
  /// The labels of the series at `index`.
  func labels(at index: Int) -> Labels
  /// Makes a reader of the samples for use by one thread at a time.
  func makeCursor() throws -> any SampleCursor
}

/// Reads the samples of a series set; used by one thread at a time.
public protocol SampleCursor: AnyObject {
  /// Appends the samples of the series at `index` that lie within the
  /// selection's time range to `columns`, ascending in time, stale markers
  /// included.
  func read(seriesAt index: Int, into columns: inout SampleColumns) throws
}
