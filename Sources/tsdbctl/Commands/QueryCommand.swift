import PromQLSyntax
import PrometheusAPI
import SeriesModel
import TSDB

/// `tsdbctl query`: asks a server or a data directory.
enum QueryCommand {
  static let commands = [
    Command(
      words: ["query"], summary: "Evaluates an expression at one moment.", operands: "EXPR",
      discussion: """
        The same as `query instant`. Asks a running server, or with --path reads a data
        directory, also while a server writes to it.
        """,
      flags: sourceFlags + [timeFlag, explainFlag], run: instant),
    Command(
      words: ["query", "instant"], summary: "Evaluates an expression at one moment.",
      operands: "EXPR", discussion: "", flags: sourceFlags + [timeFlag, explainFlag],
      run: instant),
    Command(
      words: ["query", "range"], summary: "Evaluates an expression at regular steps.",
      operands: "EXPR", discussion: "",
      flags: sourceFlags + rangeFlags("an hour before --end") + [
        .value("step", "duration", "The distance of the steps; a 250th of the time by default."),
        .toggle(
          "sparklines",
          "Shows the course of each series in one line; by default if a terminal shows the table."),
        explainFlag,
      ], run: range),
    Command(
      words: ["query", "series"], summary: "Lists the series that selectors match.",
      operands: "[SELECTOR...]", discussion: "", flags: sourceFlags + matchFlags, run: series),
    Command(
      words: ["query", "labels"], summary: "Lists label names, or the values of one label.",
      operands: "[NAME]", discussion: "", flags: sourceFlags + matchFlags, run: labels),
  ]

  private static let sourceFlags: [Flag] = [
    .value("url", "url", default: "http://127.0.0.1:9090", "The server to ask."),
    .value("path", "dir", "Reads this data directory instead of asking a server."),
    .value("output", "format", default: "table", "How to print: table, json, csv or promql."),
    .value(
      "query.lookback-delta", "duration", default: "5m",
      "How far back a selector looks for a sample."),
  ]
  private static let timeFlag = Flag.value(
    "time", "time", "The moment: RFC 3339 or Unix seconds. Now by default.")
  private static let explainFlag = Flag.toggle(
    "explain",
    "Evaluates, and shows the operators instead of the result: what each read, gave, and took.")
  private static let matchFlags: [Flag] =
    [.value("match", "selector", isRepeatable: true, "Takes only series that match.")]
    + rangeFlags("the beginning of time")

  private static func rangeFlags(_ startDefault: String) -> [Flag] {
    [
      .value("start", "time", "The first moment; \(startDefault) by default."),
      .value("end", "time", "The last moment; now by default."),
    ]
  }

  private static func instant(_ arguments: Arguments) throws -> ExitStatus {
    let expression = try onlyOperand(arguments, "expression")
    let time = try moment(arguments, "time") ?? .now
    return try query(
      arguments, path: "query", expression: expression, newest: time,
      parameters: [("query", expression), ("time", seconds(time))])
  }

  private static func range(_ arguments: Arguments) throws -> ExitStatus {
    let expression = try onlyOperand(arguments, "expression")
    let end = try moment(arguments, "end") ?? .now
    let start =
      try moment(arguments, "start") ?? end.earlier(byMilliseconds: 3_600_000)
    guard start <= end else { throw UsageError("--start is after --end") }
    let step: Int64
    if let text = arguments["step"] {
      guard let milliseconds = durationMilliseconds(apiText: text), milliseconds > 0 else {
        throw UsageError("--step=\(text) is no positive duration, such as 15s")
      }
      step = milliseconds
    } else {
      let length = end.milliseconds.subtractingReportingOverflow(start.milliseconds)
      step = max(1000, (length.overflow ? .max : length.partialValue) / 250 / 1000 * 1000)
    }
    let steps = ResultTable.Steps(start: start, end: end, stepMilliseconds: step)
    return try query(
      arguments, path: "query_range", expression: expression, newest: end, steps: steps,
      parameters: [
        ("query", expression), ("start", seconds(start)), ("end", seconds(end)),
        ("step", seconds(Timestamp(milliseconds: step))),
      ])
  }

