/// A day of the proleptic Gregorian calendar.
///
/// Source: Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013), the
/// section `civil_from_days`: years begin in March, so that the leap day comes
/// last.
struct CalendarDate: Hashable {
  /// The year; 0 is 1 BC.
  let year: Int64
  /// The month, 1...12.
  let month: Int64
  /// The day of the month, 1...31.
  let day: Int64
  private let daysSinceEpoch: Int64

  /// The first of March of the year -292277022400, in days before 1970: where
  /// an era begins, and where Go's calendar does.
  private static let firstDay: Int64 = 719_468 + firstEra * 146_097
  private static let firstEra: Int64 = 730_692_556

  /// The day that begins or has begun at `seconds` since 1970-01-01T00:00Z, and
  /// the seconds since then.
  ///
  /// As in Go, moments before the first of March of -292277022400 are taken for
  /// ones 2^64 seconds later. Numbers that are no integers come as such.
  static func dayAndSecond(atSecondsSinceEpoch seconds: Int64) -> (day: Int64, second: Int64) {
    let elapsed = UInt64(bitPattern: seconds) &+ UInt64(firstDay) * 86_400
    return (Int64(elapsed / 86_400) - firstDay, Int64(elapsed % 86_400))
  }

  /// The day of a moment, as `dayAndSecond(atSecondsSinceEpoch:)` has it.
  init(secondsSinceEpoch seconds: Int64) {
    daysSinceEpoch = CalendarDate.dayAndSecond(atSecondsSinceEpoch: seconds).day
    let shifted = daysSinceEpoch + CalendarDate.firstDay
    let era = shifted / 146_097 - CalendarDate.firstEra
    let dayOfEra = shifted % 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  /// True when the year has 366 days.
  var isInLeapYear: Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  }

  /// The number of days in the month.
  var daysInMonth: Int64 {
    switch month {
    case 2: isInLeapYear ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// The day of the week, Sunday being 0.
  var dayOfWeek: Int64 {
    let day = (daysSinceEpoch + 4) % 7
    return day < 0 ? day + 7 : day
  }

  /// The day of the year, 1...366.
  var dayOfYear: Int64 {
    let before: [Int64] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
    return before[Int(month) - 1] + day + (isInLeapYear && month > 2 ? 1 : 0)
  }
}
