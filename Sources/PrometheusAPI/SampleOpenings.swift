import Numbers

/// The texts `[time,"` with which samples at given times begin.
///
/// The series of an answer have samples at the same times, so that each text is
/// made once and copied from then on.
struct SampleOpenings {
  /// Milliseconds since 1970-01-01T00:00Z, ascending.
  private let timestamps: [Int64]
  /// The texts, one behind the other, and some bytes to read over.
  private let texts: [UInt8]
  /// Where each text ends.
  private let ends: [Int]

  /// The most bytes that an opening takes, and what may be written over behind
  /// it.
  static let capacity = 32

  /// The most times for which it is worth to keep texts: more than a range query
  /// has steps. A range vector may have millions of samples.
  static let limit = 20_000

  /// Makes the texts of samples at `timestamps`, which are milliseconds since
  /// 1970-01-01T00:00Z and ascend.
  init(_ timestamps: some Collection<Int64>) {
    self.timestamps = Array(timestamps)
    var texts: [UInt8] = []
    var ends: [Int] = []
    ends.reserveCapacity(timestamps.count)
    texts.append(addingCapacity: (timestamps.count + 1) * SampleOpenings.capacity) { output in
      for timestamp in timestamps {
        SampleOpenings.append(timestamp, to: &output)
        ends.append(output.count)
      }
      for _ in 0..<SampleOpenings.capacity { output.append(0) }
    }
    self.texts = texts
    self.ends = ends
  }

  /// Appends the opening of a sample at `timestamp`, which need not be among the
  /// times that were given.
  ///
  /// - Parameter place: How many of these times lie before those samples of the
  ///   series that were passed already; 0 for its first sample.
  /// - Precondition: `output` has room for ``capacity`` bytes.
  @inline(__always)
  func append(_ timestamp: Int64, after place: inout Int, to output: inout OutputSpan<UInt8>) {
    while place < timestamps.count, timestamps[place] < timestamp { place += 1 }
    guard place < timestamps.count, timestamps[place] == timestamp else {
      SampleOpenings.append(timestamp, to: &output)
      return
    }
    let start = place == 0 ? 0 : ends[place - 1]
    output.append(texts.span.vector(at: start), count: ends[place] - start)
    place += 1
  }

  private static func append(_ timestamp: Int64, to output: inout OutputSpan<UInt8>) {
    output.append(UInt8(ascii: "["))
    appendTimestamp(milliseconds: timestamp, to: &output)
    output.append(UInt8(ascii: ","))
    output.append(UInt8(ascii: "\""))
  }
}