  private static func series(_ arguments: Arguments) throws -> ExitStatus {
    var parameters = try rangeParameters(arguments)
    let selectors = arguments.all("match") + arguments.operands
    guard selectors.isEmpty == false else {
      throw UsageError("name the series with a selector", hint: "tsdbctl query series 'up'")
    }
    parameters += selectors.map { ("match[]", $0) }
    let format = try OutputFormat(arguments)
    let body = try source(arguments).answer(to: "series", parameters)
    return try print(format, body, as: PromQLText.text(of:)) { (series: [[String: String]]) in
      ResultTable(labelSets: series)
    }
  }

  private static func labels(_ arguments: Arguments) throws -> ExitStatus {
    guard arguments.operands.count <= 1 else {
      throw UsageError("one label name at most, not \(arguments.operands.count)")
    }
    var parameters = try rangeParameters(arguments)
    parameters += arguments.all("match").map { ("match[]", $0) }
    let name = arguments.operands.first
    let path = name.map { "label/\(FormEncoding.escaped($0))/values" } ?? "labels"
    let format = try OutputFormat(arguments)
    let body = try source(arguments).answer(to: path, parameters)
    let lines = { (values: [String]) in values.map { $0 + "\n" }.joined() }
    return try print(format, body, as: lines) { values in
      ResultTable(header: [name ?? "label"], rows: values.map { [$0] })
    }
  }

  private static func query(
    _ arguments: Arguments, path: String, expression: String, newest: Timestamp,
    steps: ResultTable.Steps? = nil, parameters: [(name: String, value: String)]
  ) throws -> ExitStatus {
    let format = try OutputFormat(arguments)
    let showsSparklines =
      steps != nil && format == .table
      && (arguments.isGiven("sparklines")
        ? arguments.isOn("sparklines") : StandardOutput.isTerminal)
    let lookback = try lookbackMilliseconds(arguments)
    var parameters = parameters
    if arguments.isGiven("query.lookback-delta") {
      parameters.append(("lookback_delta", seconds(Timestamp(milliseconds: lookback))))
    }
    if arguments.isOn("explain") { parameters.append(("explain", "true")) }
    let source = try source(arguments)
    let body = try source.answer(to: path, parameters)
    do {
      if arguments.isOn("explain") {
        let table = { (query: ExplainedQuery) in ResultTable(query) }
        return try print(format, body, as: { table($0).aligned }, table)
      }
      return try print(format, body, as: PromQLText.text(of:)) { (data: QueryData) in
        if data.isEmpty { explainEmptyResult(source, newest: newest, lookback: lookback) }
        if showsSparklines, let steps, case .matrix(let series) = data {
          return ResultTable(series, over: steps)
        }
        return ResultTable(data)
      }
    } catch let error as AnswerError {
      throw CommandFailure(
        error.message, hint: pointer(to: error.message, in: expression) ?? remedy(error.message))
    }
  }

  /// Says so when the directory ends long before the moment asked for.
  private static func explainEmptyResult(
    _ source: any APISource, newest: Timestamp, lookback: Int64
  ) {
    guard let last = source.newestTimestamp else { return }
    if last <= newest.earlier(byMilliseconds: lookback) {
      let time = last.rfc3339
      StandardError.write(
        "hint: the newest sample is of \(time); ask for that moment with --time=\(time) "
          + "(or --end)\n")
    }
  }

  /// The query's line that a parse error speaks of, with a caret below the
  /// place.
  static func pointer(to message: String, in expression: String) -> String? {
    guard let marker = message.utf8.firstRange(of: ": parse error".utf8) else { return nil }
    let place = message[..<marker.lowerBound].split(separator: " ").last ?? ""
    let numbers = place.split(separator: ":").compactMap { Int($0) }
    let lines = expression.split(separator: "\n", omittingEmptySubsequences: false)
    guard numbers.count == 2, lines.indices.contains(numbers[0] - 1), numbers[1] >= 1 else {
      return nil
    }
    let (text, column) = excerpt(of: Array(lines[numbers[0] - 1]), around: numbers[1] - 1)
    return "here:\n  \(text)\n  \(String(repeating: " ", count: column))^"
  }

  /// The part of a long line that a person sees at once, and where `column` of
  /// the line is in it.
  private static func excerpt(
    of line: [Character], around column: Int
  ) -> (text: String, column: Int) {
    let width = 80
    guard line.count > width else { return (String(line), column) }
    let start = max(0, min(column - width / 2, line.count - width))
    let mark = "..."
    let head = start > 0 ? mark : ""
    let tail = start + width < line.count ? mark : ""
    return (head + String(line[start..<start + width]) + tail, column - start + head.count)
  }

