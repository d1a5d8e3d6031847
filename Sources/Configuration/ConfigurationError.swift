/// One thing to say about a configuration file, with its place.
package struct ConfigurationMessage: Hashable, Sendable, CustomStringConvertible {
  /// The name of the file as it was given.
  package var fileName: String
  /// Where in the file; nil for what concerns it as a whole.
  package var position: TextPosition?
  /// What is wrong and what to do.
  package var text: String

  /// `file:line:column: text`.
  package var description: String {
    guard let position else { return "\(fileName): \(text)" }
    return "\(fileName):\(position.line):\(position.column): \(text)"
  }
}

/// Why a configuration can't be used.
package struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Everything that is wrong, in the order of the file; at least one.
  package var problems: [ConfigurationMessage]

  /// One problem a line.
  package var description: String {
    problems.map(\.description).joined(separator: "\n")
  }
}

/// Collects what is to be said about one file.
struct ConfigurationMessages {
  let fileName: String
  private(set) var errors: [ConfigurationMessage] = []
  private(set) var warnings: [ConfigurationMessage] = []

  init(fileName: String) {
    self.fileName = fileName
  }

  mutating func addError(_ text: String, at position: TextPosition?) {
    errors.append(ConfigurationMessage(fileName: fileName, position: position, text: text))
  }

  mutating func addWarning(_ text: String, at position: TextPosition?) {
    warnings.append(ConfigurationMessage(fileName: fileName, position: position, text: text))
  }

  /// Throws the errors, if there are any, sorted by place.
  func throwErrors() throws(ConfigurationError) {
    guard errors.isEmpty == false else { return }
    throw ConfigurationError(problems: ConfigurationMessages.sorted(errors))
  }

  static func sorted(_ messages: [ConfigurationMessage]) -> [ConfigurationMessage] {
    let start = TextPosition(line: 0, column: 0)
    return messages.sorted { ($0.position ?? start) < ($1.position ?? start) }
  }
}
