import ChunkEncoding
import SeriesModel
import TestSupport
import Testing

extension SampleColumns {
  fileprivate init(_ samples: [Sample]) {
    self.init()
    for sample in samples {
      append(timestampMilliseconds: sample.timestamp.milliseconds, value: sample.value)
    }
  }

  fileprivate init(values: [Double], intervalMilliseconds: Int64 = 15_000) {
    self.init()
    for (index, value) in values.enumerated() {
      append(timestampMilliseconds: Int64(index) * intervalMilliseconds, value: value)
    }
  }
}

/// Encodes the columns as one chunk, expects to read the same bits back behind
/// what is there, and returns the chunk.
@discardableResult
private func checkRoundTrip(
  _ columns: SampleColumns, sourceLocation: SourceLocation = #_sourceLocation
) throws -> EncodedChunk {
  var compressor = ChunkCompressor()
  let chunk = compressor.encode(columns, at: 0..<columns.count)
  var decoded = SampleColumns()
  decoded.append(timestampMilliseconds: -5, value: 5)
  try decoded.append(
    chunk: chunk.description, timestamps: chunk.timestamps.span, payload: chunk.payload.span)
  #expect(
    Array(decoded.timestamps.dropFirst()) == columns.timestamps, sourceLocation: sourceLocation)
  #expect(
    decoded.values.dropFirst().map(\.bitPattern) == columns.values.map(\.bitPattern),
    sourceLocation: sourceLocation)
  try checkParts(of: chunk, holding: columns, sourceLocation: sourceLocation)
  return chunk
}

/// Expects to read the same from parts of the chunk.
private func checkParts(
  of chunk: EncodedChunk, holding columns: SampleColumns, sourceLocation: SourceLocation
) throws {
  var times: [Int64] = []
  try SampleColumns.decodeTimestamps(
    of: chunk.description, from: chunk.timestamps.span, into: &times)
  #expect(times == columns.timestamps, sourceLocation: sourceLocation)
  let count = columns.count
  for range in [0..<1, count - 1..<count, count / 3..<count * 2 / 3 + 1, count / 2..<count] {
    var part = SampleColumns()
    part.append(timestampMilliseconds: -5, value: 5)
    try part.append(
      chunk: chunk.description, times: times, at: range, payload: chunk.payload.span)
    #expect(
      Array(part.timestamps.dropFirst()) == Array(columns.timestamps[range]),
      sourceLocation: sourceLocation)
    #expect(
      part.values.dropFirst().map(\.bitPattern) == columns.values[range].map(\.bitPattern),
      sourceLocation: sourceLocation)
  }
}

/// Values of one kind, the class that they should get, and the most bytes that
/// 240 of them may take.
private struct ClassCase: Sendable, CustomTestStringConvertible {
  var id: String
  var chunkClass: ChunkClass
  var byteLimit: Int
  var value: @Sendable (Int) -> Double

  var testDescription: String { id }

  static let all = [
    ClassCase(id: "constant integer", chunkClass: .constant, byteLimit: 2) { _ in 3 },
    ClassCase(id: "constant zero", chunkClass: .constant, byteLimit: 0) { _ in 0 },
    ClassCase(id: "constant NaN", chunkClass: .constant, byteLimit: 8) { _ in
      Double(bitPattern: 0x7FF0_0000_0000_0002)
    },
    ClassCase(id: "steady counter", chunkClass: .decimals, byteLimit: 12) { Double($0) * 7 },
    ClassCase(id: "counter with a reset", chunkClass: .decimals, byteLimit: 20) {
      Double(($0 + 1_000_000) % 1_000_100)
    },
    ClassCase(id: "decimals", chunkClass: .decimals, byteLimit: 200) {
      Double($0 * 37 % 60) / 10
    },
    ClassCase(id: "decimals below 0", chunkClass: .decimals, byteLimit: 300) {
      Double($0 * 37 % 300 - 150) / 1000
    },
    ClassCase(id: "integers ending in a stale marker", chunkClass: .decimals, byteLimit: 50) {
      $0 == 239 ? Double(bitPattern: StaleMarker.value.bitPattern) : Double($0)
    },
    ClassCase(id: "negative zeros among integers", chunkClass: .decimals, byteLimit: 160) {
      $0 % 40 == 0 ? -0.0 : Double($0 % 7)
    },
    ClassCase(id: "irrational", chunkClass: .xorValues, byteLimit: 1800) {
      Double($0 + 2).squareRoot()
    },
    ClassCase(id: "infinities", chunkClass: .xorValues, byteLimit: 600) {
      $0 % 2 == 0 ? .infinity : -.infinity
    },
  ]
}

@Suite struct ChunkCompressorTests {
  @Test(arguments: ClassCase.all)
  fileprivate func eachKindOfValuesGetsItsClass(_ one: ClassCase) throws {
    let chunk = try checkRoundTrip(SampleColumns(values: (0..<240).map(one.value)))
    #expect(chunk.description.classByte == one.chunkClass.rawValue)
    #expect(chunk.payload.count <= one.byteLimit)
    #expect(chunk.timestamps.count <= 7)
  }

  @Test(arguments: SampleShape.allCases)
  func everySampleSurvivesBitForBit(shape: SampleShape) throws {
    var generator = SeededGenerator(seed: 0xDECAF)
    for count in Array(1...60) + [120, 121, 240, 1000, 5000] {
      try checkRoundTrip(SampleColumns(shape.samples(count: count, using: &generator)))
    }
  }

