import PromQLSyntax
import SeriesModel
import TestSupport
import Testing

/// Text that nobody would write: it may only be refused, in bounded time and on
/// a small stack.
struct HostileInputTests {
  /// Texts whose trees have about `count` levels.
  static let nestings: [@Sendable (Int) -> String] = [
    { String(repeating: "(", count: $0) + "1" + String(repeating: ")", count: $0) },
    { String(repeating: "(", count: $0) },
    { String(repeating: "-", count: $0) + "a" },
    { "a" + String(repeating: "+a", count: $0) },
    { "1" + String(repeating: "^1", count: $0) },
    { String(repeating: "abs(", count: $0) + "a" + String(repeating: ")", count: $0) },
    { String(repeating: "sum by (x) (", count: $0) + "a" + String(repeating: ")", count: $0) },
    { "a" + String(repeating: "[1m:]", count: $0) },
    {
      String(repeating: "sum_over_time(", count: $0) + "a" + String(repeating: "[1m:])", count: $0)
    },
    { "a[" + String(repeating: "(", count: $0) + "1" + String(repeating: ")", count: $0) + "]" },
    { "a[1" + String(repeating: "+1", count: $0) + "]" },
    { "a[" + String(repeating: "-", count: $0) + "step()]" },
    {
      "a[" + String(repeating: "min_of(1,", count: $0) + "1" + String(repeating: ")", count: $0)
        + "]"
    },
    {
      String(repeating: "1 or 1 and 1 == 1 + 1 * 1 ^ (", count: $0) + "1"
        + String(repeating: ")", count: $0)
    },
    { String(repeating: "1 or 1 and 1 == 1 + 1 * 1 ^ -abs(", count: $0) + "1" },
  ]

  @Test(arguments: nestings.indices)
  func deepNestingIsRefused(index: Int) {
    withSmallStack {
      guard case .tooDeep = parseError(Self.nestings[index](20_000))?.kind else {
        Issue.record("no fault of depth")
        return
      }
    }
  }

  /// The deepest tree that is accepted can also be printed and freed.
  @Test(arguments: nestings.indices)
  func deepestAcceptedTreeFitsASmallStack(index: Int) {
    withSmallStack {
      var count = ParserOptions.defaultMaximumDepth
      var printed: String?
      while count > 0, printed == nil {
        printed = (try? parsed(Self.nestings[index](count)))?.description
        count -= 1
      }
      guard let printed else { return }
      #expect(parseError(printed) == nil)
    }
  }

  @Test(arguments: [
    "a or ", "((", "foo{a=\"", "\\", "[", "1m", "# ", "foo[5m:1m] offset ", "é", "'\u{0}", "@",
    "{a='b',",
    "sum by (a,", "1_", "0x", "9", "fill_left(",
  ])
  func longTextIsRefused(part: String) {
    let text = String(repeating: part, count: (1 << 18) / part.utf8.count)
    #expect(parseError(text) != nil)
    #expect(throws: ParseError.self) {
      try Parser.parseMetricSelector(text, options: testOptions)
    }
  }

  @Test func longMatcherIsAccepted() throws {
    let value = String(repeating: "x|", count: 1 << 18) + "y"
    #expect(try parsed("{a=~\"\(value)\"}").description.utf8.count == value.utf8.count + 7)
  }

  @Test func textBeyondTheLimitIsRefusedUnread() {
    let text = String(repeating: "(", count: (1 << 20) + 1)
    let error = parseError(text)
    #expect(error?.kind == .tooLong(byteCount: text.utf8.count, maximum: 1 << 20))
    #expect(
      error?.description
        == "1:1: parse error: query has 1048577 bytes, the limit is 1048576: "
        + "shorten it, or split it")
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func randomTextNeverTraps(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let pieces = [
      "foo", "sum", "by", "(", ")", "{", "}", "[", "]", ",", "=", "=~", "!=", "!~", "\"x\"", "'y'",
      "`z`", "5m", "1", "0x1F", "1e3", "+", "-", "*", "/", "%", "^", "==", "</", ">/", "and", "or",
      "unless", "bool", "on", "ignoring", "group_left", "offset", "@", "start", "end", "step",
      "range",
      "min_of", "fill", ":", "anchored", "smoothed", "rate", "#", "\n", " ", "\\", "é", "\u{FFFD}",
      "\"",
    ]
    for _ in 0..<2000 {
      let count = generator.number(below: 24)
      let text = (0..<count).map { _ in generator.pick(pieces) + generator.pick(["", " "]) }
        .joined()
      checkOutcome(text)
      let noise = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      checkOutcome(String(decoding: noise, as: UTF8.self))
    }
  }

  /// Whatever is accepted is printed as something that is accepted, and every
  /// error points into the text.
  private func checkOutcome(_ text: String) {
    do throws(ParseError) {
      let expression = try parsed(text)
      let printed = expression.description
      #expect(parseError(printed) == nil, "\(text)")
    } catch {
      #expect(error.sourceRange.start <= error.sourceRange.end, "\(text)")
      #expect(error.sourceRange.end <= text.utf8.count, "\(text)")
      #expect(!error.message.isEmpty)
    }
  }
}
