import Exposition
import SeriesModel
import TestSupport
import Testing

/// A text that a target sends, line by line, and how lines are written.
private struct Exposed {
  /// A series, or a whole line that begins with `#`.
  var lines: [String]

  /// Changes some lines, as targets do between two scrapes.
  mutating func mutate(_ generator: inout SeededGenerator) {
    for _ in 0..<Int.random(in: 0...3, using: &generator) {
      let place = Int.random(in: 0...lines.count, using: &generator)
      let series = "m{i=\"\(Int.random(in: 0..<80, using: &generator))\"}"
      switch Int.random(in: 0..<8, using: &generator) {
      case 0 where place < lines.count: lines.remove(at: place)
      case 1: lines.insert(series, at: place)
      case 2 where place < lines.count: lines[place] = series
      case 3: lines.insert("# TYPE m\(place % 3) gauge", at: place)
      case 4: lines.insert("# HELP m text \(place)", at: place)
      case 5: lines.insert("# nothing", at: place)
      case 6 where place < lines.count: lines.insert(lines[place], at: 0)
      default: if place == 0 { lines.shuffle(using: &generator) }
      }
    }
  }

  mutating func removeRepeatedLines() {
    lines = lines.withoutRepetitions
  }

  func text(_ generator: inout SeededGenerator, odd: Int) -> String {
    var text = ""
    for line in lines {
      let isOdd = Int.random(in: 0..<100, using: &generator) < odd
      if line.hasPrefix("#") {
        text += line + "\n"
      } else if isOdd {
        text += oddLine(line, &generator)
      } else {
        text += line + " " + value(&generator) + "\n"
      }
    }
    if Bool.random(using: &generator), text.isEmpty == false { text.removeLast() }
    return text
  }

  private func value(_ generator: inout SeededGenerator) -> String {
    let integer = Int.random(in: -1_000_000...1_000_000_000, using: &generator)
    switch Int.random(in: 0..<5, using: &generator) {
    case 0: return "\(integer)"
    case 1: return "\(integer / 1000).\(integer.magnitude % 1000)"
    case 2: return "\(integer % 10).\(integer.magnitude)e+\(integer.magnitude % 30)"
    case 3: return "\(Double(integer) * .pi)"
    default: return "0"
    }
  }

  /// Everything that may follow a series beside a blank and a number.
  private func oddLine(_ series: String, _ generator: inout SeededGenerator) -> String {
    let time = Int.random(in: -5...5, using: &generator)
    let forms = [
      " NaN\n", " +Inf\n", " -Inf\n", " 1 \(time)\n", "\t2\n", "  3\n", " 4 \n", " 5\n\n",
      " 6\n \t\n", " +7\n", " 1E5\n", " 1e400 \(time)\n".replacing("1e400", with: "1e-400"),
      " .5\n", " -0\n",
    ]
    return forms.randomElement(using: &generator).map { series + $0 } ?? ""
  }
}

extension [String] {
  fileprivate var withoutRepetitions: [String] {
    var known: Set<String> = []
    return filter { known.insert($0).inserted }
  }
}

extension String {
  fileprivate func replacing(_ part: String, with other: String) -> String {
    split(separator: part, omittingEmptySubsequences: false).joined(separator: other)
  }
}

/// What the cache says must be what the parser says, whatever became of the
/// lines since the last scrape.
@Suite struct ScrapeHistoryPropertyTests {
  @Test(arguments: 0..<30)
  func cacheAgreesWithTheParserOverRandomHistories(_ seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    var reader = ScrapeReader()
    var exposed = Exposed(lines: (0..<60).map { "m{i=\"\($0)\"}" })
    var last: [String]?
    var keptCount = 0
    for round in 0..<60 {
      if round % 4 > 1 { exposed.mutate(&generator) }
      if round % 12 == 0 { exposed.removeRepeatedLines() }
      let text = exposed.text(&generator, odd: seed % 3 * 10)
      let before = Set(reader.labelsBySlot.values)
      try reader.read(text)
      let expected = try readSamples(text)
      #expect(reader.samples == expected)
      let present = Set(
        expected.compactMap { if case .sample(let labels, _, _) = $0 { labels } else { nil } })
      #expect(Set(reader.scrape.newSeries.map(\.labels)) == present.subtracting(before))
      let vanished = reader.scrape.vanishedSlots.compactMap { reader.labelsBySlot[$0] }
      #expect(Set(vanished) == before.subtracting(present))
      let keyed = exposed.lines.filter { $0 != "# nothing" }
      let isUnchanged = last == keyed && Set(keyed).count == keyed.count
      #expect(reader.scrape.hasSeriesOfLastScrape == isUnchanged)
      keptCount += isUnchanged ? 1 : 0
      last = keyed.withoutRepetitions
      reader.forgetVanished()
    }
    #expect(keptCount > 0)
  }

  /// Every place of a text that is longer than what is walked at a time, and
  /// every kind of change there.
  @Test(arguments: [
    " NaN\n", " 1 5\n", "\n", "x 1\n", " 1\nx{i=\"n\"} 2\n", " 1\n# c\n", "gone", "repeated",
  ])
  func everyPlaceOfAChangeIsFound(_ change: String) throws {
    let count = 70
    let plain = (0..<count).map { "m{i=\"\($0)\"}" }
    for place in 0..<count {
      var reader = ScrapeReader()
      let before = plain.map { "\($0) 0\n" }.joined()
      try reader.read(before)
      var lines = plain.enumerated().map { "\($1) \($0)\n" }
      switch change {
      case "gone": lines[place] = ""
      case "repeated": lines[place] += lines[place]
      case "\n": lines[place] = "\n" + lines[place]
      default: lines[place] = plain[place] + change
      }
      if change == "x 1\n" { lines[place] = "x\(lines[place].dropLast(4)) 1\n" }
      for text in [lines.joined(), before, before] {
        try reader.read(text)
        #expect(reader.samples == (try readSamples(text)), "place \(place)")
        reader.forgetVanished()
      }
      #expect(reader.scrape.hasSeriesOfLastScrape)
    }
  }

  @Test func mistakeAfterKnownLinesIsFoundInItsLine() throws {
    for count in [1, 15, 16, 17, 100] {
      var reader = ScrapeReader()
      let lines = (0..<count).map { "# TYPE m\($0) gauge\nm\($0) 1\n" }.joined()
      try reader.read(lines + "x 1\n")
      #expect {
        try reader.read(lines + "x y\n")
      } throws: {
        guard let error = $0 as? ExpositionError else { return false }
        return error.line == 2 * count + 1 && error.column == 3
      }
      #expect(reader.scrape.count == count)
      try reader.read(lines)
      #expect(reader.scrape.newSeries.count == count)
    }
  }

  @Test func typeOfKnownLinesRulesNewSeries() throws {
    var reader = ScrapeReader()
    let text = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\n"
    for _ in 0..<3 { try reader.read(text) }
    try reader.read(text + "h_bucket{le=\"2\"} 1\n")
    #expect(reader.scrape.newSeries.map(\.labels) == [["__name__": "h_bucket", "le": "2.0"]])
  }
}
