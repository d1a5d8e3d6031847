import PromQLSyntax

private func calendar(
  _ name: String, _ summary: String, _ body: @escaping @Sendable (CalendarMoment) -> Int64
) -> FunctionDefinition {
  FunctionDefinition(
    name, [.instantVector], arity: .optional(count: 1), dependsOnTime: true, summary: summary,
    body: .calendar(body))
}

/// Parts of a moment given as seconds since 1970, in UTC.
let calendarFunctions: [FunctionDefinition] = [
  calendar("minute", "The minute of the hour, 0 to 59.") { $0.secondOfDay % 3600 / 60 },
  calendar("hour", "The hour of the day, 0 to 23.") { $0.secondOfDay / 3600 },
  calendar("day_of_week", "The day of the week, Sunday being 0.") { $0.date.dayOfWeek },
  calendar("day_of_month", "The day of the month, 1 to 31.") { $0.date.day },
  calendar("day_of_year", "The day of the year, 1 to 366.") { $0.date.dayOfYear },
  calendar("days_in_month", "The number of days in the month.") { $0.date.daysInMonth },
  calendar("month", "The month of the year, 1 to 12.") { $0.date.month },
  calendar("year", "The year.") { $0.date.year },
]
