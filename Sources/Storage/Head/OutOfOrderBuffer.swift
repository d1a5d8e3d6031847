import ChunkEncoding
import SeriesModel

/// A sample that came after a later one of its series.
struct LateSample: Sendable {
  var slot: Int
  var timestamp: Int64
  var value: Double
}

/// Samples of one series that came after later ones, sorted by time.
struct OutOfOrderBuffer: Sendable {
  /// A buffer of this many samples is made into chunks at once.
  static let fullCount = 4096

  private(set) var columns = SampleColumns()

  init() {}

  init(timestamps: [Int64], values: [Double]) {
    columns.timestamps = timestamps
    columns.values = values
  }

  var isFull: Bool { columns.count >= OutOfOrderBuffer.fullCount }

  /// Adds samples, in the place of those at the same timestamps.
  mutating func merge(_ added: SampleColumns) {
    guard let first = added.timestamps.first else { return }
    let start = columns.firstIndex(notBefore: first)
    let timestamps = columns.timestamps[start...]
    let values = columns.values[start...]
    columns.timestamps.removeSubrange(start...)
    columns.values.removeSubrange(start...)
    var next = start
    for (timestamp, value) in zip(added.timestamps, added.values) {
      let firstKept = next
      while next < timestamps.endIndex, timestamps[next] < timestamp { next += 1 }
      columns.timestamps.append(contentsOf: timestamps[firstKept..<next])
      columns.values.append(contentsOf: values[firstKept..<next])
      columns.append(timestampMilliseconds: timestamp, value: value)
      if next < timestamps.endIndex, timestamps[next] == timestamp { next += 1 }
    }
    columns.timestamps.append(contentsOf: timestamps[next...])
    columns.values.append(contentsOf: values[next...])
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
