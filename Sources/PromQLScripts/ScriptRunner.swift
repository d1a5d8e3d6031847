import PromQL
import SeriesModel

/// Which evaluations of scripts are run.
package struct EvaluationFilter: Sendable {
  private let pattern: TextPattern
  private let lines: Set<Int>

  /// Creates a filter; one without conditions lets all through.
  ///
  /// - Parameters:
  ///   - pattern: A regular expression found in `NAME:LINE EXPRESSION`.
  ///   - lines: The lines that the evaluation, or what it expects, stands on.
  /// - Throws: ``ScriptError`` when the expression can't be used.
  package init(pattern: String? = nil, lines: Set<Int> = []) throws(ScriptError) {
    do throws(NotationError) {
      self.pattern =
        try pattern.map { source throws(NotationError) in
          try TextPattern.containing(source)
        } ?? .any
    } catch {
      throw ScriptError(line: 1, error.message)
    }
    self.lines = lines
  }

  func accepts(_ evaluation: Evaluation, in name: String) -> Bool {
    let isOnLine =
      lines.isEmpty || lines.contains { (evaluation.line...evaluation.lastLine).contains($0) }
    return isOnLine
      && pattern.matches("\(name):\(evaluation.line) \(evaluation.expression)")
  }
}

/// What became of one command of a script.
package struct ScriptOutcome: Sendable {
  /// The line of the command.
  package var line: Int
  /// The command without what it expects.
  package var summary: String
  /// Why it failed; nil when all was as expected.
  package var mismatch: Mismatch?
}

/// A store that a script fills and asks.
package protocol ScriptStore: Queryable, Appender {
  /// Releases what the store holds; called once it is needed no more.
  func close() throws
}

/// Runs scripts against an engine.
package struct ScriptRunner: Sendable {
  private let engine: Engine
  private let filter: EvaluationFilter
  private let makeStore: @Sendable () throws -> any ScriptStore

  /// Creates a runner.
  ///
  /// - Parameters:
  ///   - engine: Evaluates the queries.
  ///   - makeStore: Makes an empty store that takes samples of any age; called
  ///     at the beginning of a script and for each `clear`.
  package init(
    engine: Engine = Engine(), filter: EvaluationFilter,
    makeStore: @escaping @Sendable () throws -> any ScriptStore
  ) {
    self.engine = engine
    self.filter = filter
    self.makeStore = makeStore
  }

  /// Runs the commands of a script in their order.
  ///
  /// - Parameters:
  ///   - name: The script's name, for the filter.
  ///   - report: Is told of each evaluation, and of loading where it failed.
  /// - Throws: When there is no store to be had.
  package func run(
    _ script: Script, named name: String, report: (ScriptOutcome) -> Void
  ) throws {
    let evaluations = script.evaluations.filter { filter.accepts($0, in: name) }
    guard let last = evaluations.last?.line else { return }
    let accepted = Set(evaluations.map(\.line))
    var store = try makeStore()
    do {
      try run(script.commands, until: last, accepted, on: &store, report)
    } catch {
      try store.close()
      throw error
    }
    try store.close()
  }

  /// Runs the commands up to the evaluation on the line `last`.
  private func run(
    _ commands: [ScriptCommand], until last: Int, _ accepted: Set<Int>,
    on store: inout any ScriptStore, _ report: (ScriptOutcome) -> Void
  ) throws {
    for command in commands {
      switch command {
      case .clear:
        let old = store
        store = try makeStore()
        try old.close()
      case .load(let load):
        if load.line > last { return }
        do {
          try store.load(load)
        } catch {
          let mismatch = error as? Mismatch ?? Mismatch("\(error)")
          report(
            ScriptOutcome(
              line: load.line, summary: "load \(timeText(load.step))", mismatch: mismatch))
        }
      case .evaluate(let evaluation):
        guard accepted.contains(evaluation.line) else { continue }
        var outcome = ScriptOutcome(line: evaluation.line, summary: evaluation.summary)
        do throws(Mismatch) {
          try EvaluationCheck(engine: engine, store: store, evaluation: evaluation).run()
        } catch {
          outcome.mismatch = error
        }
        report(outcome)
      }
    }
  }
}

extension Appender {
  /// Appends the samples of a `load`, as one batch.
  fileprivate func load(_ load: Load) throws {
    var batch = SampleBatch()
    for series in load.series where series.values.contains(where: { $0 != nil }) {
      let id = try seriesID(for: series.labels)
      for (step, value) in series.values.enumerated() {
        guard let value else { continue }
        let (time, overflows) = Int64(step).multipliedReportingOverflow(by: load.step)
        if overflows { throw Mismatch("the time of value \(step) is out of range") }
        let offset = series.startOffsets.isEmpty ? nil : series.startOffsets[step]
        let start = offset.map { time + $0 } ?? 0
        switch value {
        case .number(let number):
          batch.add(
            id, timestampMilliseconds: time, value: number, startTimestampMilliseconds: start)
        case .histogram(let histogram, _):
          batch.add(
            id, timestampMilliseconds: time, histogram: histogram,
            startTimestampMilliseconds: start)
        }
      }
    }
    guard batch.isEmpty == false else { return }
    if let rejection = try append(batch).rejections.first {
      throw Mismatch("a sample was refused: \(rejection)")
    }
  }
}
