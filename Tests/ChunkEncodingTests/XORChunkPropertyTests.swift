import ChunkEncoding
import SeriesModel
import TestSupport
import Testing

/// The ways in which random samples are drawn.
enum SampleShape: CaseIterable, Sendable {
  case regularWalk, jitteredCounter, repeatedGaps, constant, anyBits, fewSignificantBits

  func samples(count: Int, using generator: inout SeededGenerator) -> [Sample] {
    var timestamp = Int64.random(in: -1_000_000_000_000...2_000_000_000_000, using: &generator)
    var value = Double.random(in: -1000...1000, using: &generator)
    return (0..<count).map { index in
      switch self {
      case .regularWalk:
        timestamp += 15_000
        value += Double.random(in: -1...1, using: &generator)
      case .jitteredCounter:
        timestamp += 15_000 + Int64.random(in: -9...9, using: &generator)
        value = (value + Double(Int.random(in: 0...50, using: &generator))).rounded()
      case .repeatedGaps:
        timestamp += index % 9 == 0 ? 3_600_000 : 1000
        value = (value * 100).rounded() / 100 + 0.01
      case .constant:
        timestamp += 1
      case .anyBits:
        timestamp += Int64(generator.next() >> UInt64.random(in: 9...63, using: &generator)) + 1
        value = Double(bitPattern: generator.next())
      case .fewSignificantBits:
        timestamp += Int64.random(in: 1...1000, using: &generator)
        let shift = UInt64.random(in: 0...63, using: &generator)
        value = Double(bitPattern: value.bitPattern ^ (1 << shift))
      }
      return Sample(milliseconds: timestamp, value: value)
    }
  }
}

@Suite struct XORChunkPropertyTests {
  @Test(arguments: SampleShape.allCases)
  func everySampleSurvivesBitForBit(shape: SampleShape) throws {
    var generator = SeededGenerator(seed: 0xC0FFEE)
    for count in Array(1...60) + [120, 121, 240, 1000] {
      try checkRoundTrip(shape.samples(count: count, using: &generator))
    }
  }

  @Test(arguments: SampleShape.allCases)
  func everyTruncationIsNoticed(shape: SampleShape) {
    var generator = SeededGenerator(seed: 7)
    var builder = XORChunkBuilder()
    for sample in shape.samples(count: 130, using: &generator) {
      builder.append(timestampMilliseconds: sample.timestamp.milliseconds, value: sample.value)
    }
    let payload = builder.payload
    for byteCount in 0..<payload.count {
      let cut = Array(payload.prefix(byteCount))
      #expect(decodingError(of: cut, as: builder.appender.description) != nil)
    }
    #expect(decodingError(of: payload + [0], as: builder.appender.description) == .trailingBytes)
  }

  @Test func randomBytesNeverTrap() {
    var generator = SeededGenerator(seed: 99)
    var decodedCount = 0
    for _ in 0..<20_000 {
      let byteCount = Int.random(in: 0...120, using: &generator)
      let bytes = (0..<byteCount).map { _ in
        UInt8.random(in: 0...255, using: &generator) | (Bool.random(using: &generator) ? 0 : 0xC0)
      }
      let timestamp = Int64(bitPattern: generator.next())
      let description = ChunkDescription(
        classByte: UInt8.random(in: 0...2, using: &generator),
        sampleCount: Int.random(in: -1...70, using: &generator),
        minTimestamp: timestamp, maxTimestamp: timestamp)
      if decodingError(of: bytes, as: description) == nil { decodedCount += 1 }
    }
    #expect(decodedCount < 100)
  }

  @Test func flippedBitsNeverTrap() {
    var generator = SeededGenerator(seed: 3)
    var builder = XORChunkBuilder()
    for sample in SampleShape.jitteredCounter.samples(count: 200, using: &generator) {
      builder.append(timestampMilliseconds: sample.timestamp.milliseconds, value: sample.value)
    }
    for bit in 0..<builder.payload.count * 8 {
      var payload = builder.payload
      payload[bit >> 3] ^= 1 << UInt8(bit & 7)
      _ = decodingError(of: payload, as: builder.appender.description)
    }
  }

  @Test func unknownClassIsNamed() {
    let description = ChunkDescription(
      classByte: 77, sampleCount: 1, minTimestamp: 0, maxTimestamp: 0)
    #expect(
      decodingError(of: [UInt8](repeating: 0, count: 8), as: description) == .unknownClass(77))
  }

  @Test(arguments: [-1, 0, 65_537, Int.max])
  func falseSampleCountsAreRefused(sampleCount: Int) {
    let description = ChunkDescription(
      classByte: 1, sampleCount: sampleCount, minTimestamp: 0, maxTimestamp: 0)
    #expect(decodingError(of: [UInt8](repeating: 0, count: 99), as: description) == .truncated)
  }
}
