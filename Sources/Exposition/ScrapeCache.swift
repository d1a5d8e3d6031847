import Numbers
import SeriesModel

/// Reads the scrapes of one target, and knows most series from last time.
///
/// A target sends the same series in the same order, scrape after scrape. So
/// each line is first compared with the line that stood here last time; when
/// it differs, the bytes of its series are looked up in a table; only a series
/// that is in neither place has its labels parsed. As long as no line differs,
/// nothing is noted but where each begins.
///
/// Every series has a *slot*, a small number under which the caller keeps what
/// it knows of the series. A slot stays with its series until a scrape lacks
/// the series; then it is reported as vanished, and may be given to another
/// series by a later scrape. Series are told apart by their bytes: `a{b="c"}`
/// and `a{ b="c" }` have a slot each, though their labels are equal.
///
/// - Complexity: A line known by its place costs one comparison of its bytes
///   and the parsing of its value. The cache holds the text of the last scrape
///   and some 50 bytes for each of its lines.
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

  /// Where a line stands in the text of a scrape. 16 bytes: all of them are
  /// gone through with every scrape.
  struct Place {
    /// The offset of the series, or of the whole line with metadata.
    var start: UInt32
    /// Its bytes.
    var count: UInt32
    var line: Int32
    var kind: Kind
    /// The type that rules the line, or that the line gives.
    var type: MetricType

    var bytes: Range<Int> { Int(start)..<Int(start) + Int(count) }
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

  enum Kind: UInt8 {
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

  /// The largest text that can be read, in bytes.
  package static let textByteLimit = Int(Int32.max)

  /// Reads one scrape into `scrape`, whose former content is removed.
  ///
  /// - Throws: When the text is malformed. The cache is then reset; of `scrape`
  ///   only ``ParsedScrape/count`` has a meaning, the samples before the mistake.
  /// - Precondition: The text has ``textByteLimit`` bytes at most.
  package mutating func read(
    _ text: [UInt8], into scrape: inout ParsedScrape
  ) throws(ExpositionError) {
    precondition(text.count <= ScrapeCache.textByteLimit, "the text is too long for its places")
    scrape.removeAll()
    scrapeNumber += 1
    do {
      try readLines(of: text, into: &scrape)
    } catch {
      reset()
      throw error
    }
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
  /// How far a text was read.
  private struct Progress {
    /// Where in the order of the last scrape the current line is expected.
    var expected = 0
    /// True while the text has the lines of the last scrape in their order:
    /// those before `expected` have their places in `ScrapeCache.order`, and
    /// are not noted as seen.
    var isAligned = true
    /// The lines so far, once the text is no longer aligned.
    var order: [Place] = []
    /// What the last line with a type gave.
    var type = MetricType.unknown
    /// How many lines to make room for at a time. It doubles as long as lines
    /// are simple, so that room is not made in vain where they are not.
    var lineRoom = Progress.leastLineRoom

    static let leastLineRoom = 16
  }

  private mutating func readLines(
    of text: [UInt8], into scrape: inout ParsedScrape
  ) throws(ExpositionError) {
    var scanner = TextScanner(text.span)
    var progress = Progress()
    while true {
      if progress.isAligned { readAlignedLines(&scanner, &progress, &scrape) }
      guard scanner.moveToNextEntry() else { break }
      try readLine(&scanner, in: text, &progress, &scrape)
      scanner.startNextLine()
    }
    if progress.isAligned, progress.expected == order.count {
      scrape.hasSeriesOfLastScrape = true
      return
    }
    leaveAlignment(&progress)
    removeVanishedLines(&scrape)
    order = progress.order
  }

  /// Reads lines that stand where they stood last time, up to the first that
  /// does not, or that has more than a series and a simple value.
  private mutating func readAlignedLines(
    _ scanner: inout TextScanner, _ progress: inout Progress, _ scrape: inout ParsedScrape
  ) {
    // Moved out, so that it can be changed while the text is read.
    var order: [Place] = []
    swap(&order, &self.order)
    defer { swap(&order, &self.order) }
    var isGoingOn = true
    while isGoingOn, progress.expected < order.count {
      let lineCount = min(progress.lineRoom, order.count - progress.expected)
      var run = AlignedRun(
        position: scanner.position, lines: progress.expected..<progress.expected + lineCount,
        sampleCount: scrape.count)
      scrape.makeRoom(for: lineCount)
      // Safety: bytes have no padding that could be left unset.
      run.read(
        unsafe scanner.bytes.bytes, last: unsafe lastText.span.bytes, order: &order, into: &scrape)
      scrape.removeRoom(after: run.sampleCount)
      scanner.skipLines(run.lines.lowerBound - progress.expected, to: run.position)
      progress.expected = run.lines.lowerBound
      if let type = run.type { progress.type = type }
      isGoingOn = run.lines.isEmpty
      progress.lineRoom = isGoingOn ? progress.lineRoom * 2 : Progress.leastLineRoom
    }
  }

  private mutating func readLine(
    _ scanner: inout TextScanner, in text: [UInt8], _ progress: inout Progress,
    _ scrape: inout ParsedScrape
  ) throws(ExpositionError) {
    let start = scanner.position
    var isRepeated = false
    var place: Place
    if let guess = skipExpectedLine(progress.expected, &scanner) {
      place = guess
      place.start = UInt32(start)
      if progress.isAligned {
        order[progress.expected] = place
      } else {
        note(place, in: &progress)
      }
      progress.expected += 1
    } else {
      // A comment that says nothing makes no difference.
      guard let found = try readUnexpectedLine(&scanner, in: text, &progress, &scrape) else {
        return
      }
      place = found
      let line = Int(found.line)
      isRepeated = isSeen(line)
      if isRepeated == false {
        // After a line of the last scrape comes the line that followed it.
        if isNew(line) == false { progress.expected = places[line] + 1 }
        note(place, in: &progress)
      }
    }
    switch place.kind {
    case .series:
      let (value, timestamp) = try scanner.readSample()
      scrape.add(
        slot: Int(place.line), value: value, timestamp: timestamp, isRepeated: isRepeated)
    case .type: progress.type = place.type
    case .help: break
    }
  }

  /// Takes note that the current scrape has a line.
  private mutating func note(_ place: Place, in progress: inout Progress) {
    seenNumbers[Int(place.line)] = scrapeNumber
    places[Int(place.line)] = progress.order.count
    progress.order.append(place)
  }

  /// Takes note of the lines so far, as the text goes on in another way than
  /// that of the last scrape.
  private mutating func leaveAlignment(_ progress: inout Progress) {
    guard progress.isAligned else { return }
    progress.isAligned = false
    progress.order.reserveCapacity(order.count + order.count / 16)
    for place in order[..<progress.expected] { note(place, in: &progress) }
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
    _ scanner: inout TextScanner, in text: [UInt8], _ progress: inout Progress,
    _ scrape: inout ParsedScrape
  ) throws(ExpositionError) -> Place? {
    let start = scanner.position
    if scanner.current == UInt8(ascii: "#") {
      let comment = try scanner.readComment()
      if case .other = comment { return nil }
      leaveAlignment(&progress)
      let range = start..<scanner.position
      let hash = hash(text, range)
      if let known = findLine(text, range, hash, progress.order) { return known }
      switch comment {
      case .help(let family, let help):
        var entry = metadata[try scanner.familyName(family)] ?? MetricMetadata()
        entry.help = try scanner.helpText(help)
        learn(entry, of: try scanner.familyName(family), &scrape)
        return addLine(range, hash, .help, progress.type)
      case .type(let family, let type):
        var entry = metadata[try scanner.familyName(family)] ?? MetricMetadata()
        entry.type = type
        learn(entry, of: try scanner.familyName(family), &scrape)
        return addLine(range, hash, .type, type)
      case .other:
        return nil
      }
    }
    leaveAlignment(&progress)
    let range = try scanner.readSeries()
    let hash = hash(text, range)
    if let known = findLine(text, range, hash, progress.order) { return known }
    let labels = try scanner.labels(type: progress.type, scratch: &scratch)
    let place = addLine(range, hash, .series, progress.type)
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
        return place(range, index, lines[line].kind, lines[line].type)
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
    return place(range, index, kind, type)
  }

  private func place(
    _ range: Range<Int>, _ line: Int32, _ kind: Kind, _ type: MetricType
  ) -> Place {
    Place(
      start: UInt32(range.lowerBound), count: UInt32(range.count), line: line, kind: kind,
      type: type)
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
