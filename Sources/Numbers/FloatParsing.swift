/// Which spellings of a number ``parseFloat(_:as:)`` takes.
package enum FloatSyntax: Sendable {
  /// Decimal numbers, `NaN` and infinities, as in scraped and pushed text.
  case exposition
  /// Like ``exposition``, and hexadecimal numbers (`0x1.8p-2`) and underscores
  /// between digits (`1_000`), as Go's `strconv.ParseFloat`.
  case go
}

/// The bits of the not-a-number that stands for every parsed `NaN`.
///
/// They differ from those of `Double.nan`, and from the stale marker's. Stored
/// values keep their bits, so all sources must agree on them.
private let ordinaryNaN = Double(bitPattern: 0x7FF8_0000_0000_0001)

/// Reads a number that fills `text` from end to end.
///
/// Accepted are an optional sign, digits with an optional point (`1`, `1.`,
/// `.5`), an optional exponent, and in any case `nan`, `inf` and `infinity`
/// (the latter two with an optional sign). A number too small for a double is
/// zero. Blanks are not skipped.
///
/// - Returns: The nearest double, ties to even; nil if `text` is no number, or
///   is too large for a double.
/// - Complexity: O(*n*); quickest up to 15 digits with a small exponent, where one
///   multiplication or division gives the result.
package func parseFloat(_ text: RawSpan, as syntax: FloatSyntax = .exposition) -> Double? {
  var end = 0
  if let value = parseDecimal(text, at: &end), end == text.byteCount { return value }
  return parseUncommonFloat(text, as: syntax)
}

/// Reads a number that fills `text` from end to end, as
/// ``parseFloat(_:as:)`` does.
package func parseFloat(_ text: String, as syntax: FloatSyntax = .exposition) -> Double? {
  parseFloat(unsafe text.utf8Span.span.bytes, as: syntax)
}

/// Reads the decimal number that begins at `offset`, and moves `offset` past
/// it.
///
/// What follows the number does not matter. Not-a-number and infinities are
/// for ``parseFloat(_:as:)``.
///
/// - Returns: The nearest double, ties to even; nil, and `offset` is unchanged,
///   if no decimal number begins there, or one too large for a double.
/// - Precondition: `offset` is not negative.
/// - Complexity: O(*n*); quickest up to 15 digits with a small exponent, where one
///   multiplication or division gives the result.
package func parseDecimal(_ text: RawSpan, at offset: inout Int) -> Double? {
  precondition(offset >= 0)
  var place = offset
  let isNegative = text.hasByte(UInt8(ascii: "-"), at: place)
  if isNegative || text.hasByte(UInt8(ascii: "+"), at: place) { place &+= 1 }
  let start = place
  // All digits as an integer: as many as 19 fit.
  var mantissa = readDigits(text, from: &place, after: 0)
  var digitCount = place - start
  var exponent = 0
  if text.hasByte(UInt8(ascii: "."), at: place) {
    place &+= 1
    let fraction = place
    mantissa = readDigits(text, from: &place, after: mantissa)
    exponent = fraction - place
    digitCount += place - fraction
  }
  guard digitCount > 0 else { return nil }
  if text.hasByte(UInt8(ascii: "e"), at: place) || text.hasByte(UInt8(ascii: "E"), at: place) {
    guard let power = readExponent(text, from: &place) else { return nil }
    exponent += power
  }
  let exact = digitCount <= 19 ? exactProduct(mantissa, exponent) : nil
  guard let magnitude = exact ?? nearestMagnitude(in: text, start..<place) else { return nil }
  offset = place
  return isNegative ? -magnitude : magnitude
}

/// `mantissa` times ten to the power of `exponent`, if one correctly rounded
/// operation on exact doubles gives it.
///
/// Source: Clinger, "How to read floating point numbers accurately", 1990.
@inline(__always)
private func exactProduct(_ mantissa: UInt64, _ exponent: Int) -> Double? {
  guard mantissa <= 1 << 53 else { return nil }
  let exact = Double(mantissa)
  if exponent == 0 { return exact }
  guard exponent.magnitude <= 22 else { return nil }
  let power = exactPowersOfTen[Int(exponent.magnitude)]
  return exponent > 0 ? exact * power : exact / power
}

/// The nearest double to the number without sign that fills `range`; nil if it
/// is too large for one.
private func nearestMagnitude(in text: RawSpan, _ range: Range<Int>) -> Double? {
  let nearest = nearestDouble(toDecimal: text.extracting(range), from: 0)
  return nearest.isFinite ? nearest : nil
}

