/// What the command line asks for.
struct Options {
  /// How the program is called.
  static let usage = """
    usage: tsdb-bench [--filter NAME] [--series N] [--repetitions N] [--json FILE]
                      [--compare FILE] [--note TEXT] [--list]

      --filter NAME      run the benchmarks whose names contain NAME; may be repeated
      --series N         use N series where there are many (1000)
      --repetitions N    repeat what is timed N times (9)
      --json FILE        write the figures to FILE
      --compare FILE     show the ratios to the figures in FILE
      --note TEXT        keep TEXT with the figures
      --list             name the benchmarks and run none

    Databases are made below $TMPDIR, or /tmp: put it on the disk to be measured.
    Times are processor time, but for `ms`, which is time on the wall.

    """

  var filters: [String] = []
  var seriesCount = 1000
  var repetitionCount = 9
  var jsonPath: String?
  var baselinePath: String?
  var note = ""
  var onlyLists = false
  var showsUsage = false

  /// Why a command line is refused.
  struct UsageError: Error {
    /// What is wrong.
    var message: String
  }

  /// Reads the arguments behind the program's name; `--name value` and
  /// `--name=value` mean the same.
  init(_ arguments: some Sequence<String>) throws(UsageError) {
    var rest = arguments.flatMap { argument -> [String] in
      guard argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") else {
        return [argument]
      }
      return [String(argument[..<equals]), String(argument[argument.index(after: equals)...])]
    }[...]
    while let name = rest.popFirst() {
      switch name {
      case "--list": onlyLists = true
      case "--help", "-h": showsUsage = true
      case "--filter": filters.append(try Options.value(of: name, in: &rest))
      case "--series": seriesCount = try Options.count(of: name, in: &rest)
      case "--repetitions": repetitionCount = try Options.count(of: name, in: &rest)
      case "--json": jsonPath = try Options.value(of: name, in: &rest)
      case "--compare": baselinePath = try Options.value(of: name, in: &rest)
      case "--note": note = try Options.value(of: name, in: &rest)
      default: throw UsageError(message: "unknown argument \(name)")
      }
    }
  }

  private static func value(
    of name: String, in rest: inout ArraySlice<String>
  ) throws(UsageError) -> String {
    guard let value = rest.popFirst() else {
      throw UsageError(message: "\(name) needs a value")
    }
    return value
  }

  private static func count(
    of name: String, in rest: inout ArraySlice<String>
  ) throws(UsageError) -> Int {
    let text = try value(of: name, in: &rest)
    guard let count = Int(text), count > 0, count <= 1_000_000 else {
      throw UsageError(message: "\(name) needs a number from 1 to 1000000, not \(text)")
    }
    return count
  }

  /// The benchmarks that are asked for.
  var benchmarks: [Benchmark] {
    Benchmark.all.filter { benchmark in
      filters.isEmpty
        ? benchmark.isLarge == false : filters.contains { benchmark.name.contains($0) }
    }
  }
}
