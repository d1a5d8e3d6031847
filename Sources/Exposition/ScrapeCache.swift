import Numbers
import SeriesModel

/// Reads the scrapes of one target, and knows most series from last time.
///
/// A target sends the same series in the same order, scrape after scrape. So
/// each line is first compared with the line that stood here last time; when
/// it differs, the bytes of its series are looked up in a table; only a series
/// that is in neither place has its labels parsed.
///
/// Every series has a *slot*, a small number under which the caller keeps what
/// it knows of the series. A slot stays with its series until a scrape lacks
/// the series; then it is reported as vanished, and may be given to another
/// series by a later scrape. Series are told apart by their bytes: `a{b="c"}`
/// and `a{ b="c" }` have a slot each, though their labels are equal.
///
/// - Complexity: A line known by its place costs one comparison of its bytes
///   and the parsing of its value. The cache holds the text of the last scrape
///   and some 60 bytes for each of its lines.
package struct ScrapeCache {
  /// The text of the last scrape.
  private var lastText: [UInt8] = []
  /// The lines of the last scrape as they stood.
  private var order: [Place] = []
  /// All lines; those that are free have no meaning.
  private var lines: [Line] = []
  private var freeLines: [Int32] = []
  /// Shape: `seenNumbers[line]` is the last scrape that had the line.
  private var seenNumbers: [UInt64] = []
  /// Shape: `places[line]` is the line's index in the order of that scrape.
  private var places: [Int] = []
  /// The first line of the chain of lines whose bytes have this hash.
  private var firstByHash: [UInt64: Int32] = [:]
  private var scrapeNumber: UInt64 = 0
  private let hashSeed: UInt64
  private var scratch = LabelScratch()

  /// What the scrapes since ``reset()`` said about metric families.
  package private(set) var metadata: [String: MetricMetadata] = [:]

  /// Where a line stands in the text of a scrape.
  private struct Place {
    var line: Int32
    var kind: Kind
    /// The bytes of the series, or of the whole line with metadata.
    var bytes: Range<Int>
  }

  /// A line with a series or with metadata.
  private struct Line {
    var hash: UInt64
    /// The next line whose bytes have this hash, or -1.
    var next: Int32
    var kind: Kind
    /// The type that rules the line, or that the line gives.
    var type: MetricType
  }

  private enum Kind: UInt8 {
    case series, help, type
  }

  /// Creates a cache that knows nothing.
  package init() {
    hashSeed = UInt64.random(in: .min ... .max)
  }

  /// Every slot is below this number.
  package var slotLimit: Int { lines.count }

  /// Forgets everything; all slots become invalid.
  package mutating func reset() {
    lastText = []
    lines.removeAll()
    seenNumbers.removeAll()
    places.removeAll()
    freeLines.removeAll()
    firstByHash.removeAll()
    order.removeAll()
    metadata.removeAll()
    scrapeNumber += 1
  }

  /// Reads one scrape into `scrape`, whose former content is removed.
  ///
  /// - Throws: When the text is malformed. The cache is then reset; of `scrape`
  ///   only ``ParsedScrape/count`` has a meaning, the samples before the mistake.
  package mutating func read(
    _ text: [UInt8], into scrape: inout ParsedScrape
  ) throws(ExpositionError) {
    scrape.removeAll(reserving: order.count)
    scrapeNumber += 1
    var newOrder: [Place] = []
    newOrder.reserveCapacity(order.count + order.count / 16)
    do {
      try readLines(of: text, into: &scrape, &newOrder)
    } catch {
      reset()
      throw error
    }
    removeVanishedLines(&scrape)
    order = newOrder
    lastText = text
    if metadata.count > 2 * order.count + 100 { forgetVanishedMetadata() }
  }

  /// The series in `slot`, its labels parsed again.
  ///
  /// - Precondition: The series was in the last scrape that was read.
  package func series(inSlot slot: Int) -> ScrapedSeries {
    var scratch = LabelScratch()
    var scanner = TextScanner(lastText.span.extracting(order[places[slot]].bytes))
    do {
      _ = try scanner.readSeries()
      let labels = try scanner.labels(type: lines[slot].type, scratch: &scratch)
      return ScrapedSeries(
        slot: slot, labels: labels, emptyLabelNames: scratch.emptyLabelNames)
    } catch {
      preconditionFailure("slot \(slot) holds a series that was parsed before: \(error)")
    }
  }
}

extension ScrapeCache {
  private mutating func readLines(
    of text: [UInt8], into scrape: inout ParsedScrape, _ newOrder: inout [Place]
  ) throws(ExpositionError) {
    var scanner = TextScanner(text.span)
    // Where in the order of the last scrape the current line is expected.
    var expected = 0
    var type = MetricType.unknown
    while scanner.moveToNextEntry() {
      let start = scanner.position
      var place: Place
      if let guess = skipExpectedLine(expected, &scanner) {
        place = guess
        place.bytes = start..<start + guess.bytes.count
        expected += 1
      } else if let found = try readUnexpectedLine(&scanner, in: text, newOrder, type, &scrape) {
        place = found
        // After a line of the last scrape comes the line that followed it.
        let line = Int(found.line)
        if isNew(line) == false, isSeen(line) == false { expected = places[line] + 1 }
      } else {
        scanner.startNextLine()
        continue
      }
      let line = Int(place.line)
      let isRepeated = isSeen(line)
      if isRepeated == false {
        seenNumbers[line] = scrapeNumber
        places[line] = newOrder.count
        newOrder.append(place)
      }
      switch place.kind {
      case .series:
        let (value, timestamp) = try scanner.readSample()
        scrape.add(slot: line, value: value, timestamp: timestamp, isRepeated: isRepeated)
      case .type: type = lines[line].type
      case .help: break
      }
      scanner.startNextLine()
    }
  }

