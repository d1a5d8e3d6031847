import Exposition
import SeriesModel
import Testing

/// What one entry of a text says, with the labels of a sample parsed.
enum ReadEntry: Equatable {
  case help(String, String)
  case type(String, MetricType)
  case comment
  case sample(Labels, UInt64, Int64?)

  static func sample(_ labels: Labels, _ value: Double, at timestamp: Int64? = nil) -> ReadEntry {
    .sample(labels, value.bitPattern, timestamp)
  }
}

func readAll(
  _ text: some Sequence<UInt8>, requiresFinalLineFeed: Bool = false
) throws(ExpositionError) -> [ReadEntry] {
  let bytes = Array(text)
  var entries: [ReadEntry] = []
  var parser = TextParser(bytes.span, requiresFinalLineFeed: requiresFinalLineFeed)
  while let entry = try parser.next() {
    switch entry {
    case .help(let family, let text): entries.append(.help(family, text))
    case .type(let family, let type): entries.append(.type(family, type))
    case .comment: entries.append(.comment)
    case .sample(let sample):
      entries.append(.sample(try parser.labels(), sample.value, at: sample.timestampMilliseconds))
    }
  }
  return entries
}

func readAll(
  _ text: String, requiresFinalLineFeed: Bool = false
) throws(ExpositionError) -> [ReadEntry] {
  try readAll(text.utf8, requiresFinalLineFeed: requiresFinalLineFeed)
}

private func series(_ name: String, _ labels: [String: String] = [:]) -> Labels {
  Labels(labels.map { Label($0.key, $0.value) } + [Label("__name__", name)])
}

struct AcceptedText: Sendable, CustomTestStringConvertible {
  var text: String
  var entries: [ReadEntry]

  init(_ text: String, _ entries: ReadEntry...) {
    self.text = text
    self.entries = entries
  }

  var testDescription: String { text.debugDescription }
}

extension ReadEntry: Sendable {}

struct RefusedText: Sendable, CustomTestStringConvertible {
  var text: String
  var message: String
  var requiresFinalLineFeed: Bool

  init(_ text: String, _ message: String, requiresFinalLineFeed: Bool = false) {
    self.text = text
    self.message = message
    self.requiresFinalLineFeed = requiresFinalLineFeed
  }

  var testDescription: String { text.debugDescription }
}

