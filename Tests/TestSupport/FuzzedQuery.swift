import PromQLSyntax

/// A query of any bytes, for the fuzzer and for the replay of what it found.
package struct FuzzedQuery {
  private let text: String

  /// Takes `input` for UTF-8, repaired where it is not.
  package init(_ input: [UInt8]) {
    text = String(decoding: input, as: UTF8.self)
  }

  /// What is wrong with how the parser deals with the text; nil if nothing is.
  ///
  /// The text is refused with a position in it, or printed such that the print
  /// is parsed, and printed as itself.
  package func problem() -> String? {
    let expression: Expression
    do throws(ParseError) {
      expression = try Parser.parse(text, functions: testFunctions)
    } catch {
      let range = error.sourceRange
      let isInside = range.start >= 0 && range.start <= range.end && range.end <= text.utf8.count
      return isInside ? nil : "\(text): the error is at \(range)"
    }
    let printed = expression.description
    do throws(ParseError) {
      let again = try Parser.parse(printed, functions: testFunctions)
      if again.description == printed { return nil }
      return "\(text) is printed as \(printed), and that as \(again.description)"
    } catch {
      return "\(text) is printed as \(printed), which is refused: \(error)"
    }
  }
}
