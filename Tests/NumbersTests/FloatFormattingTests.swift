import Numbers
import TestSupport
import Testing

/// A double and its text in every style.
struct FormattedFloat: Sendable, CustomTestStringConvertible {
  var value: Double
  var decimal: String
  var scientific: String
  var compact: String
  var json: String
  var openMetrics: String

  init(
    _ value: Double, decimal: String, scientific: String, compact: String, json: String,
    openMetrics: String
  ) {
    self.value = value
    self.decimal = decimal
    self.scientific = scientific
    self.compact = compact
    self.json = json
    self.openMetrics = openMetrics
  }

  /// A value that every style writes alike.
  init(_ value: Double, always text: String) {
    self.init(
      value, decimal: text, scientific: text, compact: text, json: text, openMetrics: text)
  }

  var testDescription: String { scientific }
}

@Suite struct FloatFormattingTests {
  @Test(arguments: [
    FormattedFloat(.nan, always: "NaN"),
    FormattedFloat(Double(bitPattern: 0xFFF0_0000_0000_0002), always: "NaN"),
    FormattedFloat(.infinity, always: "+Inf"),
    FormattedFloat(-.infinity, always: "-Inf"),
    FormattedFloat(
      0, decimal: "0", scientific: "0e+00", compact: "0", json: "0", openMetrics: "0.0"),
    FormattedFloat(
      -0.0, decimal: "-0", scientific: "-0e+00", compact: "-0", json: "-0", openMetrics: "-0.0"),
    FormattedFloat(
      1, decimal: "1", scientific: "1e+00", compact: "1", json: "1", openMetrics: "1.0"),
    FormattedFloat(
      -1, decimal: "-1", scientific: "-1e+00", compact: "-1", json: "-1", openMetrics: "-1.0"),
    FormattedFloat(
      0.1, decimal: "0.1", scientific: "1e-01", compact: "0.1", json: "0.1", openMetrics: "0.1"),
    FormattedFloat(
      -12.5, decimal: "-12.5", scientific: "-1.25e+01", compact: "-12.5", json: "-12.5",
      openMetrics: "-12.5"),
    FormattedFloat(
      100_000, decimal: "100000", scientific: "1e+05", compact: "100000", json: "100000",
      openMetrics: "100000.0"),
    FormattedFloat(
      999_999, decimal: "999999", scientific: "9.99999e+05", compact: "999999", json: "999999",
      openMetrics: "999999.0"),
    FormattedFloat(
      1e6, decimal: "1000000", scientific: "1e+06", compact: "1e+06", json: "1000000",
      openMetrics: "1e+06"),
    FormattedFloat(
      123_456.5, decimal: "123456.5", scientific: "1.234565e+05", compact: "123456.5",
      json: "123456.5", openMetrics: "123456.5"),
    FormattedFloat(
      123_456_789, decimal: "123456789", scientific: "1.23456789e+08", compact: "1.23456789e+08",
      json: "123456789", openMetrics: "1.23456789e+08"),
    FormattedFloat(
      0.0001, decimal: "0.0001", scientific: "1e-04", compact: "0.0001", json: "0.0001",
      openMetrics: "0.0001"),
    FormattedFloat(
      0.00001, decimal: "0.00001", scientific: "1e-05", compact: "1e-05", json: "0.00001",
      openMetrics: "1e-05"),
    FormattedFloat(
      1e-6, decimal: "0.000001", scientific: "1e-06", compact: "1e-06", json: "0.000001",
      openMetrics: "1e-06"),
    FormattedFloat(
      1e-7, decimal: "0.0000001", scientific: "1e-07", compact: "1e-07", json: "1e-07",
      openMetrics: "1e-07"),
    FormattedFloat(
      9_007_199_254_740_992, decimal: "9007199254740992", scientific: "9.007199254740992e+15",
      compact: "9.007199254740992e+15", json: "9007199254740992",
      openMetrics: "9.007199254740992e+15"),
    FormattedFloat(
      1e20, decimal: "100000000000000000000", scientific: "1e+20", compact: "1e+20",
      json: "100000000000000000000", openMetrics: "1e+20"),
    FormattedFloat(
      1e21, decimal: "1000000000000000000000", scientific: "1e+21", compact: "1e+21",
      json: "1e+21", openMetrics: "1e+21"),
    FormattedFloat(
      .greatestFiniteMagnitude, decimal: "17976931348623157" + String(repeating: "0", count: 292),
      scientific: "1.7976931348623157e+308", compact: "1.7976931348623157e+308",
      json: "1.7976931348623157e+308", openMetrics: "1.7976931348623157e+308"),
    FormattedFloat(
      .leastNonzeroMagnitude, decimal: "0." + String(repeating: "0", count: 323) + "5",
      scientific: "5e-324", compact: "5e-324", json: "5e-324", openMetrics: "5e-324"),
  ])
  func everyStyleWritesItsText(_ row: FormattedFloat) {
    #expect(floatText(row.value, as: .decimal) == row.decimal)
    #expect(floatText(row.value, as: .scientific) == row.scientific)
    #expect(floatText(row.value, as: .compact) == row.compact)
    #expect(floatText(row.value, as: .json) == row.json)
    #expect(floatText(row.value, as: .openMetrics) == row.openMetrics)
  }

