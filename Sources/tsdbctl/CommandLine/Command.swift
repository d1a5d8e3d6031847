/// How the process ends.
enum ExitStatus: Int32, Sendable {
  case success = 0
  case failure = 1
  case usage = 2
}

/// One command of the program.
struct Command: Sendable {
  /// The words that name the command, such as `query range`.
  let words: [String]
  /// One line for the overview.
  let summary: String
  /// The operands in the usage line, such as `EXPR`; empty for none.
  let operands: String
  /// What the help says below the usage line.
  let discussion: String
  let flags: [Flag]
  let run: @Sendable (Arguments) throws -> ExitStatus

  /// The words joined by blanks.
  var name: String { words.joined(separator: " ") }
}

/// A mistake in the command line; the process ends with status 2.
struct UsageError: Error {
  /// What is wrong.
  let message: String
  /// What to do instead, if there is something to say.
  let hint: String?

  init(_ message: String, hint: String? = nil) {
    self.message = message
    self.hint = hint
  }
}

extension UsageError: CustomStringConvertible {
  var description: String { message }
}

/// A failure of the work itself; the process ends with status 1.
struct CommandFailure: Error {
  /// What failed.
  let message: String
  /// What to do about it, if there is something to say.
  let hint: String?

  init(_ message: String, hint: String? = nil) {
    self.message = message
    self.hint = hint
  }
}

extension CommandFailure: CustomStringConvertible {
  var description: String { message }
}
