import ChunkEncoding
import SeriesModel

/// A sample on its way into a buffer: it came after a later one of its series,
/// or is rich.
struct BufferedSample: Sendable {
  var slot: Int
  var timestamp: Int64
  var value: Double
  /// What it has beyond the value, or nil.
  var content: RichContent?
}

/// Samples of one series that no open chunk takes, sorted by time: those that
/// came after later ones, and rich ones.
struct SampleBuffer: Sendable {
  /// A buffer of this many samples is made into chunks at once.
  static let fullCount = 4096
  /// The same for one with rich samples, which take much memory here.
  static let fullRichCount = 120

  private(set) var columns = SampleColumns()

  init() {}

  init(_ columns: SampleColumns) {
    self.columns = columns
  }

  var isFull: Bool {
    columns.count >= (columns.isPlain ? SampleBuffer.fullCount : SampleBuffer.fullRichCount)
  }

  /// The bytes that a checkpoint writes for the buffer, about.
  var byteCount: Int { columns.count * (columns.isPlain ? 16 : 64) }

  /// Adds samples, in the place of those at the same timestamps.
  mutating func merge(_ added: SampleColumns) {
    guard let first = added.timestamps.first else { return }
    let start = columns.firstIndex(notBefore: first)
    guard start < columns.count else {
      columns.append(added, at: 0..<added.count)
      return
    }
    let old = columns
    columns.removeSamples(from: start)
    var next = start
    for (index, timestamp) in added.timestamps.enumerated() {
      let firstKept = next
      while next < old.count, old.timestamps[next] < timestamp { next += 1 }
      columns.append(old, at: firstKept..<next)
      columns.append(added, at: index..<index + 1)
      if next < old.count, old.timestamps[next] == timestamp { next += 1 }
    }
    columns.append(old, at: next..<old.count)
  }

  /// Cuts the samples into chunks, none across the border of a window.
  func chunkRanges(newest: Int64) -> [(samples: Range<Int>, window: Window)] {
    var chunks: [(samples: Range<Int>, window: Window)] = []
    var start = 0
    while start < columns.count {
      let first = columns.timestamps[start]
      let window = Window(
        containing: first,
        lengthMilliseconds: Window.lengthMilliseconds(for: first, newest: newest))
      var end = start
      while end < columns.count, end - start < XORChunkAppender.fullSampleCount,
        columns.timestamps[end] <= window.lastMilliseconds
      {
        end += 1
      }
      chunks.append((start..<end, window))
      start = end
    }
    return chunks
  }
}

extension XORChunkAppender {
  /// The number of samples at which a chunk is full whatever its size.
  static let fullSampleCount = 240
  /// The bytes at which a chunk is full whatever it holds: two such chunks
  /// fit a page of the tables.
  static let fullByteCount = 1900
  /// The bytes with which a chunk is full at half the number of samples.
  private static let halfFullByteCount = 400

  /// True when no further sample should be appended: a chunk of 120 samples
  /// is large enough to be worth its overhead when its samples are large, and
  /// one of 240 is as long as is quick to decode.
  ///
  /// Chunks end at the same few numbers of samples, so that the series of one
  /// scrape keep having chunks of the same timestamps.
  var isFull: Bool {
    sampleCount >= XORChunkAppender.fullSampleCount
      || sampleCount == XORChunkAppender.fullSampleCount / 2
        && byteCount >= XORChunkAppender.halfFullByteCount
      || byteCount >= XORChunkAppender.fullByteCount
  }
}
