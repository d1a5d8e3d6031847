import Foundation
import PromQLScripts
import Testing

/// Runs every script beside this file.
@Suite struct ScriptFileTests {
  private static let directory = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Scripts")

  static let names: [String] = {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: directory.path)
        .filter { $0.hasSuffix(".test") }.sorted()
    } catch {
      return []
    }
  }()

  @Test func thereAreScripts() {
    #expect(ScriptFileTests.names.count >= 14)
  }

  @Test(arguments: names) func scriptIsAsExpected(_ name: String) throws {
    let file = ScriptFileTests.directory.appending(path: name)
    let script = try ScriptParser.parse(String(contentsOf: file, encoding: .utf8))
    #expect(script.evaluations.isEmpty == false)
    let runner = ScriptRunner.onDatabases(filter: try EvaluationFilter())
    var outcomes: [ScriptOutcome] = []
    try runner.run(script, named: name) { outcomes.append($0) }
    #expect(outcomes.count == script.evaluations.count)
    for outcome in outcomes {
      if let mismatch = outcome.mismatch {
        Issue.record("\(name):\(outcome.line) \(outcome.summary)\n\(mismatch)")
      }
    }
  }
}