  /// What to do about a query that reached a limit, or nil.
  private static func remedy(_ message: String) -> String? {
    if message.contains("too many samples into memory") {
      return "select less, or ask a server that was started with a higher --query.max-samples"
    }
    if message.hasPrefix("query timed out") {
      return "select less, or ask a server that was started with a longer --query.timeout"
    }
    return nil
  }

  private static func source(_ arguments: Arguments) throws -> any APISource {
    guard let path = arguments["path"] else {
      return try ServerSource(url: arguments["url"] ?? "")
    }
    guard arguments.isGiven("url") == false else {
      throw UsageError("--url and --path exclude each other")
    }
    return try DirectorySource(path: path, options: DatabaseOptions())
  }

  private static func lookbackMilliseconds(_ arguments: Arguments) throws(UsageError) -> Int64 {
    let text = arguments["query.lookback-delta"] ?? ""
    guard let milliseconds = durationMilliseconds(apiText: text), milliseconds > 0 else {
      throw UsageError("--query.lookback-delta=\(text) is no positive duration, such as 5m")
    }
    return milliseconds
  }

  /// How answers are printed.
  private enum OutputFormat: String {
    case table, json, csv, promql

    init(_ arguments: Arguments) throws(UsageError) {
      let text = arguments["output"] ?? ""
      guard let format = OutputFormat(rawValue: text) else {
        throw UsageError("--output=\(text): choose table, json, csv or promql")
      }
      self = format
    }
  }

  /// Prints an answer in the format asked for, its annotations on standard
  /// error.
  private static func print<Payload: Decodable>(
    _ format: OutputFormat, _ body: [UInt8], as promQLText: (Payload) -> String,
    _ table: (Payload) -> ResultTable
  ) throws -> ExitStatus {
    let answer = try Answer<Payload>.decode(body)
    StandardError.write(notes: (answer.warnings ?? []) + (answer.infos ?? []))
    guard let data = answer.data else { throw CommandFailure("the answer holds no data") }
    let result = table(data)
    switch format {
    case .json: StandardOutput.write(body + [UInt8(ascii: "\n")])
    case .csv: StandardOutput.write(result.csv)
    case .promql: StandardOutput.write(promQLText(data))
    case .table:
      if result.rows.isEmpty {
        StandardError.write("no result\n")
      } else {
        StandardOutput.write(result.aligned)
      }
    }
    return .success
  }

  private static func onlyOperand(
    _ arguments: Arguments, _ what: String
  ) throws(UsageError) -> String {
    guard arguments.operands.count == 1, let operand = arguments.operands.first else {
      throw UsageError(
        arguments.operands.isEmpty
          ? "the \(what) is missing"
          : "one \(what) at a time, not \(arguments.operands.count); quote it for the shell")
    }
    return operand
  }

  private static func rangeParameters(
    _ arguments: Arguments
  ) throws(UsageError) -> [(name: String, value: String)] {
    var parameters: [(name: String, value: String)] = []
    for name in ["start", "end"] {
      if let time = try moment(arguments, name) { parameters.append((name, seconds(time))) }
    }
    return parameters
  }

  static func moment(
    _ arguments: Arguments, _ name: String
  ) throws(UsageError) -> Timestamp? {
    guard let text = arguments[name] else { return nil }
    guard let timestamp = Timestamp(apiText: text) else {
      throw UsageError(
        "--\(name)=\(text) is no time",
        hint: "give Unix seconds such as 1795000000.5, or RFC 3339 such as 2026-11-21T12:00:00Z")
    }
    return timestamp
  }

  static func seconds(_ timestamp: Timestamp) -> String {
    TimeText.unixSeconds(timestamp)
  }
}

extension Timestamp {
  /// The moment so much before this one, or the earliest there is.
  ///
  /// - Parameter distance: Not negative.
  fileprivate func earlier(byMilliseconds distance: Int64) -> Timestamp {
    let (moment, overflow) = milliseconds.subtractingReportingOverflow(distance)
    return overflow ? .earliest : Timestamp(milliseconds: moment)
  }
}
