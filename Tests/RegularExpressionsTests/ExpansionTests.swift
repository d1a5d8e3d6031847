import RegularExpressions
import Testing

/// An expression, a text it is matched with, a template and what comes out.
struct ExpansionRow: Sendable, CustomTestStringConvertible {
  var source: String
  var text: String
  var template: String
  var expected: String?

  init(_ source: String, _ text: String, _ template: String, _ expected: String?) {
    self.source = source
    self.text = text
    self.template = template
    self.expected = expected
  }

  var testDescription: String { "\(source) on \(text) into \(template)" }
}

@Suite struct ExpansionTests {
  @Test(arguments: [
    ExpansionRow("(.*)", "abc", "$1", "abc"),
    ExpansionRow("(.*)", "", "$1", ""),
    ExpansionRow("(.*):(.*)", "host:90", "$2-${1}", "90-host"),
    ExpansionRow("(.*):(.*)", "host:90", "${1}x$1x", "hostx"),
    ExpansionRow("(.*):(.*)", "host:90", "$0", "host:90"),
    ExpansionRow("(.*)", "a", "$2", ""),
    ExpansionRow("(.*)", "a", "$$1", "$1"),
    ExpansionRow("(.*)", "a", "$", "$"),
    ExpansionRow("(.*)", "a", "$-${}${1$1}", "$-${}${1a}"),
    ExpansionRow("(.*)", "a", "${1", "${1"),
    ExpansionRow("(.*)", "a", "$01", ""),
    ExpansionRow("(.*)", "a", "$99999999999999999999", ""),
    ExpansionRow("(.*)", "a", "plain", "plain"),
    ExpansionRow("(.*)", "a", "", ""),
    ExpansionRow("(?P<name>a+)(b)?", "aa", "<$name|${name}|$2|$other>", "<aa|aa||>"),
    ExpansionRow("(?<name>a+)(?<other>b)", "ab", "$other$name", "ba"),
    ExpansionRow("[(?<]+(?<name>a)", "<(?a", "$name", "a"),
    ExpansionRow("[](](?<b>x)\\Q(?<\\E(?<c>d)", "(x(?<d", "$b$c", "xd"),
    ExpansionRow("\\(?<b>\\Q(?<", "<b>(?<", "$0", "<b>(?<"),
    ExpansionRow("(?P<name>a+)", "a", "$name1 $name-é", " a-é"),
    ExpansionRow("(é+)(.)", "éé日", "$2$1", "日éé"),
    ExpansionRow("a(.*)", "ab\nc", "$1", "b\nc"),
    ExpansionRow("a", "b", "$0", nil),
    ExpansionRow("a", "aa", "$0", nil),
    ExpansionRow("a|ab", "ab", "$0", "ab"),
  ])
  func templatesAreFilledAsInGo(_ row: ExpansionRow) throws {
    let expression = try CapturingExpression(row.source)
    let template = ExpansionTemplate(row.template)
    #expect(expression.expansion(of: row.text, template: template) == row.expected)
    #expect(expression.matches(row.text) == (row.expected != nil))
  }

  @Test func mistakesAreReported() {
    #expect(throws: RegularExpressionError.self) { try CapturingExpression("(") }
  }
}
