import Exposition
import SeriesModel
import TestSupport
import Testing

let exampleText = """
  # HELP http_requests_total The "total" number\\nof requests.
  # TYPE http_requests_total counter
  http_requests_total{method="post",code="200"} 1027 1395066363000
  http_requests_total{method="post",code="400"}    3

  # Escapes.
  msdos_file{path="C:\\\\DIR\\\\FILE.TXT",error="no \\"x\\"\\n"} 1.458255915e9
  # TYPE latency histogram
  latency_bucket{le="0.05"} 24054
  latency_bucket{le="+Inf"} 144320
  latency_sum 53423
  latency_count 144320
  {"dotted.name","label.name"="x"} NaN
  """ + "\n"

@Suite struct TextParserPropertyTests {
  @Test func everyTruncationIsReadOrRefused() throws {
    let bytes = Array(exampleText.utf8)
    let whole = try readAll(bytes)
    var readCount = 0
    for end in 0...bytes.count {
      guard let entries = try? readAll(bytes[..<end]) else { continue }
      readCount += 1
      // All but the last entry are what the whole text says.
      let sure = entries.dropLast()
      #expect(Array(sure) == Array(whole.prefix(sure.count)))
    }
    #expect(readCount > 50)
  }

  @Test func truncationInsideALineIsRefusedWhereALineFeedIsRequired() throws {
    let bytes = Array(exampleText.utf8)
    for end in 1...bytes.count where bytes[end - 1] != UInt8(ascii: "\n") {
      let isBlankLine = bytes[..<end].last == UInt8(ascii: " ") && bytes[end - 2] == 10
      if isBlankLine { continue }
      #expect(throws: ExpositionError.self) {
        try readAll(bytes[..<end], requiresFinalLineFeed: true)
      }
    }
  }

  @Test func randomMutationsNeverTrapAndAgreeWithTheCache() {
    var generator = SeededGenerator(seed: 7)
    let alphabet = Array("a1 \t\n\"\\{}=,#:_.é".utf8) + [0, 0xFF, 0x80]
    var refusals = 0
    for _ in 0..<3_000 {
      var bytes = Array(exampleText.utf8)
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[place] = alphabet.randomElement(using: &generator)!
        case 1: bytes.remove(at: place)
        default: bytes.insert(alphabet.randomElement(using: &generator)!, at: place)
        }
      }
      var cache = ScrapeCache()
      var scrape = ParsedScrape()
      do {
        let samples = try readAll(bytes).filter { if case .sample = $0 { true } else { false } }
        try cache.read(bytes, into: &scrape)
        #expect(scrape.count == samples.count)
      } catch {
        refusals += 1
        // Of two mistakes in a line, the two may name either.
        let line = error.line
        #expect { try cache.read(bytes, into: &scrape) } throws: {
          ($0 as? ExpositionError)?.line == line
        }
      }
    }
    #expect(refusals > 300 && refusals < 3_000)
  }

  @Test func writtenTextReadsBackAsWritten() throws {
    var generator = SeededGenerator(seed: 11)
    let characters: [Character] = [
      "a", "Z", "_", ":", "9", ".", " ", "\\", "\"", "\n", "é", "}", "\t",
    ]
    func text(_ range: ClosedRange<Int>) -> String {
      let count = Int.random(in: range, using: &generator)
      return String((0..<count).map { _ in characters.randomElement(using: &generator)! })
    }
    for _ in 0..<500 {
      var writer = TextWriter()
      var expected: [ReadEntry] = []
      let metadata = MetricMetadata(
        type: [.counter, .gauge, .unknown].randomElement(using: &generator)!, help: text(0...8))
      // Quoted names end with their line, so they hold no line feed.
      let name = text(1...6)
      writer.writeFamily(name, metadata)
      if metadata.help.isEmpty == false {
        // Blanks before the help text are not told from the separator.
        let help = metadata.help.drop { $0 == " " || $0 == "\t" }
        expected.append(.help(name, String(help)))
      }
      expected.append(.type(name, metadata.type))
      for _ in 0..<3 {
        var builder = LabelsBuilder()
        builder.set("__name__", to: name)
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
          builder.set(text(1...4), to: text(0...6))
        }
        let bits = UInt64.random(in: .min ... .max, using: &generator)
        let random = Double(bitPattern: bits)
        let value = random.isNaN ? StaleMarker.ordinaryNaN : random
        let timestamp = Bool.random(using: &generator) ? Int64(bitPattern: bits) : nil
        writer.writeSample(builder.labels(), value: value, timestampMilliseconds: timestamp)
        expected.append(.sample(builder.labels(), value, at: timestamp))
      }
      #expect(try readAll(writer.bytes, requiresFinalLineFeed: true) == expected)
    }
  }
}