  @Test func writtenTextReadsBackBitForBitWithTheFewestDigits() {
    var generator = SeededGenerator(seed: 3)
    for round in 0..<100_000 {
      let value = Double(bitPattern: generator.next())
      guard value.isFinite else { continue }
      let style: FloatStyle = [.scientific, .compact, .json, .openMetrics, .decimal][round % 5]
      let text = floatText(value, as: style)
      #expect(parseFloat(text)?.bitPattern == value.bitPattern, "\(value)")
      if style == .scientific {
        let digits = text.prefix { $0 != "e" }.count { $0.isNumber }
        #expect(digits == significantDigits(of: value.description), "\(value)")
      }
    }
  }

  @Test func samplesAreWrittenAsTheStyleOfJSONWritesThem() {
    var generator = SeededGenerator(seed: 4)
    for round in 0..<50_000 {
      let bits = Double(bitPattern: generator.next())
      let fraction = Double.random(in: -1e6...1e6, using: &generator)
      let value = [bits, fraction, fraction.rounded(), (fraction * 100).rounded() / 100][round % 4]
      var text: [UInt8] = []
      text.append(addingCapacity: jsonFloatCapacity) { appendJSONFloat(value, to: &$0) }
      #expect(String(decoding: text, as: UTF8.self) == floatText(value, as: .json), "\(value)")
    }
  }

  @Test func appendingKeepsWhatIsThere() {
    var output = Array("value ".utf8)
    appendFloat(-2.5, as: .json, to: &output)
    #expect(String(decoding: output, as: UTF8.self) == "value -2.5")
  }

  @Test(arguments: [
    ("1", "1.0"), ("0", "0.0"), ("-0", "0.0"), ("-1", "-1.0"), ("0.50", "0.5"), ("+Inf", "+Inf"),
    ("Inf", "+Inf"), ("-inf", "-Inf"), ("nan", "NaN"), ("1e6", "1e+06"), ("1000000", "1e+06"),
    ("25", "25.0"), ("1_0", "10.0"), ("0x1p-1", "0.5"), ("", ""), ("small", "small"),
    ("1e400", "1e400"),
  ])
  func boundariesOfBucketsAndQuantilesAreCanonical(_ text: String, _ expected: String) {
    #expect(canonicalBoundary(text) == expected)
  }

  /// The digits of a text such as `-1.25e-07` or `1200.0` without the zeros
  /// around them.
  private func significantDigits(of description: String) -> Int {
    let mantissa = description.prefix { $0 != "e" }.filter(\.isNumber).drop { $0 == "0" }
    let trailingZeros = mantissa.reversed().prefix { $0 == "0" }.count
    return max(1, mantissa.count - trailingZeros)
  }
}
