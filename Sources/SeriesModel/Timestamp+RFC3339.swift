extension Timestamp {
  /// The moment in UTC by RFC 3339, with milliseconds when there are any:
  /// `2026-01-31T12:00:00.5Z`.
  ///
  /// Years of more than four digits, and those before 1, are written as they
  /// are, which RFC 3339 does not provide for.
  package var rfc3339: String {
    let (seconds, fraction) = milliseconds.dividedDown(by: 1000)
    let (days, secondOfDay) = seconds.dividedDown(by: 86_400)
    let (year, month, day) = Timestamp.civilDate(daysSinceEpoch: days)
    var text = padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2) + "T"
    text += padded(secondOfDay / 3600, 2) + ":" + padded(secondOfDay / 60 % 60, 2)
    text += ":" + padded(secondOfDay % 60, 2)
    if fraction != 0 { text += "." + padded(fraction, 3) }
    return text + "Z"
  }

  private func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(abs(number))
    let zeros = String(repeating: "0", count: max(0, width - digits.count))
    return (number < 0 ? "-" : "") + zeros + digits
  }

  /// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms",
  /// `civil_from_days`: years begin in March, in eras of 400 years.
  private static func civilDate(
    daysSinceEpoch days: Int64
  ) -> (year: Int64, month: Int64, day: Int64) {
    let (era, dayOfEra) = (days + 719_468).dividedDown(by: 146_097)
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}

extension Int64 {
  /// The quotient rounded down, and what is left, which is not negative.
  fileprivate func dividedDown(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
