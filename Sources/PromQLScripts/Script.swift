import RegularExpressions
import SeriesModel

/// A test script: what to load, what to ask, and what to expect.
///
/// The language is *promqltest*, in which Prometheus tests its own engine.
/// All times are milliseconds since 1970-01-01T00:00Z.
package struct Script: Sendable {
  /// The commands in the order of the text.
  package var commands: [ScriptCommand]

  /// The evaluations among the commands.
  package var evaluations: [Evaluation] {
    commands.compactMap { command in
      if case .evaluate(let evaluation) = command { evaluation } else { nil }
    }
  }
}

/// One command of a script.
package enum ScriptCommand: Sendable {
  /// `clear`: forgets all samples.
  case clear
  /// `load`: adds samples.
  case load(Load)
  /// `eval`: asks, and compares the answer.
  case evaluate(Evaluation)
}

/// `load`: samples to add.
package struct Load: Sendable {
  /// The line of the command, counted from 1.
  package var line: Int
  /// The distance of the samples, in milliseconds.
  package var step: Int64
  /// The series; the first value of each is of the time 0.
  package var series: [LoadedSeries]
}

/// The samples of one series.
package struct LoadedSeries: Sendable {
  /// The labels, the metric name among them.
  package var labels: Labels
  /// The values, one for each step; nil for a step without sample.
  package var values: [NotedValue?]
  /// When the counter of each value began, relative to the value's time, in
  /// milliseconds; nil where that is not said. Empty when it is said of none.
  package var startOffsets: [Int64?]
}

/// A value as a script writes it.
package enum NotedValue: Sendable {
  case number(Double)
  /// `tellsHint` is true where the text names the counter reset hint.
  case histogram(NativeHistogram, tellsHint: Bool)
}

/// `eval`: a query, when it is evaluated, and what must come of it.
package struct Evaluation: Sendable {
  /// When a query is evaluated.
  package enum Time: Hashable, Sendable {
    case instant(Int64)
    /// Both ends are inclusive; the step is positive.
    case range(from: Int64, through: Int64, step: Int64)
  }

  /// The line of the command, counted from 1.
  package var line: Int
  /// The last line that belongs to it.
  package var lastLine: Int
  /// The query.
  package var expression: String
  /// When it is evaluated.
  package var time: Time
  /// What is expected of the value.
  package var value: ExpectedValue
  /// What is expected beside it.
  package var expectations: Expectations

  /// The command without what it expects.
  package var summary: String {
    switch time {
    case .instant(let time): "instant at \(timeText(time)): \(expression)"
    case .range(let from, let through, let step):
      "range from \(timeText(from)) to \(timeText(through)) step \(timeText(step)): \(expression)"
    }
  }
}

/// The value that a query must have.
package enum ExpectedValue: Sendable {
  /// These series and no others.
  case series([ExpectedSeries])
  /// A range vector, whose samples lie at the steps of a grid.
  case rangeVector([ExpectedSeries], from: Int64, through: Int64, step: Int64)
  case scalar(Double)
  case string(String)
}

/// A series that a result must have.
package struct ExpectedSeries: Sendable {
  /// The labels.
  package var labels: Labels
  /// The values, one for each step; nil for a step without value.
  package var values: [NotedValue?]
}

/// What a script says of a query beside its value.
package struct Expectations: Sendable {
  /// The query has no value; the first pattern, if any, matches why.
  package var failure: [TextPattern] = []
  /// Whether the query must fail.
  package var mustFail = false
  /// Each pattern matches a warning, and each warning is matched.
  package var warnings: [TextPattern] = []
  /// Each pattern matches an info, and each info is matched.
  package var infos: [TextPattern] = []
  /// Whether there must be a warning, whatever it says.
  package var needsWarning = false
  /// Whether there must be an info, whatever it says.
  package var needsInfo = false
  /// Whether there must be no warning.
  package var forbidsWarnings = false
  /// Whether there must be no info.
  package var forbidsInfos = false
  /// Whether the order of the series counts.
  package var isOrdered = false
}

/// What a message must be.
package enum TextPattern: Sendable {
  /// Anything.
  case any
  /// Exactly this text.
  case exactly(String)
  /// A text in which the expression is found.
  case containing(RegularExpression, source: String)

  /// Whether a message is as it must be.
  func matches(_ text: String) -> Bool {
    switch self {
    case .any: true
    case .exactly(let message): text == message
    case .containing(let expression, _): expression.matches(text)
    }
  }

  /// A pattern that is found anywhere in a text.
  static func containing(_ source: String) throws(NotationError) -> TextPattern {
    do throws(RegularExpressionError) {
      return .containing(try RegularExpression(".*(?:\(source)).*"), source: source)
    } catch {
      throw NotationError("the regular expression can't be used: \(error)")
    }
  }
}

extension TextPattern: CustomStringConvertible {
  package var description: String {
    switch self {
    case .any: "anything"
    case .exactly(let message): message.quotedForPromQL
    case .containing(_, let source): "/\(source)/"
    }
  }
}
