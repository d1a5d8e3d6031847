import Numbers
import SeriesModel

/// Walks the bytes of a text exposition, line by line.
///
/// It knows the grammar and nothing else: what it finds are ranges of bytes.
struct TextScanner: ~Escapable {
  /// The whole text.
  let bytes: Span<UInt8>
  /// The offset of the next byte to read.
  private(set) var position = 0
  /// Where the current line starts.
  private(set) var lineStart = 0
  /// The current line, counted from 1.
  private(set) var line = 1
  /// Where the parts of the last series read by ``readSeries()`` stand.
  private(set) var parts = SeriesParts()

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) {
    self.bytes = bytes
  }

  /// True when every byte was read.
  var isAtEnd: Bool { position >= bytes.count }

  /// The next byte, or a line feed at the end: a text may lack its last one.
  var current: UInt8 {
    position < bytes.count ? bytes[position] : .lineFeed
  }

  /// Skips blanks and tabs.
  mutating func skipBlanks() {
    var end = position
    while end < bytes.count, bytes[end].isBlank { end += 1 }
    position = end
  }

  /// Skips blanks and empty lines; returns false at the end of the text.
  mutating func moveToNextEntry() -> Bool {
    while true {
      skipBlanks()
      guard isAtEnd == false else { return false }
      guard bytes[position] == .lineFeed else { return true }
      startNextLine()
    }
  }

  /// Moves past the line feed at the position, if there is one.
  mutating func startNextLine() {
    guard isAtEnd == false else { return }
    position += 1
    line += 1
    lineStart = position
  }

  /// Moves past `count` lines that another reader has read, to the line that
  /// begins at `start`.
  mutating func skipLines(_ count: Int, to start: Int) {
    guard count > 0 else { return }
    position = start
    line += count
    lineStart = start
  }

  /// Moves to the end of the current line; its line feed is read next.
  mutating func moveToLineEnd() {
    position = bytes.firstIndex(of: .lineFeed, from: position) ?? bytes.count
  }

  /// Moves past `key` when it stands here as a whole series.
  mutating func skipSeries(_ key: Span<UInt8>) -> Bool {
    guard key.isEmpty == false, bytes.contains(key, at: position) else { return false }
    let start = position
    position += key.count
    if key[key.count - 1] != UInt8(ascii: "}"), current.isBlank == false {
      position = start
      return false
    }
    skipBlanks()
    // A bare name may be followed by blanks and braces.
    if current == UInt8(ascii: "{") {
      position = start
      return false
    }
    return true
  }

  /// Moves past `key` when it stands here as a whole line.
  mutating func skipLine(_ key: Span<UInt8>) -> Bool {
    guard bytes.contains(key, at: position) else { return false }
    let end = position + key.count
    guard end == bytes.count || bytes[end] == .lineFeed else { return false }
    position = end
    return true
  }

  /// An error at `offset` of the current line, or at the position.
  func error(_ problem: ExpositionError.Problem, at offset: Int? = nil) -> ExpositionError {
    let offset = offset ?? position
    let lineEnd = bytes.firstIndex(of: .lineFeed, from: lineStart) ?? bytes.count
    var column = 1
    for place in lineStart..<max(lineStart, offset) where bytes[place] & 0xC0 != 0x80 {
      column += 1
    }
    let excerptStart = max(lineStart, min(offset, lineEnd) - 60)
    let excerptEnd = min(lineEnd, excerptStart + 100)
    return ExpositionError(
      problem: problem, line: line, column: column,
      excerpt: String(decodingUTF8: bytes.extracting(excerptStart..<excerptEnd)))
  }
}

/// Where the parts of one series stand in a text.
struct SeriesParts {
  /// The metric name, without quotes.
  var name: Range<Int>?
  /// The labels as they stand, names and values without quotes, still escaped.
  var labels: [(name: Range<Int>, value: Range<Int>)] = []

  mutating func removeAll() {
    name = nil
    labels.removeAll(keepingCapacity: true)
  }
}

