import ChunkEncoding
import SeriesModel

extension Benchmark {
  /// Encoding and decoding of chunks of 240 samples.
  static let chunks = [
    Benchmark(
      name: "chunk-encode", summary: "Appends to open chunks, in memory that is there.",
      run: encodeChunks),
    Benchmark(
      name: "chunk-compress", summary: "Encodes closed chunks in their best class.",
      run: compressChunks),
    Benchmark(
      name: "chunk-decode", summary: "Decodes chunks into columns, also kind by kind.",
      run: decodeChunks),
    Benchmark(
      name: "chunk-size", summary: "The size of encoded chunks, also kind by kind.",
      run: measureChunkSizes),
  ]

  private static let samplesPerChunk = 240

  private static func encodeChunks(_ context: BenchmarkContext) throws -> [Measurement] {
    var fleet = SeriesFleet(count: context.seriesCount)
    let columns = fleet.columns(sampleCount: samplesPerChunk)
    var memory = [UInt8](repeating: 0, count: 32 * samplesPerChunk)
    var byteCount = 0
    let measurement = Timing.measure(
      "chunk-encode", operationCount: columns.count * samplesPerChunk, in: context
    ) {
      var bytes = memory.mutableSpan
      for series in columns {
        var appender = XORChunkAppender()
        for index in 0..<series.count {
          appender.append(
            timestampMilliseconds: series.timestamps[index], value: series.values[index],
            to: &bytes)
        }
        byteCount += appender.byteCount
      }
    }
    guard byteCount > 0 else { throw BenchmarkError.wrongResult("no chunk was encoded") }
    return [measurement]
  }

  private static func compressChunks(_ context: BenchmarkContext) throws -> [Measurement] {
    var fleet = SeriesFleet(count: context.seriesCount)
    let columns = fleet.columns(sampleCount: samplesPerChunk)
    var compressor = ChunkCompressor()
    var byteCount = 0
    let measurement = Timing.measure(
      "chunk-compress", operationCount: columns.count * samplesPerChunk, in: context
    ) {
      for series in columns {
        byteCount += compressor.encode(series, at: 0..<series.count).payload.count
      }
    }
    guard byteCount > 0 else { throw BenchmarkError.wrongResult("no chunk was encoded") }
    return [measurement]
  }

  private static func decodeChunks(_ context: BenchmarkContext) throws -> [Measurement] {
    try forEachMixture(context) { name, chunks in
      var columns = SampleColumns()
      return try Timing.measure(
        "chunk-decode" + name, operationCount: chunks.count * samplesPerChunk, in: context
      ) {
        for chunk in chunks {
          columns.removeAll()
          try columns.append(
            chunk: chunk.description, timestamps: chunk.timestamps.span,
            payload: chunk.payload.span)
        }
      }
    }
  }

  private static func measureChunkSizes(_ context: BenchmarkContext) throws -> [Measurement] {
    forEachMixture(context) { name, chunks in
      let byteCount = chunks.reduce(0) { $0 + $1.payload.count }
      let sampleCount = chunks.count * samplesPerChunk
      return Measurement(
        "chunk-size" + name, unit: "bytes/sample", value: Double(byteCount) / Double(sampleCount),
        observationCount: sampleCount)
    }
  }

  /// Calls `body` with chunks of the usual mixture, then of each kind alone.
  private static func forEachMixture(
    _ context: BenchmarkContext, _ body: (String, [EncodedChunk]) throws -> Measurement
  ) rethrows -> [Measurement] {
    var measurements = [
      try body("", encodedChunks(of: SeriesFleet(count: context.seriesCount)))
    ]
    for kind in SeriesKind.allCases {
      let fleet = SeriesFleet(count: context.seriesCount, of: kind)
      measurements.append(try body(".\(kind.rawValue)", encodedChunks(of: fleet)))
    }
    return measurements
  }

  private static func encodedChunks(of fleet: SeriesFleet) -> [EncodedChunk] {
    var fleet = fleet
    var compressor = ChunkCompressor()
    return fleet.columns(sampleCount: samplesPerChunk).map { columns in
      compressor.encode(columns, at: 0..<columns.count)
    }
  }
}
