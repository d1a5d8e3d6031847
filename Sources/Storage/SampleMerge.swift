import ChunkEncoding
import SeriesModel

/// Brings runs of samples of one series into one order.
///
/// Mostly runs follow each other in time and are only copied; where they
/// overlap they are merged, and of samples at the same time the one written
/// last stays: that of the higher part, in one part the one added last, and in
/// any case one from memory.
struct SampleMerge {
  private struct Run {
    var samples: Range<Int>
    var part: UInt32
  }

  /// What is in memory was written after every part of the tables.
  private static let memoryPart = UInt32.max

  private var samples = SampleColumns()
  private var runs: [Run] = []

  mutating func removeAll() {
    samples.removeAll()
    runs.removeAll(keepingCapacity: true)
  }

  /// Adds the samples of a chunk in the tables that are not deleted.
  mutating func add(
    _ chunk: borrowing StoredChunk, without deleted: DeletedTime = DeletedTime()
  ) throws(StorageError) {
    let start = samples.count
    try chunk.decode(into: &samples)
    if deleted.isEmpty == false { samples.remove(deleted, from: start) }
    if start < samples.count {
      runs.append(Run(samples: start..<samples.count, part: chunk.part))
    }
  }

  /// Adds the samples of a chunk in memory.
  mutating func add(
    _ description: ChunkDescription, timestamps: Span<UInt8>, payload: Span<UInt8>
  ) throws(ChunkError) {
    let start = samples.count
    try samples.append(chunk: description, timestamps: timestamps, payload: payload)
    runs.append(Run(samples: start..<samples.count, part: SampleMerge.memoryPart))
  }

  /// Adds samples that ascend in time.
  mutating func add(_ columns: SampleColumns, range: Range<Int>) {
    guard range.isEmpty == false else { return }
    let start = samples.count
    samples.append(columns, at: range)
    runs.append(Run(samples: start..<samples.count, part: SampleMerge.memoryPart))
  }

  /// Appends what lies within the closed range of time to `columns`.
  mutating func append(within range: ClosedRange<Int64>, to columns: inout SampleColumns) {
    let byTime = runs.sorted { startTime(of: $0) < startTime(of: $1) }
    let isSequence = zip(byTime, byTime.dropFirst()).allSatisfy {
      samples.timestamps[$0.samples.upperBound - 1] < startTime(of: $1)
    }
    guard isSequence else {
      appendMerged(within: range, to: &columns)
      return
    }
    for run in byTime.map(\.samples) {
      columns.append(samples, at: samples.timestamps[run].indices(within: range))
    }
  }

  private func startTime(of run: Run) -> Int64 { samples.timestamps[run.samples.lowerBound] }

  private func appendMerged(
    within range: ClosedRange<Int64>, to columns: inout SampleColumns
  ) {
    // Samples in the order in which they were written.
    var order: [Int] = []
    let written = runs.enumerated().sorted {
      ($0.element.part, $0.offset) < ($1.element.part, $1.offset)
    }
    for (_, run) in written {
      order.append(contentsOf: run.samples.filter { range.contains(samples.timestamps[$0]) })
    }
    let places = order.indices.sorted { left, right in
      (samples.timestamps[order[left]], left) < (samples.timestamps[order[right]], right)
    }
    for (place, next) in zip(places, places.dropFirst().map(Optional.some) + [nil]) {
      let timestamp = samples.timestamps[order[place]]
      // Of equal times the one written last stays.
      if let next, samples.timestamps[order[next]] == timestamp { continue }
      columns.append(samples, at: order[place]..<order[place] + 1)
    }
  }
}

extension ArraySlice<Int64> {
  /// The indices of the timestamps within a closed range of time.
  ///
  /// - Precondition: They ascend.
  /// - Complexity: O(log *n*).
  func indices(within range: ClosedRange<Int64>) -> Range<Int> {
    let start = firstIndex(where: range.lowerBound, isReached: { $0 >= $1 })
    return start..<Swift.max(start, firstIndex(where: range.upperBound, isReached: { $0 > $1 }))
  }

  private func firstIndex(where bound: Int64, isReached: (Int64, Int64) -> Bool) -> Int {
    var low = startIndex
    var high = endIndex
    while low < high {
      let middle = (low + high) / 2
      if isReached(self[middle], bound) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension SampleColumns {
  /// Removes what lies outside of a closed range of time from the samples from
  /// `start` on, which ascend.
  mutating func cut(to range: ClosedRange<Int64>, from start: Int) {
    let kept = timestamps[start...].indices(within: range)
    if kept.upperBound < count { removeSamples(from: kept.upperBound) }
    if kept.lowerBound > start { removeSamples(at: start..<kept.lowerBound) }
  }
}
