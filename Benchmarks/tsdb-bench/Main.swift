import Foundation

/// Measures the database's parts and shows the figures as a table.
@main
enum Program {
  static func main() {
    do {
      try run(Options(CommandLine.arguments.dropFirst()))
    } catch let error as Options.UsageError {
      say("\(error.message)\n\(Options.usage)")
      exit(2)
    } catch {
      say("\(error)\n")
      exit(1)
    }
  }

  private static func run(_ options: Options) throws {
    if options.showsUsage {
      print(Options.usage, terminator: "")
      return
    }
    let benchmarks = options.benchmarks
    guard benchmarks.isEmpty == false else {
      throw Options.UsageError(message: "no benchmark has such a name; --list names them")
    }
    if options.onlyLists {
      for benchmark in benchmarks { print("\(benchmark.name): \(benchmark.summary)") }
      return
    }
    // Read before the long part, so that a wrong path fails early.
    let baseline = try options.baselinePath.map { try Report(contentsOfFile: $0) }
    #if DEBUG
      say("this is a debug build: the figures mean nothing\n")
    #endif
    try AllocationCounter.check()
    let context = BenchmarkContext(
      seriesCount: options.seriesCount, repetitionCount: options.repetitionCount)
    var measurements: [Measurement] = []
    for benchmark in benchmarks {
      say("\(benchmark.name): \(benchmark.summary)\n", isError: false)
      measurements += try benchmark.run(context)
    }
    let report = Report(note: options.note, measurements: measurements)
    print(ReportTable(report, comparedWith: baseline).text, terminator: "")
    if let path = options.jsonPath { try report.write(to: path) }
  }

  /// Writes to standard error, so that standard output has the table alone.
  private static func say(_ text: String, isError: Bool = true) {
    FileHandle.standardError.write(Data(((isError ? "tsdb-bench: " : "") + text).utf8))
  }
}
