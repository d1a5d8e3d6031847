import Configuration
import TSDB

/// Finds the command that a command line names and runs it.
struct Program: Sendable {
  let name: String
  let summary: String
  let commands: [Command]

  /// Runs the command line without the program's own name.
  ///
  /// Errors are reported on standard error as `program: what` and, when there
  /// is something to do about it, `hint: what to do`.
  func run(_ arguments: [String]) -> ExitStatus {
    do {
      return try dispatch(arguments)
    } catch let error as UsageError {
      report(error.message, hint: error.hint)
      return .usage
    } catch let error as CommandFailure {
      report(error.message, hint: error.hint)
      return .failure
    } catch let error as TSDBError {
      report(error.message, hint: error.hint)
      return .failure
    } catch {
      report("\(error)", hint: nil)
      return .failure
    }
  }

  private func dispatch(_ arguments: [String]) throws -> ExitStatus {
    guard let first = arguments.first else {
      StandardOutput.write(overview)
      return .usage
    }
    if first == "--help" || first == "-h" || first == "help" {
      return try showHelp(of: Array(arguments.dropFirst()))
    }
    let words = first == "--version" ? ["version"] : arguments
    guard let command = longestMatch(of: words) else { throw unknownCommand(words) }
    let rest = words.dropFirst(command.words.count)
    if rest.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
      StandardOutput.write(help(of: command))
      return .success
    }
    do {
      return try command.run(Arguments(rest, flags: command.flags))
    } catch let error as UsageError {
      throw UsageError(error.message, hint: error.hint ?? "see `\(name) \(command.name) --help`")
    }
  }

  private func longestMatch(of words: [String]) -> Command? {
    commands.filter { words.starts(with: $0.words) }.max { $0.words.count < $1.words.count }
  }

  private func showHelp(of words: [String]) throws -> ExitStatus {
    if words.isEmpty {
      StandardOutput.write(overview)
    } else if let command = longestMatch(of: words) {
      StandardOutput.write(help(of: command))
    } else {
      throw unknownCommand(words)
    }
    return .success
  }

  private func unknownCommand(_ words: [String]) -> UsageError {
    let text = words.prefix { $0.hasPrefix("-") == false }.joined(separator: " ")
    if text.isEmpty, let first = words.first {
      return UsageError("flag \(first) before the command", hint: "\(name) COMMAND [FLAG...]")
    }
    let continuations = commands.filter { $0.words.starts(with: [words[0]]) }.map(\.name)
    if continuations.isEmpty == false {
      return UsageError(
        "\"\(words[0])\" is no command by itself",
        hint: "one of: " + continuations.joined(separator: ", "))
    }
    let names = commands.map(\.name)
    // What follows the command's word may be an operand.
    let nearest = nearestName(to: text, among: names) ?? nearestName(to: words[0], among: names)
    return UsageError(
      "unknown command \"\(text)\"",
      hint: nearest.map { "did you mean `\(name) \($0)`?" } ?? "see `\(name) --help`")
  }

  private func report(_ message: String, hint: String?) {
    StandardError.write("\(name): \(message)\n")
    if let hint { StandardError.write("hint: \(hint)\n") }
  }
}

extension Program {
  /// The list of commands.
  private var overview: String {
    let width = commands.map { $0.name.count }.max() ?? 0
    var text = "\(summary)\n\nusage: \(name) COMMAND [FLAG...] [OPERAND...]\n\n"
    for command in commands {
      let padding = String(repeating: " ", count: width - command.name.count)
      text += "  \(command.name)\(padding)  \(command.summary)\n"
    }
    return text + "\n`\(name) COMMAND --help` shows the flags of a command.\n"
  }

  private func help(of command: Command) -> String {
    var text = "\(command.summary)\n\nusage: \(name) \(command.name)"
    if command.flags.isEmpty == false { text += " [FLAG...]" }
    if command.operands.isEmpty == false { text += " \(command.operands)" }
    text += "\n"
    if command.discussion.isEmpty == false { text += "\n\(command.discussion)\n" }
    if command.flags.isEmpty == false { text += "\nflags:\n" }
    for flag in command.flags {
      text += "  \(flag.synopsis)\n      \(flag.help)"
      if case .value = flag.kind, let value = flag.defaultValue { text += " Default: \(value)." }
      if flag.isRepeatable { text += " Repeatable." }
      text += "\n"
    }
    return text
  }
}
