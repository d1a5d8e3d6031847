/// How a double is written as text.
///
/// Each style writes the fewest digits that read back as the same double, and
/// `NaN`, `+Inf` and `-Inf` for what is no number.
package enum FloatStyle: Sendable {
  /// Never an exponent: `100000`, `0.0000001`. Go's `'f'`.
  case decimal
  /// Always an exponent: `1e+05`, `1.5e-07`. Go's `'e'`.
  case scientific
  /// An exponent below 1e-4 and from 1e6 on: `1e+06`, `0.0001`. Go's `'g'`,
  /// which its client library uses in the text exposition.
  case compact
  /// An exponent below 1e-6 and from 1e21 on: `100000`, `1e-07`, `1e+21`, as
  /// sample values stand in JSON answers (without the quotes).
  case json
  /// Like ``compact``, with `.0` after a text that has neither point nor
  /// exponent: `1.0`, `1e+06`. For the labels `le` and `quantile`.
  case openMetrics
}

/// Appends the text of `value`.
///
/// - Complexity: O(1) but for the zeros ``FloatStyle/decimal`` may need (some
///   300). Integers are written without searching for the shortest digits.
package func appendFloat(_ value: Double, as style: FloatStyle, to output: inout [UInt8]) {
  guard value.isFinite else {
    output.append(ascii: value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf")
    return
  }
  if let integer = smallInteger(value, as: style) {
    appendInteger(integer, to: &output)
    if style == .openMetrics { output.append(ascii: ".0") }
    return
  }
  if value.sign == .minus { output.append(UInt8(ascii: "-")) }
  let digits = ShortestDigits(value.magnitude)
  if style.needsExponent(value.magnitude, digits) {
    appendScientific(digits, to: &output)
  } else {
    appendPlain(digits, to: &output)
    // Beyond small integers only -0 is left without a point.
    if style == .openMetrics, digits.exponent >= digits.count - 1 { output.append(ascii: ".0") }
  }
}

/// The most bytes that ``appendJSONFloat(_:to:)`` writes.
package let jsonFloatCapacity = 32

/// Appends the text of `value` in the style ``FloatStyle/json``.
///
/// - Precondition: `output` has room for ``jsonFloatCapacity`` bytes.
package func appendJSONFloat(_ value: Double, to output: inout OutputSpan<UInt8>) {
  if let integer = smallInteger(value, as: .json) {
    appendInteger(integer, to: &output)
  } else if value.magnitude >= 1e-6, value.magnitude < 0x1p53 {
    appendFixed(value, to: &output)
  } else {
    var text: [UInt8] = []
    appendFloat(value, as: .json, to: &text)
    for byte in text { output.append(byte) }
  }
}

/// The text of `value`; see ``appendFloat(_:as:to:)``.
package func floatText(_ value: Double, as style: FloatStyle) -> String {
  var text: [UInt8] = []
  text.reserveCapacity(24)
  appendFloat(value, as: style, to: &text)
  return String(decoding: text, as: UTF8.self)
}

/// The value as an integer, if `style` writes it without an exponent and
/// its digits are those of the integer.
private func smallInteger(_ value: Double, as style: FloatStyle) -> Int64? {
  let bound: Double
  switch style {
  case .decimal, .json: bound = 0x1p53
  case .compact, .openMetrics: bound = 1e6
  case .scientific: return nil
  }
  guard value.magnitude < bound else { return nil }
  let integer = Int64(value)
  // Comparing bits keeps the sign of -0.
  return Double(integer).bitPattern == value.bitPattern ? integer : nil
}

extension FloatStyle {
  fileprivate func needsExponent(_ magnitude: Double, _ digits: ShortestDigits) -> Bool {
    switch self {
    case .decimal: false
    case .scientific: true
    case .json: magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21)
    case .compact, .openMetrics: digits.exponent < -4 || digits.exponent >= 6
    }
  }
}

/// Appends `d.ddde+dd`, with at least two digits of exponent.
private func appendScientific(_ digits: ShortestDigits, to output: inout [UInt8]) {
  output.append(digits.digit(0))
  if digits.count > 1 {
    output.append(UInt8(ascii: "."))
    for index in 1..<digits.count { output.append(digits.digit(index)) }
  }
  output.append(UInt8(ascii: "e"))
  output.append(UInt8(ascii: digits.exponent < 0 ? "-" : "+"))
  let power = digits.exponent.magnitude
  if power < 10 { output.append(UInt8(ascii: "0")) }
  appendInteger(UInt64(power), to: &output)
}

/// Appends the digits with the zeros they need and no exponent.
private func appendPlain(_ digits: ShortestDigits, to output: inout [UInt8]) {
  if digits.exponent < 0 {
    output.append(ascii: "0.")
    output.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: -1 - digits.exponent))
    for index in 0..<digits.count { output.append(digits.digit(index)) }
    return
  }
  for index in 0...digits.exponent { output.append(digits.digit(index)) }
  guard digits.count > digits.exponent + 1 else { return }
  output.append(UInt8(ascii: "."))
  for index in (digits.exponent + 1)..<digits.count { output.append(digits.digit(index)) }
}

/// The canonical text of the number in a `le` label of a histogram's bucket or
/// a `quantile` label of a summary: `1` and `1.00` become `1.0`.
///
/// - Returns: `text` itself if it is no number.
package func canonicalBoundary(_ text: String) -> String {
  guard let value = parseFloat(text, as: .go) else { return text }
  // Prometheus writes both zeros alike in these labels.
  return floatText(value == 0 ? 0 : value, as: .openMetrics)
}

extension [UInt8] {
  /// Appends the characters of a literal.
  @inline(__always)
  fileprivate mutating func append(ascii text: StaticString) {
    // Safety: the buffer is copied before the closure returns.
    text.withUTF8Buffer { unsafe append(contentsOf: $0) }
  }
}
