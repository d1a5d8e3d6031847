import ChunkEncoding
import SeriesModel

/// A chunk made of any bytes, for the fuzzer and for the replay of what it
/// found.
///
/// Layout: class (1), sample count (2), first timestamp (8), duration (8), byte
/// count of the timestamp vector (1), vector, payload. Missing bytes count as 0.
package struct FuzzedChunk {
  private var description: ChunkDescription
  private var vector: [UInt8]
  private var payload: [UInt8]

  /// Cuts `input` into the parts of a chunk.
  package init(_ input: [UInt8]) {
    var offset = 0
    func number(_ byteCount: Int) -> UInt64 {
      var number: UInt64 = 0
      for index in (0..<byteCount).reversed() {
        number = number << 8 | UInt64(offset + index < input.count ? input[offset + index] : 0)
      }
      offset += byteCount
      return number
    }
    let classByte = UInt8(number(1))
    let sampleCount = Int(number(2))
    let first = Int64(bitPattern: number(8))
    let duration = Int64(bitPattern: number(8))
    description = ChunkDescription(
      classByte: classByte, sampleCount: sampleCount, minTimestamp: first,
      maxTimestamp: first &+ duration)
    let vectorByteCount = Int(number(1))
    vector = Array(input.dropFirst(offset).prefix(vectorByteCount))
    payload = Array(input.dropFirst(offset + vectorByteCount))
  }

  /// The samples, or nil when the bytes are no chunk.
  package var samples: SampleColumns? {
    var columns = SampleColumns()
    do throws(ChunkError) {
      try columns.append(chunk: description, timestamps: vector.span, payload: payload.span)
    } catch {
      return nil
    }
    return columns
  }

  /// Decodes the whole and parts, and returns what is wrong with the outcome, or
  /// nil.
  package func problem() -> String? {
    problemOfWhole() ?? problemOfParts()
  }

  /// Decodes parts, which are what the whole has there, if it has any.
  private func problemOfParts() -> String? {
    var times: [Int64] = []
    do throws(ChunkError) {
      try SampleColumns.decodeTimestamps(of: description, from: vector.span, into: &times)
    } catch {
      return nil
    }
    let whole = samples
    let count = times.count
    for part in [0..<count, 0..<1, count - 1..<count, count / 3..<count * 2 / 3 + 1] {
      var columns = SampleColumns()
      columns.append(timestampMilliseconds: 7, value: 7)
      do throws(ChunkError) {
        try columns.append(chunk: description, times: times, at: part, payload: payload.span)
      } catch {
        guard columns.timestamps == [7], columns.values == [7], columns.isPlain else {
          return "something of a part was appended although it threw"
        }
        if whole != nil, description.classByte != ChunkClass.xor.rawValue {
          return "a part of what decodes does not"
        }
        continue
      }
      guard let whole else { continue }
      guard Array(columns.timestamps.dropFirst()) == Array(whole.timestamps[part]),
        columns.values.dropFirst().map(\.bitPattern) == whole.values[part].map(\.bitPattern),
        (1..<columns.count).map({ columns.histogram(at: $0) })
          == part.map({ whole.histogram(at: $0) }),
        (1..<columns.count).map({ columns.startTimestamp(at: $0) })
          == part.map({ whole.startTimestamp(at: $0) })
      else { return "a part is not what the whole has there" }
    }
    return nil
  }

  /// Decodes behind one sample that is there.
  private func problemOfWhole() -> String? {
    var columns = SampleColumns()
    columns.append(timestampMilliseconds: 7, value: 7)
    do throws(ChunkError) {
      try columns.append(chunk: description, timestamps: vector.span, payload: payload.span)
    } catch {
      return columns.timestamps == [7] && columns.values == [7] && columns.isPlain
        ? nil : "something was appended although it threw"
    }
    if let problem = problem(ofOptionalColumns: columns) { return problem }
    let times = columns.timestamps.dropFirst()
    if times.count != description.sampleCount || columns.values.count != times.count + 1 {
      return "there are \(times.count) samples"
    }
    if times.first != description.minTimestamp || times.last != description.maxTimestamp {
      return "the range of time is another one"
    }
    return zip(times, times.dropFirst()).allSatisfy { $0 < $1 } ? nil : "time goes back"
  }

  private func problem(ofOptionalColumns columns: SampleColumns) -> String? {
    if columns.isPlain { return nil }
    guard [0, columns.count].contains(columns.histograms.count),
      [0, columns.count].contains(columns.startTimestamps.count)
    else { return "a column has another length" }
    var compressor = ChunkCompressor()
    var again = SampleColumns()
    let isReadable: Bool
    do throws(ChunkError) {
      try compressor.encode(columns, at: 1..<columns.count).decode(into: &again)
      isReadable = true
    } catch {
      isReadable = false
    }
    let histograms = (1..<columns.count).map { columns.histogram(at: $0) }
    let starts = (1..<columns.count).map { columns.startTimestamp(at: $0) }
    return isReadable && again.timestamps == Array(columns.timestamps.dropFirst())
      && (0..<again.count).map { again.histogram(at: $0) } == histograms
      && (0..<again.count).map { again.startTimestamp(at: $0) } == starts
      ? nil : "it does not come back when it is encoded again"
  }
}
