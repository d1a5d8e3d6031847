import Numbers
import SeriesModel

/// Moments as text: RFC 3339 (`2026-01-31T12:00:00.5Z`) and Unix seconds.
package enum TimeText {
  /// Reads a moment, rounded down to whole milliseconds, or returns nil when
  /// `text` is none.
  ///
  /// The date must exist in the Gregorian calendar; a leap second (`:60`) is
  /// refused, as Go refuses it.
  package static func timestamp(rfc3339 text: String) -> Timestamp? {
    var scanner = Scanner(text)
    guard let year = scanner.digits(4), scanner.skip("-"), let month = scanner.digits(2),
      scanner.skip("-"), let day = scanner.digits(2), scanner.skip("T") || scanner.skip("t"),
      let hour = scanner.digits(2), scanner.skip(":"), let minute = scanner.digits(2),
      scanner.skip(":"), let second = scanner.digits(2),
      (1...12).contains(month), day >= 1, day <= daysInMonth(month, of: year),
      hour < 24, minute < 60, second < 60
    else { return nil }
    var milliseconds: Int64 = 0
    if scanner.skip(".") {
      guard let fraction = scanner.fractionMilliseconds() else { return nil }
      milliseconds = fraction
    }
    guard let zoneMinutes = scanner.zoneMinutes(), scanner.isAtEnd else { return nil }
    let days = daysSinceEpoch(year: year, month: month, day: day)
    let seconds = ((days * 24 + hour) * 60 + minute - zoneMinutes) * 60 + second
    return Timestamp(milliseconds: seconds * 1000 + milliseconds)
  }

  /// Writes a moment as Unix seconds with at most three decimals.
  package static func unixSeconds(_ timestamp: Timestamp) -> String {
    var bytes: [UInt8] = []
    appendTimestamp(milliseconds: timestamp.milliseconds, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension TimeText {
  /// Reads a fixed layout from left to right.
  private struct Scanner {
    private var rest: Substring.UTF8View

    init(_ text: String) {
      rest = Substring(text).utf8
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func skip(_ character: Character) -> Bool {
      guard let byte = rest.first, byte == character.asciiValue else { return false }
      rest.removeFirst()
      return true
    }

    mutating func digits(_ count: Int) -> Int64? {
      let run = rest.prefix(count)
      guard run.count == count, run.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
      rest.removeFirst(count)
      return run.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }

    /// Any number of digits, of which the first three count.
    mutating func fractionMilliseconds() -> Int64? {
      let run = rest.prefix { (0x30...0x39).contains($0) }
      guard run.isEmpty == false else { return nil }
      rest.removeFirst(run.count)
      let leading = run.prefix(3).reduce(Int64(0)) { $0 * 10 + Int64($1 - 0x30) }
      return run.count == 1 ? leading * 100 : run.count == 2 ? leading * 10 : leading
    }

    /// `Z`, `+hh:mm` or `-hh:mm`.
    mutating func zoneMinutes() -> Int64? {
      if skip("Z") || skip("z") { return 0 }
      let isNegative = skip("-")
      guard isNegative || skip("+"), let hours = digits(2), skip(":"), let minutes = digits(2),
        hours < 24, minutes < 60
      else { return nil }
      return (isNegative ? -1 : 1) * (hours * 60 + minutes)
    }
  }

  private static func daysInMonth(_ month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms",
  /// `days_from_civil`: years begin in March, in eras of 400 years.
  private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = floorDivide(shiftedYear, 400)
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  private static func floorDivide(_ dividend: Int64, _ divisor: Int64) -> Int64 {
    let quotient = dividend / divisor
    return dividend % divisor < 0 ? quotient - 1 : quotient
  }
}