@Suite struct TextParserTests {
  static let accepted: [AcceptedText] = [
    AcceptedText(""),
    AcceptedText("\n\n \t\n"),
    AcceptedText("a 1\n", .sample(series("a"), 1)),
    AcceptedText("a 1", .sample(series("a"), 1)),
    AcceptedText("  a  \t1 \n", .sample(series("a"), 1)),
    AcceptedText("a:b_9{} -2.5e3 1234\n", .sample(series("a:b_9"), -2500, at: 1234)),
    AcceptedText("a 1 -5\n", .sample(series("a"), 1, at: -5)),
    AcceptedText("a 1 5 \n", .sample(series("a"), 1, at: 5)),
    AcceptedText(#"a{b="c"}1"#, .sample(series("a", ["b": "c"]), 1)),
    AcceptedText(#"a {b="c"} 1"#, .sample(series("a", ["b": "c"]), 1)),
    AcceptedText(
      "a { b = \"c\" ,\td=\"e\" , } 1\n", .sample(series("a", ["b": "c", "d": "e"]), 1)),
    AcceptedText(
      #"a{b="c" d="e"} 1"#, .sample(series("a", ["b": "c", "d": "e"]), 1)),
    AcceptedText(
      #"a{z="1",B="2",_c="3"} 1"#, .sample(series("a", ["z": "1", "B": "2", "_c": "3"]), 1)),
    AcceptedText(#"a{b=""} 1"#, .sample(series("a"), 1)),
    AcceptedText(
      #"a{b="\\ \" \n \t é {},="} 1"#, .sample(series("a", ["b": "\\ \" \n \\t é {},="]), 1)),
    AcceptedText(#"{"my.metric"} 1"#, .sample(series("my.metric"), 1)),
    AcceptedText(
      #"{"my.metric","b.c"="x",d="y"} 1"#,
      .sample(series("my.metric", ["b.c": "x", "d": "y"]), 1)),
    AcceptedText(
      #"{d="y","quo\"ted"} 1"#, .sample(series("quo\"ted", ["d": "y"]), 1)),
    AcceptedText("a NaN\n", .sample(series("a"), StaleMarker.ordinaryNaN)),
    AcceptedText("a nan\n", .sample(series("a"), StaleMarker.ordinaryNaN)),
    AcceptedText(
      "a +Inf\nb -Inf\nc Inf\n", .sample(series("a"), .infinity), .sample(series("b"), -.infinity),
      .sample(series("c"), .infinity)),
    AcceptedText("a -0\n", .sample(series("a"), -0.0)),
    AcceptedText("# HELP a b  c \n", .help("a", "b  c ")),
    AcceptedText("# HELP a\n", .help("a", "")),
    AcceptedText("# HELP a ", .help("a", "")),
    AcceptedText("# HELP a \\\\ \\n \\\" \"\n", .help("a", "\\ \n \\\" \"")),
    AcceptedText("#  HELP\t a \t b\n", .help("a", "b")),
    AcceptedText("# TYPE a counter\n", .type("a", .counter)),
    AcceptedText(
      "# TYPE a gauge\n# TYPE a histogram\n# TYPE a summary\n# TYPE a untyped",
      .type("a", .gauge), .type("a", .histogram), .type("a", .summary), .type("a", .unknown)),
    AcceptedText("# TYPE \"my.metric\" gauge\n", .type("my.metric", .gauge)),
    AcceptedText(
      "#\n# EOF\n#HELP a\n# HELPX a\n# UNIT a b\n# TYPE\n",
      .comment, .comment, .comment, .comment, .comment, .comment),
    AcceptedText(
      "# TYPE a counter\n# HELP a x\na 1\nb 2\na 3\n# HELP a x\n# TYPE a counter\n",
      .type("a", .counter), .help("a", "x"), .sample(series("a"), 1), .sample(series("b"), 2),
      .sample(series("a"), 3), .help("a", "x"), .type("a", .counter)),
    AcceptedText(
      "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh{quantile=\"1\"} 1\n",
      .type("h", .histogram), .sample(series("h_bucket", ["le": "1.0"]), 1),
      .sample(series("h_bucket", ["le": "+Inf"]), 1), .sample(series("h", ["quantile": "1"]), 1)),
    AcceptedText(
      "# TYPE s summary\ns{quantile=\"0.50\"} 1\ns{quantile=\"x\"} 1\ns{le=\"1\"} 1\n",
      .type("s", .summary), .sample(series("s", ["quantile": "0.5"]), 1),
      .sample(series("s", ["quantile": "x"]), 1), .sample(series("s", ["le": "1"]), 1)),
    AcceptedText("g{le=\"1\"} 1", .sample(series("g", ["le": "1"]), 1)),
  ]

  @Test(arguments: accepted)
  func acceptedTextIsRead(_ row: AcceptedText) throws {
    #expect(try readAll(row.text) == row.entries)
  }

  static let refused: [RefusedText] = [
    RefusedText(
      "a 1\n1a 2\n",
      ##"line 2, column 1: expected a metric name, "{" or "#" at the start of a line in "1a 2""##),
    RefusedText("a\n", #"line 1, column 2: expected a value after the series in "a""#),
    RefusedText("a x\n", #"line 1, column 3: expected a number as value, found "x" in "a x""#),
    RefusedText(
      "a 0x1p3", #"line 1, column 3: expected a number as value, found "0x1p3" in "a 0x1p3""#),
    RefusedText("a 1_0", #"line 1, column 3: expected a number as value, found "1_0" in "a 1_0""#),
    RefusedText(
      "a 1e999", #"line 1, column 3: expected a number as value, found "1e999" in "a 1e999""#),
    RefusedText(
      "a 1 1.5",
      #"line 1, column 5: expected a timestamp in whole milliseconds or the end of the line, found "1.5" in "a 1 1.5""#
    ),
    RefusedText(
      "a 1 # {x=\"y\"} 1",
      "line 1, column 5: expected a timestamp in whole milliseconds or the end of the line, "
        + ##"found "#" in "a 1 # {x=\"y\"} 1""##),
    RefusedText(
      "a 1 99999999999999999999",
      "line 1, column 5: expected a timestamp in whole milliseconds or the end of the line, "
        + #"found "99999999999999999999" in "a 1 99999999999999999999""#),
    RefusedText(
      "a 1 2 3",
      #"line 1, column 7: expected the end of the line after the timestamp in "a 1 2 3""#),
    RefusedText(
      "a 1\r\n",
      #"line 1, column 4: unexpected carriage return, lines end with a single line feed in "a 1\r""#
    ),
    RefusedText(
      "# TYPE a gauge\r\n",
      "line 1, column 15: unexpected carriage return, lines end with a single line feed in "
        + ##""# TYPE a gauge\r""##),
    RefusedText(
      "a{1=\"x\"} 1", #"line 1, column 3: expected a label name or "}" in "a{1=\"x\"} 1""#),
    RefusedText("a{,} 1", #"line 1, column 3: expected a label name or "}" in "a{,} 1""#),
    RefusedText(
      "a{b=\"c\",,} 1", #"line 1, column 9: expected a label name or "}" in "a{b=\"c\",,} 1""#),
    RefusedText("a{b} 1", #"line 1, column 4: expected "=" after the label name in "a{b} 1""#),
    RefusedText(
      "a{b=c} 1", #"line 1, column 5: expected a label value in double quotes in "a{b=c} 1""#),
    RefusedText(
      "a{é=\"b\",c=d} 1", #"line 1, column 3: expected a label name or "}" in "a{é=\"b\",c=d} 1""#),
    RefusedText(
      "a{\"é\"=\"é\",c=d} 1",
      #"line 1, column 13: expected a label value in double quotes in "a{\"é\"=\"é\",c=d} 1""#),
    RefusedText(
      "x 1\na{b=\"c\n\"} 1",
      #"line 2, column 5: expected a closing double quote before the end of the line in "a{b=\"c""#
    ),
    RefusedText(
      "a{\"b\"} 1",
      #"line 1, column 3: expected one metric name, found a second one in "a{\"b\"} 1""#),
    RefusedText(
      "{b=\"c\"} 1",
      #"line 1, column 1: expected a metric name before or inside the braces in "{b=\"c\"} 1""#),
    RefusedText(
      "{\"\"} 1", #"line 1, column 2: expected a name, found an empty one in "{\"\"} 1""#),
    RefusedText(
      "a{b=\"1\",b=\"2\"} 1",
      #"line 1, column 1: label "b" is given twice in "a{b=\"1\",b=\"2\"} 1""#),
    RefusedText(
      "a{__name__=\"b\"} 1",
      #"line 1, column 1: label "__name__" is given twice in "a{__name__=\"b\"} 1""#),
    RefusedText(
      "# HELP 1 x", ##"line 1, column 8: expected a metric name after HELP in "# HELP 1 x""##),
    RefusedText(
      "# TYPE \n", ##"line 1, column 8: expected a metric name after TYPE in "# TYPE ""##),
    RefusedText(
      "# HELP a-b x",
      ##"line 1, column 9: expected a blank after the metric name in "# HELP a-b x""##),
    RefusedText(
      "# TYPE a Counter",
      "line 1, column 10: unknown metric type \"Counter\", expected counter, gauge, histogram, "
        + ##"summary or untyped in "# TYPE a Counter""##),
    RefusedText(
      "a 1\nb 2", #"line 2, column 4: expected a line feed at the end of the text in "b 2""#,
      requiresFinalLineFeed: true),
    RefusedText(
      "# x", ##"line 1, column 4: expected a line feed at the end of the text in "# x""##,
      requiresFinalLineFeed: true),
  ]

  @Test(arguments: refused)
  func refusalNamesPlaceAndExpectation(_ row: RefusedText) {
    do {
      let entries = try readAll(row.text, requiresFinalLineFeed: row.requiresFinalLineFeed)
      Issue.record("read \(entries)")
    } catch {
      #expect(error.description == row.message)
    }
  }

  @Test(arguments: [
    Array("a{b=\"".utf8) + [0xFF] + Array("\"} 1\n".utf8),
    Array("{\"".utf8) + [0xC3] + Array("\"} 1\n".utf8),
    Array("# HELP a ".utf8) + [0x80] + Array("\n".utf8),
  ])
  func invalidUTF8IsRefused(_ text: [UInt8]) {
    #expect(throws: ExpositionError.self) { try readAll(text) }
    do {
      _ = try readAll(text)
    } catch {
      #expect(error.problem == .invalidUTF8)
    }
  }

  @Test func finalLineFeedIsEnoughWhereItIsRequired() throws {
    #expect(try readAll("a 1\n", requiresFinalLineFeed: true).count == 1)
    #expect(try readAll("", requiresFinalLineFeed: true).isEmpty)
    #expect(try readAll("a 1\n ", requiresFinalLineFeed: true).count == 1)
  }

  @Test func longLinesAreQuotedInPartOnly() {
    let text = "a{b=\"" + String(repeating: "x", count: 100_000) + "\"} y\n"
    do {
      _ = try readAll(text)
      Issue.record("a bad value was read")
    } catch {
      #expect(error.column == 100_009)
      #expect(error.excerpt.utf8.count <= 100)
      #expect(error.excerpt.hasSuffix("x\"} y"))
    }
  }

  @Test func megabyteLabelValueIsKeptWhole() throws {
    let value = String(repeating: "é", count: 500_000)
    let entries = try readAll("a{b=\"\(value)\"} 1\n")
    #expect(entries == [.sample(series("a", ["b": value]), 1)])
  }
}