/// Reads digits from `place` on, moves `place` past them, and returns their
/// value as if `leading` stood before them, modulo 2^64.
@inline(__always)
private func readDigits(
  _ text: RawSpan, from place: inout Int, after leading: UInt64
) -> UInt64 {
  var value = leading
  while place < text.byteCount {
    // Safety: the offset was checked just above; every bit pattern is a UInt8.
    let byte = unsafe text.unsafeLoad(fromUncheckedByteOffset: place, as: UInt8.self)
    let digit = byte &- UInt8(ascii: "0")
    guard digit <= 9 else { break }
    value = value &* 10 &+ UInt64(digit)
    place &+= 1  // Stays within the count.
  }
  return value
}

/// The powers of ten that are exactly a double.
private let exactPowersOfTen: [Double] = [
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
]

/// Reads the exponent whose letter stands at `place`, and moves `place` past
/// it; nil if no digit follows the letter and the optional sign.
///
/// Digits beyond what can matter do not overflow: the value stays below
/// 100,000, while every exponent past 10,000 means zero or infinity.
func readExponent(_ text: RawSpan, from place: inout Int) -> Int? {
  place += 1
  guard place < text.byteCount else { return nil }
  let sign = text.byte(at: place)
  if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { place += 1 }
  let firstDigit = place
  var value = 0
  while place < text.byteCount {
    let digit = text.byte(at: place) &- UInt8(ascii: "0")
    guard digit <= 9 else { break }
    if value < 10_000 { value = value * 10 + Int(digit) }
    place += 1
  }
  guard place > firstDigit else { return nil }
  return sign == UInt8(ascii: "-") ? -value : value
}

/// Reads what is not a plain decimal number: infinities, not-a-number and, in
/// Go's syntax, hexadecimal numbers and underscores.
private func parseUncommonFloat(_ text: RawSpan, as syntax: FloatSyntax) -> Double? {
  if let special = parseSpecialFloat(text) { return special }
  guard syntax == .go else { return nil }
  guard let plain = removingDigitSeparators(text) else { return parseHexadecimalFloat(text) }
  return parseFloat(unsafe plain.span.bytes, as: .go)
}

private func parseSpecialFloat(_ text: RawSpan) -> Double? {
  guard text.byteCount > 0 else { return nil }
  if text.equalsIgnoringCase("nan") { return ordinaryNaN }
  let first = text.byte(at: 0)
  let isSigned = first == UInt8(ascii: "-") || first == UInt8(ascii: "+")
  let word = text.extracting(droppingFirst: isSigned ? 1 : 0)
  guard word.equalsIgnoringCase("inf") || word.equalsIgnoringCase("infinity") else { return nil }
  return first == UInt8(ascii: "-") ? -.infinity : .infinity
}

/// The text without its underscores; nil if it has none, or has one that does
/// not stand between two digits or between `0x` and a digit.
private func removingDigitSeparators(_ text: RawSpan) -> [UInt8]? {
  var plain: [UInt8] = []
  var digitsStart = 0
  if text.byteCount > 0,
    text.byte(at: 0) == UInt8(ascii: "-") || text.byte(at: 0) == UInt8(ascii: "+")
  {
    digitsStart = 1
  }
  let isHexadecimal = text.hasHexadecimalPrefix(at: digitsStart)
  func isDigit(at place: Int) -> Bool {
    guard place >= digitsStart, place < text.byteCount else { return false }
    if isHexadecimal, place == digitsStart + 1 { return true }
    guard let digit = hexadecimalDigit(text.byte(at: place)) else { return false }
    return digit <= 9 || isHexadecimal
  }
  plain.reserveCapacity(text.byteCount)
  for place in 0..<text.byteCount {
    let byte = text.byte(at: place)
    if byte != UInt8(ascii: "_") {
      plain.append(byte)
    } else if !isDigit(at: place - 1) || !isDigit(at: place + 1) {
      return nil
    }
  }
  return plain.count < text.byteCount ? plain : nil
}

extension RawSpan {
  /// Whether `byte` stands at `offset`, which is not negative.
  @inline(__always)
  fileprivate func hasByte(_ byte: UInt8, at offset: Int) -> Bool {
    offset < byteCount && self.byte(at: offset) == byte
  }

  /// Whether the bytes spell `word`, lower-case ASCII, in any case.
  fileprivate func equalsIgnoringCase(_ word: StaticString) -> Bool {
    guard byteCount == word.utf8CodeUnitCount else { return false }
    // Safety: the buffer is read within its bounds and does not leave.
    return word.withUTF8Buffer { letters in
      for place in 0..<byteCount where unsafe byte(at: place) | 0x20 != letters[place] {
        return false
      }
      return true
    }
  }
}
