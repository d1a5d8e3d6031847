import Testing

@testable import RegularExpressions

/// An expression, texts it matches and texts it doesn't.
struct MatchRow: Sendable, CustomTestStringConvertible {
  var source: String
  var matching: [String]
  var other: [String]

  init(_ source: String, matching: [String], other: [String]) {
    self.source = source
    self.matching = matching
    self.other = other
  }

  var testDescription: String { source }
}

@Suite struct RegularExpressionTests {
  @Test(arguments: [
    MatchRow("", matching: [""], other: ["a", "\n"]),
    MatchRow("a", matching: ["a"], other: ["", "aa", "b", "A"]),
    MatchRow("^a$", matching: ["a"], other: ["^a$", ""]),
    MatchRow("a.*", matching: ["a", "ab", "a\nb"], other: ["", "ba"]),
    MatchRow("a.+", matching: ["ab", "a\n"], other: ["a", "ba"]),
    MatchRow(".*a", matching: ["a", "\na", "aba"], other: ["", "ab"]),
    MatchRow(".*a.*", matching: ["a", "xax"], other: ["", "x"]),
    MatchRow(".+a.+", matching: ["xax", "aaa"], other: ["a", "xa", "ax", "aa"]),
    MatchRow(".*", matching: ["", "a", "\n", "é"], other: []),
    MatchRow(".+", matching: ["a", "\n", "é"], other: [""]),
    MatchRow("ab.*bc", matching: ["abbc", "abxbc"], other: ["abc", "ab"]),
    MatchRow("a.*b.+c", matching: ["abxc", "abbc", "a b b c"], other: ["abc", "ab"]),
    MatchRow("a|b||cd", matching: ["a", "b", "", "cd"], other: ["ab", "c", "d"]),
    MatchRow("a|b.*", matching: ["a", "b", "bx"], other: ["ax", ""]),
    MatchRow("(a|b)c(d|e)", matching: ["acd", "bce"], other: ["ac", "abcd"]),
    MatchRow("node-(1|2)\\.example", matching: ["node-1.example"], other: ["node-1xexample"]),
    MatchRow("(?i)a|b", matching: ["A", "B"], other: ["ab"]),
    MatchRow("(?i:a)b", matching: ["Ab"], other: ["AB"]),
    MatchRow("a.c", matching: ["a\nc", "aéc"], other: ["ac", "abbc"]),
    MatchRow("a{2}", matching: ["aa"], other: ["a", "a{2}"]),
    MatchRow("[ab]+", matching: ["abba"], other: ["", "c"]),
    MatchRow("\\d+", matching: ["12"], other: ["", "x"]),
    MatchRow("a\\Q.*\\E", matching: ["a.*"], other: ["ab"]),
    MatchRow("\\x41", matching: ["A"], other: ["x41"]),
    MatchRow("(?-s:a.b)", matching: ["axb"], other: ["a\nb"]),
    MatchRow("日.*語", matching: ["日本語", "日語"], other: ["日本"]),
    MatchRow("(?:a|b)?c", matching: ["c", "ac"], other: ["a"]),
  ])
  func textsAreMatchedFromEndToEnd(_ row: MatchRow) throws {
    let expression = try RegularExpression(row.source)
    for text in row.matching {
      #expect(expression.matches(text), "\(row.source) matches \(text)")
      #expect(expression.matches(unsafe text.utf8Span.span.bytes))
    }
    for text in row.other {
      #expect(!expression.matches(text), "\(row.source) does not match \(text)")
      #expect(!expression.matches(unsafe text.utf8Span.span.bytes))
    }
  }

  @Test(
    arguments: [
      ("a", ["a"]),
      ("", [""]),
      ("a|b|a", ["a", "b"]),
      ("(b|a)", ["a", "b"]),
      ("(?:b|a)|c", ["a", "b", "c"]),
      ("pre(a|b)", ["prea", "preb"]),
      ("(a|b)(c|d)x", ["acx", "adx", "bcx", "bdx"]),
      ("^a$|^b$", ["a", "b"]),
      ("a\\.b|c\\-d", ["a.b", "c-d"]),
      ("a||b", ["", "a", "b"]),
      ("a.*", nil),
      ("a.b", nil),
      ("(?i)a", nil),
      ("a?", nil),
      ("(a|b)+", nil),
      ("[ab]", nil),
    ] as [(String, [String]?)])
  func literalAlternativesAreFound(_ source: String, _ expected: [String]?) throws {
    #expect(try RegularExpression(source).literalAlternatives == expected)
  }

