import Numbers
import TestSupport
import Testing

@Suite struct IntegerTextTests {
  @Test(arguments: [0, 1, -1, 9, 10, 99, 100, 1_435_781_430_781, .max, .min] as [Int64])
  func integersAreWrittenAndReadBack(_ value: Int64) {
    var output: [UInt8] = []
    appendInteger(value, to: &output)
    #expect(String(decoding: output, as: UTF8.self) == value.description)
    #expect(parse(value.description) == value)
  }

  @Test func integersOfEveryLengthAreWritten() {
    var generator = SeededGenerator(seed: 2)
    for bits in 0..<64 {
      for _ in 0..<200 {
        let value = generator.next() >> bits
        var output: [UInt8] = []
        appendInteger(value, to: &output)
        #expect(String(decoding: output, as: UTF8.self) == value.description)
      }
    }
  }

  @Test func theGreatestUnsignedIntegerIsWritten() {
    var output: [UInt8] = []
    appendInteger(UInt64.max, to: &output)
    #expect(String(decoding: output, as: UTF8.self) == "18446744073709551615")
  }

  @Test(arguments: [
    "", "+", "-", "1.0", "1e3", " 1", "1 ", "0x10", "1_0", "--1", "9223372036854775808",
    "-9223372036854775809", "99999999999999999999999",
  ])
  func textThatIsNoIntegerIsRefused(_ text: String) {
    #expect(parse(text) == nil)
  }

  @Test func aPlusAndLeadingZerosAreAccepted() {
    #expect(parse("+5") == 5)
    #expect(parse("-007") == -7)
    #expect(parse("000000000000000000000000012") == 12)
  }

  @Test(
    arguments: [
      (0, "0"), (1000, "1"), (1500, "1.500"), (1_435_781_430_781, "1435781430.781"),
      (-500, "-0.500"), (1, "0.001"), (10, "0.010"), (-1001, "-1.001"),
      (.max, "9223372036854775.807"), (.min, "-9223372036854775.808"),
    ] as [(Int64, String)])
  func timestampsAreSecondsWithThreeDecimals(_ milliseconds: Int64, _ expected: String) {
    var output: [UInt8] = []
    appendTimestamp(milliseconds: milliseconds, to: &output)
    #expect(String(decoding: output, as: UTF8.self) == expected)
  }

  private func parse(_ text: String) -> Int64? {
    parseInteger(unsafe text.utf8Span.span.bytes)
  }
}
