import PromQLSyntax
import SeriesModel

/// What the lines below an `eval` say, as far as they are read.
struct EvaluationBlock {
  private let time: Evaluation.Time
  private(set) var expectations = Expectations()
  /// True when no further line belongs to the block.
  private(set) var isComplete = false
  private var series: [ExpectedSeries] = []
  private var grid: (from: Int64, through: Int64, step: Int64)?
  private var single: ExpectedValue?

  init(time: Evaluation.Time) {
    self.time = time
  }

  /// The value that the lines describe.
  var expectedValue: ExpectedValue {
    if let single { return single }
    guard let grid else { return .series(series) }
    return .rangeVector(series, from: grid.from, through: grid.through, step: grid.step)
  }

  /// Takes the older way to say what is expected: `eval_fail`, `eval_ordered`.
  mutating func apply(form: String) throws(NotationError) {
    switch form {
    case "": break
    case "fail": expectations.mustFail = true
    case "warn": expectations.needsWarning = true
    case "info": expectations.needsInfo = true
    case "ordered": expectations.isOrdered = true
    default: throw NotationError("\"eval_\(form)\" is no command")
    }
  }

  /// Reads one line.
  mutating func add(_ line: String) throws(NotationError) {
    var words = WordScanner(line)
    switch words.word() {
    case "expect":
      try addExpectation(words)
    case "expected_fail_message" where expectations.mustFail:
      expectations.failure.append(.exactly(words.remainder))
      isComplete = true
    case "expected_fail_regexp" where expectations.mustFail:
      expectations.failure.append(try .containing(words.remainder))
      isComplete = true
    default:
      if let number = scriptNumber(line) {
        single = .scalar(number)
        isComplete = true
      } else {
        try addSeries(line)
      }
    }
  }

  private mutating func addSeries(_ line: String) throws(NotationError) {
    let (labels, text) = try SeriesNotation.split(line)
    let values = try SeriesNotation.values(text)
    if case .instant = time, grid == nil {
      guard values.count == 1, values[0] != nil else {
        throw NotationError("a series has one value at one moment, not \(values.count)")
      }
    }
    guard series.contains(where: { $0.labels == labels }) == false else {
      throw NotationError("\(labels) is expected twice")
    }
    series.append(ExpectedSeries(labels: labels, values: values))
  }

  private mutating func addExpectation(_ words: WordScanner) throws(NotationError) {
    var words = words
    let kind = words.word()
    switch kind {
    case "string":
      single = .string(try EvaluationBlock.unquoted(words.remainder))
      return
    case "range":
      guard words.take("vector") else { throw NotationError("\"range\" is followed by \"vector\"") }
      guard case .instant = time else {
        throw NotationError("only an instant query gives a range vector")
      }
      grid = try EvaluationBlock.range(from: &words)
      return
    default: break
    }
    let pattern = try EvaluationBlock.pattern(words.remainder)
    switch kind {
    case "fail":
      expectations.mustFail = true
      expectations.failure.append(pattern)
    case "warn": expectations.warnings.append(pattern)
    case "info": expectations.infos.append(pattern)
    case "no_warn": expectations.forbidsWarnings = true
    case "no_info": expectations.forbidsInfos = true
    case "ordered":
      guard case .instant = time else {
        throw NotationError("the series of a range query are always in order")
      }
      expectations.isOrdered = true
    default: throw NotationError("nothing is known of \"expect \(kind)\"")
    }
  }

  /// `from A to B step C`.
  static func range(
    from words: inout WordScanner
  ) throws(NotationError) -> (from: Int64, through: Int64, step: Int64) {
    var numbers: [Int64] = []
    for name in ["from", "to", "step"] {
      guard words.take(name) else { throw NotationError("a range is written `from A to B step C`") }
      numbers.append(try scriptDuration(words.word()))
    }
    guard numbers[2] > 0 else { throw NotationError("the step of a range is positive") }
    return (numbers[0], numbers[1], numbers[2])
  }

  private static func pattern(_ text: String) throws(NotationError) -> TextPattern {
    func behindColon(_ text: String) -> String {
      WordScanner(String(text.drop { $0 != ":" }.dropFirst())).remainder
    }
    if text.isEmpty { return .any }
    if text.hasPrefix("msg:") { return .exactly(behindColon(text)) }
    if text.hasPrefix("regex:") { return try .containing(behindColon(text)) }
    throw NotationError("\"\(text)\" is neither msg: nor regex:")
  }

  private static func unquoted(_ text: String) throws(NotationError) -> String {
    do throws(ParseError) {
      if case .string(let literal) = try Parser.parse(text, functions: FunctionTable([])) {
        return literal.value
      }
    } catch {
      throw NotationError("\(text) is no string: \(error)")
    }
    throw NotationError("\(text) is no string")
  }
}
