import SeriesModel
import TestSupport
import Testing

@testable import PromQL

@Suite struct NumericsTests {
  @Test func compensatedSumKeepsSmallTermsBesideLargeOnes() {
    var sum = CompensatedSum()
    for value in [1, 1e100, 1, -1e100] { sum.add(value) }
    #expect(sum.value == 2)
  }

  @Test func compensatedSumStaysInfinite() {
    var sum = CompensatedSum(.infinity)
    sum.add(1)
    #expect(sum.value == .infinity)
    sum.add(-.infinity)
    #expect(sum.value.isNaN)
  }

  @Test func meanGoesOnWhereTheSumOverflows() {
    var mean = CompensatedMean(1e308)
    for value in [1e308, 1e308, 1e308] { mean.add(value) }
    #expect(mean.value == 1e308)
  }

  @Test(
    arguments: [
      (0.5, [3, 1, 2], 2), (0.25, [1, 2], 1.25), (0, [2, 1], 1), (1, [2, 1], 2),
      (-1, [1], -.infinity), (2, [1], .infinity),
    ] as [(Double, [Double], Double)])
  func quantileInterpolates(_ rank: Double, _ values: [Double], _ expected: Double) {
    var values = values
    #expect(quantile(rank, of: &values) == expected)
  }

  @Test func quantileOfNothingOrAtNoRankIsNoNumber() {
    var none: [Double] = []
    var some = [1.0]
    #expect(quantile(0.5, of: &none).isNaN)
    #expect(quantile(.nan, of: &some).isNaN)
  }

  @Test func quantileCountsNaNAsSmallest() {
    var values = [2, .nan, 1]
    #expect(quantile(0, of: &values).isNaN)
    #expect(quantile(1, of: &values) == 2)
  }

  @Test(arguments: [
    ("a2", "a10", -1), ("a10", "a2", 1), ("a", "a", 0), ("a1b", "a1c", -1), ("", "a", -1),
    ("a01", "a1", 0), ("4m5", "4m600", -1), ("a", "1", 1),
  ])
  func naturalOrderComparesNumbersByValue(_ left: String, _ right: String, _ sign: Int) {
    #expect(compareNaturally(left, right).signum() == sign)
  }

  @Test func calendarDatesFollowEachOther() {
    // From 1896 to 2104, so that both kinds of century years are among them.
    let days = -27_000...49_000
    var previous = CalendarDate(secondsSinceEpoch: Int64(days.lowerBound) * 86_400)
    for day in days.dropFirst() {
      let date = CalendarDate(secondsSinceEpoch: Int64(day) * 86_400)
      if date.day == 1 {
        #expect(previous.day == previous.daysInMonth)
        #expect(date.month == previous.month % 12 + 1)
      } else {
        #expect(date.day == previous.day + 1)
      }
      #expect(date.dayOfWeek == (previous.dayOfWeek + 1) % 7)
      #expect(date.dayOfYear == (date.month == 1 && date.day == 1 ? 1 : previous.dayOfYear + 1))
      previous = date
    }
  }

  @Test func stepsOfSubqueriesAreAlignedAndLeftOpen() {
    for start in -20...20 {
      let grid = StepGrid.aligned(after: Int64(start), through: Int64(start) + 12, step: 5)
      let expected = (start + 1...start + 12).filter { $0 % 5 == 0 }.map(Int64.init)
      #expect((0..<grid.count).map(grid.time) == expected)
    }
  }
}
