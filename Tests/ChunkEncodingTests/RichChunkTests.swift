import ChunkEncoding
import SeriesModel
import TestSupport
import Testing

/// The optional columns as one value, for comparisons.
private struct RichRow: Equatable {
  var timestamp: Int64
  var bits: UInt64
  var histogram: NativeHistogram?
  var startTimestamp: Int64
}

extension SampleColumns {
  fileprivate var rows: [RichRow] {
    (0..<count).map {
      RichRow(
        timestamp: timestamps[$0], bits: values[$0].bitPattern, histogram: histogram(at: $0),
        startTimestamp: startTimestamp(at: $0))
    }
  }
}

@Suite struct RichChunkTests {
  /// Encodes the columns as one chunk, and expects to read them back behind a
  /// plain sample and before one.
  @discardableResult
  private func checkRoundTrip(_ columns: SampleColumns) throws -> EncodedChunk {
    var compressor = ChunkCompressor()
    let chunk = compressor.encode(columns, at: 0..<columns.count)
    #expect(chunk.description.classByte == ChunkClass.rich.rawValue)
    var plain = SampleColumns()
    plain.append(timestampMilliseconds: .min, value: 5)
    let plainChunk = compressor.encode(plain, at: 0..<1)
    var decoded = SampleColumns()
    try plainChunk.decode(into: &decoded)
    try chunk.decode(into: &decoded)
    try plainChunk.decode(into: &decoded)
    let expected = plain.rows + columns.rows + plain.rows
    #expect(decoded.rows == expected)
    #expect(decoded.histograms.isEmpty || decoded.histograms.count == decoded.count)
    #expect(decoded.startTimestamps.isEmpty || decoded.startTimestamps.count == decoded.count)
    for range in [0..<1, columns.count / 3..<columns.count * 2 / 3 + 1] {
      var part = plain
      try part.append(
        chunk: chunk.description, times: columns.timestamps, at: range,
        payload: chunk.payload.span)
      #expect(part.rows == plain.rows + columns.rows[range])
    }
    return chunk
  }

