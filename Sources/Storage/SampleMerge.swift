import ChunkEncoding
import SeriesModel

/// Brings runs of samples of one series into one order.
///
/// Runs are added in the order in which they were written. Mostly they follow
/// each other in time and are only copied; where they overlap they are merged,
/// and of samples at the same time the one written last stays.
struct SampleMerge {
  private var samples = SampleColumns()
  private var runs: [Range<Int>] = []

  mutating func removeAll() {
    samples.removeAll()
    runs.removeAll(keepingCapacity: true)
  }

  /// Adds the samples of a chunk in the tables.
  mutating func add(_ chunk: borrowing StoredChunk) throws(StorageError) {
    let start = samples.count
    try chunk.decode(into: &samples)
    runs.append(start..<samples.count)
  }

  /// Adds the samples of a chunk in memory.
  mutating func add(
    _ description: ChunkDescription, timestamps: Span<UInt8>, payload: Span<UInt8>
  ) throws(ChunkError) {
    let start = samples.count
    try samples.append(chunk: description, timestamps: timestamps, payload: payload)
    runs.append(start..<samples.count)
  }

  /// Adds samples that ascend in time.
  mutating func add(_ columns: SampleColumns, range: Range<Int>) {
    guard range.isEmpty == false else { return }
    let start = samples.count
    samples.timestamps.append(contentsOf: columns.timestamps[range])
    samples.values.append(contentsOf: columns.values[range])
    runs.append(start..<samples.count)
  }

  /// Appends what lies within the closed range of time to `columns`.
  mutating func append(within range: ClosedRange<Int64>, to columns: inout SampleColumns) {
    runs.sort { samples.timestamps[$0.lowerBound] < samples.timestamps[$1.lowerBound] }
    let isSequence = zip(runs, runs.dropFirst()).allSatisfy {
      samples.timestamps[$0.upperBound - 1] < samples.timestamps[$1.lowerBound]
    }
    guard isSequence else {
      appendMerged(within: range, to: &columns)
      return
    }
    for run in runs {
      let start = firstIndex(in: run, notBefore: range.lowerBound)
      // Past the last moment of time there is nothing to cut.
      let end =
        range.upperBound == .max
        ? run.upperBound : firstIndex(in: run, notBefore: range.upperBound + 1)
      guard start < end else { continue }
      columns.timestamps.append(contentsOf: samples.timestamps[start..<end])
      columns.values.append(contentsOf: samples.values[start..<end])
    }
  }

  private func firstIndex(in run: Range<Int>, notBefore timestamp: Int64) -> Int {
    var low = run.lowerBound
    var high = run.upperBound
    while low < high {
      let middle = (low + high) / 2
      if samples.timestamps[middle] < timestamp { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func appendMerged(
    within range: ClosedRange<Int64>, to columns: inout SampleColumns
  ) {
    let order = samples.timestamps.indices
      .filter { range.contains(samples.timestamps[$0]) }
      .sorted { left, right in
        let (a, b) = (samples.timestamps[left], samples.timestamps[right])
        return a == b ? left < right : a < b
      }
    for (position, index) in order.enumerated() {
      // Of equal times the last one stays: it has the highest index.
      let next = position + 1
      if next < order.count, samples.timestamps[order[next]] == samples.timestamps[index] {
        continue
      }
      columns.append(
        timestampMilliseconds: samples.timestamps[index], value: samples.values[index])
    }
  }
}
