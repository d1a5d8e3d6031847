import PromQLSyntax
import Testing

struct DurationSyntaxTests {
  @Test(
    arguments: [
      ("0", 0), ("0s", 0), ("1ms", 1), ("1s", 1000), ("5m", 300_000), ("1h30m", 5_400_000),
      ("1d", 86_400_000), ("1w", 604_800_000), ("1y", 31_536_000_000), ("90m", 5_400_000),
      ("1y2w3d4h5m6s7ms", 33_019_506_007), ("007s", 7000), ("292y", 9_208_512_000_000),
    ] as [(String, Int64)])
  func durationHasMilliseconds(text: String, milliseconds: Int64) throws {
    #expect(try DurationSyntax.parse(text) == milliseconds)
    #expect(parseDuration(text) == milliseconds)
  }

  @Test(arguments: [
    ("", DurationError.empty), ("1", .malformed("1")), ("1m1h", .malformed("1m1h")),
    ("1s1s", .malformed("1s1s")), ("-1s", .malformed("-1s")),
    ("1.5h", .unknownUnit(".", in: "1.5h")),
    ("h", .malformed("h")), ("1x", .unknownUnit("x", in: "1x")), (" 1s", .malformed(" 1s")),
    ("1M", .unknownUnit("M", in: "1M")), ("1mss", .unknownUnit("mss", in: "1mss")),
    ("293y", .outOfRange),
    ("99999999999999999999999s", .malformed("99999999999999999999999s")),
    ("9223372036854775807y", .outOfRange),
    ("9223372036854775807ms1", .outOfRange),
  ])
  func textThatIsNoDurationIsRefused(text: String, reason: DurationError) {
    #expect(throws: reason) { try DurationSyntax.parse(text) }
    #expect(parseDuration(text) == nil)
  }

  @Test(
    arguments: [
      (0, "0s"), (1, "1ms"), (1500, "1s500ms"), (604_800_000, "1w"), (691_200_000, "8d"),
      (31_536_000_000, "1y"), (31_536_000_001, "365d1ms"), (-300_000, "-5m"),
    ] as [(Int64, String)])
  func durationIsWrittenWithTheFewestUnits(milliseconds: Int64, text: String) {
    #expect(DurationSyntax.text(milliseconds: milliseconds) == text)
  }

  @Test func everyWrittenDurationReadsBack() throws {
    var milliseconds: Int64 = 1
    while milliseconds < 9_000_000_000_000 {
      let text = DurationSyntax.text(milliseconds: milliseconds)
      #expect(try DurationSyntax.parse(text) == milliseconds)
      milliseconds += milliseconds / 3 + 1
    }
    #expect(DurationSyntax.text(milliseconds: .min).hasPrefix("-"))
  }
}
