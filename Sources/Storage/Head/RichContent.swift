import ChunkEncoding
import Numbers
import SeriesModel

/// What a sample has beyond a value: a histogram, or the time at which its
/// counter began.
///
/// A sample with such content is *rich*. Most samples are not, so that this
/// stands beside them and is shared, not copied.
final class RichContent: Sendable, Equatable {
  let histogram: NativeHistogram?
  /// 0 when it is not known.
  let startTimestamp: Int64

  init(histogram: NativeHistogram?, startTimestamp: Int64) {
    self.histogram = histogram
    self.startTimestamp = startTimestamp
  }

  static func == (left: RichContent, right: RichContent) -> Bool {
    left.histogram == right.histogram && left.startTimestamp == right.startTimestamp
  }

  /// What tells the sample from another one at the same time.
  func identity(ofValue value: Double) -> UInt64 {
    histogram?.identity ?? value.bitPattern
  }
}

extension NativeHistogram {
  /// What tells the histogram from other values: equal for equal histograms,
  /// and by all odds for no others.
  var identity: UInt64 {
    var bytes: [UInt8] = []
    var coding = HistogramCoding()
    coding.appendWithSum(self, to: &bytes)
    // Safety: bytes have no padding.
    return unsafe hash64(bytes.span.bytes, seed: 0)
  }

  /// False when no chunk has room for it.
  var isStorable: Bool { bucketAndBoundCount <= NativeHistogram.largestBucketCount }
}

/// The rich content of some samples among others, by the index of the sample.
struct RichColumn: Sendable, Equatable {
  private struct Entry: Equatable {
    var index: Int
    var content: RichContent
  }

  /// Ascending by index.
  private var entries: [Entry] = []

  var isEmpty: Bool { entries.isEmpty }

  /// Adds the content of a sample behind all that have some.
  mutating func append(_ content: RichContent, at index: Int) {
    entries.append(Entry(index: index, content: content))
  }

  mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

  /// - Complexity: O(log *n*) in the rich samples.
  subscript(index: Int) -> RichContent? {
    if entries.isEmpty { return nil }
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].index < index { low = middle + 1 } else { high = middle }
    }
    return low < entries.count && entries[low].index == index ? entries[low].content : nil
  }
}

extension SampleBatch {
  /// True when any sample may be rich.
  var mayHaveRichSamples: Bool { histograms.isEmpty == false || startTimestamps.isEmpty == false }

  /// What the sample at `index` has beyond its value, or nil.
  func richContent(at index: Int) -> RichContent? {
    let histogram = histograms.isEmpty ? nil : histograms[index]
    let startTimestamp = startTimestamps.isEmpty ? 0 : startTimestamps[index]
    guard histogram != nil || startTimestamp != 0 else { return nil }
    return RichContent(histogram: histogram, startTimestamp: startTimestamp)
  }
}
