import SeriesModel

/// Why a text exposition could not be read, and where.
package struct ExpositionError: Error, Equatable, Sendable {
  /// What is wrong.
  package enum Problem: Equatable, Sendable {
    /// A line starts with neither a comment, a metric name nor `{`.
    case expectedSeries
    /// `# HELP` or `# TYPE` is not followed by the name of a metric family.
    case expectedFamilyName(after: String)
    /// The name of a metric family is followed by neither a blank nor the end.
    case expectedBlankAfterFamilyName
    /// `# TYPE` names no type that the format knows.
    case unknownType(String)
    /// Braces hold something that is no label name.
    case expectedLabelName
    /// A label name is not followed by `=`.
    case expectedEquals
    /// `=` is not followed by a value in double quotes.
    case expectedLabelValue
    /// A double quote is not closed on its line.
    case unclosedQuote
    /// A quoted metric name stands beside another metric name.
    case secondMetricName
    /// The braces hold no metric name and none stands before them.
    case missingMetricName
    /// A name in double quotes is empty.
    case emptyName
    /// The same label name stands twice in one series.
    case repeatedLabel(String)
    /// The labels of one series together are too long to be stored.
    case oversizedLabels
    /// A name, a label value or a help text is not UTF-8.
    case invalidUTF8
    /// A series is not followed by a value.
    case expectedValue
    /// The value is no number.
    case invalidValue(String)
    /// What follows the value is no whole number of milliseconds.
    case invalidTimestamp(String)
    /// Something follows the timestamp.
    case expectedLineEnd
    /// The line ends with a carriage return before its line feed.
    case carriageReturn
    /// The last line does not end with a line feed where it must.
    case missingFinalLineFeed
  }

  /// What is wrong.
  package let problem: Problem
  /// The line, counted from 1.
  package let line: Int
  /// The column in characters, counted from 1.
  package let column: Int
  /// The text of the line, shortened to a bounded length.
  package let excerpt: String
}

extension ExpositionError: CustomStringConvertible {
  /// The problem in a sentence that starts with `line L, column C:`.
  package var description: String {
    "line \(line), column \(column): \(problem) in \(excerpt.quotedForPromQL)"
  }
}

extension ExpositionError.Problem: CustomStringConvertible {
  /// What is wrong and what was expected.
  package var description: String {
    switch self {
    case .expectedSeries:
      "expected a metric name, \"{\" or \"#\" at the start of a line"
    case .expectedFamilyName(let keyword):
      "expected a metric name after \(keyword)"
    case .expectedBlankAfterFamilyName:
      "expected a blank after the metric name"
    case .unknownType(let type):
      "unknown metric type \(type.quotedForPromQL), "
        + "expected counter, gauge, histogram, summary or untyped"
    case .expectedLabelName: "expected a label name or \"}\""
    case .expectedEquals: "expected \"=\" after the label name"
    case .expectedLabelValue: "expected a label value in double quotes"
    case .unclosedQuote: "expected a closing double quote before the end of the line"
    case .secondMetricName: "expected one metric name, found a second one"
    case .missingMetricName: "expected a metric name before or inside the braces"
    case .emptyName: "expected a name, found an empty one"
    case .repeatedLabel(let name): "label \(name.quotedForPromQL) is given twice"
    case .oversizedLabels: "the labels are too long"
    case .invalidUTF8: "invalid UTF-8"
    case .expectedValue: "expected a value after the series"
    case .invalidValue(let text): "expected a number as value, found \(text.quotedForPromQL)"
    case .invalidTimestamp(let text):
      "expected a timestamp in whole milliseconds or the end of the line, "
        + "found \(text.quotedForPromQL)"
    case .expectedLineEnd: "expected the end of the line after the timestamp"
    case .carriageReturn:
      "unexpected carriage return, lines end with a single line feed"
    case .missingFinalLineFeed: "expected a line feed at the end of the text"
    }
  }
}