  /// True when the current scrape had the line before.
  private func isSeen(_ line: Int) -> Bool { seenNumbers[line] == scrapeNumber }

  /// True when the line was just made.
  private func isNew(_ line: Int) -> Bool { seenNumbers[line] == 0 }

  /// Moves past the line that stood at `place` last time, if it stands here.
  private func skipExpectedLine(_ place: Int, _ scanner: inout TextScanner) -> Place? {
    guard place < order.count else { return nil }
    let guess = order[place]
    guard isSeen(Int(guess.line)) == false else { return nil }
    let key = lastText.span.extracting(guess.bytes)
    let isHere = guess.kind == .series ? scanner.skipSeries(key) : scanner.skipLine(key)
    return isHere ? guess : nil
  }

  /// Reads a line's series or metadata and finds or makes its entry; nil for
  /// a comment that says nothing.
  private mutating func readUnexpectedLine(
    _ scanner: inout TextScanner, in text: [UInt8], _ newOrder: [Place], _ type: MetricType,
    _ scrape: inout ParsedScrape
  ) throws(ExpositionError) -> Place? {
    let start = scanner.position
    if scanner.current == UInt8(ascii: "#") {
      let comment = try scanner.readComment()
      if case .other = comment { return nil }
      let range = start..<scanner.position
      let hash = hash(text, range)
      if let known = findLine(text, range, hash, newOrder) { return known }
      switch comment {
      case .help(let family, let help):
        var entry = metadata[try scanner.familyName(family)] ?? MetricMetadata()
        entry.help = try scanner.helpText(help)
        learn(entry, of: try scanner.familyName(family), &scrape)
        return addLine(range, hash, .help, type)
      case .type(let family, let type):
        var entry = metadata[try scanner.familyName(family)] ?? MetricMetadata()
        entry.type = type
        learn(entry, of: try scanner.familyName(family), &scrape)
        return addLine(range, hash, .type, type)
      case .other:
        return nil
      }
    }
    let range = try scanner.readSeries()
    let hash = hash(text, range)
    if let known = findLine(text, range, hash, newOrder) { return known }
    let labels = try scanner.labels(type: type, scratch: &scratch)
    let place = addLine(range, hash, .series, type)
    scrape.add(
      newSeries: ScrapedSeries(
        slot: Int(place.line), labels: labels, emptyLabelNames: scratch.emptyLabelNames))
    return place
  }

  private mutating func learn(
    _ entry: MetricMetadata, of family: String, _ scrape: inout ParsedScrape
  ) {
    guard metadata.updateValue(entry, forKey: family) != entry else { return }
    scrape.add(changedMetadata: entry, of: family)
  }

  private func hash(_ text: [UInt8], _ range: Range<Int>) -> UInt64 {
    // Safety: bytes have no padding that could be left unset.
    hash64(unsafe text.span.extracting(range).bytes, seed: hashSeed)
  }

  private func findLine(
    _ text: [UInt8], _ range: Range<Int>, _ hash: UInt64, _ newOrder: [Place]
  ) -> Place? {
    var index = firstByHash[hash] ?? -1
    let bytes = text.span.extracting(range)
    while index >= 0 {
      let line = Int(index)
      let holder = isSeen(line) ? text : lastText
      let known = isSeen(line) ? newOrder[places[line]].bytes : order[places[line]].bytes
      if known.count == bytes.count, holder.span.extracting(known).contains(bytes, at: 0) {
        return Place(line: index, kind: lines[line].kind, bytes: range)
      }
      index = lines[line].next
    }
    return nil
  }

  private mutating func addLine(
    _ range: Range<Int>, _ hash: UInt64, _ kind: Kind, _ type: MetricType
  ) -> Place {
    let line = Line(hash: hash, next: firstByHash[hash] ?? -1, kind: kind, type: type)
    let index: Int32
    if let free = freeLines.popLast() {
      index = free
      lines[Int(index)] = line
      seenNumbers[Int(index)] = 0
    } else {
      index = Int32(lines.count)
      lines.append(line)
      seenNumbers.append(0)
      places.append(0)
    }
    firstByHash[hash] = index
    return Place(line: index, kind: kind, bytes: range)
  }

  /// Gives up the lines of the last scrape that the current one lacks.
  private mutating func removeVanishedLines(_ scrape: inout ParsedScrape) {
    for place in order where isSeen(Int(place.line)) == false {
      if place.kind == .series { scrape.add(vanishedSlot: Int(place.line)) }
      unlink(place.line, lines[Int(place.line)])
      freeLines.append(place.line)
    }
  }

  private mutating func unlink(_ index: Int32, _ line: Line) {
    guard firstByHash[line.hash] != index else {
      firstByHash[line.hash] = line.next >= 0 ? line.next : nil
      return
    }
    var previous = firstByHash[line.hash] ?? -1
    while previous >= 0, lines[Int(previous)].next != index {
      previous = lines[Int(previous)].next
    }
    if previous >= 0 { lines[Int(previous)].next = line.next }
  }

  /// Keeps the metadata of the last scrape alone, so that a target whose
  /// families come and go does not fill the memory.
  private mutating func forgetVanishedMetadata() {
    var kept: [String: MetricMetadata] = [:]
    for place in order where place.kind != .series {
      var scanner = TextScanner(lastText.span.extracting(place.bytes))
      guard let comment = try? scanner.readComment() else { continue }
      switch comment {
      case .help(let family, _), .type(let family, _):
        guard let name = try? scanner.familyName(family) else { continue }
        kept[name] = metadata[name]
      case .other: continue
      }
    }
    metadata = kept
  }
}
