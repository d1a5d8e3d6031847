import PromQLSyntax
import SeriesModel
import Testing

/// Query texts and how they are printed.
struct ParserTests {
  @Test(arguments: [
    // Literals.
    ("1", "1"), ("+1", "1"), ("- 1", "-1"), (".5", "0.5"), ("5.", "5"), ("1e3", "1000"),
    ("1.5E-2", "0.015"), ("1_000.25", "1000.25"), ("0x1F", "31"), ("0X_ff", "255"),
    ("010", "8"), ("08", "8"), ("0_17", "15"), ("1e21", "1000000000000000000000"),
    ("inf", "+Inf"), ("-Inf", "-Inf"), ("nAn", "NaN"),
    ("123456789012345678901", "123456789012345680000"),
    ("1h30m", "1h30m"), ("-5m", "-5m"), ("90m", "1h30m"), ("7d", "1w"), ("8d", "8d"),
    ("365d", "1y"), ("1500ms", "1s500ms"), ("0s", "0s"), ("36h", "1d12h"),
    (#""a\tb""#, #""a\tb""#), (#"'it\'s'"#, #""it's""#),
    (#"'\101\x42\u0043\U00000044'"#, #""ABCD""#), ("`raw\\n\"`", #""raw\\n\"""#),
    (#""a\xc5z""#, #""a\xc5z""#), (#""\xc3\xa9""#, "\"é\""),
    // Selectors.
    ("foo", "foo"), ("foo:bar", "foo:bar"), (":x", ":x"), ("foo{}", "foo"),
    (#"foo{b='1',a!="2",}"#, #"foo{a!="2",b="1"}"#),
    (#"{a=~"x.*", b!~'y|', c="1"}"#, #"{a=~"x.*",b!~"y|",c="1"}"#),
    (#"{"x y", a="b"}"#, #"{__name__="x y",a="b"}"#),
    (#"{"a\x80\u031a"}"#, "{__name__=\"a\\ufffd\u{31A}\"}"),
    (#"{"foo"}"#, #"{__name__="foo"}"#), (#"foo{"l b"="c"}"#, #"foo{"l b"="c"}"#),
    (#"foo{by="1",offset="2"}"#, #"foo{by="1",offset="2"}"#),
    (#"offset{step="1s"}[5m]"#, #"offset{step="1s"}[5m]"#), ("SUM", "SUM"),
    ("and", "and"), ("and and and", "and and and"), ("by", "by"), ("fill", "fill"),
    ("fill + fill_left", "fill + fill_left"), ("anchored", "anchored"), ("start", "start"),
    ("foo # a comment\n", "foo"), ("foo{ # c\n a='1' # d\n}", #"foo{a="1"}"#),
    // Modifiers.
    ("foo offset 5m", "foo offset 5m"), ("foo offset -5m", "foo offset -5m"),
    ("foo offset 300", "foo offset 5m"), ("foo OFFSET 1.5", "foo offset 1s500ms"),
    ("foo @ 1.5", "foo @ 1.500"), ("foo @ -1e3", "foo @ -1000.000"), ("foo @ 1m", "foo @ 60.000"),
    ("foo @ start()", "foo @ start()"), ("foo[5m] @ end()", "foo[5m] @ end()"),
    ("foo offset 5m @ 10", "foo @ 10.000 offset 5m"),
    ("foo @ 10 offset 5m", "foo @ 10.000 offset 5m"), ("foo[300]", "foo[5m]"),
    ("foo[5m] smoothed", "foo[5m] smoothed"), ("foo anchored", "foo anchored"),
    ("foo smoothed offset 1m", "foo smoothed offset 1m"),
    ("foo[1m] anchored @ 1 offset 2m", "foo[1m] anchored @ 1.000 offset 2m"),
    // Subqueries.
    ("foo[1h:5m]", "foo[1h:5m]"), ("foo[1h:]", "foo[1h:]"),
    ("rate(foo[5m])[1h:1m] offset 2m @ 3", "rate(foo[5m])[1h:1m] @ 3.000 offset 2m"),
    ("foo offset 1m[5m:]", "foo offset 1m[5m:]"),
    // Operators.
    ("1+2*3^4", "1 + 2 * 3 ^ 4"), ("-1^2", "-1 ^ 2"),
    ("2 ^ +inf ^ a", "2 ^ +Inf ^ a"), ("2 ^ inf ^ a", "2 ^ Inf ^ a"), ("-inf ^ a", "-Inf ^ a"),
    ("inf ^ inf * inf", "Inf ^ +Inf * +Inf"), ("-foo", "-foo"), ("+foo", "+foo"),
    ("--foo", "--foo"), ("a atan2 b", "a atan2 b"), ("a ==bool b", "a == bool b"),
    ("a</0.5", "a </ 0.5"), ("a >/ 0.5", "a >/ 0.5"), ("a unless b", "a unless b"),
    ("a + on(x,y,) b", "a + on (x, y) b"), ("a + ignoring() b", "a + b"),
    ("a + on() b", "a + on () b"), ("a * ON(x) GROUP_LEFT b", "a * on (x) group_left () b"),
    ("a * ignoring(x) group_right(y, z) b", "a * ignoring (x) group_right (y, z) b"),
    ("a and on(\"x y\") b", "a and on (\"x y\") b"),
    ("a + fill(0) b", "a + fill (0) b"), ("a + fill_left(-1m) b", "a + fill_left (-60) b"),
    ("a + on(x) fill_right(2) fill_left(1) b", "a + on (x) fill_left (1) fill_right (2) b"),
    ("a + on(sum, by, start, bool, atan2) b", "a + on (sum, by, start, bool, atan2) b"),
    // Aggregations and calls.
    ("sum(a)", "sum(a)"), ("sum by (x) (a)", "sum by (x) (a)"),
    ("sum(a) by (x, y,)", "sum by (x, y) (a)"), ("sum(a) without ()", "sum without () (a)"),
    ("sum by () (a)", "sum(a)"), ("Topk(5, a)", "topk(5, a)"),
    ("sum by(a:b)(c)", "sum by (\"a:b\") (c)"),
    ("count_values('v', a)", "count_values(\"v\", a)"),
    ("limit_ratio(-.5, a)", "limit_ratio(-0.5, a)"),
    ("quantile without (x) (time(), a)", "quantile without (x) (time(), a)"),
    ("sum without (x) (a) + b", "sum without (x) (a) + b"), ("hour()", "hour()"),
    ("round(a, 5)", "round(a, 5)"), ("round(a)", "round(a)"),
    ("step() + start()", "step() + start()"),
    ("min_of(1, 2)", "min_of(1, 2)"), (#"label_join(a, "b", "")"#, #"label_join(a, "b", "")"#),
    (#"info(a, {b=~".*"})"#, #"info(a, {b=~".*"})"#), ("info(a)", "info(a)"),
    ("info(a, {})", "info(a, {})"),
    ("((1))", "((1))"), (" ( foo ) \n", "(foo)"),
  ])
  func expressionIsPrintedAsPrometheusDoes(text: String, printed: String) throws {
    let expression = try parsed(text)
    #expect(expression.description == printed)
    #expect(try parsed(printed).description == printed)
  }

  @Test(arguments: [
    ("foo[5m+1]", "foo[5m + 1]"), ("foo[-5m+35m]", "foo[-5m + 35m]"),
    ("foo[(9m30s+30s)*3]", "foo[(9m30s + 30s) * 3]"), ("foo[1h30m % 1h]", "foo[1h30m % 1h]"),
    ("foo[step()]", "foo[step()]"), ("foo[1+(STep()-5)*2]", "foo[1 + (step() - 5) * 2]"),
    ("foo[min_of(step()+1,1h)]", "foo[min_of(step() + 1, 1h)]"),
    ("foo[((max_of(range(),1ms)))]", "foo[((max_of(range(), 1ms)))]"),
    ("foo[29s+1s:20*500ms]", "foo[29s + 1s:20 * 500ms]"), ("foo[5m:step()]", "foo[5m:step()]"),
    ("foo[2^3^2]", "foo[2 ^ 3 ^ 2]"), ("foo[-step()+5m]", "foo[-step() + 5m]"),
    ("foo offset (100 + 2)", "foo offset (100 + 2)"), ("foo offset -(2*2)", "foo offset -(2 * 2)"),
    ("foo offset +step()", "foo offset step()"), ("foo offset -range()", "foo offset -range()"),
    ("foo offset (-step()*2)", "foo offset (-step() * 2)"),
    ("foo offset -max_of(3s, step())", "foo offset -max_of(3s, step())"),
    ("foo offset (2*2)*3", "foo offset (2 * 2) * 3"),
    ("foo offset (1) @ 10 * 3", "foo offset (1) @ 10.000 * 3"),
    ("foo offset (2)*3 smoothed + 1", "foo offset (2) * 3 smoothed + 1"),
    ("foo offset -(2) @ 10 * 3", "foo @ 10.000 offset -(2) * 3"), ("foo[(5)]", "foo[(5)]"),
    ("foo[0.0001]", "foo[0.0001]"), ("foo[ 5m : 1m ]", "foo[5m:1m]"),
  ])
  func durationMayBeAnExpression(text: String, printed: String) throws {
    #expect(try parsed(text).description == printed)
    #expect(try parsed(printed).description == printed)
  }

  /// A fully parenthesized copy shows which operands belong together.
  @Test(arguments: [
    ("1 + 2 * 3", "(1 + (2 * 3))"), ("1 - 2 - 3", "((1 - 2) - 3)"),
    ("2 ^ 3 ^ 4", "(2 ^ (3 ^ 4))"), ("-a ^ 2", "(-(a ^ 2))"), ("-a * 2", "((-a) * 2)"),
    ("2 ^ -a * 4", "((2 ^ (-a)) * 4)"), ("a or b and c", "(a or (b and c))"),
    ("a and b unless c or d", "(((a and b) unless c) or d)"),
    ("a == b + c", "(a == (b + c))"), ("a % b atan2 c", "((a % b) atan2 c)"),
    ("a offset 2 ^ 2", "(a offset 2s ^ 2)"), ("a offset -2 * 2", "(a offset -2s * 2)"),
    ("a offset -(step()) + 8", "(a offset -(step()) + 8)"), ("-a offset 5m", "(-a offset 5m)"),
    ("a + b offset 5m", "(a + b offset 5m)"), ("a > b </ c", "((a > b) </ c)"),
    ("a offset min_of(1, 2) ^ 0", "(a offset min_of(1, 2) ^ 0)"),
  ])
  func operatorsBindByPrecedence(text: String, grouped: String) throws {
    #expect(grouping(try parsed(text)) == grouped)
  }

  private func grouping(_ expression: Expression) -> String {
    switch expression {
    case .binary(let node):
      "(\(grouping(node.left)) \(node.operation.rawValue) \(grouping(node.right)))"
    case .unary(let node): "(\(node.isNegation ? "-" : "+")\(grouping(node.operand)))"
    default: expression.description
    }
  }

  @Test func matchingIsCompletedByTheOperands() throws {
    func matching(_ text: String) throws -> VectorMatching? {
      guard case .binary(let node) = try parsed(text) else { return nil }
      return node.matching
    }
    #expect(try matching("1 + 2") == nil)
    #expect(try matching("a + 2") == nil)
    #expect(try matching("a + b") == VectorMatching(cardinality: .oneToOne))
    #expect(try matching("a or b") == VectorMatching(cardinality: .manyToMany))
    #expect(
      try matching("a * on (x) group_right (y) fill (0) b")
        == VectorMatching(
          cardinality: .oneToMany, labels: ["x"], isOn: true, includedLabels: ["y"], leftFill: 0,
          rightFill: 0))
  }

  @Test func selectorKeepsItsNameAndMatchers() throws {
    guard case .vectorSelector(let node) = try parsed(#"foo{b="1",a=~"x"}"#) else {
      Issue.record("no selector")
      return
    }
    #expect(node.name == "foo")
    #expect(
      node.matchers == [
        Matcher("__name__", .equal, "foo"), Matcher("b", .equal, "1"),
        Matcher("a", .matchesRegex, "x"),
      ])
  }

  @Test func stringKeepsBytesThatAreNoUnicode() throws {
    guard case .string(let node) = try parsed(#""a\xc5z""#) else {
      Issue.record("no string")
      return
    }
    #expect(node.value == "a\u{FFFD}z")
    #expect(node.malformedBytes == [0x61, 0xC5, 0x7A])
    #expect(node.quoted == #""a\xc5z""#)
  }

  @Test(arguments: [
    ("  foo offset 5m ", "foo offset 5m"), ("foo[5m] @ 3 # x", "foo[5m] @ 3"),
    ("\n sum(a) by (b) ", "sum(a) by (b)"), ("  foo[1h:] ", "foo[1h:]"),
    (" rate( foo[5m] ) ", "rate( foo[5m] )"), ("( 1 )", "( 1 )"), (" a + b ", "a + b"),
    (" foo[5m] anchored", "foo[5m] anchored"), (" - 5 ", "- 5"), (" -foo ", "-foo"),
  ])
  func sourceRangeCoversTheExpression(text: String, covered: String) throws {
    let range = try parsed(text).sourceRange
    let bytes = Array(text.utf8)[range.start..<range.end]
    #expect(String(decoding: bytes, as: UTF8.self) == covered)
  }

  @Test(arguments: [
    ("foo", [Matcher("__name__", .equal, "foo")]),
    ("{a=''}", [Matcher("a", .equal, "")]),
    ("{}", []),
    (#"up{job=~"x"}"#, [Matcher("__name__", .equal, "up"), Matcher("job", .matchesRegex, "x")]),
    (" sum # c", [Matcher("__name__", .equal, "sum")]),
  ])
  func metricSelectorIsParsedAlone(text: String, matchers: [Matcher]) throws {
    #expect(try Parser.parseMetricSelector(text, options: testOptions) == matchers)
  }

  @Test(arguments: [
    ("", "1:1: parse error: unexpected end of input"),
    ("foo[5m]", #"1:4: parse error: unexpected "[""#),
    ("foo offset 5m", "1:5: parse error: unexpected <offset>"),
    ("1", #"1:1: parse error: unexpected number "1""#),
    ("sum(foo)", #"1:4: parse error: unexpected "(""#),
    ("foo{a=~'(b'}", "1:5: parse error: error parsing regexp: missing closing ): `(b`"),
  ])
  func metricSelectorIsNothingElse(text: String, message: String) {
    do throws(ParseError) {
      _ = try Parser.parseMetricSelector(text, options: testOptions)
      Issue.record("no error for \(text)")
    } catch {
      #expect(error.description == message)
    }
  }
}
