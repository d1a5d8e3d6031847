/// Why a regular expression was refused.
package enum RegularExpressionError: Error, Equatable, Sendable {
  /// The expression has a mistake; `reason` is in RE2's words.
  case malformed(source: String, reason: String)
  /// The expression is longer than ``RegularExpression/maximumLength``.
  case tooLong(length: Int, limit: Int)
  /// The compiled program would take more memory than the bound allows, as
  /// large repetitions (`(a{500}){500}`) do.
  case tooComplex(source: String)
  /// The machine has no memory left for the program.
  case outOfMemory
}

extension RegularExpressionError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .malformed(let source, let reason):
      "regular expression \"\(source)\": \(reason)"
    case .tooLong(let length, let limit):
      "regular expression of \(length) bytes is longer than the \(limit) bytes allowed: "
        + "split it into several matchers"
    case .tooComplex(let source):
      "regular expression \"\(source)\" is too complex: use smaller repetition counts"
    case .outOfMemory:
      "no memory left to compile a regular expression"
    }
  }
}
