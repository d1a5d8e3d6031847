import PromQLSyntax
import SeriesModel

/// Turns the text of a script into commands.
package struct ScriptParser {
  /// The lines without blanks around them; comments are empty lines.
  private let lines: [String]
  /// The index of the line that is read next.
  private var next = 0

  private init(_ text: String) {
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      let trimmed = WordScanner(String(line)).remainder
      return trimmed.hasPrefix("#") ? "" : trimmed
    }
  }

  /// Parses a script.
  ///
  /// - Throws: ``ScriptError`` at the first fault.
  package static func parse(_ text: String) throws(ScriptError) -> Script {
    var parser = ScriptParser(text)
    var commands: [ScriptCommand] = []
    while parser.next < parser.lines.count {
      if parser.lines[parser.next].isEmpty {
        parser.next += 1
      } else {
        commands.append(try parser.command())
      }
    }
    return Script(commands: commands)
  }

  /// Runs `body` and adds the number of the line to its errors.
  private func onLine<Result>(
    _ line: Int, _ body: () throws(NotationError) -> Result
  ) throws(ScriptError) -> Result {
    do throws(NotationError) {
      return try body()
    } catch {
      throw ScriptError(line: line, error.message)
    }
  }

  private mutating func command() throws(ScriptError) -> ScriptCommand {
    var words = WordScanner(lines[next])
    let name = words.word().lowercased()
    next += 1
    let parts = name.split(separator: "_", maxSplits: 1)
    let form = parts.count == 2 ? String(parts[1]) : ""
    switch parts.first {
    case "clear" where form.isEmpty: return .clear
    case "load" where form.isEmpty || form == "with_nhcb":
      return .load(try load(words, addsNativeHistograms: form.isEmpty == false))
    case "eval": return .evaluate(try evaluation(words, form: form))
    default:
      throw ScriptError(
        line: next, "\"\(name)\" is no command; there are clear, load, load_with_nhcb and eval")
    }
  }

  /// The next line of the command being read; nil where it ends.
  private mutating func takeLine() -> String? {
    guard next < lines.count, lines[next].isEmpty == false else { return nil }
    next += 1
    return lines[next - 1]
  }

  // MARK: Loading

  private mutating func load(
    _ words: WordScanner, addsNativeHistograms: Bool
  ) throws(ScriptError) -> Load {
    let line = next
    var load = Load(line: line, step: 0, series: [])
    load.step = try onLine(line) { () throws(NotationError) in
      try scriptDuration(words.remainder)
    }
    var starts: (labels: Labels, offsets: [Int64?])?
    var indices: [Labels: Int] = [:]
    while let text = takeLine() {
      let found = try onLine(next) { () throws(NotationError) in
        try StartTimestampNotation.parse(text)
      }
      if let found {
        guard starts == nil else { throw ScriptError(line: next, "two @st lines in a row") }
        starts = found
        continue
      }
      let series = try onLine(next) { () throws(NotationError) in
        let (labels, values) = try SeriesNotation.split(text)
        return LoadedSeries(
          labels: labels, values: try SeriesNotation.values(values),
          startOffsets: starts?.offsets ?? [])
      }
      if let starts, starts.labels != series.labels || starts.offsets.count != series.values.count {
        throw ScriptError(
          line: next, "the @st line before has another series, or another number of values")
      }
      starts = nil
      // Of two lines with the same series the second one counts.
      if let index = indices.updateValue(load.series.count, forKey: series.labels) {
        indices[series.labels] = index
        load.series[index] = series
      } else {
        load.series.append(series)
      }
    }
    guard starts == nil else {
      throw ScriptError(line: next, "no line with values follows the @st line")
    }
    if addsNativeHistograms {
      load.series = try onLine(line) { () throws(NotationError) in
        try ClassicHistograms(load.series).addingNativeHistograms()
      }
    }
    return load
  }

  // MARK: Evaluations

  private mutating func evaluation(
    _ words: WordScanner, form: String
  ) throws(ScriptError) -> Evaluation {
    let line = next
    var words = words
    let time = try onLine(line) { () throws(NotationError) in
      try ScriptParser.time(from: &words)
    }
    var block = EvaluationBlock(time: time)
    try onLine(line) { () throws(NotationError) in try block.apply(form: form) }
    guard words.remainder.isEmpty == false else {
      throw ScriptError(line: line, "there is no expression to evaluate")
    }
    while block.isComplete == false, let text = takeLine() {
      let number = next
      do throws(NotationError) {
        try block.add(text)
      } catch {
        throw ScriptError(line: number, error.message)
      }
    }
    return Evaluation(
      line: line, lastLine: next, expression: words.remainder, time: time,
      value: block.expectedValue, expectations: block.expectations)
  }

  private static func time(from words: inout WordScanner) throws(NotationError) -> Evaluation.Time {
    switch words.word() {
    case "instant":
      guard words.take("at") else { return .instant(0) }
      return .instant(try scriptDuration(words.word()))
    case "range":
      let (from, through, step) = try EvaluationBlock.range(from: &words)
      return .range(from: from, through: through, step: step)
    case let word: throw NotationError("\"\(word)\" is neither instant nor range")
    }
  }
}