  /// Scrapes that miss their schedule by a little, and pauses between them.
  @Test(arguments: [0, 1, 7, 40])
  func timestampsOfScrapesAreSmall(pauseCount: Int) throws {
    var generator = SeededGenerator(seed: UInt64(pauseCount))
    var columns = SampleColumns()
    var pause: Int64 = 0
    for index in 0..<480 {
      if pauseCount > 0, index % (480 / pauseCount) == 1 { pause += 3_600_123 }
      columns.append(
        timestampMilliseconds: Int64(index) * 15_000 + pause + Int64(generator.next() % 8),
        value: 1)
    }
    let chunk = try checkRoundTrip(columns)
    // Three bits of jitter, four between two neighbours; some bytes a pause.
    #expect(chunk.timestamps.count < (pauseCount == 0 ? 195 : 260 + 8 * pauseCount))
  }

  @Test func extremeTimestampsSurvive() throws {
    var columns = SampleColumns()
    for timestamp in [Int64.min, .min + 1, -1, 0, 1, .max - 1, .max] {
      columns.append(timestampMilliseconds: timestamp, value: Double(timestamp))
    }
    try checkRoundTrip(columns)
  }

  @Test func equalTimestampsHaveEqualVectors() {
    var compressor = ChunkCompressor()
    let first = SampleColumns(values: (0..<240).map { Double($0) })
    let second = SampleColumns(values: (0..<240).map { Double($0 % 3) / 7 })
    #expect(
      compressor.encode(first, at: 0..<240).timestamps
        == compressor.encode(second, at: 0..<240).timestamps)
  }

  /// Decimals as clients write them: whatever the number of digits.
  @Test func decimalTextSurvives() throws {
    var generator = SeededGenerator(seed: 4)
    for digits in 0...17 {
      var power = 1.0
      for _ in 0..<digits { power *= 10 }
      try checkRoundTrip(
        SampleColumns(
          values: (0..<100).map { _ in
            Double(Int64(generator.next() % 1_000_000_000)) / power
              * (generator.next() % 2 == 0 ? 1 : -1)
          }))
    }
  }
}

@Suite struct ChunkCorruptionTests {
  private struct Fixture {
    var chunk: EncodedChunk

    func decodingError(timestamps: [UInt8], payload: [UInt8]) -> ChunkError? {
      var columns = SampleColumns()
      do throws(ChunkError) {
        try columns.append(
          chunk: chunk.description, timestamps: timestamps.span, payload: payload.span)
      } catch {
        #expect(columns.isEmpty)
        return error
      }
      #expect(columns.count == chunk.description.sampleCount)
      return nil
    }
  }

  private func fixtures() -> [Fixture] {
    var generator = SeededGenerator(seed: 99)
    var compressor = ChunkCompressor()
    return SampleShape.allCases.map { shape in
      let columns = SampleColumns(shape.samples(count: 130, using: &generator))
      return Fixture(chunk: compressor.encode(columns, at: 0..<130))
    }
  }

  /// A field is 0 where the integer stands beside the fields; no writer of ours does
  /// otherwise.
  @Test func fieldOfAnExceptionCountsForNothing() throws {
    for width in [8, 17, 64] {
      // Deltas from 3 on: 5, which stands beside its field, 1 and 2.
      var payload: [UInt8] = [32, 0, 6, UInt8(width), 0, 1, 0, 10]
      var fields = [UInt8](repeating: 0, count: (3 * width + 7) / 8)
      for (index, field) in [9, 1, 2].enumerated() {
        let bit = index * width
        fields[bit / 8] |= UInt8(field << (bit % 8))
      }
      payload += fields
      let description = ChunkDescription(
        classByte: ChunkClass.decimals.rawValue, sampleCount: 4, minTimestamp: 0,
        maxTimestamp: 3)
      for range in [0..<4, 1..<4, 2..<3] {
        var columns = SampleColumns()
        try columns.append(
          chunk: description, times: [0, 1, 2, 3], at: range, payload: payload.span)
        #expect(columns.values == Array([3, 8, 9, 11][range]))
      }
    }
  }

  @Test func everyTruncationIsNoticed() {
    for fixture in fixtures() {
      let chunk = fixture.chunk
      // Constant values may end anywhere.
      if chunk.description.classByte != ChunkClass.constant.rawValue {
        for count in chunk.payload.indices {
          let cut = Array(chunk.payload.prefix(count))
          #expect(fixture.decodingError(timestamps: chunk.timestamps, payload: cut) != nil)
        }
        #expect(
          fixture.decodingError(timestamps: chunk.timestamps, payload: chunk.payload + [0])
            == .trailingBytes)
      }
      for count in chunk.timestamps.indices {
        let cut = Array(chunk.timestamps.prefix(count))
        #expect(fixture.decodingError(timestamps: cut, payload: chunk.payload) != nil)
      }
    }
  }

  @Test func anyBytesDecodeOrThrow() {
    var generator = SeededGenerator(seed: 100)
    for fixture in fixtures() {
      for _ in 0..<3000 {
        var timestamps = fixture.chunk.timestamps
        var payload = fixture.chunk.payload
        for _ in 0...(generator.next() % 3) {
          if payload.isEmpty == false, generator.next() % 2 == 0 {
            payload[Int(generator.next() % UInt64(payload.count))] = UInt8(
              truncatingIfNeeded: generator.next())
          } else {
            timestamps[Int(generator.next() % UInt64(timestamps.count))] = UInt8(
              truncatingIfNeeded: generator.next())
          }
        }
        _ = fixture.decodingError(timestamps: timestamps, payload: payload)
      }
    }
  }
}
