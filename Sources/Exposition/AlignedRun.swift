import Numbers
import SeriesModel

/// A walk over lines that stand where they stood in the last scrape.
///
/// Most lines of most scrapes pass here: one comparison of bytes each, and one
/// decimal number.
struct AlignedRun {
  /// The offset of the next line; always that of a line's first byte.
  private(set) var position: Int
  /// The lines to come, by their places in the order of the last scrape.
  private(set) var lines: Range<Int>
  /// The samples that the scrape has.
  private(set) var sampleCount: Int
  /// What the last line with a type gave; nil when there was none.
  private(set) var type: MetricType?

  init(position: Int, lines: Range<Int>, sampleCount: Int) {
    self.position = position
    self.lines = lines
    self.sampleCount = sampleCount
  }

  /// Reads ``lines`` up to the first that is another one, or that is written in
  /// another way than `series number`.
  ///
  /// - Parameters:
  ///   - order: The lines of the last scrape; those that are passed get their
  ///     place in `text`.
  ///   - scrape: Has room for a sample for each of ``lines``.
  mutating func read(
    _ text: RawSpan, last: RawSpan, order: inout [ScrapeCache.Place],
    into scrape: inout ParsedScrape
  ) {
    var run = self
    var expected = lines.lowerBound
    var places = order.mutableSpan
    scrape.withColumns { slots, values in
      while expected < run.lines.upperBound {
        let place = places[expected]
        let start = run.position
        let count = Int(place.count)
        guard text.hasBytes(of: last, from: Int(place.start), count: count, at: start) else {
          break
        }
        var end = start + count
        if place.kind == .series {
          guard let value = run.readValue(text, at: &end) else { break }
          slots[run.sampleCount] = place.line
          values[run.sampleCount] = value
          run.sampleCount += 1
        } else {
          guard text.isByte(.lineFeed, at: end) else { break }
          if place.kind == .type { run.type = place.type }
        }
        places[expected].start = UInt32(truncatingIfNeeded: start)
        expected += 1
        run.position = end + 1
      }
    }
    run.lines = expected..<lines.upperBound
    self = run
  }

  /// Reads a blank and a number that ends its line, and moves to the line feed;
  /// nil for anything else that may follow a series.
  @inline(__always)
  private func readValue(_ text: RawSpan, at offset: inout Int) -> Double? {
    guard text.isByte(UInt8(ascii: " "), at: offset) else { return nil }
    offset += 1
    guard let value = parseDecimal(text, at: &offset), text.isByte(.lineFeed, at: offset)
    else { return nil }
    return value
  }
}