  private func makeColumns(_ generator: inout SeededGenerator) -> SampleColumns {
    var columns = SampleColumns()
    var timestamp = Int64.random(in: -1_000_000...1_700_000_000_000, using: &generator)
    var histogram = NativeHistogram.random(using: &generator)
    let histogramShare = generator.pick([0, 50, 100])
    let startShare = histogramShare == 0 ? 100 : generator.pick([0, 50, 100])
    for _ in 0..<generator.number(below: 60) + 1 {
      timestamp += Int64.random(in: 1...30_000, using: &generator)
      var start: Int64 = 0
      if generator.number(below: 100) < startShare {
        start = generator.pick([1, timestamp - 1000, .min, .max, 1_600_000_000_000])
      }
      histogram =
        generator.number(below: 3) == 0
        ? .random(using: &generator) : histogram.grown(using: &generator)
      if generator.number(below: 100) < histogramShare {
        columns.append(
          timestampMilliseconds: timestamp, histogram: histogram,
          startTimestampMilliseconds: start)
      } else {
        columns.append(
          timestampMilliseconds: timestamp, value: Double(generator.number(below: 9)),
          startTimestampMilliseconds: start)
      }
    }
    if columns.isPlain {
      columns.append(timestampMilliseconds: timestamp + 1, histogram: .stale)
    }
    return columns
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func anySamplesComeBackBitForBit(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    try checkRoundTrip(makeColumns(&generator))
  }

  @Test func plainSamplesAmongRichOnesGetAPlainClass() {
    var columns = SampleColumns()
    for index in 0..<20 {
      columns.append(timestampMilliseconds: Int64(index), value: Double(index))
    }
    columns.append(timestampMilliseconds: 20, histogram: .stale)
    var compressor = ChunkCompressor()
    let chunk = compressor.encode(columns, at: 0..<20)
    #expect(chunk.description.classByte == ChunkClass.decimals.rawValue)
  }

  /// 20 buckets, of which some grow by a few observations each time.
  private func slowHistograms(count: Int) -> SampleColumns {
    var generator = SeededGenerator(seed: 1)
    var columns = SampleColumns()
    var histogram = NativeHistogram(schema: 3, zeroThreshold: 1e-128, count: 1, sum: 0)
    for index in -5..<15 as Range<Int32> {
      histogram.positiveBuckets.append(index: index, count: 1000)
    }
    for index in 0..<count {
      histogram = histogram.grown(using: &generator)
      columns.append(
        timestampMilliseconds: Int64(index) * 15_000, histogram: histogram,
        startTimestampMilliseconds: -60_000)
    }
    return columns
  }

  @Test func slowHistogramOf20BucketsTakesFewBytes() throws {
    let chunk = try checkRoundTrip(slowHistograms(count: 120))
    #expect(chunk.byteCount < 120 * 30)
  }

  @Test func constantStartTakesNoBytesASample() throws {
    var columns = SampleColumns()
    for index in 0..<240 as Range<Int64> {
      columns.append(
        timestampMilliseconds: index * 15_000, value: Double(index * 7),
        startTimestampMilliseconds: -5)
    }
    #expect(try checkRoundTrip(columns).byteCount < 60)
  }

  @Test func startAtThePreviousSampleTakesNoBytesASample() throws {
    var generator = SeededGenerator(seed: 3)
    var columns = SampleColumns()
    var timestamp: Int64 = 1_700_000_000_000
    for _ in 0..<240 {
      let start = timestamp
      timestamp += Int64.random(in: 14_000...16_000, using: &generator)
      columns.append(
        timestampMilliseconds: timestamp, value: 3, startTimestampMilliseconds: start)
    }
    let vectorByteCount = 240 * 11 / 8 + 20
    #expect(try checkRoundTrip(columns).byteCount < vectorByteCount + 40)
  }

  @Test func encodingStopsAtTheGivenSize() throws {
    let columns = slowHistograms(count: 240)
    var compressor = ChunkCompressor()
    var decoded = SampleColumns()
    while decoded.count < columns.count {
      let chunk = compressor.encode(
        columns, at: decoded.count..<columns.count, fitting: 1000)
      #expect(chunk.byteCount <= 1000)
      try chunk.decode(into: &decoded)
    }
    #expect(decoded.rows == columns.rows)
    let single = compressor.encode(columns, at: 0..<5, fitting: 1)
    #expect(single.description.sampleCount == 1)
  }

  @Test func edgesComeBack() throws {
    var columns = SampleColumns()
    columns.append(timestampMilliseconds: .min, histogram: NativeHistogram(schema: .max))
    var histogram = NativeHistogram(schema: .min, zeroCount: -0.0, count: -0.0, sum: -0.0)
    histogram.positiveBuckets.append(index: .min, count: 0x1p53 - 1)
    histogram.positiveBuckets.append(index: .max, count: -0x1p53 + 1)
    columns.append(
      timestampMilliseconds: 0, histogram: histogram, startTimestampMilliseconds: .min)
    histogram.zeroCount = 0
    histogram.count = 0
    columns.append(
      timestampMilliseconds: .max, histogram: histogram, startTimestampMilliseconds: .max)
    try checkRoundTrip(columns)
    let largest = NativeHistogram(
      schema: -53, customBounds: (0..<NativeHistogram.largestBucketCount).map(Double.init))
    var one = SampleColumns()
    one.append(timestampMilliseconds: 1, histogram: largest)
    try checkRoundTrip(one)
  }

  /// Whatever the damage, the decoder throws or gives as many samples.
  @Test(arguments: 0..<100 as Range<UInt64>)
  func damageNeverTraps(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let columns = makeColumns(&generator)
    var compressor = ChunkCompressor()
    let chunk = compressor.encode(columns, at: 0..<columns.count)
    for _ in 0..<200 {
      var changed = chunk
      switch generator.number(below: 3) {
      case 0: changed.payload.removeLast(generator.number(below: chunk.payload.count))
      case 1:
        changed.payload[generator.number(below: chunk.payload.count)] = UInt8.random(
          in: 0...255, using: &generator)
      default:
        let place = generator.number(below: chunk.payload.count)
        changed.payload[place] ^= 1 << UInt8(generator.number(below: 8))
      }
      var decoded = SampleColumns()
      decoded.append(timestampMilliseconds: -9, histogram: .stale)
      do throws(ChunkError) {
        try changed.decode(into: &decoded)
        #expect(decoded.count == columns.count + 1)
        #expect(decoded.histograms.count == decoded.count)
      } catch {
        #expect(decoded.count == 1 && decoded.histograms.count == 1)
      }
    }
  }
}
