import PromQL
import PromQLSyntax

/// `tsdbctl promql ...`.
enum PromQLCommand {
  static let format = Command(
    words: ["promql", "format"], summary: "Lays a query out over lines.", operands: "[EXPR]",
    discussion: """
      What fits into 100 columns stays on one line; what does not is laid out with its parts
      indented, as Prometheus does. Comments are lost. Without EXPR, or with -, the query is
      read from standard input.
      """,
    flags: []
  ) { arguments in
    let text = try query(arguments)
    do {
      StandardOutput.write(try Engine().parse(text).prettyDescription + "\n")
    } catch let error as QueryError {
      throw CommandFailure("\(error)", hint: QueryCommand.pointer(to: "\(error)", in: text))
    }
    return .success
  }

  private static func query(_ arguments: Arguments) throws -> String {
    guard arguments.operands.count <= 1 else {
      throw UsageError(
        "one expression at a time, not \(arguments.operands.count); quote it for the shell")
    }
    if let operand = arguments.operands.first, operand != "-" { return operand }
    guard let text = String(validating: StandardInput.read(), as: UTF8.self) else {
      throw CommandFailure("standard input is not UTF-8 text")
    }
    return String(text.reversed().drop(while: \.isWhitespace).reversed())
  }
}
