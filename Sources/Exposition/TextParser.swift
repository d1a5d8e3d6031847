import SeriesModel

/// One entry of a text exposition.
package enum TextEntry: Equatable, Sendable {
  /// `# HELP family text`; the text is unescaped and may be empty.
  case help(family: String, text: String)
  /// `# TYPE family type`.
  case type(family: String, type: MetricType)
  /// Any other line that starts with `#`.
  case comment
  /// A sample.
  case sample(TextSample)
}

/// One sample of a text exposition.
///
/// Equality is of the value's bits, so that `NaN` equals itself.
package struct TextSample: Hashable, Sendable {
  /// Where the series stands in the text, from its name to its closing brace.
  package var series: Range<Int>
  /// The value; every `NaN` has the bits of ``StaleMarker/ordinaryNaN``.
  package var value: Double
  /// Milliseconds since 1970-01-01T00:00Z when the line gives a time.
  package var timestampMilliseconds: Int64?

  package static func == (left: TextSample, right: TextSample) -> Bool {
    left.series == right.series && left.value.bitPattern == right.value.bitPattern
      && left.timestampMilliseconds == right.timestampMilliseconds
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(series)
    hasher.combine(value.bitPattern)
    hasher.combine(timestampMilliseconds)
  }
}

/// Reads the Prometheus text format, entry by entry, without copying it.
///
/// Versions 0.0.4 and 1.0.0 are read alike: names in double quotes
/// (`{"my.metric",a="b"} 1`) are accepted in both. As Prometheus does when it
/// scrapes, the parser accepts `HELP` and `TYPE` lines that are repeated or
/// stand after their samples, samples of a family that are not contiguous,
/// blanks and tabs between all parts, a missing or trailing comma between
/// labels, and (unless told otherwise) a last line without line feed. A
/// carriage return before a line feed is an error.
///
///     var parser = TextParser(body.span)
///     while let entry = try parser.next() {
///       guard case .sample(let sample) = entry else { continue }
///       let labels = try parser.labels()
///     }
///
/// - Complexity: O(*n*) in the bytes of the text, no recursion.
package struct TextParser: ~Escapable {
  private var scanner: TextScanner
  private var scratch = LabelScratch()
  private let requiresFinalLineFeed: Bool
  /// The type that the last `TYPE` line gave.
  package private(set) var type = MetricType.unknown

  /// Creates a parser of `bytes`.
  ///
  /// - Parameter requiresFinalLineFeed: Whether a last line without line feed
  ///   is an error, as it is in a push: there it shows that the text was cut.
  @_lifetime(copy bytes)
  package init(_ bytes: Span<UInt8>, requiresFinalLineFeed: Bool = false) {
    scanner = TextScanner(bytes)
    self.requiresFinalLineFeed = requiresFinalLineFeed
  }

  /// The line of the entry that ``next()`` returned last, counted from 1.
  package var line: Int { scanner.line }

  /// Reads the next entry, or returns nil at the end of the text.
  ///
  /// After an error the parser is of no further use.
  package mutating func next() throws(ExpositionError) -> TextEntry? {
    if scanner.position > scanner.lineStart || scanner.current == .lineFeed {
      scanner.startNextLine()
    }
    guard scanner.moveToNextEntry() else { return nil }
    let entry = try readEntry()
    if requiresFinalLineFeed, scanner.isAtEnd { throw scanner.error(.missingFinalLineFeed) }
    return entry
  }

  private mutating func readEntry() throws(ExpositionError) -> TextEntry {
    if scanner.current == UInt8(ascii: "#") {
      switch try scanner.readComment() {
      case .help(let family, let text):
        return .help(
          family: try scanner.familyName(family), text: try scanner.helpText(text))
      case .type(let family, let type):
        self.type = type
        return .type(family: try scanner.familyName(family), type: type)
      case .other:
        return .comment
      }
    }
    let series = try scanner.readSeries()
    let (value, timestamp) = try scanner.readSample()
    return .sample(
      TextSample(series: series, value: value, timestampMilliseconds: timestamp))
  }

  /// The labels of the sample that ``next()`` returned last, the metric name
  /// included.
  ///
  /// Labels with an empty value are left out. The bucket bound `le` of a
  /// histogram and the `quantile` of a summary, by the type of the last `TYPE`
  /// line, are written in one form: `1` becomes `1.0`.
  ///
  /// - Throws: When a name or value is not UTF-8 or a label name stands twice.
  package mutating func labels() throws(ExpositionError) -> Labels {
    try scanner.labels(type: type, scratch: &scratch)
  }
}
