/// How the answer to a query differs from what was expected.
package struct Mismatch: Error, Sendable {
  /// A series as it was expected or found.
  package enum Line: Hashable, Sendable {
    /// Expected and found.
    case same(String)
    /// Expected and not found.
    case missing(String)
    /// Found and not expected.
    case unexpected(String)
  }

  /// The first difference, in a sentence without full stop.
  package var message: String
  /// All series, where the values differ.
  package var lines: [Line] = []
  /// How the query was evaluated, where that is not plainly as the script
  /// says.
  package var circumstance: String?

  init(_ message: String, lines: [Line] = []) {
    self.message = message
    self.lines = lines
  }
}

extension Mismatch: CustomStringConvertible {
  /// The difference on several lines: `-` stands before what is missing, `+`
  /// before what is too much.
  package var description: String {
    var text = circumstance.map { "\($0): \(message)" } ?? message
    for line in lines {
      switch line {
      case .same(let row): text += "\n  \(row)"
      case .missing(let row): text += "\n- \(row)"
      case .unexpected(let row): text += "\n+ \(row)"
      }
    }
    return text
  }
}
