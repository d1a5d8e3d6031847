import Numbers
import SeriesModel

extension ParseError: CustomStringConvertible {
  /// The position and the message, as Prometheus words them:
  /// `1:5: parse error: unclosed left parenthesis`.
  public var description: String { "\(position): parse error: \(message)" }

  /// The message without the position.
  public var message: String {
    switch kind {
    case .lexical(let fault): fault.message
    case .syntax(let fault): fault.message
    case .modifier(let fault): fault.message
    case .type(let fault): fault.message
    case .tooLong(let byteCount, let maximum):
      "query has \(byteCount) bytes, the limit is \(maximum): shorten it, or split it"
    case .tooDeep(let maximum):
      "expression has more than \(maximum) levels of nested parentheses, arguments and operators: "
        + "split it, or let one selector with a regular expression replace a chain of operators"
    }
  }
}

extension ParseError.LexicalFault {
  fileprivate var message: String {
    switch self {
    case .unclosedParenthesis: "unclosed left parenthesis"
    case .unclosedBracket: "unclosed left bracket"
    case .unclosedBraces: "unexpected end of input inside braces"
    case .unclosedDuration: "unexpected end of input in duration expression"
    case .strayDelimiter(let delimiter):
      "unexpected \(Self.name(ofDelimiter: delimiter)) \(quoted(delimiter))"
    case .colonBeforeDuration: "unexpected colon before duration in duration expression"
    case .character(let character, let place):
      place.message(characterInQuotes: quoted(character ?? "\u{FFFD}"))
    case .number(let text): "bad number or duration syntax: \(text.quotedForPromQL)"
    case .unterminatedString(let isRaw):
      isRaw ? "unterminated raw string" : "unterminated quoted string"
    case .unterminatedEscape: "escape sequence not terminated"
    case .unknownEscape(let character): "unknown escape sequence \(unicodeName(character))"
    case .escapeDigit(let character):
      "illegal character \(unicodeName(character)) in escape sequence"
    case .escapedCodePoint: "escape sequence is an invalid Unicode code point"
    case .replacementCharacter: "invalid UTF-8 rune"
    }
  }

  private static func name(ofDelimiter delimiter: Unicode.Scalar) -> String {
    switch delimiter {
    case ")": "right parenthesis"
    case "[": "left bracket"
    case "]": "right bracket"
    case "{": "left brace"
    default: "colon"
    }
  }
}

extension ParseError.Place {
  fileprivate func message(characterInQuotes character: String) -> String {
    switch self {
    case .expression: "unexpected character: \(character)"
    case .braces: "unexpected character inside braces: \(character)"
    case .duration: "unexpected character in duration expression: \(character)"
    case .afterDuration: "unexpected character: \(character), expected ':'"
    case .afterEqualSign: "unexpected character after '=': \(character)"
    case .afterExclamationMark: "unexpected character after '!': \(character)"
    case .afterExclamationMarkInBraces:
      "unexpected character after '!' inside braces: \(character)"
    }
  }
}

extension ParseError.SyntaxFault {
  fileprivate var message: String {
    switch self {
    case .unexpected(let token, let context, let expected):
      "unexpected \(token)" + (context.map { " in \($0.rawValue)" } ?? "")
        + (expected.isEmpty ? "" : ", expected \(expected)")
    case .noExpression: "no expression found in input"
    case .trailingComma: "trailing commas not allowed in function call args"
    case .unknownFunction(let name): "unknown function with name \(name.quotedForPromQL)"
    case .disabledFunction(let name): "function \(name.quotedForPromQL) is not enabled"
    case .disabledAggregator(let aggregator):
      "\(aggregator.rawValue)() is experimental and must be enabled with "
        + "--enable-feature=promql-experimental-functions"
    case .disabledFill: "binop fill modifiers are experimental and not enabled"
    case .noAggregationArguments: "no arguments for aggregate expression provided"
    case .aggregationArgumentCount(let expected, let got):
      "wrong number of arguments for aggregate expression provided, "
        + "expected \(expected), got \(got)"
    case .groupingLabel(let name):
      "invalid label name for grouping: \(name.quotedForPromQL)"
    case .malformedNumber(let text): Self.numberMessage(text, "invalid syntax")
    case .numberOutOfRange(let text): Self.numberMessage(text, "value out of range")
    case .duration(let error): error.description
    case .durationNotPositive: "duration must be greater than 0"
    case .divisionByZero: "division by zero"
    case .moduloByZero: "modulo by zero"
    case .regularExpression(let reason): "error parsing regexp: \(reason)"
    }
  }

  private static func numberMessage(_ text: String, _ reason: String) -> String {
    "error parsing number: strconv.ParseFloat: parsing \(text.quotedForPromQL): \(reason)"
  }
}

