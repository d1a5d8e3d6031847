import FoundationEssentials
import PromQLScripts

/// `tsdbctl test ...`.
enum TestCommand {
  static let promQL = Command(
    words: ["test", "promql"], summary: "Runs PromQL test scripts.", operands: "FILE...",
    discussion: """
      Runs scripts in the promqltest language, with which Prometheus tests its own engine, on
      databases in memory: no server and no network. For a directory, all its *.test files
      are run. Prints each difference with file and line, `-` before what was expected and `+`
      before what was found, and at the end the counts. Exit status: 0 all as expected,
      1 something differs, 2 wrong usage or no script.
      """,
    flags: [
      .value("run", "regex", "Runs only evals whose `FILE:LINE EXPRESSION` has a match."),
      .value("line", "number", isRepeatable: true, "Runs only the eval at this line."),
      .toggle("verbose", short: "v", "Prints the evals that are as expected, too."),
    ]
  ) { arguments in
    guard arguments.operands.isEmpty == false else {
      throw UsageError("name the scripts to run", hint: "tsdbctl test promql queries.test")
    }
    let filter: EvaluationFilter
    do {
      filter = try EvaluationFilter(pattern: arguments["run"], lines: lines(arguments))
    } catch let error as ScriptError {
      throw UsageError("--run=\(arguments["run"] ?? ""): \(error.message)")
    }
    let runner = ScriptRunner.onDatabases(filter: filter)
    var run = ScriptRun(runner: runner, isVerbose: arguments.isOn("verbose"))
    for file in try files(arguments.operands) { try run.add(file) }
    return try run.finish()
  }

  private static func lines(_ arguments: Arguments) throws(UsageError) -> Set<Int> {
    var lines: Set<Int> = []
    for text in arguments.all("line") {
      guard let line = Int(text), line > 0 else {
        throw UsageError("--line=\(text) is no line number")
      }
      lines.insert(line)
    }
    return lines
  }

  /// The files named, and those in the directories named.
  private static func files(_ paths: [String]) throws -> [String] {
    var files: [String] = []
    for path in paths {
      guard FileManager.default.fileExists(atPath: path) else {
        throw UsageError("there is no file \(path)")
      }
      // What is a link is asked for what it leads to.
      let target = URL(filePath: path).resolvingSymlinksInPath().path
      let attributes = try FileManager.default.attributesOfItem(atPath: target)
      guard attributes[.type] as? FileAttributeType == .typeDirectory else {
        files.append(path)
        continue
      }
      let found = try FileManager.default.subpathsOfDirectory(atPath: path)
        .filter { $0.hasSuffix(".test") }.sorted()
      guard found.isEmpty == false else { throw UsageError("there is no *.test file in \(path)") }
      files += found.map { "\(path)/\($0)" }
    }
    return files
  }
}

/// The scripts run so far, and what came of them.
private struct ScriptRun {
  let runner: ScriptRunner
  let isVerbose: Bool
  private var passedCount = 0
  private var failedCount = 0

  init(runner: ScriptRunner, isVerbose: Bool) {
    self.runner = runner
    self.isVerbose = isVerbose
  }

  /// Runs the script in a file.
  mutating func add(_ path: String) throws {
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw CommandFailure("\(path) can't be read")
    }
    let script: Script
    do {
      script = try ScriptParser.parse(String(decoding: bytes, as: UTF8.self))
    } catch {
      failedCount += 1
      StandardOutput.write("FAIL  \(path):\(error.line): \(error.message)\n")
      return
    }
    var outcomes: [ScriptOutcome] = []
    try runner.run(script, named: path) { outcomes.append($0) }
    for outcome in outcomes { report(outcome, of: path) }
  }

  private mutating func report(_ outcome: ScriptOutcome, of path: String) {
    guard let mismatch = outcome.mismatch else {
      passedCount += 1
      if isVerbose { StandardOutput.write("ok    \(path):\(outcome.line) \(outcome.summary)\n") }
      return
    }
    failedCount += 1
    let lines = "\(mismatch)".split(separator: "\n", omittingEmptySubsequences: false)
    StandardOutput.write(
      "FAIL  \(path):\(outcome.line) \(outcome.summary)\n"
        + lines.map { "      \($0)\n" }.joined())
  }

  /// Prints the counts.
  func finish() throws -> ExitStatus {
    guard passedCount + failedCount > 0 else {
      throw UsageError("no eval was chosen", hint: "--run and --line leave none")
    }
    StandardOutput.write("\(passedCount) passed, \(failedCount) failed\n")
    return failedCount == 0 ? .success : .failure
  }
}
