import Numbers
import TestSupport
import Testing

/// A text and the bits of the double it stands for; nil where it is refused.
struct ParsedFloat: Sendable, CustomTestStringConvertible {
  var text: String
  var value: Double?

  init(_ text: String, _ value: Double?) {
    self.text = text
    self.value = value
  }

  var testDescription: String { text.count > 40 ? "\(text.prefix(40))..." : text }
}

@Suite struct FloatParsingTests {
  /// A decimal number within a text is what it is when it stands alone.
  @Test func decimalIsReadUpToItsEnd() {
    var generator = SeededGenerator(seed: 5)
    let parts = ["0", "7", "19", "9007199254740993", ".", "e", "E", "+", "-", "5", "00", "1e9"]
    for _ in 0..<20_000 {
      let number = (0..<Int.random(in: 1...5, using: &generator))
        .map { _ in parts.randomElement(using: &generator)! }.joined()
      let before = Int.random(in: 0...3, using: &generator)
      let text = String(repeating: "8", count: before) + number + " 1"
      var end = before
      let value = parseDecimal(unsafe text.utf8Span.span.bytes, at: &end)
      if let value {
        let alone = String(text.dropFirst(before).prefix(end - before))
        #expect(value.bitPattern == parseFloat(alone)?.bitPattern, "\(text)")
        #expect(end - before <= number.utf8.count)
      } else {
        #expect(end == before)
        #expect(parseFloat(number) == nil, "\(text)")
      }
    }
  }

  @Test(arguments: ["", " 1", "NaN", "inf", "x", "-", ".", "e5", "1e", "1e+", "1e400"])
  func whatIsNoDecimalIsLeftWhereItStands(_ text: String) {
    var end = 0
    #expect(parseDecimal(unsafe text.utf8Span.span.bytes, at: &end) == nil)
    #expect(end == 0)
  }

  @Test(arguments: [
    ParsedFloat("0", 0),
    ParsedFloat("-0", -0.0),
    ParsedFloat("1", 1),
    ParsedFloat("+1", 1),
    ParsedFloat("-1.5", -1.5),
    ParsedFloat("1.", 1),
    ParsedFloat(".5", 0.5),
    ParsedFloat("0.1", 0.1),
    ParsedFloat("1e3", 1000),
    ParsedFloat("1E+03", 1000),
    ParsedFloat("1e-07", 1e-7),
    ParsedFloat("1e22", 1e22),
    ParsedFloat("1e23", 1e23),
    ParsedFloat("9007199254740993", 9_007_199_254_740_992),
    ParsedFloat("1.7952172602373965e+09", 1.7952172602373965e+09),
    ParsedFloat("123456789012345678901234567890", 1.2345678901234568e+29),
    ParsedFloat("0.000000000000000000000000000000000012345", 1.2345e-35),
    ParsedFloat("1.7976931348623157e308", .greatestFiniteMagnitude),
    ParsedFloat("5e-324", .leastNonzeroMagnitude),
    ParsedFloat("2.4703282292062327e-324", 0),
    ParsedFloat("2.4703282292062328e-324", .leastNonzeroMagnitude),
    ParsedFloat("2.2250738585072011e-308", Double(bitPattern: 0x000F_FFFF_FFFF_FFFF)),
    ParsedFloat("1e-400", 0),
    ParsedFloat("0e999999999999999999999", 0),
    ParsedFloat("1e-999999999999999999999", 0),
    ParsedFloat("1" + String(repeating: "0", count: 300), 1e300),
    ParsedFloat("1.00000000000000011102230246251565404236316680908203125", 1),
    ParsedFloat("1.00000000000000011102230246251565404236316680908203126", 1.0000000000000002),
    ParsedFloat("inf", .infinity),
    ParsedFloat("+Inf", .infinity),
    ParsedFloat("-INF", -.infinity),
    ParsedFloat("infinity", .infinity),
    ParsedFloat("-Infinity", -.infinity),
    ParsedFloat("NaN", Double(bitPattern: 0x7FF8_0000_0000_0001)),
    ParsedFloat("nan", Double(bitPattern: 0x7FF8_0000_0000_0001)),
  ])
  func decimalTextIsReadInBothSyntaxes(_ row: ParsedFloat) {
    check(row, as: .exposition)
    check(row, as: .go)
  }

