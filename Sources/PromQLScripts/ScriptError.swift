/// Why a text is no script, and where.
package struct ScriptError: Error, Hashable {
  /// The line of the fault, counted from 1.
  package var line: Int
  /// What is wrong, lower case, without a full stop.
  package var message: String

  /// Creates an error.
  package init(line: Int, _ message: String) {
    self.line = line
    self.message = message
  }
}

extension ScriptError: CustomStringConvertible {
  package var description: String { "line \(line): \(message)" }
}

/// Why a part of a line can't be read; whoever knows the line makes a
/// ``ScriptError`` of it.
struct NotationError: Error {
  var message: String

  init(_ message: String) {
    self.message = message
  }
}
