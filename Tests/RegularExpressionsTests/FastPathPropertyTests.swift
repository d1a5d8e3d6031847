import Testing

@testable import RegularExpressions

/// Every expression the fast paths take gives the answers RE2 gives.
@Suite struct FastPathPropertyTests {
  private static let pieces = [
    "a", "b", "ab", "é", "日", ".*", ".+", ".", "|", "||", "(", ")", "(a|b)", "(?:", "(|a)", "\\.",
    "\\-", "\\_", "\\/", "\\|", "\\ ", "^", "$", "?", "*", "+", "[ab]", "]", "}", "{2}", "(?i)",
    "\n",
    "-", "/", "_", "#", "\\d", "\\Qa|b\\E", "\u{FFFD}", ".*?", "()", "(.*)", "\0",
  ]

  private static let texts: [[UInt8]] = {
    let characters: [[UInt8]] = [
      [], Array("a".utf8), Array("b".utf8), Array("é".utf8), Array("\n".utf8), Array(".".utf8),
      Array("-".utf8), [0xC3], [0xE6, 0x97], [0xFF], Array("日".utf8), Array("\u{FFFD}".utf8),
      Array("_/| ".utf8), Array("A".utf8), [0],
    ]
    var texts: [[UInt8]] = []
    for first in characters {
      for second in characters {
        texts.append(first + second)
        texts.append(Array("ab".utf8) + first + second + Array("ab".utf8))
      }
    }
    return texts
  }()

  @Test func fastPathsAgreeWithRE2OnRandomExpressions() throws {
    var generator = Generator(state: 7)
    var taken = 0
    for _ in 0..<3_000 {
      let source = (0..<Int.random(in: 0...6, using: &generator))
        .map { _ in Self.pieces.randomElement(using: &generator) ?? "" }.joined()
      guard let patterns = WildcardParser.patterns(of: source) else { continue }
      taken += 1
      let compiled = TextMatcher.automaton(try CompiledExpression(source, captures: false))
      let expression = try RegularExpression(source)
      #expect(expression.literalAlternatives != nil || patterns.contains { $0.literal == nil })
      for text in Self.texts {
        let bytes = unsafe text.span.bytes
        let isMatch = compiled.matches(bytes, isValid: false)
        #expect(expression.matches(bytes) == isMatch, "\(source.debugDescription) on \(text)")
      }
    }
    #expect(taken > 500)
  }

  @Test func everyMatchBeginsWithTheLiteralPrefix() throws {
    var generator = Generator(state: 8)
    var matches = 0
    for _ in 0..<3_000 {
      let source = (0..<Int.random(in: 1...6, using: &generator))
        .map { _ in Self.pieces.randomElement(using: &generator) ?? "" }.joined()
      // Most of these have mistakes, which is not what this is about.
      guard let expression = try? RegularExpression(source), let prefix = expression.literalPrefix
      else { continue }
      for text in Self.texts where expression.matches(unsafe text.span.bytes) {
        matches += 1
        #expect(text.starts(with: prefix.utf8), "\(source.debugDescription) on \(text)")
      }
    }
    #expect(matches > 500)
  }

  /// SplitMix64, as the target has no other use for a test library.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }
}
