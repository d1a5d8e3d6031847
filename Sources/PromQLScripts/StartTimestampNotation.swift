import SeriesModel

/// Lines such as `name{label="value"}@st -1m -1m+30sx2 _`: when the counters
/// of the next line's values began, relative to each value's time.
enum StartTimestampNotation {
  /// The line's labels and offsets; nil for a line of another kind.
  static func parse(
    _ line: String
  ) throws(NotationError) -> (labels: Labels, offsets: [Int64?])? {
    guard let mark = line.firstRange(of: "@st"),
      mark.upperBound == line.endIndex || line[mark.upperBound].isWhitespace,
      line[..<mark.lowerBound].contains(where: \.isWhitespace) == false
        || line[..<mark.lowerBound].last == "}"
    else { return nil }
    let labels = try SeriesNotation.labels(line[..<mark.lowerBound])
    var offsets: [Int64?] = []
    for item in line[mark.upperBound...].split(whereSeparator: \.isWhitespace) {
      offsets += try self.offsets(ofItem: item)
      guard offsets.count <= SeriesNotation.maximumCount else {
        throw NotationError("more than \(SeriesNotation.maximumCount) start timestamps")
      }
    }
    return (labels, offsets)
  }

  /// `_`, `_x3`, `-1m`, `-1mx3` or `-1m+30sx3`; a repetition has one more than
  /// it says.
  private static func offsets(ofItem item: Substring) throws(NotationError) -> [Int64?] {
    if item == "_" { return [nil] }
    if item.hasPrefix("_x") {
      return Array(repeating: nil, count: try repetitionCount(item.dropFirst(2)))
    }
    var rest = item
    let first = try duration(from: &rest)
    if rest.isEmpty { return [first] }
    var increment: Int64 = 0
    if rest.first != "x" { increment = try duration(from: &rest) }
    guard rest.first == "x" else { throw NotationError("\"\(item)\" is no start timestamp") }
    let count = try repetitionCount(rest.dropFirst())
    var offsets: [Int64?] = []
    var (offset, overflows) = (first, false)
    for _ in 0...count {
      guard overflows == false else { throw NotationError("\"\(item)\" is out of range") }
      offsets.append(offset)
      (offset, overflows) = offset.addingReportingOverflow(increment)
    }
    return offsets
  }

  /// Takes a duration with an optional sign from the beginning.
  private static func duration(from text: inout Substring) throws(NotationError) -> Int64 {
    let isNegative = text.first == "-"
    if isNegative || text.first == "+" { text = text.dropFirst() }
    let word = text.prefix { $0 != "x" && $0 != "+" && $0 != "-" }
    text = text.dropFirst(word.count)
    let milliseconds = try scriptDuration(word)
    return isNegative ? -milliseconds : milliseconds
  }
}