extension ParseError.ModifierFault {
  fileprivate var message: String {
    switch self {
    case .misplaced(let modifier):
      "\(modifier == .offset ? "offset" : "@") modifier must be preceded by an instant vector "
        + "selector or range vector selector or a subquery"
    case .repeated(let modifier):
      "\(modifier == .offset ? "offset" : "@ <timestamp>") may not be set multiple times"
    case .beforeRange(let modifier):
      "no \(modifier == .offset ? "offset" : "@") modifiers allowed before range"
    case .timestampOutOfBounds(let seconds):
      "timestamp out of bounds for @ modifier: "
        + floatText(seconds, as: .decimal) + (seconds.isFinite ? ".000000" : "")
    case .rangeOfNonSelector: "ranges only allowed for vector selectors"
    case .disabled(let modifier):
      "\(modifier.rawValue) modifier is experimental and not enabled"
    case .conflict: "anchored and smoothed modifiers cannot be used together"
    case .onSubquery(let modifier):
      "\(modifier.rawValue) modifier is not supported for subqueries"
    case .onNonSelector(let modifier): "\(modifier.rawValue) modifier not implemented"
    }
  }
}

extension ParseError.TypeFault {
  fileprivate var message: String {
    switch self {
    case .mismatch(let expected, let site, let got):
      "expected type \(expected.documentedName) in \(site.name), got \(got.documentedName)"
    case .argumentCount(let function, let expected, let got):
      "expected \(expected.words) argument(s) in call to \(function.quotedForPromQL), got \(got)"
    case .labelSelectorsOnly(let hasName):
      "expected label selectors only" + (hasName ? ", got vector selector instead" : "")
    case .boolOnNonComparison: "bool modifier can only be used on comparison operators"
    case .scalarComparisonWithoutBool: "comparisons between scalars must use BOOL modifier"
    case .labelInOnAndGroup(let label):
      "label \(label.quotedForPromQL) must not occur in ON and GROUP clause at once"
    case .operandTypes:
      "binary expression must contain only scalar and instant vector types"
    case .matchingOfNonVectors: "vector matching only allowed between instant vectors"
    case .fillOfNonVectors:
      "filling in missing series only allowed between instant vectors"
    case .groupingOfSetOperator(let operation):
      "no grouping allowed for \"\(operation.rawValue)\" operation"
    case .fillOfSetOperator: "filling in missing series not allowed for set operators"
    case .setOperatorOnScalar(let operation):
      "set operator \"\(operation.rawValue)\" not allowed in binary scalar expression"
    case .unaryOperand(let got):
      "unary expression only allowed on expressions of type scalar or instant vector, "
        + "got \"\(got.documentedName)\""
    case .subqueryOperand(let got):
      "subquery is only allowed on instant vector, got \(got.rawValue) instead"
    case .metricNameSetTwice(let first, let second):
      "metric name must not be set twice: "
        + "\(first.quotedForPromQL) or \(second.quotedForPromQL)"
    case .emptySelector: "vector selector must contain at least one non-empty matcher"
    }
  }
}

extension ParseError.Site {
  fileprivate var name: String {
    switch self {
    case .call(let function): "call to function \(function.quotedForPromQL)"
    case .aggregation: "aggregation expression"
    case .aggregationParameter: "aggregation parameter"
    }
  }
}

extension ParseError.CountBound {
  fileprivate var words: String {
    switch self {
    case .exactly(let count): "\(count)"
    case .atLeast(let count): "at least \(count)"
    case .atMost(let count): "at most \(count)"
    }
  }
}

/// The character in single quotes, as Go writes it.
private func quoted(_ character: Unicode.Scalar) -> String {
  switch character {
  case "'": return "'\\''"
  case "\"": return "'\"'"
  default:
    if isPrintable(character) || character.isASCII {
      return "'\(String(character).quotedForPromQL.dropFirst().dropLast())'"
    }
    let digits = String(character.value, radix: 16)
    let isShort = character.value <= 0xFFFF
    let zeros = String(repeating: "0", count: (isShort ? 4 : 8) - digits.count)
    return "'\\\(isShort ? "u" : "U")\(zeros)\(digits)'"
  }
}

/// The character's code point and, if it can be seen, the character itself:
/// `U+0071 'q'`.
private func unicodeName(_ character: Unicode.Scalar) -> String {
  let digits = String(character.value, radix: 16, uppercase: true)
  let zeros = String(repeating: "0", count: max(0, 4 - digits.count))
  return "U+\(zeros)\(digits)" + (isPrintable(character) ? " '\(character)'" : "")
}

private func isPrintable(_ character: Unicode.Scalar) -> Bool {
  switch character.properties.generalCategory {
  case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
    .paragraphSeparator:
    false
  case .spaceSeparator: character == " "
  default: true
  }
}
