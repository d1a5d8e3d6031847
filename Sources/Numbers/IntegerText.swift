/// Appends the decimal digits of `value`, after a `-` if it is negative.
package func appendInteger(_ value: Int64, to output: inout [UInt8]) {
  if value < 0 { output.append(UInt8(ascii: "-")) }
  appendInteger(value.magnitude, to: &output)
}

/// Appends the decimal digits of `value`.
package func appendInteger(_ value: UInt64, to output: inout [UInt8]) {
  output.append(addingCapacity: integerTextCapacity) { appendInteger(value, to: &$0) }
}

/// The most bytes that the text of an integer takes.
package let integerTextCapacity = 20

/// Appends the decimal digits of `value`, after a `-` if it is negative.
///
/// - Precondition: `output` has room for ``integerTextCapacity`` bytes.
package func appendInteger(_ value: Int64, to output: inout OutputSpan<UInt8>) {
  if value < 0 { output.append(UInt8(ascii: "-")) }
  appendInteger(value.magnitude, to: &output)
}

/// Appends the decimal digits of `value`.
///
/// - Precondition: `output` has room for ``integerTextCapacity`` bytes.
package func appendInteger(_ value: UInt64, to output: inout OutputSpan<UInt8>) {
  // Digits come out last first.
  var digits = InlineArray<20, UInt8>(repeating: 0)
  var first = digits.count
  var rest = value
  // Two at a time, as each division waits for the one before it.
  while rest >= 10 {
    let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
    first -= 2
    digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: pair / 10)
    digits[first + 1] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: pair % 10)
    rest = quotient
  }
  if rest > 0 || first == digits.count {
    first -= 1
    digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest)
  }
  for index in first..<digits.count { output.append(digits[index]) }
}

/// Appends a time in seconds as ``appendTimestamp(milliseconds:to:)`` does.
///
/// - Precondition: `output` has room for ``timestampTextCapacity`` bytes.
package func appendTimestamp(milliseconds: Int64, to output: inout OutputSpan<UInt8>) {
  if milliseconds < 0 { output.append(UInt8(ascii: "-")) }
  let (seconds, fraction) = milliseconds.magnitude.quotientAndRemainder(dividingBy: 1000)
  appendInteger(seconds, to: &output)
  guard fraction > 0 else { return }
  output.append(UInt8(ascii: "."))
  output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: fraction / 100))
  output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: fraction / 10 % 10))
  output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: fraction % 10))
}

/// The most bytes that the text of a time takes.
package let timestampTextCapacity = 21

/// Appends a time in seconds, as it stands in JSON answers.
///
/// Whole seconds have no point; all others have three decimals: `1.500`.
///
/// - Parameter milliseconds: Since 1970-01-01T00:00Z; may be negative.
package func appendTimestamp(milliseconds: Int64, to output: inout [UInt8]) {
  output.append(addingCapacity: timestampTextCapacity) {
    appendTimestamp(milliseconds: milliseconds, to: &$0)
  }
}

/// Reads a decimal integer that fills `text` from end to end, with an optional
/// sign.
///
/// - Returns: Nil if `text` is no integer or is out of range.
package func parseInteger(_ text: RawSpan) -> Int64? {
  guard text.byteCount > 0 else { return nil }
  let first = text.byte(at: 0)
  let isNegative = first == UInt8(ascii: "-")
  let start = isNegative || first == UInt8(ascii: "+") ? 1 : 0
  guard start < text.byteCount else { return nil }
  // Counting downwards reaches the least integer, whose magnitude is no Int64.
  var negated: Int64 = 0
  for place in start..<text.byteCount {
    let digit = text.byte(at: place) &- UInt8(ascii: "0")
    guard digit <= 9 else { return nil }
    let (scaled, overflowed) = negated.multipliedReportingOverflow(by: 10)
    let (next, underflowed) = scaled.subtractingReportingOverflow(Int64(digit))
    guard !overflowed, !underflowed else { return nil }
    negated = next
  }
  if isNegative { return negated }
  return negated == .min ? nil : -negated
}