  @Test(
    arguments: [
      ("abc", "abc"),
      ("abc.*", "abc"),
      ("abd|abc.*", "ab"),
      ("abc.*|x", nil),
      (".*abc", nil),
      ("é1|è2", nil),
      ("ab[cd]", "ab"),
      ("ab\\.[cd]", "ab."),
      ("abc*", "ab"),
      ("abc?d", "ab"),
      ("ab+", "a"),
      ("a*b", nil),
      ("^ab\\d", "ab"),
      ("ab(c|d\\d)", "ab"),
      ("ab[c]|d", nil),
      ("ab\\d|cd", nil),
      ("ab\\Q(\\E|c", nil),
      ("(?i)ab", nil),
      ("ab(?i)?", "a"),
      ("ab\\Q\\E*", "a"),
      ("", nil),
    ] as [(String, String?)])
  func literalPrefixesAreFound(_ source: String, _ expected: String?) throws {
    #expect(try RegularExpression(source).literalPrefix == expected)
  }

  @Test func expressionsThatMatchEverythingAreKnown() throws {
    for source in [".*", "(.*)", "^.*$", "a|.*", ".*.*"] {
      #expect(try RegularExpression(source).matchesEverything, "\(source)")
    }
    for source in [".+", "", "a.*", "a"] {
      #expect(try !RegularExpression(source).matchesEverything, "\(source)")
    }
  }

  @Test(arguments: ["(", ")", "a)(b", "[", "*", "a**", "(?P<n", "\\", "a{1001}", "\\8", "(?z)"])
  func mistakesAreReportedWithTheExpression(_ source: String) {
    let error = #expect(throws: RegularExpressionError.self) { try RegularExpression(source) }
    guard case .malformed(source, let reason)? = error else {
      Issue.record("\(source): \(String(describing: error))")
      return
    }
    #expect(!reason.isEmpty)
  }

  @Test func errorsReadAsSentences() {
    let malformed = #expect(throws: RegularExpressionError.self) { try RegularExpression("a(b") }
    #expect(malformed?.description == "regular expression \"a(b\": missing ): a(b")
  }

  @Test func boundsOfLengthAndComplexityHold() throws {
    let longest = String(repeating: "a", count: RegularExpression.maximumLength)
    #expect(try RegularExpression(longest).matches(longest))
    #expect(
      throws: RegularExpressionError.tooLong(
        length: RegularExpression.maximumLength + 1, limit: RegularExpression.maximumLength)
    ) { try RegularExpression(longest + "a") }
    let explosive = "((\\pL{100}){100}){100}"
    let error = #expect(throws: RegularExpressionError.self) { try RegularExpression(explosive) }
    switch error {
    case .tooComplex(explosive), .malformed(explosive, _): break
    default: Issue.record("\(String(describing: error))")
    }
  }

  @Test func nestedGroupsUnfoldToNoMoreThanTheBound() throws {
    let product = String(repeating: "(a|b)", count: 30)
    let expression = try RegularExpression(product)
    #expect(expression.literalAlternatives == nil)
    #expect(expression.matches(String(repeating: "ab", count: 15)))
    #expect(!expression.matches(String(repeating: "ab", count: 16)))
    let deep = String(repeating: "(", count: 500) + "a" + String(repeating: ")", count: 500)
    #expect(try RegularExpression(deep).matches("a"))
  }

  @Test func aThousandLiteralsAreASet() throws {
    let names = (0..<1000).map { "node\($0)" }
    let expression = try RegularExpression(names.joined(separator: "|"))
    #expect(expression.literalAlternatives == names.sorted())
    #expect(names.allSatisfy { expression.matches($0) })
    #expect(!expression.matches("node1000"))
  }

  @Test func expressionsThatMakeOthersBacktrackEnd() throws {
    let text = String(repeating: "a", count: 20_000)
    #expect(try !RegularExpression("(a*)*b").matches(text))
    #expect(try !RegularExpression("(x+x+)+y").matches(text))
    #expect(try !RegularExpression(".*a.*a.*a.*a.*a.*b").matches(text))
  }

  @Test func bytesThatAreNotUTF8CountAsOneCharacterEach() throws {
    let bytes: [UInt8] = [0x61, 0xFF, 0xC3, 0x62]
    let span = unsafe bytes.span.bytes
    #expect(try RegularExpression("a.*b").matches(span))
    #expect(try RegularExpression("a..b").matches(span))
    #expect(try RegularExpression("a\u{FFFD}{2}b").matches(span))
    #expect(try !RegularExpression("a.b").matches(span))
  }
}
