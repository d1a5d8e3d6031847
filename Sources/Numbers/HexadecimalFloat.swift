extension RawSpan {
  /// Whether `0x` or `0X` stands at `place`.
  func hasHexadecimalPrefix(at place: Int) -> Bool {
    byteCount >= place + 2 && byte(at: place) == UInt8(ascii: "0")
      && byte(at: place + 1) | 0x20 == UInt8(ascii: "x")
  }
}

/// The value of a hexadecimal digit; nil for any other byte.
func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
  let decimal = byte &- UInt8(ascii: "0")
  if decimal <= 9 { return decimal }
  let letter = (byte | 0x20) &- UInt8(ascii: "a")
  return letter < 6 ? letter + 10 : nil
}

/// Reads a hexadecimal number, such as `-0x1.8p3`, that fills `text`.
///
/// The exponent, a power of two, is required.
///
/// - Returns: The nearest double, ties to even; nil if `text` is no such
///   number, or is too large for a double.
func parseHexadecimalFloat(_ text: RawSpan) -> Double? {
  guard text.byteCount > 0 else { return nil }
  let first = text.byte(at: 0)
  let isSigned = first == UInt8(ascii: "-") || first == UInt8(ascii: "+")
  var place = isSigned ? 1 : 0
  guard text.hasHexadecimalPrefix(at: place) else { return nil }
  place += 2

  // 15 digits fit in 60 bits; any bit set after them only decides a rounding,
  // for which one more bit at the low end is enough.
  var mantissa: UInt64 = 0
  var exponent = 0
  var hasDigits = false
  var isFraction = false
  var isInexact = false
  while place < text.byteCount {
    let byte = text.byte(at: place)
    if let digit = hexadecimalDigit(byte) {
      hasDigits = true
      if mantissa >> 56 == 0 {
        mantissa = mantissa << 4 | UInt64(digit)
        if isFraction { exponent -= 4 }
      } else {
        isInexact = isInexact || digit != 0
        if !isFraction { exponent += 4 }
      }
    } else if byte == UInt8(ascii: "."), !isFraction {
      isFraction = true
    } else {
      break
    }
    place += 1
  }
  guard hasDigits, place < text.byteCount, text.byte(at: place) | 0x20 == UInt8(ascii: "p"),
    let power = readExponent(text, from: &place), place == text.byteCount
  else { return nil }
  let magnitude = roundedDouble(
    mantissa << 1 | (isInexact ? 1 : 0), powerOfTwo: exponent + power - 1)
  guard magnitude.isFinite else { return nil }
  return first == UInt8(ascii: "-") ? -magnitude : magnitude
}

/// The double nearest to `mantissa` times two to the power of `powerOfTwo`,
/// ties to even: infinity if it is too large.
///
/// The mantissa is rounded once, to the bits its magnitude leaves: converting
/// it first and scaling afterwards would round subnormal results twice.
private func roundedDouble(_ mantissa: UInt64, powerOfTwo: Int) -> Double {
  guard mantissa != 0 else { return 0 }
  let width = UInt64.bitWidth - mantissa.leadingZeroBitCount
  let leadingPower = powerOfTwo + width - 1
  if leadingPower > 1023 { return .infinity }
  if leadingPower < -1075 { return 0 }
  let precision = min(53, 53 - (-1022 - leadingPower))
  let surplus = max(0, width - precision)
  // With no bit left (half of the least subnormal or less), `surplus` is the
  // whole width: the shift gives zero, and the comparison below decides.
  var kept = mantissa >> UInt64(surplus)
  let dropped = mantissa - (kept << UInt64(surplus))
  if surplus > 0 {
    let half: UInt64 = 1 << UInt64(surplus - 1)
    if dropped > half || (dropped == half && kept & 1 == 1) { kept += 1 }
  }
  return Double(sign: .plus, exponent: powerOfTwo + surplus, significand: Double(kept))
}