extension TextScanner {
  /// Reads a series up to its value and returns its bytes; ``parts`` then
  /// tells where its names and values stand.
  mutating func readSeries() throws(ExpositionError) -> Range<Int> {
    let start = position
    parts.removeAll()
    if current.startsName {
      readName(allowsColon: true)
      parts.name = start..<position
      let end = position
      skipBlanks()
      guard current == UInt8(ascii: "{") else {
        position = end
        return start..<end
      }
    }
    guard current == UInt8(ascii: "{") else { throw error(.expectedSeries) }
    position += 1
    try readLabels()
    guard parts.name != nil else { throw error(.missingMetricName, at: start) }
    return start..<position
  }

  /// Reads what stands in braces, the closing one included.
  private mutating func readLabels() throws(ExpositionError) {
    skipBlanks()
    while current != UInt8(ascii: "}") {
      let nameStart = position
      let isQuoted = current == .doubleQuote
      let name: Range<Int>
      if isQuoted {
        name = try readQuoted()
        guard name.isEmpty == false else { throw error(.emptyName, at: nameStart) }
      } else {
        guard current.startsName, current != UInt8(ascii: ":") else {
          throw error(.expectedLabelName)
        }
        readName(allowsColon: false)
        name = nameStart..<position
      }
      skipBlanks()
      if isQuoted, current == UInt8(ascii: ",") || current == UInt8(ascii: "}") {
        guard parts.name == nil else { throw error(.secondMetricName, at: nameStart) }
        parts.name = name
      } else {
        guard current == UInt8(ascii: "=") else { throw error(.expectedEquals) }
        position += 1
        skipBlanks()
        guard current == .doubleQuote else { throw error(.expectedLabelValue) }
        parts.labels.append((name, try readQuoted()))
        skipBlanks()
      }
      // A comma may be missing, and may stand before the closing brace.
      if current == UInt8(ascii: ",") {
        position += 1
        skipBlanks()
      }
    }
    position += 1
  }

  private mutating func readName(allowsColon: Bool) {
    while position < bytes.count, bytes[position].continuesName,
      allowsColon || bytes[position] != UInt8(ascii: ":")
    {
      position += 1
    }
  }

  /// Reads a text in double quotes and returns the range between them.
  private mutating func readQuoted() throws(ExpositionError) -> Range<Int> {
    let start = position
    position += 1
    while position < bytes.count {
      switch bytes[position] {
      case .doubleQuote:
        position += 1
        return start + 1..<position - 1
      case .lineFeed:
        throw error(.unclosedQuote, at: start)
      case .backslash where position + 1 < bytes.count && bytes[position + 1] != .lineFeed:
        position += 2
      default:
        position += 1
      }
    }
    throw error(.unclosedQuote, at: start)
  }

  /// Reads the value and, if there is one, the timestamp, up to the line end.
  mutating func readSample() throws(ExpositionError) -> (value: Double, timestamp: Int64?) {
    skipBlanks()
    let valueStart = position
    if let value = readPlainValue() { return (value, nil) }
    let valueText = readToken()
    guard valueText.isEmpty == false else { throw error(.expectedValue) }
    // Safety: bytes have no padding that could be left unset.
    guard let value = parseFloat(unsafe bytes.extracting(valueText).bytes) else {
      if isBeforeCarriageReturn(valueText) { throw error(.carriageReturn, at: position - 1) }
      throw error(.invalidValue(excerpt(valueText)), at: valueStart)
    }
    skipBlanks()
    if current == .lineFeed { return (value, nil) }
    let timestampStart = position
    let timestampText = readToken()
    guard bytes[timestampStart] != UInt8(ascii: "+"),
      let timestamp = parseInteger(unsafe bytes.extracting(timestampText).bytes)
    else {
      if isBeforeCarriageReturn(timestampText) { throw error(.carriageReturn, at: position - 1) }
      throw error(.invalidTimestamp(excerpt(timestampText)), at: timestampStart)
    }
    skipBlanks()
    guard current == .lineFeed else { throw error(.expectedLineEnd) }
    return (value, timestamp)
  }