  @Test(arguments: [
    "", "+", "-", ".", "e5", "-.", "+.e1", "1e", "1e+", "1e-", "1.2.3", "--1", "+-1", " 1", "1 ",
    "1,5", "1x", "+nan", "-NaN", "infinit", "infinityx", "nano", "1e400", "-1e400",
    "1.7976931348623159e308", "1e99999999999999999999", "1d5", "0b1", "١",
    "1" + String(repeating: "0", count: 400),
  ])
  func textThatIsNoNumberIsRefusedInBothSyntaxes(_ text: String) {
    check(ParsedFloat(text, nil), as: .exposition)
    check(ParsedFloat(text, nil), as: .go)
  }

  @Test(arguments: [
    ParsedFloat("0x1p0", 1),
    ParsedFloat("0X1P-2", 0.25),
    ParsedFloat("-0x1.8p3", -12),
    ParsedFloat("0x.8p1", 1),
    ParsedFloat("0x1.p1", 2),
    ParsedFloat("0x0p99999", 0),
    ParsedFloat("0x1.fffffffffffffp1023", .greatestFiniteMagnitude),
    ParsedFloat("0x1.fffffffffffff7fffp1023", .greatestFiniteMagnitude),
    ParsedFloat("0x1p-1074", .leastNonzeroMagnitude),
    ParsedFloat("0x1p-1075", 0),
    ParsedFloat("0x1.00000000000000000001p-1075", .leastNonzeroMagnitude),
    ParsedFloat("0x1.8p-1075", .leastNonzeroMagnitude),
    ParsedFloat("0x3p-1075", 0x1p-1073),
    ParsedFloat("0x1p-99999", 0),
    ParsedFloat("0x1.00000000000008p0", 1),
    ParsedFloat("0x1.00000000000008000000000001p0", 1.0000000000000002),
    ParsedFloat("0x1.00000000000018p0", 1.0000000000000004),
    ParsedFloat("0x123456789abcdef012345p0", 0x123456789abcdfp28),
    ParsedFloat("0x_1_2.3_4_5p+1_2", 74565),
    ParsedFloat("1_23.50_0_0e+1_2", 1.235e+14),
    ParsedFloat("-1_000", -1000),
  ])
  func hexadecimalDigitsAndUnderscoresAreOfGoOnly(_ row: ParsedFloat) {
    check(row, as: .go)
    check(ParsedFloat(row.text, nil), as: .exposition)
  }

  @Test(arguments: [
    "0x", "0x1", "0xp1", "0x.p1", "0x1p", "0x1p+", "0x1pa", "0x1.2.3p1", "0x1p1024",
    "0x1.fffffffffffff8p1023", "0x1p99999999999", "x1p1", "1_", "_1", "1__0", "1_.5", "1._5",
    "1_e5", "1e_5", "1e5_", "-_1", "0_x1p0", "0x1_p0", "0x1p_1", "in_f", "_",
  ])
  func malformedGoTextIsRefused(_ text: String) {
    check(ParsedFloat(text, nil), as: .go)
  }

  @Test func randomBitPatternsAgreeWithTheStandardLibrary() {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<50_000 {
      let value = Double(bitPattern: generator.next())
      guard value.isFinite else { continue }
      check(ParsedFloat(value.description, value), as: .exposition)
    }
  }

  @Test func randomDigitsAgreeWithTheStandardLibrary() {
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<20_000 {
      let digits = String(generator.next()).prefix(Int.random(in: 1...20, using: &generator))
      let point = digits.index(
        digits.startIndex, offsetBy: Int.random(in: 0...digits.count, using: &generator))
      var text = digits[..<point] + "." + digits[point...]
      if Bool.random(using: &generator) {
        text += "e\(Int.random(in: -330...290, using: &generator))"
      }
      // The standard library wants a digit before the point.
      check(ParsedFloat(String(text), Double("0" + text)), as: .exposition)
    }
  }

  private func check(
    _ row: ParsedFloat, as syntax: FloatSyntax,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      parseFloat(row.text, as: syntax)?.bitPattern == row.value?.bitPattern,
      "\(row.text) in \(syntax)", sourceLocation: sourceLocation)
  }
}
