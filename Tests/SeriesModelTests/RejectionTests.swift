import SeriesModel
import Testing

/// What a sender is told about a sample that was refused.
@Suite struct RejectionTests {
  private func text(_ reason: RejectionReason, at milliseconds: Int64 = 1_700_000_000_250) -> String
  {
    Rejection(
      labels: ["__name__": "up"], sample: Sample(milliseconds: milliseconds, value: 1),
      reason: reason, batchIndex: 0
    ).description
  }

  @Test func seriesAndTimeComeFirst() {
    for reason in RejectionReason.allCases {
      #expect(text(reason).contains("up"))
      #expect(text(reason).contains(" at 2023-11-14T22:13:20.250Z: "))
    }
  }

  @Test func limitsAndFlagsAreNamed() {
    #expect(text(.tooFarInFuture).contains("more than 10 minutes in the future"))
    #expect(text(.beyondRetention).contains("--storage.tsdb.retention.time"))
    #expect(text(.duplicateTimestamp).contains("--storage.on-duplicate"))
  }

  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59.999Z"),
      (951_782_400_000, "2000-02-29T00:00:00Z"), (-62_135_596_800_000, "0001-01-01T00:00:00Z"),
      (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ] as [(Int64, String)])
  func momentsAreWrittenInUTC(milliseconds: Int64, text: String) {
    #expect(Timestamp(milliseconds: milliseconds).rfc3339 == text)
  }
}
