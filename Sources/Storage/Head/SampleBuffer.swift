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
    self.columns.removeEmptyOptionalColumns()
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
    // The last rich sample may have been replaced by a plain one.
    columns.removeEmptyOptionalColumns()
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
