import ChunkEncoding
import SeriesModel
import Testing

/// Encodes samples, decodes them again and compares bit by bit.
func checkRoundTrip(
  _ samples: [Sample], sourceLocation: SourceLocation = #_sourceLocation
) throws {
  var builder = XORChunkBuilder()
  for sample in samples {
    builder.append(
      timestampMilliseconds: sample.timestamp.milliseconds, value: sample.value)
  }
  var columns = SampleColumns()
  columns.append(timestampMilliseconds: .min, value: 0)
  try columns.append(
    chunk: builder.appender.description, timestamps: [UInt8]().span, payload: builder.payload.span)
  let decoded = zip(columns.timestamps, columns.values).dropFirst().map {
    Sample(milliseconds: $0, value: $1)
  }
  #expect(decoded == samples, sourceLocation: sourceLocation)
}

/// Why the bytes of a chunk don't decode, or nil when they do; checks that an
/// error leaves nothing behind and that decoded samples are in order.
func decodingError(of payload: [UInt8], as description: ChunkDescription) -> ChunkError? {
  var columns = SampleColumns()
  do {
    try columns.append(chunk: description, timestamps: [UInt8]().span, payload: payload.span)
  } catch {
    #expect(columns.isEmpty)
    return error
  }
  #expect(columns.count == description.sampleCount)
  #expect(columns.values.count == columns.count)
  #expect(zip(columns.timestamps, columns.timestamps.dropFirst()).allSatisfy { $0 < $1 })
  return nil
}

@Suite struct XORChunkTests {
  @Test func emptyChunkHasNoBytes() {
    let builder = XORChunkBuilder()
    #expect(builder.payload.isEmpty)
    #expect(builder.appender.sampleCount == 0)
  }

  @Test func regularConstantSeriesTakesTwoBitsASample() {
    var builder = XORChunkBuilder()
    for index in 0..<240 {
      builder.append(timestampMilliseconds: Int64(index) * 15_000, value: 1.5)
    }
    // The value, the first delta's 24 bits, its way back and 2 bits each.
    #expect(builder.payload.count <= 8 + 4 + 240 / 4)
  }

  @Test(arguments: [
    [Int64.min, .max], [Int64.min, Int64.min + 1, -1, 0, 1, .max - 1, .max], [0], [Int64.min],
    [.max], [-1, 0], [0, 1, 3, 10_000_000_000, 10_000_000_001],
  ])
  func edgesOfTimeSurvive(timestamps: [Int64]) throws {
    try checkRoundTrip(timestamps.map { Sample(milliseconds: $0, value: Double($0)) })
  }

  @Test(
    arguments: [
      0, 63, 64, -64, -65, 8191, 8192, -8192, -8193, 524_287, 524_288, -524_288, -524_289,
    ] as [Int64])
  func deltasAtTheBordersOfTheirSizesSurvive(difference: Int64) throws {
    var timestamps: [Int64] = [0, 1_000_000]
    timestamps.append(2_000_000 + difference)
    timestamps.append(3_000_000 + 2 * difference)
    timestamps.append(4_000_000 + 2 * difference)
    try checkRoundTrip(timestamps.map { Sample(milliseconds: $0, value: 1) })
  }

  @Test func unusualBitPatternsSurvive() throws {
    let patterns: [UInt64] = [
      StaleMarker.bitPattern, 0x7FF8_0000_0000_0001, 0xFFFF_FFFF_FFFF_FFFF, 0,
      0x8000_0000_0000_0000, 1, Double.infinity.bitPattern, (-Double.infinity).bitPattern,
      0x7FF0_0000_0000_0001, Double.leastNonzeroMagnitude.bitPattern, 0x5555_5555_5555_5555,
      0xAAAA_AAAA_AAAA_AAAA,
    ]
    var samples: [Sample] = []
    for left in patterns {
      for right in patterns {
        for pattern in [left, right] {
          samples.append(
            Sample(milliseconds: Int64(samples.count) * 7, value: Double(bitPattern: pattern)))
        }
      }
    }
    try checkRoundTrip(samples)
  }

  @Test func savedStateContinuesTheChunk() throws {
    var whole = XORChunkBuilder()
    var appender = XORChunkAppender()
    var memory = [UInt8](repeating: 0xEE, count: 4096)
    for index in 0..<100 {
      let timestamp = Int64(index * index * 13)
      let value = Double(index % 7) * 0.1
      whole.append(timestampMilliseconds: timestamp, value: value)
      var bytes = memory.mutableSpan
      appender.append(timestampMilliseconds: timestamp, value: value, to: &bytes)
      let lastByte = memory[appender.byteCount - 1]
      let restored = try XORChunkAppender(appender.state, lastByte: lastByte)
      #expect(restored == appender)
      let fixed = fixedForm(of: appender.state)
      #expect(try XORChunkAppender(fixed: fixed.span, lastByte: lastByte) == appender)
      // What a restart does not keep is not needed.
      for rest in restored.byteCount..<memory.count { memory[rest] = UInt8(index) }
      appender = restored
    }
    #expect(appender == whole.appender)
    #expect(Array(memory.prefix(appender.byteCount)) == whole.payload)
  }

  @Test func impossibleStateIsRefused() {
    var builder = XORChunkBuilder()
    builder.append(timestampMilliseconds: 5, value: 1)
    builder.append(timestampMilliseconds: 6, value: 2)
    let serialized = fixedForm(of: builder.appender.state)
    for (offset, byte) in [(0, UInt8(0)), (4, 0), (16, 5), (40, 60), (41, 65), (3, 255)] {
      var damaged = serialized
      damaged[offset] = byte
      #expect(isRefused(damaged))
    }
    #expect(isRefused(serialized.dropLast()))
    #expect(isRefused(Array(serialized)) == false)
  }

  /// The state as earlier versions saved it.
  private func fixedForm(of state: XORChunkAppender.State) -> [UInt8] {
    func bytes(of number: some FixedWidthInteger) -> [UInt8] {
      (0..<number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }
    return bytes(of: state.sampleCount) + bytes(of: state.bitCount)
      + bytes(of: state.firstTimestamp) + bytes(of: state.lastTimestamp)
      + bytes(of: state.lastDelta) + bytes(of: state.lastValueBits)
      + [state.frameLeadingZeroCount, state.frameBitCount]
  }

  private func isRefused(_ serialized: [UInt8]) -> Bool {
    do {
      _ = try XORChunkAppender(fixed: serialized.span, lastByte: 0)
      return false
    } catch {
      return error == .malformedState
    }
  }
}
