import PromQLSyntax
import TestSupport

/// Options with a judge that knows just the expressions the tests use.
let testOptions = ParserOptions { pattern in
  if pattern.hasPrefix("(") && !pattern.hasSuffix(")") {
    return .invalid(reason: "missing closing ): `\(pattern)`")
  }
  return pattern.isEmpty || pattern.hasSuffix("*") || pattern.hasSuffix("|")
    ? .matchesEmpty : .requiresText
}

func parsed(
  _ text: String, options: ParserOptions = testOptions
) throws(ParseError) -> Expression {
  try Parser.parse(text, functions: testFunctions, options: options)
}

/// The error of parsing `text`; nil if there is none.
func parseError(_ text: String, options: ParserOptions = testOptions) -> ParseError? {
  do throws(ParseError) {
    _ = try parsed(text, options: options)
    return nil
  } catch {
    return error
  }
}
