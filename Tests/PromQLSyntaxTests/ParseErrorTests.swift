import PromQLSyntax
import Testing

/// Messages and positions of texts that are no valid expressions. The words
/// are Prometheus's, since clients and people know them.
struct ParseErrorTests {
  private func check(
    _ text: String, _ message: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let (position, words) = message.splitAtPosition
    #expect(
      parseError(text)?.description == "\(position): parse error: \(words)",
      sourceLocation: sourceLocation)
  }

  @Test(arguments: [
    ("", "1:1 no expression found in input"),
    ("# only a comment\n\n", "1:1 no expression found in input"),
    ("1+", "1:3 unexpected end of input"), (".", "1:1 unexpected character: '.'"),
    ("$", "1:1 unexpected character: '$'"), ("é", "1:1 unexpected character: 'é'"),
    ("\u{A0}1", #"1:1 unexpected character: '\u00a0'"#),
    ("\u{01}", #"1:1 unexpected character: '\x01'"#),
    ("2.5.", #"1:1 bad number or duration syntax: "2.5.""#),
    ("100..4", #"1:1 bad number or duration syntax: "100..""#),
    ("0deadbeef", #"1:1 bad number or duration syntax: "0de""#),
    ("1_", #"1:1 bad number or duration syntax: "1_""#),
    ("1e", #"1:1 bad number or duration syntax: "1e""#),
    ("0x1.8", #"1:1 bad number or duration syntax: "0x1.""#),
    ("5mx", #"1:1 bad number or duration syntax: "5mx""#),
    ("0x + 1", #"1:1 error parsing number: strconv.ParseFloat: parsing "0x": invalid syntax"#),
    (
      "1e999", #"1:1 error parsing number: strconv.ParseFloat: parsing "1e999": value out of range"#
    ),
    ("1.5h", #"1:1 unknown unit "." in duration "1.5h""#),
    ("foo[5y1hs]", #"1:5 unknown unit "hs" in duration "5y1hs""#),
    ("foo[5m1]", #"1:5 bad number or duration syntax: "5m1""#),
    ("++-++-+-+-<", "1:11 unexpected <op:<>"), ("e-+=/(0)", #"1:4 unexpected "=""#),
    ("1m1h", #"1:1 not a valid duration string: "1m1h""#), ("300y", "1:1 duration out of range"),
    ("*1", "1:1 unexpected <op:*>"), ("(1))", "1:5 unexpected right parenthesis ')'"),
    ("((1)", "1:5 unclosed left parenthesis"), ("(", "1:2 unclosed left parenthesis"),
    ("foo[5m", "1:7 unclosed left bracket"),
    ("foo[", "1:5 unexpected end of input in duration expression"),
    ("foo]", "1:4 unexpected right bracket ']'"), ("foo[5[", "1:6 unexpected left bracket '['"),
    ("{", "1:2 unexpected end of input inside braces"), ("{{", "1:2 unexpected left brace '{'"),
    ("{a=1}", "1:4 unexpected character inside braces: '1'"),
    ("{a!}", "1:3 unexpected character after '!' inside braces: '}'"),
    ("1 !~ 1", "1:3 unexpected character after '!': '~'"),
    ("!", "1:1 unexpected character after '!': '\u{FFFD}'"),
    ("1 =~ 1", "1:3 unexpected character after '=': '~'"), ("1 = 1", #"1:3 unexpected "=""#),
    ("\"abc", "1:1 unterminated quoted string"), ("\"a\nb\"", "1:1 unterminated quoted string"),
    ("`abc", "1:1 unterminated raw string"), (#""\q""#, "1:1 unknown escape sequence U+0071 'q'"),
    (#""\'""#, "1:1 unknown escape sequence U+0027 '''"),
    (#""\"#, "1:1 escape sequence not terminated"),
    (#""\x4g""#, "1:1 illegal character U+0067 'g' in escape sequence"),
    (#""\400""#, "1:1 escape sequence is an invalid Unicode code point"),
    (#""\ud800""#, "1:1 escape sequence is an invalid Unicode code point"),
    (#""\U00110000""#, "1:1 escape sequence is an invalid Unicode code point"),
    ("'\u{FFFD}'", "1:1 invalid UTF-8 rune"),
    ("foo +\n  bar baz", #"2:7 unexpected identifier "baz""#),
    ("foo\r\n$", "2:1 unexpected character: '$'"),
  ])
  func textThatIsNoTokensIsRefused(text: String, message: String) {
    check(text, message)
  }

  @Test(arguments: [
    ("foo bar", #"1:5 unexpected identifier "bar""#),
    ("foo a:b", #"1:5 unexpected metric identifier "a:b""#),
    ("foo 5", #"1:5 unexpected number "5""#), ("foo 5m", #"1:5 unexpected duration "5m""#),
    ("foo 'abcdefghijkl'", #"1:5 unexpected string "'abcdefghi"..."#),
    ("foo sum", "1:5 unexpected <aggr:sum>"), ("foo bool", "1:5 unexpected <bool>"),
    ("foo start", #"1:5 unexpected "start""#),
    ("a - on(b) ignoring(c) d", "1:11 unexpected <ignoring>"),
    ("a * group_left(x) b", "1:5 unexpected <group_left>"), ("on", "1:1 unexpected <on>"),
    ("sum(foo bar)", #"1:9 unexpected identifier "bar" in aggregation"#),
    ("sum by (x) foo", #"1:12 unexpected identifier "foo" in aggregation"#),
    ("sum by x (foo)", #"1:8 unexpected identifier "x" in grouping opts, expected "(""#),
    ("sum by (5) (foo)", #"1:9 unexpected number "5" in grouping opts, expected label"#),
    ("sum by (without) (foo)", "1:9 unexpected <without> in grouping opts, expected label"),
    (
      "sum by (a b) (foo)", #"1:11 unexpected identifier "b" in grouping opts, expected "," or ")""#
    ),
    ("sum by (a,,) (foo)", #"1:11 unexpected "," in grouping opts, expected label"#),
    ("sum by ('') (foo)", #"1:9 invalid label name for grouping: """#),
    ("sum()", "1:1 no arguments for aggregate expression provided"),
    (
      "topk(a)",
      "1:1 wrong number of arguments for aggregate expression provided, expected 2, got 1"
    ),
    (
      "sum(a, b)",
      "1:1 wrong number of arguments for aggregate expression provided, expected 1, got 2"
    ),
    ("sum by (x) by (y) (a)", "1:12 unexpected <by> in aggregation"),
    ("rate(foo[5m],)", "1:13 trailing commas not allowed in function call args"),
    ("rate(,)", #"1:6 unexpected ",""#),
    ("nothing(1)", #"1:1 unknown function with name "nothing""#),
    ("Rate(foo[5m])", #"1:1 unknown function with name "Rate""#),
    (
      "{a b}", #"1:4 unexpected identifier "b" in label matching, expected label matching operator"#
    ),
    ("{a=b}", #"1:4 unexpected identifier "b" in label matching, expected string"#),
    ("{a='b' c}", #"1:8 unexpected identifier "c" in label matching, expected "," or "}""#),
    ("{,}", #"1:2 unexpected "," in label matching, expected identifier or "}""#),
    ("{a='b',,}", #"1:8 unexpected "," in label matching, expected identifier or "}""#),
    ("{a=='b'}", #"1:4 unexpected "=" in label matching, expected string"#),
    ("foo{a=~'(x'}", "1:5 error parsing regexp: missing closing ): `(x`"),
    (
      "foo offset",
      "1:11 unexpected end of input in offset, expected number, duration, step(), or range()"
    ),
    (
      "foo offset (5 6)",
      #"1:15 unexpected number "6" in offset, expected number, duration, step(), or range()"#
    ),
    ("foo offset 1s offset 2s", "1:1 offset may not be set multiple times"),
    (
      "1 offset 1d",
      "1:1 offset modifier must be preceded by an instant vector selector or range vector selector or a subquery"
    ),
    (
      "(foo) @ 1",
      "1:1 @ modifier must be preceded by an instant vector selector or range vector selector or a subquery"
    ),
    ("foo @ bar", #"1:7 unexpected identifier "bar" in @, expected timestamp"#),
    ("foo @ start", "1:12 unexpected end of input in @, expected timestamp"),
    ("foo @ 1 @ 2", "1:1 @ <timestamp> may not be set multiple times"),
    ("foo @ inf", "1:1 timestamp out of bounds for @ modifier: +Inf"),
    (
      "foo @ 1e300",
      "1:1 timestamp out of bounds for @ modifier: 1\(String(repeating: "0", count: 300)).000000"
    ),
    (
      "foo[]",
      #"1:5 unexpected "]" in subquery or range selector, expected number, duration, step(), or range()"#
    ),
    ("foo[5m 6m]", #"1:8 unexpected duration "6m" in subquery or range, expected ":" or "]""#),
    ("foo[5m:1m:1m]", "1:10 unexpected colon ':'"),
    ("foo[:5m]", "1:6 unexpected colon before duration in duration expression"),
    ("foo[5m:1m 2m]", #"1:11 unexpected duration "2m" in subquery selector, expected "]""#),
    ("foo[bar]", "1:5 unexpected character in duration expression: 'b'"),
    ("foo[5m:bar]", "1:8 unexpected character: 'b', expected ':'"),
    ("foo[0]", "1:5 duration must be greater than 0"),
    ("foo[-1m:]", "1:5 duration must be greater than 0"),
    ("foo[5m:0s]", "1:8 duration must be greater than 0"),
    ("foo[1e10]", "1:5 duration out of range"),
    ("foo[5m/0]", "1:7 division by zero"), ("foo[5m%0]", "1:7 modulo by zero"),
    ("sum(foo)[5m]", "1:9 ranges only allowed for vector selectors"),
    ("foo offset 1m[5m]", "1:14 no offset modifiers allowed before range"),
    ("foo @ 1 [5m]", "1:9 no @ modifiers allowed before range"),
    ("foo anchored smoothed", "1:1 anchored and smoothed modifiers cannot be used together"),
    ("foo[5m:] anchored", "1:1 anchored modifier is not supported for subqueries"),
    ("1 smoothed", "1:1 smoothed modifier not implemented"),
    ("a + fill(x) b", #"1:10 unexpected identifier "x""#),
    ("a + fill() b", #"1:10 unexpected ")""#),
  ])
  func tokensOutOfOrderAreRefused(text: String, message: String) {
    check(text, message)
  }

  @Test(arguments: [
    ("{}", "1:1 vector selector must contain at least one non-empty matcher"),
    ("{a=''}", "1:1 vector selector must contain at least one non-empty matcher"),
    ("{a=~'.*'}", "1:1 vector selector must contain at least one non-empty matcher"),
    ("{a!~'x'}", "1:1 vector selector must contain at least one non-empty matcher"),
    (#"{""}"#, "1:1 vector selector must contain at least one non-empty matcher"),
    (#"foo{__name__="bar"}"#, #"1:1 metric name must not be set twice: "foo" or "bar""#),
    (#"foo{"bar"}"#, #"1:1 metric name must not be set twice: "foo" or "bar""#),
    (
      "rate(foo)", #"1:6 expected type range vector in call to function "rate", got instant vector"#
    ),
    (
      "abs(foo[5m])",
      #"1:5 expected type instant vector in call to function "abs", got range vector"#
    ),
    ("abs(1)", #"1:5 expected type instant vector in call to function "abs", got scalar"#),
    ("vector('x')", #"1:8 expected type scalar in call to function "vector", got string"#),
    (
      "label_join(a, 'b', 'c', 'd', 1)",
      #"1:30 expected type string in call to function "label_join", got scalar"#
    ),
    ("time(1)", #"1:1 expected 0 argument(s) in call to "time", got 1"#),
    ("rate()", #"1:1 expected 1 argument(s) in call to "rate", got 0"#),
    ("round()", #"1:1 expected at least 1 argument(s) in call to "round", got 0"#),
    ("round(a, 1, 2)", #"1:1 expected at most 2 argument(s) in call to "round", got 3"#),
    ("label_join(a, 'b')", #"1:1 expected at least 3 argument(s) in call to "label_join", got 2"#),
    (
      "histogram_quantiles(a, 'q', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)",
      #"1:1 expected at most 12 argument(s) in call to "histogram_quantiles", got 13"#
    ),
    ("info(a, b)", "1:9 expected label selectors only, got vector selector instead"),
    ("info(a, sum(b))", "1:9 expected label selectors only"),
    ("info(a, 1)", #"1:1 expected type instant vector in call to function "info", got scalar"#),
    ("sum(1)", "1:5 expected type instant vector in aggregation expression, got scalar"),
    ("topk('x', a)", "1:6 expected type scalar in aggregation parameter, got string"),
    ("count_values(5, a)", "1:14 expected type string in aggregation parameter, got scalar"),
    ("1 and 1", #"1:1 set operator "and" not allowed in binary scalar expression"#),
    ("a or 1", #"1:1 set operator "or" not allowed in binary scalar expression"#),
    ("1 == 1", "1:3 comparisons between scalars must use BOOL modifier"),
    ("a + bool b", "1:3 bool modifier can only be used on comparison operators"),
    ("'x' + 1", "1:1 binary expression must contain only scalar and instant vector types"),
    ("1 + a[5m]", "1:5 binary expression must contain only scalar and instant vector types"),
    ("a + on(b) 1", "1:1 vector matching only allowed between instant vectors"),
    ("a + fill(1) 1", "1:1 filling in missing series only allowed between instant vectors"),
    ("a and fill(1) b", "1:1 filling in missing series not allowed for set operators"),
    ("a and on(x) group_left() b", #"1:1 no grouping allowed for "and" operation"#),
    ("a * on(x) group_left(x) b", #"1:3 label "x" must not occur in ON and GROUP clause at once"#),
    (
      "-'x'",
      #"1:1 unary expression only allowed on expressions of type scalar or instant vector, got "string""#
    ),
    (
      "-a[5m]",
      #"1:1 unary expression only allowed on expressions of type scalar or instant vector, got "range vector""#
    ),
    ("a[5m][5m:]", "1:1 subquery is only allowed on instant vector, got matrix instead"),
    ("1[5m:]", "1:1 subquery is only allowed on instant vector, got scalar instead"),
    ("abs(rate(a) + )", #"1:15 unexpected ")""#),
  ])
  func expressionWithoutMeaningIsRefused(text: String, message: String) {
    check(text, message)
  }

  @Test(arguments: [
    (
      "limitk(1, a)",
      "1:1 limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions"
    ),
    ("info(a)", #"1:1 function "info" is not enabled"#),
    ("a anchored", "1:1 anchored modifier is experimental and not enabled"),
    ("a + fill(1) b", "1:1 binop fill modifiers are experimental and not enabled"),
  ])
  func disabledFeatureIsRefused(text: String, message: String) {
    var options = testOptions
    options.features = []
    let (position, words) = message.splitAtPosition
    #expect(
      parseError(text, options: options)?.description == "\(position): parse error: \(words)")
  }

  @Test func errorKeepsItsDataApartFromItsWords() throws {
    let error = try #require(parseError("sum(foo\n  bar)"))
    #expect(
      error.kind
        == .syntax(
          .unexpected(token: #"identifier "bar""#, context: .aggregation, expected: "")))
    #expect(error.sourceRange == SourceRange(10, 13))
    #expect(error.position == SourcePosition(line: 2, column: 3))
  }
}

extension String {
  /// The text before and behind the first blank.
  fileprivate var splitAtPosition: (position: Substring, words: Substring) {
    let blank = firstIndex(of: " ") ?? endIndex
    return (self[..<blank], self[blank...].dropFirst())
  }
}
