import SeriesModel
import Testing

@testable import PrometheusAPI

@Suite struct TimeTextTests {
  struct Case: Sendable {
    let text: String
    let milliseconds: Int64?
  }

  @Test(arguments: [
    Case(text: "1970-01-01T00:00:00Z", milliseconds: 0),
    Case(text: "1969-12-31T23:59:59.999Z", milliseconds: -1),
    Case(text: "2026-11-21T01:02:03.456789Z", milliseconds: 1_795_222_923_456),
    Case(text: "2026-11-21T01:02:03+05:30", milliseconds: 1_795_203_123_000),
    Case(text: "2024-02-29T00:00:00Z", milliseconds: 1_709_164_800_000),
    Case(text: "0001-01-01T00:00:00Z", milliseconds: -62_135_596_800_000),
    Case(text: "2023-02-29T00:00:00Z", milliseconds: nil),
    Case(text: "2026-13-01T00:00:00Z", milliseconds: nil),
    Case(text: "2026-11-21T24:00:00Z", milliseconds: nil),
    Case(text: "2026-11-21T01:02:03", milliseconds: nil),
    Case(text: "2026-11-21 01:02:03Z", milliseconds: nil),
    Case(text: "2026-11-21T01:02:03Zx", milliseconds: nil),
    Case(text: "", milliseconds: nil),
  ])
  func rfc3339IsReadAsTheCalendarHasIt(_ row: Case) {
    #expect(TimeText.timestamp(rfc3339: row.text)?.milliseconds == row.milliseconds)
  }

  @Test(
    arguments: [
      -62_135_596_800_000, -1, 0, 1, 1500, 951_782_400_000, 4_102_444_800_123, 253_402_300_799_999,
    ] as [Int64])
  func rfc3339RoundTrips(_ milliseconds: Int64) {
    let timestamp = Timestamp(milliseconds: milliseconds)
    #expect(TimeText.timestamp(rfc3339: timestamp.rfc3339) == timestamp)
  }

  @Test func momentsAtTheEdgesOfTheClockAreWritten() {
    #expect(Timestamp.earliest.rfc3339 == "-292275055-05-16T16:47:04.192Z")
    #expect(Timestamp.latest.rfc3339 == "292278994-08-17T07:12:55.807Z")
  }

  @Test(arguments: [
    Case(text: "1435781430.781", milliseconds: 1_435_781_430_781),
    Case(text: "-0.5", milliseconds: -500),
    Case(text: "1e3", milliseconds: 1_000_000),
    Case(text: "2015-06-03T13:21:58.555Z", milliseconds: 1_433_337_718_555),
    Case(text: "NaN", milliseconds: nil),
    Case(text: "1e300", milliseconds: nil),
    Case(text: "yesterday", milliseconds: nil),
  ])
  func apiTimesAreSecondsOrRFC3339(_ row: Case) {
    #expect(Timestamp(apiText: row.text)?.milliseconds == row.milliseconds)
  }

  @Test(arguments: [
    Case(text: "15", milliseconds: 15_000),
    Case(text: "0.25", milliseconds: 250),
    Case(text: "5m", milliseconds: 300_000),
    Case(text: "1h30m", milliseconds: 5_400_000),
    Case(text: "0.5m", milliseconds: nil),
    Case(text: "5 minutes", milliseconds: nil),
  ])
  func apiDurationsAreSecondsOrUnits(_ row: Case) {
    #expect(durationMilliseconds(apiText: row.text) == row.milliseconds)
  }
}
