import Testing

@testable import PromQLSyntax

struct LexerTests {
  private func kinds(_ text: String) throws -> [TokenKind] {
    var lexer = Lexer(text)
    var kinds: [TokenKind] = []
    while true {
      let kind = try lexer.next().kind
      if kind == .endOfInput { return kinds }
      kinds.append(kind)
    }
  }

  @Test(
    arguments: [
      ("", []), (" \t\r\n# x", []),
      ("1 0x1f .5 1. 1e-3 1_0 Inf nan", Array(repeating: .number, count: 8)),
      ("5m 1h30m 100ms 1y 2w3d", Array(repeating: .duration, count: 5)),
      ("foo f_1 infinity NaNny fill", Array(repeating: .identifier, count: 5)),
      ("a:b : :a", Array(repeating: .metricIdentifier, count: 3)),
      (#""a\"b" 'c' `d\`"#, Array(repeating: .string, count: 3)),
      ("SUM Topk limit_ratio", [.aggregator(.sum), .aggregator(.topK), .aggregator(.limitRatio)]),
      ("By oFFset min_of", [.keyword(.by), .keyword(.offset), .keyword(.minimumOf)]),
      ("fill(", [.keyword(.fill), .leftParenthesis].dropLast()),
      ("AND atan2", [.binaryOperator(.and), .binaryOperator(.atan2)]),
      (
        "= == != < <= </ > >= >/",
        [
          .equalSign, .binaryOperator(.equal), .binaryOperator(.notEqual), .binaryOperator(.less),
          .binaryOperator(.lessOrEqual), .binaryOperator(.trimUpper), .binaryOperator(.greater),
          .binaryOperator(.greaterOrEqual), .binaryOperator(.trimLower),
        ]
      ),
      (
        "+-*/%^@,",
        [
          .binaryOperator(.add), .binaryOperator(.subtract), .binaryOperator(.multiply),
          .binaryOperator(.divide), .binaryOperator(.modulo), .binaryOperator(.power), .at, .comma,
        ]
      ),
      (
        "{sum=~'x',by!~'y',a!='z'}",
        [
          .leftBrace, .identifier, .matchesRegex, .string, .comma, .identifier, .notMatchesRegex,
          .string, .comma, .identifier, .binaryOperator(.notEqual), .string, .rightBrace,
        ]
      ),
      (
        "[5m:step()]",
        [
          .leftBracket, .duration, .colon, .keyword(.step), .leftParenthesis, .rightParenthesis,
          .rightBracket,
        ]
      ),
      (
        "[RANGE()-1]a:b",
        [
          .leftBracket, .keyword(.range), .leftParenthesis, .rightParenthesis,
          .binaryOperator(.subtract), .number, .rightBracket, .metricIdentifier,
        ]
      ),
    ] as [(String, [TokenKind])])
  func textIsCutIntoTokens(text: String, expected: [TokenKind]) throws {
    // Parentheses left open would be a fault at the end.
    let closed = text.hasSuffix("(") ? text + ")" : text
    #expect(try Array(kinds(closed).prefix(expected.count)) == expected)
    if text == closed { #expect(try kinds(text).count == expected.count) }
  }

  @Test func endOfInputComesAgainAndAgain() throws {
    var lexer = Lexer("a")
    #expect(try lexer.next().kind == .identifier)
    for _ in 0..<3 {
      let token = try lexer.next()
      #expect(token == Token(kind: .endOfInput, range: SourceRange(1, 1)))
    }
  }
}
