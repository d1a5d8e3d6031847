/// A line and a column in the query text, both counted from 1.
public struct SourcePosition: Hashable, Sendable, CustomStringConvertible {
  /// The line, from 1.
  public var line: Int
  /// The column in UTF-8 bytes, from 1.
  public var column: Int

  /// Creates a position.
  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  /// `line:column`.
  public var description: String { "\(line):\(column)" }
}

extension SourceRange {
  /// The line and column of the range's start within `text`.
  public func startPosition(in text: String) -> SourcePosition {
    var line = 1
    var column = 1
    for byte in text.utf8.prefix(start) {
      if byte == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else {
        column += 1
      }
    }
    return SourcePosition(line: line, column: column)
  }
}