  /// Reads a decimal number that ends its line; nil, and nothing is read, when
  /// the line goes on in another way.
  private mutating func readPlainValue() -> Double? {
    var end = position
    // Safety: bytes have no padding that could be left unset.
    guard let value = parseDecimal(unsafe bytes.bytes, at: &end) else { return nil }
    guard end == bytes.count || bytes[end] == .lineFeed else { return nil }
    position = end
    return value
  }

  /// Reads up to the next blank or line feed.
  private mutating func readToken() -> Range<Int> {
    let start = position
    var end = start
    while end < bytes.count, bytes[end].isBlank == false, bytes[end] != .lineFeed { end += 1 }
    position = end
    return start..<end
  }

  private func isBeforeCarriageReturn(_ token: Range<Int>) -> Bool {
    bytes[token.upperBound - 1] == UInt8(ascii: "\r") && current == .lineFeed
  }

  private func excerpt(_ range: Range<Int>) -> String {
    String(
      decodingUTF8: bytes.extracting(
        range.lowerBound..<min(range.upperBound, range.lowerBound + 40)))
  }
}

extension TextScanner {
  /// What a line that starts with `#` says.
  enum Comment {
    case help(family: Range<Int>, text: Range<Int>)
    case type(family: Range<Int>, MetricType)
    case other
  }

  /// Reads a line that starts with `#`, up to its end.
  mutating func readComment() throws(ExpositionError) -> Comment {
    position += 1
    let isSeparated = current.isBlank
    skipBlanks()
    let keyword = readToken()
    let isHelp = bytes.extracting(keyword).hasSameBytes(as: "HELP".utf8.span)
    let isType = bytes.extracting(keyword).hasSameBytes(as: "TYPE".utf8.span)
    guard isSeparated, isHelp || isType, current.isBlank else {
      moveToLineEnd()
      return .other
    }
    skipBlanks()
    let family = try readFamilyName(after: isHelp ? "HELP" : "TYPE")
    guard current.isBlank || current == .lineFeed else {
      if current == UInt8(ascii: "\r") { throw error(.carriageReturn) }
      throw error(.expectedBlankAfterFamilyName)
    }
    skipBlanks()
    let start = position
    moveToLineEnd()
    if isHelp { return .help(family: family, text: start..<position) }
    return .type(family: family, try type(at: start..<position))
  }

  private mutating func readFamilyName(
    after keyword: String
  ) throws(ExpositionError) -> Range<Int> {
    if current == .doubleQuote {
      let start = position
      let name = try readQuoted()
      guard name.isEmpty == false else { throw error(.emptyName, at: start) }
      return name
    }
    guard current.startsName else { throw error(.expectedFamilyName(after: keyword)) }
    let start = position
    readName(allowsColon: true)
    return start..<position
  }

  private func type(at range: Range<Int>) throws(ExpositionError) -> MetricType {
    let name = bytes.extracting(range)
    if name.hasSameBytes(as: "counter".utf8.span) { return .counter }
    if name.hasSameBytes(as: "gauge".utf8.span) { return .gauge }
    if name.hasSameBytes(as: "histogram".utf8.span) { return .histogram }
    if name.hasSameBytes(as: "summary".utf8.span) { return .summary }
    if name.hasSameBytes(as: "untyped".utf8.span) { return .unknown }
    if range.isEmpty == false, isBeforeCarriageReturn(range) {
      throw error(.carriageReturn, at: range.upperBound - 1)
    }
    throw error(.unknownType(excerpt(range)), at: range.lowerBound)
  }
}

extension UInt8 {
  static let lineFeed = UInt8(ascii: "\n")
  static let doubleQuote = UInt8(ascii: "\"")
  static let backslash = UInt8(ascii: "\\")

  var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }

  /// True for `[a-zA-Z_:]`.
  var startsName: Bool {
    let lowered = self | 0x20
    return lowered >= UInt8(ascii: "a") && lowered <= UInt8(ascii: "z")
      || self == UInt8(ascii: "_") || self == UInt8(ascii: ":")
  }

  /// True for `[a-zA-Z0-9_:]`.
  var continuesName: Bool {
    startsName || self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9")
  }
}
